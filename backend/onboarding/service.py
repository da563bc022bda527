"""From an application to a partner at work: filing, deciding, the contract, and its end."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.orm import Session

from backend.authorizations.proposals import ByOfficer, propose_key
from backend.authorizations.tokens import revoke_tokens_of_partner
from backend.benefits.schemes import enrol_provider, schemes_in_force
from backend.city_calendar import city_date
from backend.identifiers import check_social_credit_code
from backend.identifiers.sealing import KeyRing
from backend.notifications.service import Recipient, notify
from backend.onboarding.errors import (
    AlreadyPartner,
    ApplicationAlreadyFiled,
    ApplicationNotFound,
    ApplicationStateForbids,
    ContractNumberTaken,
    ContractPeriodInvalid,
    FirstManagerSignedIn,
    PublicCodeInvalid,
    SchemeUnknown,
    TermsOutdated,
)
from backend.onboarding.models import PartnerApplication, RenewalRequest
from backend.onboarding.states import STATE_NAMES, TRANSITIONS, ApplicationEvent, ApplicationState
from backend.onboarding.terms import terms_on
from backend.partners.errors import PartnerNotFound
from backend.partners.models import Partner, PartnerContract, PartnerKind, PartnerStaff, StaffSignIn
from backend.partners.service import (
    add_key,
    find_partner,
    register_partner,
    reinstate_for_renewed_contract,
    suspend_for_ended_contract,
)
from backend.partners.staff import SignInCode, add_staff, issue_sign_in_code, open_store, staff_at, stores_of

REMIND_BEFORE_END = timedelta(days=30)
_LONGEST_CONTRACT = timedelta(days=5 * 366)
FIRST_MANAGER = "店长"
_RESUMED = "因合同期满停用的核验、核销和接口已经恢复。"
# Whoever answers for new partners in the office.
_OFFICE = Recipient(officer_role="score_officer")


@dataclass(frozen=True)
class Filed:
    """`receipt` is shown once; the applicant has nothing else to come back with."""

    application: PartnerApplication
    receipt: str


def file_application(
    session: Session,
    keys: KeyRing,
    *,
    name: str,
    public_code: str,
    kind: PartnerKind,
    store_name: str,
    contact: Mapping[str, str],
    schemes: Sequence[str],
    terms_digest: str,
    public_jwk: Mapping[str, Any] | None,
    now: datetime,
) -> Filed:
    """Take an application; filing accepts the terms named by `terms_digest`.

    Raises PublicCodeInvalid, TermsOutdated, SchemeUnknown, AlreadyPartner or ApplicationAlreadyFiled.
    """
    code = check_social_credit_code(public_code).normalised
    if code is None:
        raise PublicCodeInvalid
    today = city_date(now)
    terms = terms_on(today)
    if terms.digest != terms_digest:
        raise TermsOutdated
    _check_schemes(session, schemes, on=today)
    if session.scalar(select(Partner.id).where(Partner.public_code == code)):
        raise AlreadyPartner
    if session.scalar(
        select(PartnerApplication.id).where(
            PartnerApplication.public_code == code, PartnerApplication.state == "filed"
        )
    ):
        raise ApplicationAlreadyFiled
    receipt = secrets.token_hex(12).upper()
    application = PartnerApplication(
        receipt_hash=_receipt_hash(receipt),
        name=name,
        public_code=code,
        kind=kind,
        store_name=store_name,
        sealed_contact=keys.seal(json.dumps(dict(contact), ensure_ascii=False)),
        schemes=list(schemes),
        public_jwk=dict(public_jwk) if public_jwk else None,
        terms_from=terms.effective_from,
        terms_digest=terms.digest,
        state="filed",
        filed_at=now,
    )
    session.add(application)
    session.flush()
    notify(
        session,
        _OFFICE,
        kind="partner_application",
        title="新的合作商户申请",
        body=f"{name} 申请成为合作商户，请到“合作商户”审核。",
        about=f"partner_application:{application.id}",
        now=now,
    )
    return Filed(application, receipt)


def application_by_receipt(session: Session, receipt: str) -> PartnerApplication:
    """Raises ApplicationNotFound."""
    found = session.scalars(
        select(PartnerApplication).where(PartnerApplication.receipt_hash == _receipt_hash(receipt))
    ).first()
    if found is None:
        raise ApplicationNotFound
    return found


def withdraw_application(session: Session, *, receipt: str, now: datetime) -> PartnerApplication:
    """Raises ApplicationNotFound or ApplicationStateForbids."""
    return _move(session, application_by_receipt(session, receipt), "withdraw", decided_at=now)


def reject_application(
    session: Session, *, application_id: UUID, reason: str, officer: str, now: datetime
) -> PartnerApplication:
    """Raises ApplicationNotFound or ApplicationStateForbids."""
    application = get_application(session, application_id)
    return _move(session, application, "reject", decided_by=officer, decided_at=now, reason=reason)


def approve_application(
    session: Session,
    *,
    application_id: UUID,
    code: str,
    contract_number: str,
    starts_on: date,
    ends_on: date,
    schemes: Sequence[str],
    by: ByOfficer,
    now: datetime,
) -> PartnerApplication:
    """Countersign: the partner, its contract, its schemes, its first store and manager are there at once or not.

    `schemes` may be fewer or more than were asked for. The manager's sign-in code is fetched by receipt. An
    institution's key waits for a second officer: citizens let it read more than yes or no.

    Raises ApplicationNotFound, ApplicationStateForbids, ContractPeriodInvalid, ContractNumberTaken, SchemeUnknown,
    PartnerCodeInvalid or PartnerExists.
    """
    application = get_application(session, application_id)
    _check_schemes(session, schemes, on=city_date(now))
    _move(session, application, "approve", decided_by=by.name, decided_at=now)
    needs_second = application.kind == "institution" and application.public_jwk is not None
    partner = register_partner(
        session,
        code=code,
        name=application.name,
        kind=application.kind,  # type: ignore[arg-type]
        public_code=application.public_code,
        public_jwk=None if needs_second else application.public_jwk,
        now=now,
    )
    if needs_second and application.public_jwk is not None:
        grounds = f"入驻申请所附公钥，合同 {contract_number}"
        propose_key(session, partner, public_jwk=application.public_jwk, grounds=grounds, by=by, now=now)
    application.partner_id = partner.id
    _sign_contract(
        session,
        partner,
        number=contract_number,
        terms=(application.terms_from, application.terms_digest),
        starts_on=starts_on,
        ends_on=ends_on,
        accepted_at=application.filed_at,
        officer=by.name,
        now=now,
    )
    for scheme in schemes:
        enrol_provider(session, scheme_code=scheme, partner=partner, now=now)
    store = open_store(session, partner, name=application.store_name, now=now)
    add_staff(session, store, nickname=FIRST_MANAGER, role="manager", now=now)
    session.flush()
    return application


def renew_contract(
    session: Session,
    partner: Partner,
    *,
    number: str,
    starts_on: date,
    ends_on: date,
    officer: str,
    now: datetime,
) -> PartnerContract:
    """A further contract under the terms of today, which the partner accepted when it asked, or outside.

    It lifts the suspension that the end of the one before brought, on its first day at the earliest.

    Raises ContractPeriodInvalid or ContractNumberTaken.
    """
    terms = terms_on(city_date(now))
    asked = waiting_renewal(session, partner.id)
    contract = _sign_contract(
        session,
        partner,
        number=number,
        terms=(terms.effective_from, terms.digest),
        starts_on=starts_on,
        ends_on=ends_on,
        accepted_at=asked.asked_at if asked and asked.terms_digest == terms.digest else now,
        officer=officer,
        now=now,
    )
    if asked is not None:
        asked.contract_id = contract.id
    resumed = starts_on <= city_date(now) and reinstate_for_renewed_contract(session, partner, now=now)
    notify(
        session,
        Recipient(partner_code=partner.code),
        kind="contract_renewed",
        title="合作合同已续签",
        body=f"合同 {number}，{starts_on} 至 {ends_on}。{_RESUMED if resumed else ''}",
        now=now,
    )
    return contract


def ask_for_renewal(
    session: Session, partner: Partner, *, terms_digest: str, asked_by: str, now: datetime
) -> RenewalRequest:
    """Asking accepts the terms named by `terms_digest`; asking again while it waits changes nothing.

    Raises TermsOutdated.
    """
    terms = terms_on(city_date(now))
    if terms.digest != terms_digest:
        raise TermsOutdated
    waiting = waiting_renewal(session, partner.id)
    if waiting is not None:
        return waiting
    asked = RenewalRequest(
        partner_id=partner.id,
        terms_from=terms.effective_from,
        terms_digest=terms.digest,
        asked_by=asked_by,
        asked_at=now,
    )
    session.add(asked)
    session.flush()
    notify(
        session,
        _OFFICE,
        kind="renewal_asked",
        title="合作商户申请续签合同",
        body=f"{partner.name} 申请续签，已接受现行合作条款，请到“合作商户”办理。",
        about=f"partner:{partner.code}",
        now=now,
    )
    return asked


def waiting_renewal(session: Session, partner_id: UUID) -> RenewalRequest | None:
    return session.scalars(
        select(RenewalRequest).where(RenewalRequest.partner_id == partner_id, RenewalRequest.contract_id.is_(None))
    ).first()


def end_due_contracts(session: Session, *, now: datetime) -> int:
    """Suspend partners whose last contract is over, and remind those whose last one ends soon; how many ended.
    Those that were suspended for it go on from the first day of a further one.

    Suspending tidies up: whoever's contract is over may not act from that midnight on (`may_act`).
    A partner that was registered without a contract, by the city's own decision, is left alone.
    """
    today, ended = city_date(now), 0
    last_day = (
        select(PartnerContract.partner_id, func.max(PartnerContract.ends_on).label("ends_on"))
        .group_by(PartnerContract.partner_id)
        .subquery()
    )
    rows = session.execute(
        select(Partner, last_day.c.ends_on)
        .join(last_day, last_day.c.partner_id == Partner.id)
        .where(Partner.state == "active", last_day.c.ends_on < today + REMIND_BEFORE_END)
    ).all()
    for partner, ends_on in rows:
        over = ends_on < today
        if over:
            if not suspend_for_ended_contract(session, partner, now=now):
                continue
            revoke_tokens_of_partner(session, partner.id, now=now)
            ended += 1
        title = "合作合同已期满" if over else "合作合同即将期满"
        what = "核验和核销已停止" if over else f"最后一天为 {ends_on}"
        for recipient, kind in ((Recipient(partner_code=partner.code), "partner"), (_OFFICE, "office")):
            notify(
                session,
                recipient,
                kind="contract_ended" if over else "contract_ends_soon",
                title=title,
                body=f"{partner.name} 的{title}：{what}。续签后即可继续。",
                about=f"partner:{partner.code}",
                once_key=f"contract:{kind}:{partner.id}:{ends_on}:{over}",
                now=now,
            )
    _go_on_with_renewed(session, now=now)
    return ended


def first_sign_in_code(session: Session, *, receipt: str, now: datetime) -> SignInCode:
    """For the first manager, as often as needed until they have signed in.

    Raises ApplicationNotFound, ApplicationStateForbids or FirstManagerSignedIn.
    """
    application = application_by_receipt(session, receipt)
    if application.state != "approved" or application.partner_id is None:
        raise ApplicationStateForbids(application.state, _name_of(application))
    manager = _first_manager(session, application.partner_id)
    if manager is None or session.scalar(
        select(StaffSignIn.id).where(StaffSignIn.staff_id == manager.id).limit(1)
    ):
        raise FirstManagerSignedIn
    return issue_sign_in_code(session, manager, now=now)


def get_application(session: Session, application_id: UUID) -> PartnerApplication:
    """Raises ApplicationNotFound."""
    application = session.get(PartnerApplication, application_id)
    if application is None:
        raise ApplicationNotFound
    return application


def contact_of(application: PartnerApplication, keys: KeyRing) -> dict[str, str]:
    contact: dict[str, str] = json.loads(keys.open(application.sealed_contact))
    return contact


def application_queue(
    session: Session, *, only_open: bool, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[PartnerApplication]:
    """Oldest first, so that nobody waits behind who came later."""
    query = select(PartnerApplication).order_by(PartnerApplication.filed_at, PartnerApplication.id).limit(limit)
    if only_open:
        query = query.where(PartnerApplication.state == "filed")
    if after is not None:
        query = query.where(tuple_(PartnerApplication.filed_at, PartnerApplication.id) > tuple_(*after))
    return session.scalars(query).all()


def contracts_of(session: Session, partner_id: UUID) -> Sequence[PartnerContract]:
    """Newest first."""
    return session.scalars(
        select(PartnerContract)
        .where(PartnerContract.partner_id == partner_id)
        .order_by(PartnerContract.ends_on.desc())
    ).all()


@dataclass(frozen=True)
class Sandbox:
    """What a newcomer gets in a demo city: a partner of their own, and a phone for its counter."""

    partner: Partner
    sign_in_code: SignInCode
    schemes: tuple[str, ...]


def open_sandbox(session: Session, *, name: str, public_jwk: Mapping[str, Any], now: datetime) -> Sandbox:
    """A partner that offers everything there is, for trying out. The same key meets its sandbox again.

    The caller makes sure that this city is a demo.
    """
    code = f"sandbox-{sha256(str(public_jwk['kid']).encode()).hexdigest()[:12]}"
    try:
        partner = find_partner(session, code)
    except PartnerNotFound:
        partner = register_partner(
            session, code=code, name=f"{name}（沙箱）", kind="merchant", public_jwk=public_jwk, now=now
        )
        store = open_store(session, partner, name="沙箱门店", now=now)
        add_staff(session, store, nickname=FIRST_MANAGER, role="manager", now=now)
    schemes = tuple(one.rules.code for one in schemes_in_force(session, city_date(now)))
    for scheme in schemes:
        enrol_provider(session, scheme_code=scheme, partner=partner, now=now)
    manager = _first_manager(session, partner.id)
    if manager is None:
        raise FirstManagerSignedIn
    add_key(session, partner, public_jwk=public_jwk, now=now)
    return Sandbox(partner, issue_sign_in_code(session, manager, now=now), schemes)


def _first_manager(session: Session, partner_id: UUID) -> PartnerStaff | None:
    stores = stores_of(session, partner_id)
    staff = staff_at(session, stores[0].id) if stores else ()
    return next((one for one in staff if one.role == "manager" and one.state == "active"), None)


def _go_on_with_renewed(session: Session, *, now: datetime) -> None:
    """Those whose further contract was signed ahead of its first day."""
    today = city_date(now)
    running = select(PartnerContract.partner_id).where(
        PartnerContract.starts_on <= today, PartnerContract.ends_on >= today
    )
    for partner in session.scalars(select(Partner).where(Partner.state == "suspended", Partner.id.in_(running))):
        if reinstate_for_renewed_contract(session, partner, now=now):
            notify(
                session,
                Recipient(partner_code=partner.code),
                kind="contract_renewed",
                title="续签的合作合同已开始",
                body=_RESUMED,
                now=now,
            )


def _sign_contract(
    session: Session,
    partner: Partner,
    *,
    number: str,
    terms: tuple[date, str],
    starts_on: date,
    ends_on: date,
    accepted_at: datetime,
    officer: str,
    now: datetime,
) -> PartnerContract:
    if ends_on < max(starts_on, city_date(now)) or ends_on - starts_on > _LONGEST_CONTRACT:
        raise ContractPeriodInvalid
    if session.scalar(select(PartnerContract.id).where(PartnerContract.number == number)):
        raise ContractNumberTaken(number)
    contract = PartnerContract(
        number=number,
        partner_id=partner.id,
        terms_from=terms[0],
        terms_digest=terms[1],
        starts_on=starts_on,
        ends_on=ends_on,
        accepted_at=accepted_at,
        countersigned_by=officer,
        countersigned_at=now,
    )
    session.add(contract)
    session.flush()
    return contract


def _check_schemes(session: Session, schemes: Sequence[str], *, on: date) -> None:
    known = {one.rules.code for one in schemes_in_force(session, on)}
    if unknown := sorted(set(schemes) - known):
        raise SchemeUnknown(unknown)


def _move(
    session: Session, application: PartnerApplication, event: ApplicationEvent, **changes: Any
) -> PartnerApplication:
    before: ApplicationState = application.state  # type: ignore[assignment]
    after = TRANSITIONS.get((before, event))
    if after is None:
        raise ApplicationStateForbids(before, STATE_NAMES[before])
    moved = session.execute(
        update(PartnerApplication)
        .where(PartnerApplication.id == application.id, PartnerApplication.state == before)
        .values(state=after, **changes)
        .returning(PartnerApplication.id)
        .execution_options(synchronize_session=False)
    ).first()
    session.refresh(application)
    if moved is None:
        raise ApplicationStateForbids(application.state, _name_of(application))
    return application


def _name_of(application: PartnerApplication) -> str:
    return STATE_NAMES[application.state]  # type: ignore[index]


def _receipt_hash(receipt: str) -> bytes:
    return sha256(receipt.strip().upper().encode()).digest()
