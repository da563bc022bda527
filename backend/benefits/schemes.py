"""Taking schemes in, approving them by a second person, finding the version in force, and who offers it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.benefits.errors import SchemeNotFound, SchemeNotInState, SchemeVersionExists, SecondPersonRequired
from backend.benefits.models import BenefitScheme, SchemeProvider
from backend.benefits.scheme_document import (
    Scheme,
    check_document,
    digest_of,
    read_document,
    shipped_documents,
)
from backend.benefits.simulation import simulate
from backend.city_calendar import city_date
from backend.database import note_change
from backend.partners.models import Partner


@dataclass(frozen=True)
class SchemeInForce:
    """A version with the id that checks refer to."""

    id: UUID
    rules: Scheme


def import_scheme(
    session: Session, document: Mapping[str, Any], *, drafted_by: str, now: datetime
) -> BenefitScheme:
    """Take a document in as a draft. The same document again is the same scheme; nothing changes.

    Raises SchemeInvalid or SchemeVersionExists.
    """
    rules = check_document(document)
    digest = digest_of(document)
    known = _version(session, rules.code, rules.version)
    if known is not None:
        if known.digest != digest:
            raise SchemeVersionExists(rules.code, rules.version)
        return known
    scheme = BenefitScheme(
        code=rules.code,
        version=rules.version,
        name=rules.name,
        scene=rules.scene,
        audience=rules.audience,
        document=dict(document),
        digest=digest,
        budget_cents=rules.budget_cents,
        effective_from=rules.effective_from,
        effective_to=rules.effective_to,
        state="draft",
        drafted_by=drafted_by,
        drafted_at=now,
    )
    session.add(scheme)
    session.flush()
    return scheme


def simulate_scheme(session: Session, *, code: str, version: int, now: datetime) -> BenefitScheme:
    """Work out who would gain and who would lose, and keep it with the version. Can be done again until submitted.

    Raises SchemeNotFound, SchemeNotInState or ReadingsDisagree.
    """
    scheme = _locked(session, code, version, "draft", "simulated")
    rules = read_document(scheme.document)
    today = city_date(now)
    try:
        in_force = scheme_in_force(session, code, today).rules
    except SchemeNotFound:
        in_force = None
    found = simulate(session, rules, in_force=in_force, on=today)
    scheme.simulation, scheme.simulated_at, scheme.state = found.as_json(), now, "simulated"
    session.flush()
    return scheme


def submit_scheme(session: Session, *, code: str, version: int, submitted_by: str, now: datetime) -> BenefitScheme:
    """Put a simulated version before the second person. Raises SchemeNotFound or SchemeNotInState."""
    scheme = _locked(session, code, version, "simulated")
    scheme.state, scheme.submitted_by, scheme.submitted_at = "submitted", submitted_by, now
    scheme.returned_because = None
    session.flush()
    return scheme


def approve_scheme(session: Session, *, code: str, version: int, approved_by: str, now: datetime) -> BenefitScheme:
    """Put a submitted version into effect from its own date.

    Raises SchemeNotFound, SchemeNotInState or SecondPersonRequired.
    """
    scheme = _by_second_person(session, code, version, approved_by)
    scheme.state, scheme.approved_by, scheme.approved_at = "approved", approved_by, now
    session.flush()
    note_change(session, "configuration", f"scheme:{code}")
    return scheme


def return_scheme(
    session: Session, *, code: str, version: int, returned_by: str, reason: str, now: datetime
) -> BenefitScheme:
    """Send a submitted version back to its author, who simulates and submits it again or drafts another version.

    Raises SchemeNotFound, SchemeNotInState or SecondPersonRequired.
    """
    scheme = _by_second_person(session, code, version, returned_by)
    scheme.state, scheme.returned_because = "draft", f"{returned_by}（{city_date(now)}）：{reason}"
    session.flush()
    return scheme


def _by_second_person(session: Session, code: str, version: int, person: str) -> BenefitScheme:
    scheme = _locked(session, code, version, "submitted")
    if person in (scheme.drafted_by, scheme.submitted_by):
        raise SecondPersonRequired
    return scheme


def _locked(session: Session, code: str, version: int, *states: str) -> BenefitScheme:
    scheme = session.scalars(
        select(BenefitScheme).where(BenefitScheme.code == code, BenefitScheme.version == version).with_for_update()
    ).first()
    if scheme is None:
        raise SchemeNotFound
    if scheme.state not in states:
        raise SchemeNotInState(scheme.state)
    return scheme


def install_shipped_schemes(session: Session, *, drafted_by: str, approved_by: str, now: datetime) -> int:
    """Take in and approve the schemes that come with the product; how many were new. Again changes nothing."""
    fresh = 0
    for document in shipped_documents():
        scheme = import_scheme(session, document, drafted_by=drafted_by, now=now)
        if scheme.state == "draft":
            put_into_effect(session, scheme, submitted_by=drafted_by, approved_by=approved_by, now=now)
            fresh += 1
    return fresh


def put_into_effect(
    session: Session, scheme: BenefitScheme, *, submitted_by: str, approved_by: str, now: datetime
) -> None:
    """The whole way of a draft in one go: simulated, submitted, approved by another person."""
    code, version = scheme.code, scheme.version
    simulate_scheme(session, code=code, version=version, now=now)
    submit_scheme(session, code=code, version=version, submitted_by=submitted_by, now=now)
    approve_scheme(session, code=code, version=version, approved_by=approved_by, now=now)


def schemes_in_force(session: Session, on: date) -> Sequence[SchemeInForce]:
    """Of every scheme the approved version with the latest date of effect, if it still runs on the day."""
    newest: dict[str, BenefitScheme] = {}
    for scheme in session.scalars(
        select(BenefitScheme)
        .where(BenefitScheme.state == "approved", BenefitScheme.effective_from <= on)
        .order_by(BenefitScheme.code, BenefitScheme.effective_from, BenefitScheme.version)
    ):
        newest[scheme.code] = scheme
    return [
        SchemeInForce(id=scheme.id, rules=read_document(scheme.document))
        for scheme in newest.values()
        if scheme.effective_to is None or on <= scheme.effective_to
    ]


def scheme_in_force(session: Session, code: str, on: date) -> SchemeInForce:
    """Raises SchemeNotFound."""
    scheme = session.scalars(
        select(BenefitScheme)
        .where(BenefitScheme.code == code, BenefitScheme.state == "approved", BenefitScheme.effective_from <= on)
        .order_by(BenefitScheme.effective_from.desc(), BenefitScheme.version.desc())
        .limit(1)
    ).first()
    if scheme is None or (scheme.effective_to is not None and on > scheme.effective_to):
        raise SchemeNotFound
    return SchemeInForce(id=scheme.id, rules=read_document(scheme.document))


def version_by_id(session: Session, scheme_id: UUID) -> SchemeInForce:
    """Any approved version, in force or not: checks refer to the one they were answered by."""
    return SchemeInForce(id=scheme_id, rules=read_document(session.get_one(BenefitScheme, scheme_id).document))


def all_versions(session: Session) -> Sequence[BenefitScheme]:
    return session.scalars(select(BenefitScheme).order_by(BenefitScheme.code, BenefitScheme.version)).all()


def get_version(session: Session, *, code: str, version: int) -> BenefitScheme:
    """Raises SchemeNotFound."""
    scheme = _version(session, code, version)
    if scheme is None:
        raise SchemeNotFound
    return scheme


def enrol_provider(session: Session, *, scheme_code: str, partner: Partner, now: datetime) -> None:
    """Let a partner offer a scheme. Raises SchemeNotFound for a code that no version has."""
    if session.scalar(select(BenefitScheme.id).where(BenefitScheme.code == scheme_code).limit(1)) is None:
        raise SchemeNotFound
    if not is_provider(session, scheme_code=scheme_code, partner_id=partner.id):
        session.add(SchemeProvider(scheme_code=scheme_code, partner_id=partner.id, enrolled_at=now))
        session.flush()
        note_change(session, "configuration")


def withdraw_provider(session: Session, *, scheme_code: str, partner: Partner) -> None:
    """The partner offers it no more; withdrawing twice is harmless."""
    offer = session.get(SchemeProvider, (scheme_code, partner.id))
    if offer is not None:
        session.delete(offer)
        session.flush()
        note_change(session, "configuration")


def is_provider(session: Session, *, scheme_code: str, partner_id: UUID) -> bool:
    return session.get(SchemeProvider, (scheme_code, partner_id)) is not None


def schemes_offered_by(session: Session, partner_id: UUID, on: date) -> Sequence[SchemeInForce]:
    codes = set(session.scalars(select(SchemeProvider.scheme_code).where(SchemeProvider.partner_id == partner_id)))
    return [scheme for scheme in schemes_in_force(session, on) if scheme.rules.code in codes]


def provider_names(session: Session, scheme_codes: Collection[str]) -> Mapping[str, Sequence[str]]:
    """Names of the active partners that offer each scheme."""
    names: dict[str, list[str]] = {code: [] for code in scheme_codes}
    for code, name in session.execute(
        select(SchemeProvider.scheme_code, Partner.name)
        .join(Partner, Partner.id == SchemeProvider.partner_id)
        .where(SchemeProvider.scheme_code.in_(scheme_codes), Partner.state == "active")
        .order_by(Partner.name)
    ):
        names[code].append(name)
    return names


def _version(session: Session, code: str, version: int) -> BenefitScheme | None:
    return session.scalars(
        select(BenefitScheme).where(BenefitScheme.code == code, BenefitScheme.version == version)
    ).first()
