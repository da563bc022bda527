"""How often and up to which sum: quota per subject and period, budget per scheme.

Taking is one conditional statement each, so any number of parallel redemptions together never exceed the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from backend.benefits.models import BudgetUse, QuotaUse
from backend.database import insert_into, note_change

QuotaPeriod = Literal["day", "week", "month", "two_months", "quarter", "year", "ever"]

PERIOD_NAMES: dict[str, str] = {
    "day": "每天",
    "week": "每周",
    "month": "每月",
    "two_months": "每两个月",
    "quarter": "每季度",
    "year": "每年",
    "ever": "累计",
}


@dataclass(frozen=True)
class Quota:
    """At most `limit` uses per subject in each period."""

    limit: int
    period: QuotaPeriod


def period_of(period: QuotaPeriod, on: date) -> str:
    """The name of the period that this day in the city falls in, e.g. `2026-11`; weeks are ISO weeks."""
    match period:
        case "day":
            return on.isoformat()
        case "week":
            year, week, _ = on.isocalendar()
            return f"{year}-W{week:02d}"
        case "month":
            return f"{on:%Y-%m}"
        case "two_months":
            first = (on.month - 1) // 2 * 2 + 1
            return f"{on.year}-{first:02d}/{first + 1:02d}"
        case "quarter":
            return f"{on.year}-Q{(on.month - 1) // 3 + 1}"
        case "year":
            return str(on.year)
        case "ever":
            return "ever"


def next_period_starts(period: QuotaPeriod, on: date) -> date | None:
    """The first day of the period after the one `on` falls in; None when there is no next one."""
    match period:
        case "day":
            return on + timedelta(days=1)
        case "week":
            return on + timedelta(days=8 - on.isoweekday())
        case "ever":
            return None
        case "month" | "two_months" | "quarter" | "year":
            months = {"month": 1, "two_months": 2, "quarter": 3, "year": 12}[period]
            first = (on.month - 1) // months * months + months
            return date(on.year + first // 12, first % 12 + 1, 1)


def used_in(session: Session, *, scheme_code: str, subject_id: int, period: str) -> int:
    return (
        session.scalar(
            select(QuotaUse.used).where(
                QuotaUse.scheme_code == scheme_code, QuotaUse.subject_id == subject_id, QuotaUse.period == period
            )
        )
        or 0
    )


def take_quota(session: Session, *, scheme_code: str, subject_id: int, period: str, limit: int) -> bool:
    """Take one use; False when none is left. Waits for a parallel redemption on the same row."""
    if limit < 1:
        return False
    insert = insert_into(session, QuotaUse).values(
        scheme_code=scheme_code, subject_id=subject_id, period=period, used=1
    )
    taken = session.execute(
        insert.on_conflict_do_update(
            index_elements=["scheme_code", "subject_id", "period"],
            set_={"used": QuotaUse.used + 1},
            where=QuotaUse.used < limit,
        ).returning(QuotaUse.used)
    ).first()
    note_change(session, f"subject:{subject_id}")
    return taken is not None


def return_quota(session: Session, *, scheme_code: str, subject_id: int, period: str) -> None:
    """Give one use back to the period it was taken from, whatever period it is now."""
    session.execute(
        update(QuotaUse)
        .where(QuotaUse.scheme_code == scheme_code, QuotaUse.subject_id == subject_id, QuotaUse.period == period)
        .values(used=QuotaUse.used - 1)
    )
    note_change(session, f"subject:{subject_id}")


@dataclass(frozen=True)
class Ceiling:
    """What a scheme may settle and how often it may be used in all, over all its versions; None: no limit."""

    budget_cents: int | None
    total_uses: int | None

    @property
    def is_open(self) -> bool:
        return self.budget_cents is None and self.total_uses is None


def ceiling_is_reached(session: Session, *, scheme_code: str, ceiling: Ceiling) -> bool:
    """Whether not even one more cent, or not one more use, is left."""
    if ceiling.is_open:
        return False
    spent = session.execute(
        select(BudgetUse.spent_cents, BudgetUse.uses).where(BudgetUse.scheme_code == scheme_code)
    ).first()
    cents, uses = spent or (0, 0)
    return _is_reached(ceiling, cents, uses)


def take_from_ceiling(session: Session, *, scheme_code: str, amount_cents: int, ceiling: Ceiling) -> bool:
    """Spend the amount and one use; False when either would go over its limit, and then nothing is taken."""
    budget, most = ceiling.budget_cents, ceiling.total_uses
    if (budget is not None and amount_cents > budget) or most == 0:
        return False
    insert = insert_into(session, BudgetUse).values(scheme_code=scheme_code, spent_cents=amount_cents, uses=1)
    within = []
    if budget is not None:
        within.append(BudgetUse.spent_cents + amount_cents <= budget)
    if most is not None:
        within.append(BudgetUse.uses < most)
    taken = session.execute(
        insert.on_conflict_do_update(
            index_elements=["scheme_code"],
            set_={"spent_cents": BudgetUse.spent_cents + amount_cents, "uses": BudgetUse.uses + 1},
            where=and_(*within) if within else None,
        ).returning(BudgetUse.spent_cents, BudgetUse.uses)
    ).first()
    if taken is not None and _is_reached(ceiling, *taken):
        # From now on every answer is no.
        note_change(session, f"scheme:{scheme_code}")
    return taken is not None


def return_to_ceiling(session: Session, *, scheme_code: str, amount_cents: int) -> None:
    session.execute(
        update(BudgetUse)
        .where(BudgetUse.scheme_code == scheme_code)
        .values(spent_cents=BudgetUse.spent_cents - amount_cents, uses=BudgetUse.uses - 1)
    )
    note_change(session, f"scheme:{scheme_code}")


def _is_reached(ceiling: Ceiling, spent_cents: int, uses: int) -> bool:
    out_of_money = ceiling.budget_cents is not None and spent_cents >= ceiling.budget_cents
    return out_of_money or (ceiling.total_uses is not None and uses >= ceiling.total_uses)
