"""Random policies that keep the rules, and random records that aim at their edges."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import yaml
from hypothesis import strategies as st

from scoring.columns import RecordColumns, sort_by_subject
from scoring.compiled import CompiledPolicy, compile_policy
from scoring.days import NO_DAY, to_day
from scoring.policy import Policy
from tests.scoring.oracle import Rec

CATEGORIES = ["alpha", "beta", "gamma", "delta", "omega"]
"""omega is read by no policy."""

AS_OF = st.one_of(
    st.sampled_from(
        [
            date(2024, 2, 29),
            date(2025, 2, 28),
            date(2025, 3, 1),
            date(2026, 3, 31),
            date(2026, 1, 1),
            date(2027, 12, 31),
        ]
    ),
    st.dates(date(2023, 1, 1), date(2028, 12, 31)),
)

spans = st.one_of(
    st.builds(lambda n: {"years": n}, st.integers(1, 7)),
    st.builds(lambda n: {"months": n}, st.integers(1, 30)),
    st.builds(lambda n: {"days": n}, st.integers(1, 800)),
)
sizes = st.integers(1, 6000).map(lambda hundredths: hundredths / 100)


def _length(span: dict[str, int]) -> int:
    """Days from 1 January 1970, where 5 months are 151 days."""
    if "days" in span:
        return span["days"]
    months = span.get("months", 0) + 12 * span.get("years", 0)
    return (date(1970 + months // 12, months % 12 + 1, 1) - date(1970, 1, 1)).days


@st.composite
def fading_tables(draw: st.DrawFn) -> dict[str, Any]:
    months = sorted(draw(st.sets(st.integers(1, 90), min_size=1, max_size=4)))
    weights = sorted(
        draw(st.lists(st.integers(1, 10**6), min_size=len(months), max_size=len(months))), reverse=True
    )
    steps = [{"until": {"months": m}, "ppm": w} for m, w in zip(months, weights, strict=True)]
    return {"version": "1", "basis": "附表", "steps": steps}


@st.composite
def priced_rows(draw: st.DrawFn, direction: str, kind: str, *, bounded: bool, own_validity: bool) -> Any:
    def signed(size: float) -> float:
        return -size if direction == "down" else size

    def row(size: float) -> dict[str, Any]:
        result: dict[str, Any] = {"points": signed(size)}
        if result["points"] <= -0.02 and draw(st.booleans()):
            result["performed_points"] = round(result["points"] / 2, 2)
        if bounded or (own_validity and draw(st.booleans())):
            result["valid_for"] = draw(spans)
        return result

    if kind == "each":
        return row(draw(sizes))
    if kind == "by_level":
        levels = sorted(draw(st.sets(st.integers(1, 5), min_size=1, max_size=4)))
        rows = []
        for level in levels:
            entry = row(draw(sizes))
            if direction == "both" and draw(st.booleans()):
                entry["points"] = -entry["points"]
                entry.pop("performed_points", None)
            rows.append({"level": level, **entry})
        return rows
    thresholds = sorted(draw(st.sets(st.integers(0, 50), min_size=1, max_size=4)))
    prices = sorted(draw(st.lists(sizes, min_size=len(thresholds), max_size=len(thresholds))))
    rows = [{"at_least": t, **row(p)} for t, p in zip(thresholds, prices, strict=True)]
    if any("valid_for" in r for r in rows):
        validity = sorted((draw(spans) for _ in rows), key=_length)
        longest = validity[-1]
        for r in rows:
            r["valid_for"] = longest
    return rows


@st.composite
def tier_rows(
    draw: st.DrawFn, direction: str, *, rising_with_value: bool, points: bool = False
) -> list[dict[str, Any]]:
    """Tiers over a value, or (`points`) over the points of an indicator that prices each record."""
    thresholds = sorted(draw(st.sets(st.integers(0, 60), min_size=1, max_size=4)))
    if points and direction == "down":
        thresholds = [-10_000_000_000, *(t - 60 for t in thresholds[1:])]
    elif rising_with_value == (direction == "down"):
        thresholds[0] = 0  # months since must be priced from 0 on
    prices = sorted(draw(st.lists(sizes, min_size=len(thresholds), max_size=len(thresholds))))
    if direction == "down":
        prices = [-p for p in prices]
    prices = sorted(prices, reverse=not rising_with_value)
    return [{"at_least": t, "points": p} for t, p in zip(thresholds, prices, strict=True)]


@st.composite
def indicators(draw: st.DrawFn, code: str, *, person: bool, one_act: bool, fadings: list[str]) -> dict[str, Any]:
    measure = draw(
        st.sampled_from(["count", "sum", "amount", "exists", "months_since", "each", "each", "highest", "latest"])
    )
    direction = draw(st.sampled_from(["up", "down"] + (["both"] if measure == "each" else [])))
    if measure == "latest":
        direction = "both"
    if one_act and direction == "down":
        measure = "each"
    per_record = measure in ("each", "highest", "latest")
    names = draw(st.sets(st.sampled_from(CATEGORIES[:4]), min_size=1, max_size=3))
    categories: list[Any] = [
        {"code": name, "levels": sorted(draw(st.sets(st.integers(1, 4), min_size=1)))}
        if draw(st.integers(0, 4)) == 0
        else name
        for name in sorted(names)
    ]
    result: dict[str, Any] = {
        "code": code, "name": code, "direction": direction, "basis": "依据", "measure": measure,
        "categories": categories, "count_from": draw(st.sampled_from(["event", "end"])),
    }  # fmt: skip
    if not person and draw(st.booleans()):
        result["relations"] = sorted(
            draw(st.sets(st.sampled_from(["own", "legal_representative", "shareholder"]), min_size=1))
        )
    window = draw(st.sampled_from(["unlimited", "span", "by_size" if per_record else "span"]))
    if window == "by_size":
        result["window"] = "by_size"
    elif window == "span":
        result["window"] = draw(spans)
    # Where one act counts once, a deduction reaches the total as it stands.
    plain = one_act and direction == "down"
    if fadings and not plain and measure not in ("exists", "months_since", "latest") and draw(st.booleans()):
        result["fading"] = draw(st.sampled_from(fadings))
    once = measure in ("count", "sum", "amount", "each") and draw(st.booleans())
    if once:
        result["per_event"] = "highest"
    if measure == "each" and direction == "down" and draw(st.booleans()):
        result["repeat"] = {
            "factor": draw(st.integers(2, 5)),
            "same": draw(st.sampled_from(["category", "indicator"])),
        }
    yearly = measure == "each" and direction == "up" and not once and draw(st.booleans())
    if yearly:
        result["yearly_cap"] = draw(sizes)
    if not plain and draw(st.booleans()):
        result["cap"] = draw(sizes)
    if per_record:
        kinds = ["by_level"] if direction == "both" else ["each", "by_level", "by_amount", "by_quantity"]
        kind = draw(st.sampled_from(kinds))
        rows = priced_rows(direction, kind, bounded=yearly, own_validity=window != "by_size")
        versions = [{kind: draw(rows)} for _ in range(draw(st.integers(1, 2)))]
    elif measure == "exists":
        versions = [{"flat": draw(sizes) * (-1 if direction == "down" else 1)}]
    elif measure != "months_since" and draw(st.booleans()):
        result["cap"] = draw(sizes)
        price = draw(sizes) * (-1 if direction == "down" else 1)
        every = draw(st.integers(1, 3000)) / 100
        versions = [{"per_unit": {"every": every, "points": price, "whole_units": draw(st.booleans())}}]
    else:
        rising = (direction == "up") != (measure == "months_since")
        versions = [{"tiers": draw(tier_rows(direction, rising_with_value=rising))}]
    if len(versions) == 2:
        versions[0]["from"] = date(2020, 1, 1)
        versions[1]["from"] = draw(st.dates(date(2024, 1, 1), date(2027, 1, 1)))
        result["points"] = versions
    else:
        result["points"] = versions[0]
    return result


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


@st.composite
def policies(draw: st.DrawFn) -> str:
    """YAML text of a policy that keeps every rule."""
    person = draw(st.booleans())
    one_act = draw(st.booleans())
    fading = {f"table_{i}": draw(fading_tables()) for i in range(draw(st.integers(0, 2)))}
    low, base, high = 0, draw(st.integers(0, 300)), 300
    dimensions = []
    number = 0
    for d in range(draw(st.integers(1, 3))):
        here = []
        for _ in range(draw(st.integers(1, 4))):
            indicator = draw(
                indicators(f"indicator_{number}", person=person, one_act=one_act, fadings=sorted(fading))
            )
            here.append(indicator)
            number += 1
            if indicator["direction"] in (("up",) if one_act else ("up", "down")) and draw(st.integers(0, 3)) == 0:
                per_record = indicator["measure"] in ("each", "highest", "latest")
                up = indicator["direction"] == "up"
                rising = per_record or up != (indicator["measure"] == "months_since")
                here.append(
                    {
                        "code": f"indicator_{number}",
                        "name": "再计",
                        "direction": indicator["direction"],
                        "basis": "依据",
                        "measure": "value_of",
                        "of": indicator["code"],
                        "points": {
                            "tiers": draw(
                                tier_rows(indicator["direction"], rising_with_value=rising, points=per_record)
                            )
                        },
                    }
                )
                number += 1
        dimension: dict[str, Any] = {"code": f"dimension_{d}", "name": "维度", "indicators": here}
        if not (one_act and any(i["direction"] == "down" for i in here)) and draw(st.booleans()):
            dimension["range"] = [-draw(st.integers(0, 40)), draw(st.integers(1, 40))]
        dimensions.append(dimension)
    document: dict[str, Any] = {
        "code": "drawn", "name": "抽样方案", "version": "1", "basis": "依据",
        "subject_kind": "person" if person else "enterprise", "effective_from": date(2020, 1, 1),
        "base": base, "range": [low, high], "dimensions": dimensions,
        "one_act": "highest" if one_act else "each",
        "deduction_validity": [
            {"valid_for": draw(spans)}, {"valid_for": draw(spans)}, {"valid_for": draw(spans)},
        ],
        "grades": [
            {"code": "a", "name": "优", "minimum": 250}, {"code": "b", "name": "良", "minimum": 120.5},
            {"code": "c", "name": "差", "minimum": low},
        ],
    }  # fmt: skip
    # Larger deductions must not lapse sooner, else the row with more points could weigh less in time.
    document["deduction_validity"].sort(key=lambda entry: _length(entry["valid_for"]))
    for entry, up_to in zip(document["deduction_validity"], [10, 30.5], strict=False):
        entry["up_to"] = up_to
    if fading:
        document["fading"] = fading
    if not person and draw(st.booleans()):
        listing: dict[str, Any] = {
            "code": "listed", "name": "名单", "grade": draw(st.sampled_from(["a", "b", "c"])), "basis": "依据",
            "categories": [draw(st.sampled_from(CATEGORIES[:4]))],
            "relations": [draw(st.sampled_from(["own", "legal_representative"]))],
            "count_from": draw(st.sampled_from(["event", "end"])),
        }  # fmt: skip
        if draw(st.booleans()):
            listing["window"] = draw(spans)
        document["direct_grades"] = [listing]
    return yaml.dump(document, Dumper=_WithoutAliases, allow_unicode=True, sort_keys=False)


@st.composite
def days_around(draw: st.DrawFn, as_of: date) -> date:
    """Days on and beside the edges that windows, fading and the law draw, leap days, and the future."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        months = as_of.year * 12 + as_of.month - 1 - draw(st.integers(-2, 84))
        day = date(months // 12, months % 12 + 1, min(as_of.day, 28)) + timedelta(days=draw(st.integers(-1, 4)))
        return day
    if kind == 1:
        return draw(st.sampled_from([date(2020, 2, 29), date(2024, 2, 29), date(2023, 2, 28), as_of]))
    if kind == 2:
        return as_of - timedelta(days=draw(st.integers(-3, 400)))
    return draw(st.dates(date(2015, 1, 1), date(2029, 12, 31)))


@st.composite
def record_lists(draw: st.DrawFn, as_of: date, max_size: int = 14) -> list[Rec]:
    size = draw(st.integers(0, max_size))
    maybe = st.one_of(st.none(), days_around(as_of))
    return [
        Rec(
            number=number,
            category=draw(st.sampled_from(CATEGORIES)),
            event=draw(days_around(as_of)),
            end=draw(maybe),
            performed=draw(maybe),
            quantity=draw(st.one_of(st.integers(-500, 7000), st.sampled_from([0, -1, 10**12, 10**15]))),
            amount=draw(st.one_of(st.integers(-500, 7000), st.sampled_from([0, -1, 10**12, 10**15]))),
            level=draw(st.sampled_from([0, 1, 2, 3, 4, 5, 63, -1])),
            act=draw(st.sampled_from([0, 0, 7, 8])),
            state=draw(st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 4, 9])),
            relation=draw(st.sampled_from([0, 0, 0, 1, 2, 70])),
        )
        for number in draw(st.permutations(range(1, size + 1)))
    ]


def columns_of(records_by_subject: dict[int, list[Rec]], compiled: CompiledPolicy) -> RecordColumns:
    """The same records as the kernel reads them, sorted by subject."""
    rows = [(subject, rec) for subject, recs in records_by_subject.items() for rec in recs]

    def day(value: date | None) -> int:
        return NO_DAY if value is None else to_day(value)

    return sort_by_subject(
        RecordColumns.of(
            subject=[subject for subject, _ in rows],
            record=[rec.number for _, rec in rows],
            category=[compiled.category_of(rec.category) for _, rec in rows],
            event_day=[to_day(rec.event) for _, rec in rows],
            end_day=[day(rec.end) for _, rec in rows],
            performed_day=[day(rec.performed) for _, rec in rows],
            quantity=[rec.quantity for _, rec in rows],
            amount=[rec.amount for _, rec in rows],
            level=[rec.level for _, rec in rows],
            event=[rec.act for _, rec in rows],
            state=[rec.state for _, rec in rows],
            relation=[rec.relation for _, rec in rows],
        )
    )


def drawn_records(data: st.DataObject, of: Policy) -> tuple[CompiledPolicy, RecordColumns, date]:
    """The policy compiled, records of one subject in the policy's own categories, and the day to score them on."""
    compiled, as_of = compile_policy(of), data.draw(AS_OF)
    codes = st.sampled_from(of.category_codes)
    records = [replace(rec, category=data.draw(codes)) for rec in data.draw(record_lists(as_of))]
    return compiled, columns_of({1: records}, compiled), as_of
