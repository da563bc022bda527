"""When each department delivers: what its rows say was known on the day of the delivery, no more and no less.

The stock of past years is handed over once, from the platform that the city had before. From then on departments
deliver by themselves, most of them often enough for seven working days. One is slow, one became better, and one
has fallen silent.
"""

from __future__ import annotations

import numpy as np

from demo_city.draws import Draws, Index

FORMER_PLATFORM = "桂城市原信用信息平台（存量移交）"
"""Who delivers the stock. The rows name the departments that they come from."""

_FIRST_DAYS_AGO = 90
_DAYS_BETWEEN = 9
"""Seven working days at most, but where the weekend is worked: then a few rows are late."""

_IN_SITTINGS = {
    "honour",
    "court_judgment",
    "social_insurance_arrears",
    "dishonest_debtor",
    "transport_fare_evasion",
    "abnormal_operation",
    "safety_accident",
    "serious_list",
    "wage_arrears",
    "housing_fund_arrears",
    "tax_evasion",
    "ip_infringement",
    "bid_violation",
}
"""Sources with little to tell: they decide in the second half of every other period, and deliver at its end."""

_SLOW = {"supplement_education"}
_ONCE_SLOW = {"public_service"}
_EVERY_FOURTH = 4
_BETTER_DAYS_AGO = 54
_SILENT_DAYS_AGO = {"utility_arrears": 45}
_HELD_BACK_PER_10000 = 200
"""Rows that a department reports one delivery too late."""


def delivery_days(code: str, today: int, opened_on: int) -> Index:
    """The days on which a source delivers, as day numbers, in order; the first is the hand-over of the stock.

    None is before `opened_on`, the first day on which the city has a catalogue.
    """
    ago = np.arange(_FIRST_DAYS_AGO, -1, -_DAYS_BETWEEN, dtype=np.int64)
    ago = ago[ago <= max(today - opened_on, 0)]
    turn = np.arange(len(ago))
    often = turn % _EVERY_FOURTH == 0
    if code in _IN_SITTINGS:
        ago = ago[turn % 2 == 0]
    elif code in _SLOW:
        ago = ago[often]
    elif code in _ONCE_SLOW:
        ago = ago[often | (ago <= _BETTER_DAYS_AGO)]
    elif code in _SILENT_DAYS_AGO:
        ago = ago[ago >= min(_SILENT_DAYS_AGO[code], ago[0])]
    return today - ago


def decided_on(code: str, days: Index, today: int) -> Index:
    """The days on which matters happened, moved to the sittings of a source that has them."""
    if code not in _IN_SITTINGS:
        return days
    since_start = days - (today - _FIRST_DAYS_AGO)
    within = since_start % (2 * _DAYS_BETWEEN)
    return np.where(since_start < 0, days, days - within + _DAYS_BETWEEN + within // 2)


def first_turns(draws: Draws, code: str, index: Index, happened: Index, days: Index) -> Index:
    """In which of the deliveries each row is for the first time; `len(days)` for those that are still to come.

    What happened on the day of a delivery is in the next one.
    """
    turn = np.searchsorted(days, happened, side="right").astype(np.int64)
    held_back = (turn > 0) & draws.chance(f"{code}/held-back", index, _HELD_BACK_PER_10000)
    last = len(days) - 1
    return np.where(held_back & (turn < last), turn + 1, turn)
