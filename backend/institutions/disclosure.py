"""What an institution reads about a citizen or an enterprise: exactly what the consent covers, each time with its
ledger row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from backend.authorizations.models import Consent
from backend.authorizations.service import use_consent
from backend.authorizations.tokens import PartnerIdentity
from backend.city_calendar import city_date
from backend.identifiers.sealing import KeyRing
from backend.ledger.service import Actor, record_access
from backend.reports.facts import gather_facts
from backend.reports.wording import words_of_sections
from backend.scores.errors import NoScoreYet
from backend.scores.models import Score
from backend.scores.policies import policy_of
from backend.scores.service import current_score
from backend.subjects.models import Subject
from backend.subjects.service import get_subject, masked_identifier, masked_name
from scoring.policy import Policy

CHANNEL = "institution_api"
_ACTIONS = {"score:read": "score_viewed", "grade:read": "grade_read", "report:read": "report_read"}


@dataclass(frozen=True)
class Identity:
    """Enough to see that the one who consented is the institution's own customer, and no more. What an enterprise
    is called is public and stays whole."""

    kind: str
    masked_name: str
    masked_identifier: str


@dataclass(frozen=True)
class DisclosedScore:
    """In hundredths of a point."""

    subject: Identity
    total: int
    minimum: int
    maximum: int
    policy: str
    as_of: date


@dataclass(frozen=True)
class DisclosedGrade:
    subject: Identity
    grade: str
    grade_name: str
    policy: str
    as_of: date


@dataclass(frozen=True)
class DisclosedReport:
    """Sections as in the printed report without score: by category, newest first."""

    subject: Identity
    sections: Sequence[Mapping[str, object]]
    as_of: date


def disclose_score(session: Session, keys: KeyRing, partner: PartnerIdentity, now: datetime) -> DisclosedScore:
    """Raises ConsentNotUsable, or NoScoreYet while there is none."""
    subject = _disclose(session, partner, "score:read", now)
    score, policy = _score(session, subject)
    return DisclosedScore(
        _identity(keys, subject), score.total, policy.minimum, policy.maximum, _named(policy), score.as_of
    )


def disclose_grade(session: Session, keys: KeyRing, partner: PartnerIdentity, now: datetime) -> DisclosedGrade:
    """Raises ConsentNotUsable, or NoScoreYet while there is none."""
    subject = _disclose(session, partner, "grade:read", now)
    score, policy = _score(session, subject)
    name = next(grade.name for grade in policy.grades if grade.code == score.grade)
    return DisclosedGrade(_identity(keys, subject), score.grade, name, _named(policy), score.as_of)


def disclose_report(session: Session, keys: KeyRing, partner: PartnerIdentity, now: datetime) -> DisclosedReport:
    """What the report without score prints. Raises ConsentNotUsable."""
    subject = _disclose(session, partner, "report:read", now)
    today = city_date(now)
    facts = gather_facts(session, subject.id, stationery="without_score", today=today)
    return DisclosedReport(_identity(keys, subject), words_of_sections(facts), today)


def note_use(
    session: Session, consent: Consent, partner: PartnerIdentity, *, action: str, told: str, now: datetime
) -> None:
    """The ledger row of one disclosure; later uses are counted by it."""
    given_on = city_date(consent.given_at or now)
    whose = "您的授权" if consent.given_by_id is None else "法定代表人代表企业的授权"
    record_access(
        session,
        subject_id=consent.subject_id,
        actor=Actor(kind="partner", id=str(partner.partner_id), name=partner.name),
        action=action,
        basis=f"{whose}（{given_on:%Y-%m-%d}）",
        purpose=consent.purpose,
        detail={"consent": str(consent.id), "told": told},
        channel=CHANNEL,
        now=now,
    )


def _disclose(session: Session, partner: PartnerIdentity, scope: str, now: datetime) -> Subject:
    partner.check_has_scope(scope)
    consent = use_consent(
        session, consent_id=partner.consents[scope], partner_id=partner.partner_id, scope=scope, now=now
    )
    note_use(session, consent, partner, action=_ACTIONS[scope], told=consent.output, now=now)
    return get_subject(session, consent.subject_id)


def _score(session: Session, subject: Subject) -> tuple[Score, Policy]:
    score = current_score(session, subject.id)
    if score is None:
        raise NoScoreYet
    return score, policy_of(session, score.policy_hash)[0]


def _named(policy: Policy) -> str:
    return f"{policy.name} {policy.version}"


def _identity(keys: KeyRing, subject: Subject) -> Identity:
    return Identity(subject.kind, masked_name(keys, subject), masked_identifier(keys, subject))
