"""The scanner page at a counter (扫码核销页): the partner API's checks and redemptions, done by a person.

Who did it is remembered beside the check; a store sees and takes back only what was done at its own counter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from backend.authorizations.tokens import PartnerIdentity
from backend.benefits.checks import CheckAnswer, check_benefit
from backend.benefits.errors import CheckNotFound, RedemptionNotFound
from backend.benefits.models import CounterAction, Redemption
from backend.benefits.redemptions import cancel_redemption, redeem
from backend.ephemeral import EphemeralStore
from backend.partners.models import PartnerStaff
from backend.partners.staff import StaffIdentity


@dataclass(frozen=True)
class CounterUse:
    """A redemption at this store, and who did it."""

    redemption: Redemption
    nickname: str


def partner_of(staff: StaffIdentity) -> PartnerIdentity:
    """The partner the staff acts for; the citizen reads the store's name beside the partner's."""
    return PartnerIdentity(
        partner_id=staff.partner_id,
        code=staff.partner_code,
        name=f"{staff.partner_name}（{staff.store_name}）",
        kind=staff.partner_kind,
        scopes=frozenset({"benefit:check", "benefit:redeem"}),
        channel="counter",
    )


def check_at_counter(
    session: Session, store: EphemeralStore, *, staff: StaffIdentity, code: str, scheme_code: str, now: datetime
) -> CheckAnswer:
    """Raises what `checks.check_benefit` raises."""
    answer = check_benefit(session, store, partner=partner_of(staff), code=code, scheme_code=scheme_code, now=now)
    _note(session, answer.check_id, "check", staff, now=now)
    return answer


def redeem_at_counter(
    session: Session, *, staff: StaffIdentity, check_id: UUID, bill_cents: int | None, now: datetime
) -> Redemption:
    """Raises what `redemptions.redeem` raises; a check of another store is reported as not found."""
    if not _is_of_store(session, check_id, staff.store_id):
        raise CheckNotFound
    redemption = redeem(session, partner=partner_of(staff), check_id=check_id, bill_cents=bill_cents, now=now)
    _note(session, check_id, "redeem", staff, now=now)
    return redemption


def cancel_at_counter(session: Session, *, staff: StaffIdentity, redemption_id: UUID, now: datetime) -> Redemption:
    """Raises RedemptionNotFound, also for what was redeemed elsewhere."""
    check_id = session.scalar(select(Redemption.check_id).where(Redemption.id == redemption_id))
    if check_id is None or not _is_of_store(session, check_id, staff.store_id):
        raise RedemptionNotFound
    redemption = cancel_redemption(session, partner=partner_of(staff), redemption_id=redemption_id, now=now)
    _note(session, check_id, "cancel", staff, now=now)
    return redemption


def uses_at_counter(
    session: Session, *, staff: StaffIdentity, since: datetime, limit: int = 100
) -> Sequence[CounterUse]:
    """What was redeemed at this store since a moment, newest first."""
    found = session.execute(
        select(Redemption, PartnerStaff.nickname)
        .join(CounterAction, CounterAction.check_id == Redemption.check_id)
        .join(PartnerStaff, PartnerStaff.id == CounterAction.staff_id)
        .where(
            CounterAction.action == "redeem",
            PartnerStaff.store_id == staff.store_id,
            Redemption.redeemed_at >= since,
        )
        .order_by(Redemption.redeemed_at.desc(), Redemption.id)
        .limit(limit)
    )
    return [CounterUse(redemption, nickname) for redemption, nickname in found]


def _is_of_store(session: Session, check_id: UUID, store_id: UUID) -> bool:
    checked_here = select(CounterAction.check_id).join(
        PartnerStaff,
        and_(PartnerStaff.id == CounterAction.staff_id, PartnerStaff.store_id == store_id),
    )
    found = session.scalar(checked_here.where(CounterAction.check_id == check_id, CounterAction.action == "check"))
    return found is not None


def _note(
    session: Session,
    check_id: UUID,
    action: Literal["check", "redeem", "cancel"],
    staff: StaffIdentity,
    *,
    now: datetime,
) -> None:
    """The first time counts: a repeated request changes nothing."""
    if session.get(CounterAction, (check_id, action)) is None:
        session.add(CounterAction(check_id=check_id, action=action, staff_id=staff.staff_id, at=now))
        session.flush()
