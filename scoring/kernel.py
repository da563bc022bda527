"""The one function that turns records into points, compiled to machine code by Numba.

`walk` serves a single citizen online (with `trace`, so that every point names its records), a whole city in
batch and a partition inside a cluster; there is no second implementation in the product. It reads records
sorted by subject and the flat tables of `scoring.compiled`, and uses whole numbers only.

It takes some dozen subjects at a time and, of these, all records of one category before those of the next:
what a category's records are asked is then the same for a hundred in a row. Subject by subject, the processor
guessed wrong at every second question, and waiting for that took half of the time.

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
MOST_SUBJECTS_AT_ONCE, ENOUGH_RECORDS_AT_ONCE = 64, 1024
"""A block: what is kept beside it fits into a processor's nearest memory."""
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
C_TERM, C_KIND, C_ROW, C_SIZE, C_WEIGHT, C_ANCHOR, C_LIVE, C_ORDER, C_SUBJECT = range(9)
CANDIDATE_COLUMNS = 9

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
    start: int,
    end: int,
    cand: Int64,
    record: Any,
    event_day: Any,
    event: Any,
    terms: Int64,
    first: Int64,
    other: Int64,
) -> None:
    """Multiply what repeats: a record before which another act of the same kind was recorded.

    `first[k]` is the earliest record of kind k, `other[k]` the earliest that is not of the same act. Records
    of one event are one act, which does not repeat itself.
    """
    for c in range(start, end):
        if terms[cand[c, C_TERM], T_REPEAT_FACTOR] > 1:
            kind, row = cand[c, C_KIND], cand[c, C_ROW]
            if first[kind] < 0 or _earlier(row, first[kind], record, event_day):
                first[kind] = row
    for c in range(start, end):
        if terms[cand[c, C_TERM], T_REPEAT_FACTOR] > 1:
            kind, row = cand[c, C_KIND], cand[c, C_ROW]
            earliest = other[kind] < 0 or _earlier(row, other[kind], record, event_day)
            if earliest and not _one_act(row, first[kind], event):
                other[kind] = row
    for c in range(start, end):
        factor = terms[cand[c, C_TERM], T_REPEAT_FACTOR]
        if factor > 1:
            kind, row = cand[c, C_KIND], cand[c, C_ROW]
            before = other[kind] if _one_act(row, first[kind], event) else first[kind]
            if before >= 0 and _earlier(before, row, record, event_day):
                cand[c, C_SIZE] *= factor
    for c in range(start, end):
        first[cand[c, C_KIND]] = -1
        other[cand[c, C_KIND]] = -1


@_inner
def _sort_by_event(start: int, end: int, cand: Int64, event: Any) -> None:
    """Shell sort of these entries of the C_ORDER column (they name candidates) by event."""
    gap = (end - start) // 2
    while gap > 0:
        for j in range(start + gap, end):
            moving = cand[j, C_ORDER]
            key = event[cand[moving, C_ROW]]
            k = j
            while k >= start + gap and event[cand[cand[k - gap, C_ORDER], C_ROW]] > key:
                cand[k, C_ORDER] = cand[k - gap, C_ORDER]
                k -= gap
            cand[k, C_ORDER] = moving
        gap //= 2


@_inner
def _keep_heaviest_of_each_event(
    start: int, end: int, cand: Int64, record: Any, event: Any, terms: Int64, best: Int64
) -> None:
    """Within one event and one scope only the heaviest record stays live."""
    past = start
    for c in range(start, end):
        if terms[cand[c, C_TERM], T_SCOPE] >= 0 and event[cand[c, C_ROW]] != 0:
            cand[past, C_ORDER] = c
            past += 1
    if past - start < 2:
        return
    _sort_by_event(start, past, cand, event)
    begin = start
    while begin < past:
        this, stop = event[cand[cand[begin, C_ORDER], C_ROW]], begin
        while stop < past and event[cand[cand[stop, C_ORDER], C_ROW]] == this:
            best[terms[cand[cand[stop, C_ORDER], C_TERM], T_SCOPE]] = -1
            stop += 1
        for j in range(begin, stop):
            c = cand[j, C_ORDER]
            scope = terms[cand[c, C_TERM], T_SCOPE]
            b = best[scope]
            if b >= 0 and not _heavier(c, b, cand, record):
                cand[c, C_LIVE] = 0
                continue
            if b >= 0:
                cand[b, C_LIVE] = 0
            best[scope] = c
        begin = stop


@_inner
def _keep_one(
    start: int,
    end: int,
    cand: Int64,
    record: Any,
    event_day: Any,
    state: Any,
    terms: Int64,
    best: Int64,
    challenger: Int64,
) -> None:
    """For highest, latest and months_since only one record of the term stays live."""
    for c in range(start, end):
        best[cand[c, C_TERM]] = -1
        challenger[cand[c, C_TERM]] = -1
    for c in range(start, end):
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
    for c in range(start, end):
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
    for c in range(start, end):
        winner = challenger[cand[c, C_TERM]]
        if winner >= 0:
            cand[c, C_LIVE] = 1 if winner == c else 0


class Room(NamedTuple):
    """What the walk keeps beside a block of subjects, made once and used for every block."""

    rows: Int64  # rows of records that may count, by subject
    owners: Int64  # and which subject of the block each is of
    order: Int64  # the same by category
    whose: Int64
    places: Int64  # where in `order` the records of a category begin; two longer than there are categories
    listings: Int64  # by subject: bit i set when direct grade i applies
    hits: Int64  # by subject and term
    whole: Int64  # by subject and term, sums: of values, or of points × ppm
    parts: Int64  # by subject and term, sums of what fading leaves below one, in ppm
    by_year: Int64  # by subject, term with a yearly cap, and year
    waiting: Int64  # candidates: records that fed a term and may have to wait until all of a subject's are seen
    candidates: Int64  # the same by subject
    candidates_from: Int64  # where a subject's begin; two longer than there are subjects
    first: Int64  # by kind, see `_mark_repeats`
    other: Int64
    best: Int64  # by term or scope
    challenger: Int64


@_inner
def _take_block(
    i: int,
    s: int,
    subject: Any,
    category: Any,
    event_day: Any,
    state: Any,
    relation: Any,
    subjects: Any,
    as_of: int,
    room: Room,
) -> Any:
    """The next subjects from number s on, whose records begin at row i or later, and the records that may count.

    These are left in `room.order` and `room.whose`, those of category c from `room.places[c]` to
    `room.places[c + 1]`. Answers a status, and the row and the subject to go on with.
    """
    rows, owners, places = room.rows, room.owners, room.places
    n_categories, n_records = len(places) - 2, len(subject)
    for c in range(len(places)):
        places[c] = 0
    first, begin = s, i
    n = 0
    while s < len(subjects) and s - first < MOST_SUBJECTS_AT_ONCE and i - begin < ENOUGH_RECORDS_AT_ONCE:
        this = subjects[s]
        while i < n_records and subject[i] < this:
            i += 1
        if n == 0:
            begin = i  # records of nobody who was asked for take no room
        start = i
        while i < n_records and subject[i] == this:
            cat = category[i]
            counts = (cat >= 0) & (cat < n_categories) & (event_day[i] <= as_of)
            counts &= ((state[i] == 0) | (state[i] == 1)) & (relation[i] >= 0) & (relation[i] <= 62)
            if counts:
                if i - start >= MOST_RECORDS:
                    return TOO_MANY_RECORDS, i, s
                rows[n] = i
                owners[n] = s - first
                places[cat + 2] += 1
                n += 1
            i += 1
        if i - start > MOST_RECORDS:
            return TOO_MANY_RECORDS, start, s
        s += 1
    for c in range(2, len(places)):
        places[c] += places[c - 1]
    for k in range(n):
        place = places[category[rows[k]] + 1]
        places[category[rows[k]] + 1] = place + 1
        room.order[place] = rows[k]
        room.whose[place] = owners[k]
    return OK, i, s


@_inner
def _feed(
    entry: int,
    cat: int,
    event_day: Any,
    end_day: Any,
    performed_day: Any,
    quantity: Any,
    amount: Any,
    level: Any,
    state: Any,
    relation: Any,
    tables: Tables,
    trace: bool,
    room: Room,
    n: int,
) -> int:
    """What a block's records of one category bring to one term: to its sums or, where all of a subject's are
    needed together, to the candidates, of which there are n. Answers how many there are then."""
    terms, rows, fading, scalars = tables.terms, tables.rows, tables.fading, tables.scalars
    as_of, year_now, legal_first_day = scalars[S_AS_OF], scalars[S_YEAR], scalars[S_LEGAL_FIRST_DAY]
    n_indicators = scalars[S_INDICATORS]
    term, levels = tables.entries[entry, 0], tables.entries[entry, 1]
    relations, measure = terms[term, T_RELATIONS], terms[term, T_MEASURE]
    from_end, per_record = terms[term, T_FROM_END] == 1, terms[term, T_PER_RECORD] == 1
    listed, slot = terms[term, T_LISTED] == 1, terms[term, T_YEARLY_SLOT]
    kind = entry if terms[term, T_REPEAT_BY_CATEGORY] == 1 else len(tables.entries) + term
    for k in range(room.places[cat], room.places[cat + 1]):
        row = room.order[k]
        lv = level[row]
        if levels != -1 and (lv < 0 or lv > 62 or (levels >> lv) & 1 == 0):
            continue
        if (relations >> relation[row]) & 1 == 0:
            continue

        # The anchor is the day the record ages from; `over` the day the act was over, for the law. A day that
        # is not known lies before all others.
        begun, ended = event_day[row], end_day[row]
        performed = (performed_day[row] != NO_DAY) & (performed_day[row] <= as_of)
        if from_end:
            if performed and ended == NO_DAY:
                ended = performed_day[row]
            anchor = as_of if ended == NO_DAY else max(begun, min(ended, as_of))
            over = anchor
        else:
            anchor = begun
            over = max(begun, min(ended, as_of))

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
        # The latest of a kind decides even where it is worth nothing, so zero is not skipped there.
        latest = measure == LATEST
        too_old = (anchor < first_day) | (lowers & (over < legal_first_day))
        if too_old | ((size == 0) & (not latest)) | (lowers & (state[row] == 1) & (not latest)):
            continue

        who = room.whose[k]
        if term >= n_indicators:  # a listing that sets the grade
            room.listings[who] |= 1 << (term - n_indicators)
            if not trace:
                continue

        weight = _weight(term, anchor, terms, fading)
        if weight == 0:
            continue

        if listed or trace:
            line = room.waiting[n]
            line[C_SUBJECT] = who
            line[C_TERM] = term
            line[C_KIND] = kind
            line[C_ROW] = row
            line[C_SIZE] = size
            line[C_WEIGHT] = weight
            line[C_ANCHOR] = anchor
            line[C_LIVE] = 1
            n += 1
        if listed:
            continue
        room.hits[who, term] += 1
        if per_record:
            if slot >= 0:
                room.by_year[who, slot, min(year_now - _civil(begun)[0], YEARLY_SLOTS - 1)] += size * weight
            else:
                room.whole[who, term] += size * weight
        elif weight == PPM:
            room.whole[who, term] += size
        else:
            room.whole[who, term] += (size // PPM) * weight
            room.parts[who, term] += (size % PPM) * weight
    return n


@_inner
def _sort_candidates(n: int, room: Room) -> None:
    """From the order of categories into that of subjects."""
    places = room.candidates_from
    for who in range(len(places)):
        places[who] = 0
    for c in range(n):
        places[room.waiting[c, C_SUBJECT] + 2] += 1
    for who in range(2, len(places)):
        places[who] += places[who - 1]
    for c in range(n):
        who = room.waiting[c, C_SUBJECT]
        place = places[who + 1]
        places[who + 1] = place + 1
        for column in range(CANDIDATE_COLUMNS):
            room.candidates[place, column] = room.waiting[c, column]


@_inner
def _settle_candidates(
    who: int, record: Any, event_day: Any, event: Any, state: Any, tables: Tables, room: Room
) -> None:
    """Of one subject's candidates those that count, added up."""
    start, end = room.candidates_from[who], room.candidates_from[who + 1]
    cand, terms = room.candidates, tables.terms
    _mark_repeats(start, end, cand, record, event_day, event, terms, room.first, room.other)
    _keep_heaviest_of_each_event(start, end, cand, record, event, terms, room.best)
    _keep_one(start, end, cand, record, event_day, state, terms, room.best, room.challenger)
    for c in range(start, end):
        term = cand[c, C_TERM]
        if terms[term, T_LISTED] == 0 or cand[c, C_LIVE] == 0:
            continue
        room.hits[who, term] += 1
        if terms[term, T_PER_RECORD] == 1:
            room.whole[who, term] += cand[c, C_SIZE] * cand[c, C_WEIGHT]
        elif terms[term, T_MEASURE] == MONTHS_SINCE:
            room.whole[who, term] = 100 * _whole_months(cand[c, C_ANCHOR], tables.scalars[S_AS_OF])
        else:
            room.whole[who, term] += (cand[c, C_SIZE] // PPM) * cand[c, C_WEIGHT]
            room.parts[who, term] += (cand[c, C_SIZE] % PPM) * cand[c, C_WEIGHT]


@_inner
def _measure(t: int, first: int, past: int, tables: Tables, room: Room, out_values: Any, out_points: Any) -> None:
    """The value of indicator t, and its points, for the subjects of a block."""
    terms, tiers = tables.terms, tables.tiers
    measure, slot = terms[t, T_MEASURE], terms[t, T_YEARLY_SLOT]
    for s in range(first, past):
        who = s - first
        if terms[t, T_PER_RECORD] == 1:
            points = room.whole[who, t]
            if slot >= 0:
                for y in range(YEARLY_SLOTS):
                    points += min(room.by_year[who, slot, y], terms[t, T_YEARLY_CAP])
            value = _divide_rounded(points, PPM)
        elif measure == MONTHS_SINCE and room.hits[who, t] == 0:
            value = NO_VALUE
        elif measure == EXISTS:
            value = 100 if room.hits[who, t] > 0 else 0
        elif measure == VALUE_OF:
            value = out_values[s, terms[t, T_SOURCE]]
        else:
            value = room.whole[who, t] + _divide_rounded(room.parts[who, t], PPM)
        out_values[s, t] = value
        out_points[s, t] = price(t, value, terms, tiers)


@_inner
def _walk_blocks(
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
    room: Room,
    out_values: Any,
    out_points: Any,
    out_limits: Any,
    out_listed: Any,
    out_clamp: Any,
    out_total: Any,
    out_grade: Any,
) -> Any:
    """The loop of `walk`, which has made room for it."""
    terms, dimensions, grades, scalars = tables.terms, tables.dimensions, tables.grades, tables.scalars
    n_indicators, yearly = scalars[S_INDICATORS], scalars[S_YEARLY]
    i = s = who = 0
    while s < len(subjects):
        first = s
        status, i, s = _take_block(
            i, s, subject, category, event_day, state, relation, subjects, scalars[S_AS_OF], room
        )
        if status != OK:
            return status, i, i
        for who in range(s - first):
            room.listings[who] = 0
            for t in range(len(terms)):
                room.hits[who, t] = 0
                room.whole[who, t] = 0
                room.parts[who, t] = 0
            for slot in range(yearly):
                for y in range(YEARLY_SLOTS):
                    room.by_year[who, slot, y] = 0
        n = 0
        for cat in range(len(tables.entry_from) - 1):
            for entry in range(tables.entry_from[cat], tables.entry_from[cat + 1]):
                n = _feed(
                    entry,
                    cat,
                    event_day,
                    end_day,
                    performed_day,
                    quantity,
                    amount,
                    level,
                    state,
                    relation,
                    tables,
                    trace,
                    room,
                    n,
                )
        _sort_candidates(n, room)
        for who in range(s - first):
            if room.candidates_from[who + 1] > room.candidates_from[who]:
                _settle_candidates(who, record, event_day, event, state, tables, room)
        for t in range(n_indicators):
            _measure(t, first, s, tables, room, out_values, out_points)
        for at in range(first, s):
            out_listed[at] = room.listings[at - first]
            settle(
                at,
                out_listed[at],
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
        who = s - first - 1
    return OK, room.candidates_from[who], room.candidates_from[who + 1]


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

    Returns a status (with the row of the subject that had too many records), and of the last subject the
    records that fed a term (see the C_ columns): first, past the last, and the list. With `trace` they are
    all there; without, only those that the computation itself needed.
    """
    entry_from, n_records, n_terms = tables.entry_from, len(subject), len(tables.terms)
    longest = 0
    i = 0
    while i < n_records:
        start = i
        while i < n_records and subject[i] == subject[start]:
            i += 1
        longest = max(longest, i - start)
    # A block ends with the subject that brings it to enough records, so this is the most it can have.
    most = min(n_records, ENOUGH_RECORDS_AT_ONCE + min(longest, MOST_RECORDS))
    most_entries = 0
    for c in range(len(entry_from) - 1):
        most_entries = max(most_entries, entry_from[c + 1] - entry_from[c])
    n_kinds = len(tables.entries) + n_terms
    at_once = min(len(subjects), MOST_SUBJECTS_AT_ONCE)
    room = Room(
        rows=np.empty(most, np.int64),
        owners=np.empty(most, np.int64),
        order=np.empty(most, np.int64),
        whose=np.empty(most, np.int64),
        places=np.zeros(len(entry_from) + 1, np.int64),
        listings=np.zeros(at_once, np.int64),
        hits=np.zeros((at_once, n_terms), np.int64),
        whole=np.zeros((at_once, n_terms), np.int64),
        parts=np.zeros((at_once, n_terms), np.int64),
        by_year=np.zeros((at_once, tables.scalars[S_YEARLY], YEARLY_SLOTS), np.int64),
        waiting=np.empty((most * most_entries, CANDIDATE_COLUMNS), np.int64),
        candidates=np.empty((most * most_entries, CANDIDATE_COLUMNS), np.int64),
        candidates_from=np.zeros(at_once + 2, np.int64),
        first=np.full(n_kinds, -1, np.int64),
        other=np.full(n_kinds, -1, np.int64),
        best=np.full(n_terms + 1, -1, np.int64),
        challenger=np.full(n_terms + 1, -1, np.int64),
    )
    status, first, past = _walk_blocks(
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
        room,
        out_values,
        out_points,
        out_limits,
        out_listed,
        out_clamp,
        out_total,
        out_grade,
    )
    return status, first, past, room.candidates


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
