"""How much a partner has used the service (用量): checks and redemptions by day, scheme and store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from backend.benefits.errors import PeriodInvalid
from backend.benefits.models import BenefitCheck, BenefitScheme, CounterAction, Redemption, RedemptionCancellation
from backend.city_calendar import city_date, start_of_day
from backend.partners.models import PartnerStaff, PartnerStore

LONGEST_PERIOD = timedelta(days=92)
BY_API = "接口"


@dataclass(frozen=True)
class UsageLine:
    """`store` is 接口 for what came over the partner API."""

    day: date
    scheme_code: str
    store: str
    checks: int
    eligible: int
    redemptions: int
    cancellations: int


def usage_of(session: Session, *, partner_id: UUID, first: date, last: date) -> Sequence[UsageLine]:
    """Newest day first; each check counts on the day it was made, with what became of it. Nothing about customers.

    Raises PeriodInvalid.
    """
    if last < first or last - first > LONGEST_PERIOD:
        raise PeriodInvalid(LONGEST_PERIOD.days)
    rows = session.execute(
        select(
            BenefitCheck.checked_at,
            BenefitScheme.code,
            func.coalesce(PartnerStore.name, BY_API),
            case((BenefitCheck.eligible, 1), else_=0),
            case((Redemption.id.is_not(None), 1), else_=0),
            case((RedemptionCancellation.redemption_id.is_not(None), 1), else_=0),
        )
        .join(BenefitScheme, BenefitScheme.id == BenefitCheck.scheme_id)
        .outerjoin(CounterAction, (CounterAction.check_id == BenefitCheck.id) & (CounterAction.action == "check"))
        .outerjoin(PartnerStaff, PartnerStaff.id == CounterAction.staff_id)
        .outerjoin(PartnerStore, PartnerStore.id == PartnerStaff.store_id)
        .outerjoin(Redemption, Redemption.check_id == BenefitCheck.id)
        .outerjoin(RedemptionCancellation, RedemptionCancellation.redemption_id == Redemption.id)
        .where(
            BenefitCheck.partner_id == partner_id,
            BenefitCheck.checked_at >= start_of_day(first),
            BenefitCheck.checked_at < start_of_day(last + timedelta(days=1)),
        ),
        execution_options={"yield_per": 5000},
    )
    sums: dict[tuple[date, str, str], list[int]] = {}
    for at, scheme_code, store, *counts in rows:
        line = sums.setdefault((city_date(at), scheme_code, store), [0, 0, 0, 0])
        for place, number in enumerate((1, *counts)):
            line[place] += number
    return [
        UsageLine(*place, *counts)
        for place, counts in sorted(sums.items(), key=lambda one: (-one[0][0].toordinal(), one[0][1:]))
    ]
