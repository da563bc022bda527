"""The one function that turns records into points, compiled to machine code by Numba.

`walk` serves a single citizen online (with `trace`, so that every point names its records), a whole city in
batch and a partition inside a cluster; there is no second implementation in the product. It reads records
sorted by subject and the flat tables of `scoring.compiled`, and uses whole numbers only.

Everything it depends on stands in this file: Numba's cache notices a changed kernel by this file alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit, types

Int64 = npt.NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

NO_DAY = -(2**31)
NO_VALUE = -(2**63)
"""In a value column: there is nothing to measure (months since an event that never was)."""

PPM = 1_000_000
"""Parts per million: the unit of fading weights. 1,000,000 is full weight."""

# Measures.
COUNT, SUM, AMOUNT, EXISTS, MONTHS_SINCE, EACH, HIGHEST, LATEST, VALUE_OF = range(9)
# What a row of a per-record points table is found by.
BY_NOTHING, BY_LEVEL, BY_AMOUNT, BY_QUANTITY = range(4)
# How a measured value becomes points.
AS_IT_IS, TIERS, PER_UNIT, PER_WHOLE_UNIT, FLAT = range(5)
UP, DOWN, BOTH = range(3)

NO_LIMIT = 2**62
LARGEST = 10**12
"""A quantity (hundredths) or amount (cents) above this counts as this: no threshold can lie beyond it."""
MOST_RECORDS = 10**6
"""Records of one subject. With LARGEST it keeps every sum below 2**63, so no sum can wrap around."""
YEARLY_SLOTS = 64
OK, TOO_MANY_RECORDS = range(2)


# Columns of `Tables.terms`: one row per term.
(
    T_MEASURE,
    T_PER_RECORD,  # 1: every record is priced by itself
    T_DIRECTION,
    T_RELATIONS,  # bit r set: relation r is read
    T_FROM_END,  # 1: ages from the end of a continuing act
    T_FIRST_DAY,  # the anchor must not be earlier (measures that price their value)
    T_FADING_FROM,  # its rows of `Tables.fading`
    T_FADING_TO,
    T_KEY,  # what a row of its points table is found by
    T_ROW_FROM,  # its rows of `Tables.rows`
    T_ROW_TO,
    T_LISTED,  # 1: needs all its records together before it can be summed
    T_SCOPE,  # records of one event and one scope count once; -1: each counts
    T_REPEAT_FACTOR,
    T_REPEAT_BY_CATEGORY,
    T_YEARLY_SLOT,  # -1: no yearly cap
    T_YEARLY_CAP,
    T_SOURCE,  # term whose value is priced again, -1: none
    T_PRICING,
    T_TIER_FROM,  # its rows of `Tables.tiers`
    T_TIER_TO,
    T_UNIT,
    T_UNIT_POINTS,
    T_LOW,
    T_HIGH,
    T_DIMENSION,
    T_GRADE_LIMIT,  # direct grades: the most a listed subject can score
) = range(27)
TERM_COLUMNS = 27

R_KEY, R_POINTS, R_FIRST_DAY, R_HAS_PERFORMED, R_PERFORMED_POINTS, R_PERFORMED_FIRST_DAY = range(6)
ROW_COLUMNS = 6

# Columns of the list of candidates: records that fed a term.
C_TERM, C_KIND, C_ROW, C_SIZE, C_WEIGHT, C_ANCHOR, C_LIVE, C_ORDER = range(8)

S_AS_OF, S_YEAR, S_LEGAL_FIRST_DAY, S_INDICATORS, S_YEARLY, S_BASE, S_MINIMUM, S_MAXIMUM = range(8)


class Tables(NamedTuple):
    """A policy on one as-of day, as int64 arrays.

    Terms are the indicators in document order, then the direct grades. Entries are the (category, term)
    pairs, grouped by category: those of category c are rows `entry_from[c]` to `entry_from[c + 1]`.
    """

    entry_from: Int64
    entries: Int64  # term, levels (bit l set: level l is read; -1: every level)
    terms: Int64  # see the T_ columns
    fading: Int64  # first day of the step, weight in ppm
    rows: Int64  # points tables of measures that price each record: see the R_ columns
    tiers: Int64  # threshold, points
    dimensions: Int64  # lowest and highest sum
    grades: Int64  # lowest score of each, best first
    scalars: Int64  # see the S_ positions


def _inner(function: Function) -> Function:
    """Compile a part of the kernel; for readers and the type checker it stays the function it is.

    Parts allocate nothing, so they count no references (`_nrt`): the atomic counts of arrays passed from one
    to another took a third of the time of a record, more when two cores counted the same tables.
    """
    options: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
    return cast(Function, njit(**options)(function))


def divide_rounded(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, halves away from zero; `denominator` is positive.

    The one rounding rule (四舍五入). Everything is summed first and divided once.
    """
    if numerator < 0:
        return -((-numerator + denominator // 2) // denominator)
    return (numerator + denominator // 2) // denominator


_divide_rounded = _inner(divide_rounded)


@_inner
def _civil(day: int) -> tuple[int, int, int]:
    """Year, month and day of month of a day number, in whole numbers (proleptic Gregorian calendar)."""
    shifted = day + 719_468  # days since 0000-03-01
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * day_of_year + 2) // 153
    month = march_month + 3 if march_month < 10 else march_month - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return year, month, day_of_year - (153 * march_month + 2) // 5 + 1


@_inner
def _whole_months(start: int, as_of: int) -> int:
    """Full months from `start` to `as_of`, where adding a month keeps the day or takes the month's last."""
    year, month, day = _civil(start)
    year_now, month_now, day_now = _civil(as_of)
    months = (year_now - year) * 12 + month_now - month
    if day > day_now and _civil(as_of + 1)[1] == month_now:
        months -= 1
    return months


@_inner
def price(term: int, value: int, terms: Int64, tiers: Int64) -> int:
    """Points (hundredths) for a measured value: second half of every indicator, used alone by simulation."""
    pricing = terms[term, T_PRICING]
    points = 0
    if value == NO_VALUE:
        return 0
    if pricing == AS_IT_IS:
        points = value
    elif pricing == FLAT:
        if value > 0:
            points = terms[term, T_UNIT_POINTS]
    elif pricing == TIERS:
        value = max(value, -LARGEST)
        for row in range(terms[term, T_TIER_FROM], terms[term, T_TIER_TO]):
            if value < tiers[row, 0]:
                break
            points = tiers[row, 1]
    else:
        unit, each = terms[term, T_UNIT], terms[term, T_UNIT_POINTS]
        if each == 0:
            return 0
        # Beyond what reaches the cap a larger value changes nothing; stopping there keeps the product small.
        enough = terms[term, T_HIGH] - terms[term, T_LOW]
        value = min(value, (enough // abs(each) + 2) * unit)
        points = (value // unit) * each if pricing == PER_WHOLE_UNIT else _divide_rounded(value * each, unit)
    return int(min(max(points, terms[term, T_LOW]), terms[term, T_HIGH]))


@_inner
def settle(
    s: int,
    listings: int,
    terms: Int64,
    dimensions: Int64,
    grades: Int64,
    scalars: Int64,
    points: Any,
    limits: Any,
    clamp: Any,
    total: Any,
    grade: Any,
) -> None:
    """From the points of subject row `s` to its total: last step of every score, used alone by simulation.

    Sums by dimension within the dimension's limits, then the most that a listing allows, then the range.
    Fills row `s` of `limits`, `clamp`, `total` and `grade`.
    """
    n_indicators = scalars[S_INDICATORS]
    points_sum = 0
    for d in range(len(dimensions)):
        limits[s, d] = 0
    for t in range(n_indicators):
        limits[s, terms[t, T_DIMENSION]] += points[s, t]
        points_sum += points[s, t]
    subtotal = scalars[S_BASE]
    for d in range(len(dimensions)):
        within = min(max(limits[s, d], dimensions[d, 0]), dimensions[d, 1])
        subtotal += within
        limits[s, d] = within - limits[s, d]
    if listings != 0:
        for i in range(len(terms) - n_indicators):
            if (listings >> i) & 1 == 1:
                subtotal = min(subtotal, terms[n_indicators + i, T_GRADE_LIMIT])
    final = min(max(subtotal, scalars[S_MINIMUM]), scalars[S_MAXIMUM])
    g = len(grades) - 1
    while g > 0 and final >= grades[g - 1]:
        g -= 1
    clamp[s] = final - scalars[S_BASE] - points_sum
    total[s] = final
    grade[s] = g


@_inner
def _find_row(term: int, level: int, amount: int, quantity: int, terms: Int64, rows: Int64) -> int:
    """The row of a term's points table that prices a record, -1 when none does."""
    key, start, end = terms[term, T_KEY], terms[term, T_ROW_FROM], terms[term, T_ROW_TO]
    if key == BY_NOTHING:
        return int(start)
    found = -1
    if key == BY_LEVEL:
        for r in range(start, end):
            if rows[r, R_KEY] == level:
                found = r
        return found
    measured = min(max(amount if key == BY_AMOUNT else quantity, 0), LARGEST)
    for r in range(start, end):
        if measured < rows[r, R_KEY]:
            break
        found = r
    return found


@_inner
def _weight(term: int, anchor: int, terms: Int64, fading: Int64) -> int:
    """Weight in ppm of a record of that age; 0 past the last step."""
    start, end = terms[term, T_FADING_FROM], terms[term, T_FADING_TO]
    if start == end:
        return PPM
    for step in range(start, end):
        if anchor >= fading[step, 0]:
            return int(fading[step, 1])
    return 0


@_inner
def _any_listed(terms: Int64) -> bool:
    for t in range(len(terms)):  # noqa: SIM110 - Numba compiles loops, not generators
        if terms[t, T_LISTED] == 1:
            return True
    return False


@_inner
def _earlier(i: int, j: int, record: Any, event_day: Any) -> bool:
    """Whether record row i comes before row j: by day, and on one day by number."""
    return bool(event_day[i] < event_day[j] or (event_day[i] == event_day[j] and record[i] < record[j]))


@_inner
def _one_act(i: int, j: int, event: Any) -> bool:
    return bool(i == j or (event[i] != 0 and event[i] == event[j]))


@_inner
def _heavier(c: int, b: int, cand: Int64, record: Any) -> bool:
    """Whether candidate c outweighs candidate b; of equals the lower record number, then the earlier term."""
    here, there = abs(cand[c, C_SIZE]) * cand[c, C_WEIGHT], abs(cand[b, C_SIZE]) * cand[b, C_WEIGHT]
    if here != there:
        return bool(here > there)
    mine, other = record[cand[c, C_ROW]], record[cand[b, C_ROW]]
    return bool(mine < other or (mine == other and cand[c, C_TERM] < cand[b, C_TERM]))


@_inner
def _mark_repeats(
    n: int, cand: Int64, record: Any, event_day: Any, event: Any, terms: Int64, first: Int64, other: Int64
) -> None:
    """Multiply what repeats: a record before which another act of the same kind was recorded.

    `first[k]` is the earliest record of kind k, `other[k]` the earliest that is not of the same act. Records
    of one event are one act, which does not repeat itself.
    """
    for c in range(n):
        if terms[cand[c, C_TERM], T_REPEAT_FACTOR] > 1:
            kind, row = cand[c, C_KIND], cand[c, C_ROW]
            if first[kind] < 0 or _earlier(row, first[kind], record, event_day):
                first[kind] = row
    for c in range(n):
        if terms[cand[c, C_TERM], T_REPEAT_FACTOR] > 1:
            kind, row = cand[c, C_KIND], cand[c, C_ROW]
            earliest = other[kind] < 0 or _earlier(row, other[kind], record, event_day)
            if earliest and not _one_act(row, first[kind], event):
                other[kind] = row
    for c in range(n):
        factor = terms[cand[c, C_TERM], T_REPEAT_FACTOR]
        if factor > 1:
            kind, row = cand[c, C_KIND], cand[c, C_ROW]
            before = other[kind] if _one_act(row, first[kind], event) else first[kind]
            if before >= 0 and _earlier(before, row, record, event_day):
                cand[c, C_SIZE] *= factor
    for c in range(n):
        first[cand[c, C_KIND]] = -1
        other[cand[c, C_KIND]] = -1


@_inner
def _sort_by_event(m: int, cand: Int64, event: Any) -> None:
    """Shell sort of the first m entries of the C_ORDER column (they name candidates) by event."""
    gap = m // 2
    while gap > 0:
        for j in range(gap, m):
            moving = cand[j, C_ORDER]
            key = event[cand[moving, C_ROW]]
            k = j
            while k >= gap and event[cand[cand[k - gap, C_ORDER], C_ROW]] > key:
                cand[k, C_ORDER] = cand[k - gap, C_ORDER]
                k -= gap
            cand[k, C_ORDER] = moving
        gap //= 2


@_inner
def _keep_heaviest_of_each_event(n: int, cand: Int64, record: Any, event: Any, terms: Int64, best: Int64) -> None:
    """Within one event and one scope only the heaviest record stays live."""
    m = 0
    for c in range(n):
        if terms[cand[c, C_TERM], T_SCOPE] >= 0 and event[cand[c, C_ROW]] != 0:
            cand[m, C_ORDER] = c
            m += 1
    if m < 2:
        return
    _sort_by_event(m, cand, event)
    start = 0
    while start < m:
        this, end = event[cand[cand[start, C_ORDER], C_ROW]], start
        while end < m and event[cand[cand[end, C_ORDER], C_ROW]] == this:
            best[terms[cand[cand[end, C_ORDER], C_TERM], T_SCOPE]] = -1
            end += 1
        for j in range(start, end):
            c = cand[j, C_ORDER]
            scope = terms[cand[c, C_TERM], T_SCOPE]
            b = best[scope]
            if b >= 0 and not _heavier(c, b, cand, record):
                cand[c, C_LIVE] = 0
                continue
            if b >= 0:
                cand[b, C_LIVE] = 0
            best[scope] = c
        start = end


@_inner
def _keep_one(
    n: int,
    cand: Int64,
    record: Any,
    event_day: Any,
    state: Any,
    terms: Int64,
    best: Int64,
    challenger: Int64,
) -> None:
    """For highest, latest and months_since only one record of the term stays live."""
    for c in range(n):
        best[cand[c, C_TERM]] = -1
        challenger[cand[c, C_TERM]] = -1
    for c in range(n):
        term, row = cand[c, C_TERM], cand[c, C_ROW]
        measure, b = terms[term, T_MEASURE], best[term]
        if measure == LATEST and state[row] == 1:
            cand[c, C_LIVE] = 0
            continue
        if measure == HIGHEST:
            better = b < 0 or _heavier(c, b, cand, record)
        elif measure == LATEST:
            better = b < 0 or _earlier(cand[b, C_ROW], row, record, event_day)
        elif measure == MONTHS_SINCE:
            newer = b < 0 or cand[c, C_ANCHOR] > cand[b, C_ANCHOR]
            better = newer or (cand[c, C_ANCHOR] == cand[b, C_ANCHOR] and record[row] < record[cand[b, C_ROW]])
        else:
            continue
        if better:
            if b >= 0:
                cand[b, C_LIVE] = 0
            best[term] = c
        else:
            cand[c, C_LIVE] = 0
    # A disputed record must not lower the score, yet its good effect stays: it takes the place of an earlier
    # undisputed one (or of none, worth zero) only where it is worth more.
    for c in range(n):
        term, row = cand[c, C_TERM], cand[c, C_ROW]
        if terms[term, T_MEASURE] == LATEST and state[row] == 1:
            b, rival = best[term], challenger[term]
            if b < 0:
                worth_more = cand[c, C_SIZE] > 0
            else:
                later = _earlier(cand[b, C_ROW], row, record, event_day)
                worth_more = later and cand[c, C_SIZE] > cand[b, C_SIZE]
            if worth_more and rival >= 0:
                later = _earlier(cand[rival, C_ROW], row, record, event_day)
                same = cand[c, C_SIZE] == cand[rival, C_SIZE]
                worth_more = cand[c, C_SIZE] > cand[rival, C_SIZE] or (same and later)
            if worth_more:
                challenger[term] = c
    for c in range(n):
        winner = challenger[cand[c, C_TERM]]
        if winner >= 0:
            cand[c, C_LIVE] = 1 if winner == c else 0


@_inner
def _walk_records(
    subject: Any,
    record: Any,
    category: Any,
    event_day: Any,
    end_day: Any,
    performed_day: Any,
    quantity: Any,
    amount: Any,
    level: Any,
    event: Any,
    state: Any,
    relation: Any,
    subjects: Any,
    tables: Tables,
    trace: bool,
    whole: Int64,  # by term, sums: of values, or of points × ppm
    parts: Int64,  # by term, sums of what fading leaves below one, in ppm
    hits: Int64,
    by_year: Int64,
    first: Int64,
    other: Int64,
    best: Int64,
    challenger: Int64,
    cand: Int64,
    out_values: Any,
    out_points: Any,
    out_limits: Any,
    out_listed: Any,
    out_clamp: Any,
    out_total: Any,
    out_grade: Any,
) -> Any:
    """The loop of `walk`, which has made room for it."""
    entry_from, entries, terms, fading = tables.entry_from, tables.entries, tables.terms, tables.fading
    rows, tiers, dimensions, grades, scalars = (
        tables.rows,
        tables.tiers,
        tables.dimensions,
        tables.grades,
        tables.scalars,
    )
    as_of, year_now, legal_first_day = scalars[S_AS_OF], scalars[S_YEAR], scalars[S_LEGAL_FIRST_DAY]
    n_indicators = scalars[S_INDICATORS]
    n_terms, n_records = len(terms), len(subject)
    n_categories = len(entry_from) - 1
    n = 0
    years_used = False

    i = 0
    for s in range(len(subjects)):
        this = subjects[s]
        while i < n_records and subject[i] < this:
            i += 1
        start = i
        n = 0
        complex_terms = False
        listings = 0
        for t in range(n_terms):
            whole[t] = 0
            parts[t] = 0
            hits[t] = 0
        if years_used:
            by_year[:] = 0
            years_used = False

        while i < n_records and subject[i] == this:
            row = i
            i += 1
            if i - start > MOST_RECORDS:
                return TOO_MANY_RECORDS, row
            cat = category[row]
            disputed = state[row] == 1
            if cat < 0 or cat >= n_categories or event_day[row] > as_of or not (state[row] == 0 or disputed):
                continue
            if relation[row] < 0 or relation[row] > 62:
                continue
            begun = event_day[row]
            performed = performed_day[row] != NO_DAY and performed_day[row] <= as_of
            ended = end_day[row]
            if ended == NO_DAY and performed:
                ended = performed_day[row]
            for entry in range(entry_from[cat], entry_from[cat + 1]):
                term = entries[entry, 0]
                levels = entries[entry, 1]
                lv = level[row]
                if levels != -1 and (lv < 0 or lv > 62 or (levels >> lv) & 1 == 0):
                    continue
                if (terms[term, T_RELATIONS] >> relation[row]) & 1 == 0:
                    continue

                # The anchor is the day the record ages from; `over` the day the act was over, for the law.
                anchor = begun
                if terms[term, T_FROM_END] == 1:
                    anchor = as_of if ended == NO_DAY or ended > as_of else max(begun, ended)
                    over = anchor
                else:
                    over = begun if end_day[row] == NO_DAY else max(begun, min(end_day[row], as_of))

                measure = terms[term, T_MEASURE]
                per_record = terms[term, T_PER_RECORD] == 1
                if per_record:
                    found = _find_row(term, lv, amount[row], quantity[row], terms, rows)
                    if found < 0:
                        continue
                    size, first_day = rows[found, R_POINTS], rows[found, R_FIRST_DAY]
                    if performed and rows[found, R_HAS_PERFORMED] == 1:
                        size = rows[found, R_PERFORMED_POINTS]
                        first_day = rows[found, R_PERFORMED_FIRST_DAY]
                    lowers = size < 0
                else:
                    first_day = terms[term, T_FIRST_DAY]
                    if measure == SUM:
                        size = min(max(quantity[row], 0), LARGEST)
                    elif measure == AMOUNT:
                        size = min(max(amount[row], 0), LARGEST)
                    else:
                        size = 100
                    lowers = terms[term, T_DIRECTION] == DOWN
                if anchor < first_day:
                    continue
                # The latest of a kind decides even where it is worth nothing, so zero is not skipped there.
                if size == 0 and measure != LATEST:
                    continue
                if lowers and (over < legal_first_day or (disputed and measure != LATEST)):
                    continue

                if term >= n_indicators:  # a listing that sets the grade
                    listings |= 1 << (term - n_indicators)
                    if not trace:
                        continue

                weight = _weight(term, anchor, terms, fading)
                if weight == 0:
                    continue

                listed = terms[term, T_LISTED] == 1
                if listed or trace:
                    cand[n, C_TERM] = term
                    cand[n, C_KIND] = entry if terms[term, T_REPEAT_BY_CATEGORY] == 1 else len(entries) + term
                    cand[n, C_ROW] = row
                    cand[n, C_SIZE] = size
                    cand[n, C_WEIGHT] = weight
                    cand[n, C_ANCHOR] = anchor
                    cand[n, C_LIVE] = 1
                    n += 1
                if listed:
                    complex_terms = True
                    continue
                hits[term] += 1
                if per_record:
                    slot = terms[term, T_YEARLY_SLOT]
                    if slot >= 0:
                        years_used = True
                        by_year[slot, min(year_now - _civil(begun)[0], YEARLY_SLOTS - 1)] += size * weight
                    else:
                        whole[term] += size * weight
                elif weight == PPM:
                    whole[term] += size
                else:
                    whole[term] += (size // PPM) * weight
                    parts[term] += (size % PPM) * weight

        if complex_terms:
            _mark_repeats(n, cand, record, event_day, event, terms, first, other)
            _keep_heaviest_of_each_event(n, cand, record, event, terms, best)
            _keep_one(n, cand, record, event_day, state, terms, best, challenger)
            for c in range(n):
                term = cand[c, C_TERM]
                if terms[term, T_LISTED] == 0 or cand[c, C_LIVE] == 0:
                    continue
                hits[term] += 1
                measure = terms[term, T_MEASURE]
                if terms[term, T_PER_RECORD] == 1:
                    whole[term] += cand[c, C_SIZE] * cand[c, C_WEIGHT]
                elif measure == MONTHS_SINCE:
                    whole[term] = 100 * _whole_months(cand[c, C_ANCHOR], as_of)
                else:
                    whole[term] += (cand[c, C_SIZE] // PPM) * cand[c, C_WEIGHT]
                    parts[term] += (cand[c, C_SIZE] % PPM) * cand[c, C_WEIGHT]

        for t in range(n_indicators):
            measure = terms[t, T_MEASURE]
            if terms[t, T_PER_RECORD] == 1:
                slot = terms[t, T_YEARLY_SLOT]
                if slot >= 0 and years_used:
                    for y in range(YEARLY_SLOTS):
                        whole[t] += min(by_year[slot, y], terms[t, T_YEARLY_CAP])
                value = _divide_rounded(whole[t], PPM)
            elif measure == MONTHS_SINCE and hits[t] == 0:
                value = NO_VALUE
            elif measure == EXISTS:
                value = 100 if hits[t] > 0 else 0
            elif measure == VALUE_OF:
                value = out_values[s, terms[t, T_SOURCE]]
            else:
                value = whole[t] + _divide_rounded(parts[t], PPM)
            out_values[s, t] = value
            out_points[s, t] = price(t, value, terms, tiers)
        out_listed[s] = listings
        settle(
            s,
            listings,
            terms,
            dimensions,
            grades,
            scalars,
            out_points,
            out_limits,
            out_clamp,
            out_total,
            out_grade,
        )

    return OK, n


def walk(
    subject: Any,
    record: Any,
    category: Any,
    event_day: Any,
    end_day: Any,
    performed_day: Any,
    quantity: Any,
    amount: Any,
    level: Any,
    event: Any,
    state: Any,
    relation: Any,
    subjects: Any,
    tables: Tables,
    trace: bool,
    out_values: Any,
    out_points: Any,
    out_limits: Any,
    out_listed: Any,
    out_clamp: Any,
    out_total: Any,
    out_grade: Any,
) -> Any:
    """Score every subject of the ascending array `subjects` (n of them) from records sorted by subject.

    Fills `out_values` and `out_points` (n × indicators), `out_limits` (n × dimensions: what the limits of
    each dimension added or took), `out_listed` (n: bit i set when direct grade i applies), `out_clamp` (n:
    all limits together, those of dimensions, of direct grades and of the range), `out_total` and `out_grade`
    (n), so that total = base + sum of points + clamp. Records of subjects not asked for are passed over.

    Returns a status, a count and the list of the last subject's records that fed a term (see the C_ columns).
    With `trace` that list is complete; without, it holds only what the computation itself needed.
    """
    entry_from, terms, n_records = tables.entry_from, tables.terms, len(subject)
    # The list of candidates: records that fed a term and wait until all of the subject's are seen. It is made
    # long enough for the subject with most records, because growing it in the loop would cost every record.
    longest = 0
    if trace or _any_listed(terms):
        i = 0
        while i < n_records:
            start = i
            while i < n_records and subject[i] == subject[start]:
                i += 1
            longest = max(longest, i - start)
    most_entries = 0
    for c in range(len(entry_from) - 1):
        most_entries = max(most_entries, entry_from[c + 1] - entry_from[c])
    cand = np.empty((min(longest, MOST_RECORDS) * most_entries, 8), np.int64)
    n_terms = len(terms)
    n_kinds = len(tables.entries) + n_terms
    status, n = _walk_records(
        subject,
        record,
        category,
        event_day,
        end_day,
        performed_day,
        quantity,
        amount,
        level,
        event,
        state,
        relation,
        subjects,
        tables,
        trace,
        np.zeros(n_terms, np.int64),
        np.zeros(n_terms, np.int64),
        np.zeros(n_terms, np.int64),
        np.zeros((max(tables.scalars[S_YEARLY], 1), YEARLY_SLOTS), np.int64),
        np.full(n_kinds, -1, np.int64),
        np.full(n_kinds, -1, np.int64),
        np.full(n_terms + 1, -1, np.int64),
        np.full(n_terms + 1, -1, np.int64),
        cand,
        out_values,
        out_points,
        out_limits,
        out_listed,
        out_clamp,
        out_total,
        out_grade,
    )
    return status, n, cand


def _read_only(dtype: Any, dimensions: int = 1) -> Any:
    """An input: declared read-only, so that memory-mapped and Arrow arrays fit without a copy and no other
    variant is ever compiled."""
    return types.Array(dtype, dimensions, "C", readonly=True)


def _tables_type() -> Any:
    two_dimensional = {"entries", "terms", "fading", "rows", "tiers", "dimensions"}
    kinds = [types.Array(types.int64, 2 if name in two_dimensional else 1, "C") for name in Tables._fields]
    return types.NamedTuple(kinds, Tables)  # type: ignore[no-untyped-call]


def _walk_signature() -> tuple[Any, ...]:
    i64, i32, i16, i8 = types.int64, types.int32, types.int16, types.int8
    columns = (i64, i64, i32, i32, i32, i32, i64, i64, i16, i64, i8, i8, i64)
    matrix, line = types.Array(i64, 2, "C"), types.Array(i64, 1, "C")
    outputs = (matrix, matrix, matrix, line, line, line, types.Array(i8, 1, "C"))
    return (*[_read_only(dtype) for dtype in columns], _tables_type(), types.boolean, *outputs)


def _reprice_signature() -> tuple[Any, ...]:
    i64 = types.int64
    matrix, line = types.Array(i64, 2, "C"), types.Array(i64, 1, "C")
    inputs = (_read_only(i64, 2), _read_only(i64, 2), _read_only(i64), _read_only(types.boolean), _read_only(i64))
    return (*inputs, _tables_type(), matrix, matrix, line, line, types.Array(types.int8, 1, "C"))


def reprice(
    values: Any,
    points: Any,
    source: Any,
    changed: Any,
    listed: Any,
    tables: Tables,
    out_points: Any,
    out_limits: Any,
    out_clamp: Any,
    out_total: Any,
    out_grade: Any,
) -> None:
    """Scores of a policy whose measured values another one already has: all but the records.

    `source[t]` is the column of `values` and `points` (n × indicators of the other policy) that holds what
    indicator t measures; its points are taken over as they are unless `changed[t]`. Fills the outputs as
    `walk` does.
    """
    terms, tiers, dimensions = tables.terms, tables.tiers, tables.dimensions
    grades, scalars = tables.grades, tables.scalars
    for s in range(len(listed)):
        for t in range(len(source)):
            if changed[t]:
                out_points[s, t] = price(t, values[s, source[t]], terms, tiers)
            else:
                out_points[s, t] = points[s, source[t]]
        settle(
            s,
            listed[s],
            terms,
            dimensions,
            grades,
            scalars,
            out_points,
            out_limits,
            out_clamp,
            out_total,
            out_grade,
        )


def machine_code(function: Function, signature: tuple[Any, ...]) -> Function:
    """Machine code for one signature, taken from Numba's cache where there is one.

    The cache lies beside this file or, where that is read-only, in the user's cache folder; where neither
    can be written the function is compiled anew in each process (some seconds).
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return cast(Function, njit(signature, cache=True, **options)(function))
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        return cast(Function, njit(signature, **options)(function))


@cache
def compiled_walk() -> Callable[..., Any]:
    """`walk` as machine code."""
    return machine_code(walk, _walk_signature())


@cache
def compiled_reprice() -> Callable[..., None]:
    """`reprice` as machine code."""
    return machine_code(reprice, _reprice_signature())
