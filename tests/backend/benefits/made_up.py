"""Citizens with a score, partners and schemes for the tests of benefits."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.authorizations.service import give_activation
from backend.authorizations.tokens import PARTNER_SCOPES, PartnerIdentity
from backend.benefits.codes import issue_code
from backend.benefits.schemes import enrol_provider, import_scheme, put_into_effect
from backend.city_calendar import city_date
from backend.jobs.models import Job
from backend.partners.keys import generate_private_jwk, public_part
from backend.partners.service import register_partner
from backend.scores.models import PolicyVersion, PublishedRun, Score, ScoreRun
from backend.subjects.models import Subject
from tests.factories import add_person

_POLICIES = {
    kind: files("scoring").joinpath(f"policies/{name}.yaml").read_text("utf-8")
    for kind, name in (("person", "guihua"), ("enterprise", "enterprise"))
}

SCORE_120 = {"fact": "score.total", "op": "ge", "value": 12000, "reason": "信用分达到 120 分。"}


def document(**changes: Any) -> dict[str, Any]:
    """A scheme that asks for 120 points and settles nothing."""
    return {
        "code": "pool_ticket",
        "version": 1,
        "scene": {"code": "swimming", "name": "信易泳"},
        "name": "泳池优惠",
        "summary": "泳池门票优惠。",
        "audience": "person",
        "basis": "合作协议",
        "effective_from": "2026-01-01",
        "conditions": SCORE_120,
        "tiers": [{"code": "half", "name": "半价", "terms": {"summary": "门票 5 折", "percent_off": 50}}],
        "settlement": "none",
        **changes,
    }


def add_scheme(session: Session, now: datetime, **changes: Any) -> str:
    """An approved scheme; its code."""
    scheme = import_scheme(session, document(**changes), drafted_by="张起草", now=now)
    put_into_effect(session, scheme, submitted_by="张起草", approved_by="李批准", now=now)
    return scheme.code


def add_merchant(
    session: Session,
    now: datetime,
    *,
    code: str = "guicheng-pool",
    name: str = "桂城泳池",
    offers: tuple[str, ...],
) -> PartnerIdentity:
    partner = register_partner(
        session, code=code, name=name, kind="merchant", public_jwk=public_part(generate_private_jwk()), now=now
    )
    for scheme_code in offers:
        enrol_provider(session, scheme_code=scheme_code, partner=partner, now=now)
    return PartnerIdentity(
        partner_id=partner.id,
        code=partner.code,
        name=partner.name,
        kind=partner.kind,
        scopes=frozenset(PARTNER_SCOPES),
    )


def add_scored_person(session: Session, keys: Any, now: datetime, *, total: int = 125_00, **facts: Any) -> Subject:
    """A citizen who has activated and has a published score (hundredths)."""
    person = add_person(session, keys, **facts)
    give_activation(session, person, notice_version=ACTIVATION_NOTICE.version, evidence={}, now=now)
    set_score(session, person, total=total, now=now)
    return person


def set_score(session: Session, subject: Subject, *, total: int, now: datetime, grade: str = "silver") -> None:
    """Publish a newer revision of the subject's score."""
    run_id, policy_hash = _published_run(session, subject.kind, now)
    revision = len(
        session.scalars(select(Score.id).where(Score.run_id == run_id, Score.subject_id == subject.id)).all()
    )
    session.add(
        Score(
            run_id=run_id,
            subject_id=subject.id,
            revision=revision,
            total=total,
            grade=grade,
            contributions={},
            as_of=city_date(now),
            policy_hash=policy_hash,
            computed_at=now,
            cause="test",
        )
    )
    session.flush()


def show_code(session: Session, store: Any, holder: Subject, now: datetime, scheme: str | None = None) -> str:
    return issue_code(session, store, holder=holder, scheme_code=scheme, now=now).code


def _published_run(session: Session, subject_kind: str, now: datetime) -> tuple[Any, str]:
    published = session.get(PublishedRun, subject_kind)
    if published is not None:
        return published.run_id, session.get_one(ScoreRun, published.run_id).policy_hash
    policy_hash = f"{subject_kind}-policy"
    job = Job(id=uuid4(), kind="score_run", arguments={}, state="done", attempts=1, enqueued_at=now)
    session.add_all(
        [
            job,
            PolicyVersion(
                hash=policy_hash,
                code=subject_kind,
                version="1",
                name="测试方案",
                subject_kind=subject_kind,
                document=_POLICIES[subject_kind],
                effective_from=city_date(now),
                adopted_at=now,
                adopted_by="测试",
            ),
        ]
    )
    session.flush()
    run = ScoreRun(
        subject_kind=subject_kind,
        policy_hash=policy_hash,
        as_of=city_date(now),
        state="published",
        started_at=now,
        started_by="测试",
        job_id=job.id,
        published_at=now,
    )
    session.add(run)
    session.flush()
    session.add(PublishedRun(subject_kind=subject_kind, run_id=run.id, published_at=now))
    session.flush()
    return run.id, policy_hash
