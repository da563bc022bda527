"""What a citizen has asked for at counters, for themselves or an enterprise, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from backend.benefits.models import BenefitCheck, BenefitScheme, MerchantComplaint, Redemption
from backend.partners.models import Partner


@dataclass(frozen=True)
class Use:
    """One check, and the redemption that followed, if any."""

    check: BenefitCheck
    scheme_name: str
    scene_name: str
    partner_name: str
    redemption: Redemption | None
    complaint: MerchantComplaint | None


def uses_of(
    session: Session, holder_id: int, *, before: tuple[datetime, UUID] | None = None, limit: int = 20
) -> Sequence[Use]:
    """Newest first; `before` is the moment and id of the last check of an earlier page."""
    query: Any = (
        select(BenefitCheck, BenefitScheme, Partner.name, Redemption)
        .join(BenefitScheme, BenefitScheme.id == BenefitCheck.scheme_id)
        .join(Partner, Partner.id == BenefitCheck.partner_id)
        .outerjoin(Redemption, Redemption.check_id == BenefitCheck.id)
        .where(BenefitCheck.holder_id == holder_id)
        .order_by(BenefitCheck.checked_at.desc(), BenefitCheck.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(tuple_(BenefitCheck.checked_at, BenefitCheck.id) < tuple_(*before))
    rows = session.execute(query).all()
    complaints = {
        complaint.check_id: complaint
        for complaint in session.scalars(
            select(MerchantComplaint)
            .where(MerchantComplaint.check_id.in_([check.id for check, *_ in rows]))
            .order_by(MerchantComplaint.filed_at)
        )
    }
    return [
        Use(
            check=check,
            scheme_name=scheme.name,
            scene_name=scheme.document["scene"]["name"],
            partner_name=partner_name,
            redemption=redemption,
            complaint=complaints.get(check.id),
        )
        for check, scheme, partner_name, redemption in rows
    ]
