"""How often and up to which sum: quota per subject and period, budget per scheme.

Taking is one conditional statement each, so any number of parallel redemptions together never exceed the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlalchemy import select, update
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


def budget_left(session: Session, *, scheme_code: str, budget_cents: int) -> int:
    """Cents."""
    spent = session.scalar(select(BudgetUse.spent_cents).where(BudgetUse.scheme_code == scheme_code)) or 0
    return budget_cents - spent


def take_budget(session: Session, *, scheme_code: str, amount_cents: int, budget_cents: int) -> bool:
    """Spend the amount; False when it would go over the budget, and then nothing is spent."""
    if amount_cents > budget_cents:
        return False
    insert = insert_into(session, BudgetUse).values(scheme_code=scheme_code, spent_cents=amount_cents)
    taken = session.execute(
        insert.on_conflict_do_update(
            index_elements=["scheme_code"],
            set_={"spent_cents": BudgetUse.spent_cents + amount_cents},
            where=BudgetUse.spent_cents + amount_cents <= budget_cents,
        ).returning(BudgetUse.spent_cents)
    ).first()
    if taken is not None and taken.spent_cents >= budget_cents:
        # From now on every answer is no.
        note_change(session, f"scheme:{scheme_code}")
    return taken is not None


def return_budget(session: Session, *, scheme_code: str, amount_cents: int) -> None:
    session.execute(
        update(BudgetUse)
        .where(BudgetUse.scheme_code == scheme_code)
        .values(spent_cents=BudgetUse.spent_cents - amount_cents)
    )
    note_change(session, f"scheme:{scheme_code}")
