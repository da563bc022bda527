"""Build the table a city learns from: what was known on a day, and what happened in the year after it.

The two halves never touch. Indicators are computed from the record versions that had arrived by the as-of day
(`known_on`, not the date of the act: a penalty that was reported late was not known), in the state they had then.
The outcome is a confirmed adverse record dated after the as-of day and within twelve months, judged by the last
state known when the data were taken. The function that computes indicators is handed the known records alone.

Record versions, one row each: record (int), subject (int), category (text), event_on, ended_on, performed_on
(dates, may be empty), quantity (hundredths), amount (cents), level, event (0 none), state (`active`, `disputed`,
`repaired`, `revoked`, `expired`), known_on (date), and for enterprises `relation` (0 own … 4, see RecordColumns).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scoring.columns import ACTIVE, DISPUTED, EXPIRED, NO_DAY, REPAIRED, REVOKED, RecordColumns, sort_by_subject
from scoring.compiled import compile_policy
from scoring.days import Span, add_span, to_date, to_day
from scoring.engine import NO_VALUE, score_batch
from scoring.model.errors import FrameRefused
from scoring.policy import Policy

VERSION_COLUMNS = (
    "record", "subject", "category", "event_on", "ended_on", "performed_on", "quantity", "amount", "level",
    "event", "state", "known_on",
)  # fmt: skip
_STATES = {"active": ACTIVE, "disputed": DISPUTED, "repaired": REPAIRED, "revoked": REVOKED, "expired": EXPIRED}
_EPOCH = date(1970, 1, 1)

LONG_AGO = 120_000
"""What `months_since` becomes when it never happened: a thousand and two hundred months, in hundredths. So "never"
stands at the far end of the same order and a declared direction covers it."""

IndicatorReader = Callable[[pl.DataFrame, date, Sequence[int]], pl.DataFrame]
"""(known records, as-of day, subjects) → one row per subject in that order, one integer column per indicator."""


@dataclass(frozen=True)
class Outcome:
    """The later event that is learned: a confirmed record of one of these categories.

    minimum_level: lower levels do not count (0 takes all). within_months: how long after the as-of day it may
    happen. settling_months: how long after that it may take to arrive and be settled; a younger as-of day cannot
    be learned from.
    """

    categories: tuple[str, ...]
    minimum_level: int = 0
    within_months: int = 12
    settling_months: int = 1


def build_training_frame(
    versions: pl.DataFrame,
    subjects: pl.DataFrame,
    *,
    as_of_days: Sequence[date],
    outcome: Outcome,
    read_indicators: IndicatorReader,
    taken_on: date,
) -> pl.DataFrame:
    """One row per subject and as-of day: subject, as_of, the indicators, the outcome `y`, then audit attributes.

    subjects: subject, from_on (date), until_on (date or empty): rows exist only for days on which the subject
    was of age or registered; any further column is an audit attribute and is carried along unchanged.
    taken_on: the day on which `versions` were read; nothing later is in them.

    A subject whose only adverse record of that year is still disputed is neither 1 nor 0, and is left out.
    Raises FrameRefused for an as-of day whose year has not passed and settled, and for malformed versions.
    """
    _insist_versions(versions)
    parts = []
    for as_of in as_of_days:
        _insist_settled(as_of, outcome, taken_on)
        living = subjects.filter(
            (pl.col("from_on") <= as_of) & (pl.col("until_on").is_null() | (pl.col("until_on") > as_of))
        ).sort("subject")
        people = living["subject"].to_list()
        indicators = read_indicators(known_records(versions, as_of), as_of, people)
        if indicators.height != len(people):
            raise FrameRefused(f"指标表有 {indicators.height} 行，应为 {len(people)} 行（每个主体一行）。")
        known = living.select(
            "subject",
            pl.lit(as_of).alias("as_of"),
        ).hstack(indicators)
        audit = living.drop("from_on", "until_on")
        parts.append(
            known.join(later_outcomes(versions, as_of, outcome), on="subject", how="left")
            .with_columns(pl.col("y").fill_null(0))
            .filter(pl.col("y") >= 0)
            .join(audit, on="subject", how="left", maintain_order="left")
        )
    if not parts:
        raise FrameRefused("没有给出任何评分基准日。")
    return pl.concat(parts)


def known_records(versions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Each record as it was known on a day: the last version that had arrived; nothing dated after it."""
    return (
        versions.filter((pl.col("known_on") <= as_of) & (pl.col("event_on") <= as_of))
        .sort("record", "known_on", maintain_order=True)
        .unique("record", keep="last", maintain_order=True)
    )


def later_outcomes(versions: pl.DataFrame, as_of: date, outcome: Outcome) -> pl.DataFrame:
    """subject and y for subjects with an adverse record in the year after: 1 confirmed, -1 only disputed ones.

    A repaired or expired record was a breach all the same; a revoked one never was.
    """
    last_day = to_date(add_span(to_day(as_of), Span(months=outcome.within_months)))
    return (
        versions.sort("record", "known_on", maintain_order=True)
        .unique("record", keep="last", maintain_order=True)
        .filter(
            pl.col("category").is_in(list(outcome.categories))
            & (pl.col("level") >= outcome.minimum_level)
            & (pl.col("event_on") > as_of)
            & (pl.col("event_on") <= last_day)
            & (pl.col("state") != "revoked")
        )
        .group_by("subject")
        .agg(pl.when((pl.col("state") != "disputed").any()).then(1).otherwise(-1).cast(pl.Int32).alias("y"))
        .sort("subject")
    )


def policy_indicators(policy: Policy) -> IndicatorReader:
    """Read the indicators of a policy with the kernel that scores the city, so training and service agree.

    Values are integer hundredths. `months_since` that never happened is LONG_AGO; any other measure without a
    value is 0.
    """
    compiled = compile_policy(policy)

    def read(known: pl.DataFrame, as_of: date, subjects: Sequence[int]) -> pl.DataFrame:
        columns = record_columns(known, compiled.category_index)
        values = score_batch(compiled, columns, to_day(as_of), np.array(subjects, dtype=np.int64)).values
        codes = [indicator.code for indicator in policy.indicators if indicator.measure != "value_of"]
        return pl.DataFrame({code: measured(policy, values, code) for code in codes})

    return read


def measured(policy: Policy, values: NDArray[np.int64], code: str) -> NDArray[np.int64]:
    """(subjects,) what a model reads of one indicator, from the matrix of all (`BatchResult.values`)."""
    at = next(at for at, indicator in enumerate(policy.indicators) if indicator.code == code)
    nothing = LONG_AGO if policy.indicators[at].measure == "months_since" else 0
    return np.where(values[:, at] == NO_VALUE, nothing, values[:, at])


def record_columns(records: pl.DataFrame, category_index: dict[str, int]) -> RecordColumns:
    """Records as the kernel reads them; categories the policy does not read become -1."""

    def days(name: str) -> np.ndarray:
        return records[name].cast(pl.Date).to_physical().fill_null(NO_DAY).to_numpy()

    columns = {
        "subject": records["subject"].to_numpy(),
        "record": records["record"].to_numpy(),
        "category": np.array([category_index.get(code, -1) for code in records["category"]], dtype=np.int32),
        "event_day": days("event_on"),
        "end_day": days("ended_on"),
        "performed_day": days("performed_on"),
        "quantity": records["quantity"].to_numpy(),
        "amount": records["amount"].to_numpy(),
        "level": records["level"].to_numpy(),
        "event": records["event"].to_numpy(),
        "state": np.array([_STATES[state] for state in records["state"]], dtype=np.int8),
    }
    if "relation" in records.columns:
        columns["relation"] = records["relation"].to_numpy()
    return sort_by_subject(RecordColumns.of(**columns))


def _insist_versions(versions: pl.DataFrame) -> None:
    absent = [name for name in VERSION_COLUMNS if name not in versions.columns]
    if absent:
        raise FrameRefused(f"记录版本表缺少列：{'、'.join(absent)}。")
    unknown = set(versions["state"].unique().to_list()) - set(_STATES)
    if unknown:
        raise FrameRefused(f"记录版本表出现不认识的状态：{'、'.join(sorted(map(str, unknown)))}。")
    if versions["known_on"].null_count():
        raise FrameRefused("记录版本表有 known_on 为空的行：不知道何时得知的记录不能用于训练。")


def _insist_settled(as_of: date, outcome: Outcome, taken_on: date) -> None:
    settled = add_span(
        add_span(to_day(as_of), Span(months=outcome.within_months)), Span(months=outcome.settling_months)
    )
    if settled > to_day(taken_on):
        raise FrameRefused(
            f"基准日 {as_of} 之后的观察期要到 {_EPOCH + timedelta(days=settled)} 才结束，"
            f"而数据取自 {taken_on}：结果尚未揭晓，不能用于训练。"
        )
