"""A training frame knows on each day only what was known on that day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from scoring.model.errors import FrameRefused
from scoring.model.frame import (
    LONG_AGO,
    Outcome,
    build_training_frame,
    known_records,
    later_outcomes,
    policy_indicators,
)
from scoring.policy import shipped_policy

AS_OF = date(2024, 6, 30)
TAKEN = date(2026, 1, 31)
BREACH = Outcome(categories=("admin_penalty", "dishonest_debtor"))


def version(record: int, subject: int, category: str, event_on: date, **changed: Any) -> dict[str, Any]:
    return {
        "record": record, "subject": subject, "category": category, "event_on": event_on, "ended_on": None,
        "performed_on": None, "quantity": 100, "amount": 0, "level": 1, "event": 0, "state": "active",
        "known_on": event_on, **changed,
    }  # fmt: skip


def versions(*rows: dict[str, Any]) -> pl.DataFrame:
    dates = dict.fromkeys(("event_on", "ended_on", "performed_on", "known_on"), pl.Date)
    return pl.DataFrame(rows, schema_overrides=dates)


def residents(count: int, **changed: Any) -> pl.DataFrame:
    born = {"subject": range(1, count + 1), "from_on": [date(2000, 1, 1)] * count, "until_on": [None] * count}
    return pl.DataFrame({**born, **changed}, schema_overrides={"until_on": pl.Date})


def count_records(known: pl.DataFrame, as_of: date, subjects: Sequence[int]) -> pl.DataFrame:
    counted = dict(known.group_by("subject").len().iter_rows())
    return pl.DataFrame({"records": [counted.get(subject, 0) for subject in subjects]})


def made_up_city(subjects: int = 60, seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    rows = []
    for record in range(subjects * 12):
        event_on = date(2022, 1, 1) + timedelta(days=int(draw.integers(0, 1_300)))
        category = str(draw.choice(["volunteering", "admin_penalty", "honour", "utility_arrears"]))
        subject = int(draw.integers(1, subjects + 1))
        first = version(
            record, subject, category, event_on, level=int(draw.integers(1, 4)),
            known_on=event_on + timedelta(days=int(draw.integers(0, 60))), quantity=int(draw.integers(100, 9_000)),
        )  # fmt: skip
        rows.append(first)
        if draw.random() < 0.2:
            state = str(draw.choice(["disputed", "repaired", "revoked"]))
            later = first["known_on"] + timedelta(days=int(draw.integers(1, 200)))
            rows.append({**first, "state": state, "known_on": later})
    return versions(*rows)


def test_shuffling_the_future_changes_no_indicator() -> None:
    """Everything that arrived after the as-of day is dealt out anew among subjects, kinds and dates after it."""
    city, draw = made_up_city(), np.random.default_rng(1)
    future = (pl.col("known_on") > AS_OF) | (pl.col("event_on") > AS_OF)
    past, later = city.filter(~future), city.filter(future)
    shuffled = later.with_columns(
        subject=pl.Series(draw.permutation(later["subject"].to_numpy())),
        category=pl.Series(draw.permutation(later["category"].to_numpy().astype(str))),
        state=pl.Series(draw.permutation(later["state"].to_numpy().astype(str))),
        quantity=later["quantity"] * 7,
    )
    read = policy_indicators(shipped_policy("guihua"))
    frames = [
        build_training_frame(
            pl.concat([past, rest]), residents(60), as_of_days=[AS_OF], outcome=BREACH,
            read_indicators=read, taken_on=TAKEN,
        )
        for rest in (later, shuffled, later.clear())
    ]  # fmt: skip
    inputs = [name for name in frames[0].columns if name not in ("subject", "as_of", "y")]
    assert frames[0].select(inputs).n_unique() > 20
    by_subject = [dict(zip(f["subject"], f.select(inputs).rows(), strict=True)) for f in frames]
    for other in by_subject[1:]:
        shared = by_subject[0].keys() & other.keys()
        assert len(shared) > 40
        assert all(by_subject[0][subject] == other[subject] for subject in shared)
    assert frames[2]["y"].sum() == 0 < frames[0]["y"].sum()


def test_a_record_counts_from_the_day_it_arrived_not_from_the_day_of_the_act() -> None:
    late = versions(version(1, 1, "admin_penalty", date(2024, 6, 1), known_on=date(2024, 7, 2)))
    assert known_records(late, AS_OF).is_empty()
    assert known_records(late, date(2024, 7, 2)).height == 1


def test_a_later_repair_is_not_known_yet() -> None:
    first = version(1, 1, "admin_penalty", date(2024, 1, 5))
    city = versions(first, {**first, "state": "repaired", "known_on": date(2024, 7, 15)})
    assert known_records(city, AS_OF)["state"].to_list() == ["active"]
    assert known_records(city, date(2024, 8, 1))["state"].to_list() == ["repaired"]


@pytest.mark.parametrize(
    ("event_on", "state", "expected"),
    [
        (date(2024, 6, 30), "active", {}),  # on the day itself: already known, not an outcome
        (date(2024, 7, 1), "active", {1: 1}),
        (date(2025, 6, 30), "active", {1: 1}),
        (date(2025, 7, 1), "active", {}),
        (date(2024, 9, 1), "repaired", {1: 1}),
        (date(2024, 9, 1), "expired", {1: 1}),
        (date(2024, 9, 1), "revoked", {}),
        (date(2024, 9, 1), "disputed", {1: -1}),
    ],
)
def test_the_outcome_is_a_confirmed_breach_in_the_twelve_months_after(
    event_on: date, state: str, expected: dict[int, int]
) -> None:
    city = versions(version(1, 1, "admin_penalty", event_on, state=state))
    assert dict(later_outcomes(city, AS_OF, BREACH).iter_rows()) == expected


def test_a_subject_with_only_a_disputed_breach_is_neither_and_left_out() -> None:
    city = versions(
        version(1, 1, "admin_penalty", date(2024, 9, 1), state="disputed"),
        version(2, 2, "volunteering", date(2024, 9, 1)),
        version(3, 3, "dishonest_debtor", date(2024, 9, 1)),
        version(4, 3, "admin_penalty", date(2024, 9, 2), state="disputed"),
    )
    frame = build_training_frame(
        city, residents(3), as_of_days=[AS_OF], outcome=BREACH, read_indicators=count_records, taken_on=TAKEN
    )
    assert dict(frame.select("subject", "y").iter_rows()) == {2: 0, 3: 1}


def test_a_minor_breach_below_the_chosen_level_is_no_outcome() -> None:
    city = versions(version(1, 1, "admin_penalty", date(2024, 9, 1), level=1))
    assert later_outcomes(city, AS_OF, Outcome(("admin_penalty",), minimum_level=2)).is_empty()


def test_a_year_that_has_not_passed_and_settled_is_refused() -> None:
    city = versions(version(1, 1, "honour", date(2024, 1, 1)))
    with pytest.raises(FrameRefused, match="结果尚未揭晓"):
        build_training_frame(
            city, residents(1), as_of_days=[AS_OF], outcome=BREACH, read_indicators=count_records,
            taken_on=date(2025, 7, 29),
        )  # fmt: skip


def test_a_leap_day_has_its_year_too() -> None:
    city = versions(version(1, 1, "admin_penalty", date(2025, 2, 28)))
    assert dict(later_outcomes(city, date(2024, 2, 29), BREACH).iter_rows()) == {1: 1}
    assert later_outcomes(city, date(2024, 2, 27), BREACH).is_empty()


def test_only_days_on_which_a_subject_was_there_make_rows_and_audit_attributes_are_carried() -> None:
    people = residents(
        3,
        from_on=pl.Series([date(2000, 1, 1), date(2024, 7, 1), date(2000, 1, 1)]),
        until_on=pl.Series([None, None, date(2024, 6, 1)]),
        district=pl.Series(["east", "west", "east"]),
    )
    frame = build_training_frame(
        versions(version(1, 1, "honour", date(2024, 1, 1))), people, as_of_days=[AS_OF, date(2024, 12, 31)],
        outcome=BREACH, read_indicators=count_records, taken_on=date(2026, 2, 28),
    )  # fmt: skip
    assert frame.select("subject", "as_of", "records", "district").rows() == [
        (1, AS_OF, 1, "east"),
        (1, date(2024, 12, 31), 1, "east"),
        (2, date(2024, 12, 31), 0, "west"),
    ]


def test_what_never_happened_stands_at_the_far_end_of_months_since() -> None:
    policy = shipped_policy("guihua")
    empty = versions(version(1, 9, "honour", date(2020, 1, 1))).clear()
    values = policy_indicators(policy)(empty, AS_OF, [1])
    for indicator in policy.indicators:
        if indicator.measure != "value_of":
            assert values[indicator.code][0] == (LONG_AGO if indicator.measure == "months_since" else 0)


def test_versions_without_arrival_or_with_an_unknown_state_are_refused() -> None:
    good = version(1, 1, "honour", date(2024, 1, 1))
    for bad, said in [
        (versions({**good, "known_on": None}), "known_on"),
        (versions({**good, "state": "lost"}), "lost"),
        (versions(good).drop("level"), "缺少列：level"),
    ]:
        with pytest.raises(FrameRefused, match=said):
            build_training_frame(
                bad,
                residents(1),
                as_of_days=[AS_OF],
                outcome=BREACH,
                read_indicators=count_records,
                taken_on=TAKEN,
            )
