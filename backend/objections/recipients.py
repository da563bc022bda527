"""Whoever was told something that rested on data since corrected is told so, and the citizen is told who was.

A partner learns no more than that an earlier answer to it no longer stands and that it may ask again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from backend.benefits.fact_catalogue import RECORD_FACTS
from backend.benefits.models import BenefitCheck, BenefitScheme
from backend.benefits.scheme_document import read_document
from backend.city_calendar import city_date
from backend.ledger.models import LedgerEntry
from backend.ledger.service import ACTION_NAMES, Actor, record_access
from backend.notifications.service import Recipient, notify
from backend.objections.models import Objection
from backend.partners.models import Partner
from backend.records.corrected import take_corrections
from backend.records.models import CreditRecord
from backend.scores.policies import policy_of
from backend.scores.service import current_score, enterprises_behind

PLATFORM = Actor(kind="system", id="osmanthus", name="公共信用平台")
_SCORE_FACTS = {"score.total", "enterprise.evaluation"}
# These rest on a check, which is looked up itself, or are part of handling a case.
_NO_ANSWER_OF_ITS_OWN = {
    "benefit_checked",
    "benefit_redeemed",
    "redemption_cancelled",
    "objection_viewed",
    "objection_taken_down",
    "objection_evidence_taken",
    "objection_decided",
    "objection_evidence_viewed",
    "objection_verified",
    "quarantine_opened",
    "repair_viewed",
    "repair_decided",
    "supplement_viewed",
    "supplement_decided",
    "commitment_viewed",
    "commitment_followed_up",
    "referral_answered",
}


@dataclass(frozen=True)
class EarlierAnswer:
    """`about` is `check:id` or `access:id`: what the recipient knows its own question by."""

    partner: Partner
    subject_id: int
    about: str
    at: datetime

    @property
    def number(self) -> str:
        return self.about.partition(":")[2]


def tell_of_upheld_objection(
    session: Session, objection: Objection, *, category: str | None, since: datetime, now: datetime
) -> Sequence[EarlierAnswer]:
    """Everyone who received the wrong data until now."""
    return _tell(
        session,
        subject_id=objection.subject_id,
        case=objection.case,
        category=category,
        between=(since, now),
        basis="异议成立后通知曾获知错误信息者",
        now=now,
    )


def tell_of_department_corrections(session: Session, *, now: datetime, limit: int = 200) -> int:
    """What source departments corrected or took back themselves, without anybody's objection; how many records.

    Run by a worker. Whoever was told of it before, because an objection was upheld, is not told twice.
    """
    corrections = take_corrections(session, now=now, limit=limit)
    for correction in corrections:
        record = correction.record
        _tell(
            session,
            subject_id=record.subject_id,
            case=f"record:{record.id}",
            category=record.category,
            between=(correction.since, correction.until),
            basis="数源单位更正或撤销信息后通知曾获知错误信息者",
            now=now,
        )
    return len(corrections)


def wrong_of_corrections(record: CreditRecord, corrections: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What an officer's corrections show to be wrong in the record, as `records.corrected.wrong_since` takes it;
    without corrections all of it is. Call before correcting."""
    if not corrections:
        return None
    return {
        name: _as_kept(getattr(record, name))
        for name, value in corrections.items()
        if getattr(record, name) != value
    }


def answers_resting_on(
    session: Session, *, subject_id: int, category: str | None, since: datetime, until: datetime
) -> Sequence[EarlierAnswer]:
    """What partners and departments were told since a moment, by moment.

    `category` is that of the corrected record; None when the score itself was wrong. A principal's record also
    counts for the enterprises that it reaches through to.
    """
    concerned = _concerned(session, subject_id, until)
    answers = [
        *_checks(session, subject_id, concerned, category, since, until),
        *_accesses(session, concerned, since, until),
    ]
    return sorted(answers, key=_by_moment)


def disclosures_since(
    session: Session, *, subject_id: int, since: datetime, until: datetime
) -> Sequence[EarlierAnswer]:
    """What partners and departments were given to read since a moment, by moment; a counter's yes or no told them
    nothing of it."""
    return sorted(_accesses(session, _concerned(session, subject_id, until), since, until), key=_by_moment)


def tell_of_each(
    session: Session,
    answers: Sequence[EarlierAnswer],
    *,
    case: str,
    once: str,
    title: str,
    what: str,
    basis: str,
    why: str,
    now: datetime,
) -> Sequence[EarlierAnswer]:
    """Notify everyone who received one of the answers, with a ledger row each; those that were not told before.

    once   an answer is told of once for each such word
    what   what has become of the data behind the answer and what to do, without saying what the data was
    why    the same for the citizen's ledger
    """
    newly_told = [
        answer
        for answer in answers
        if notify(
            session,
            Recipient(partner_code=answer.partner.code),
            kind="earlier_answer_corrected",
            title=title,
            body=f"{city_date(answer.at):%Y-%m-%d} 的答复（编号 {answer.number}）{what}",
            about=answer.about,
            once_key=f"{once}:{answer.about}",
            now=now,
        )
    ]
    for answer in newly_told:
        record_access(
            session,
            subject_id=answer.subject_id,
            actor=PLATFORM,
            action="correction_told",
            basis=basis,
            purpose=f"告知{answer.partner.name}：{why}",
            detail={"case": case, "earlier_answer": answer.about},
            channel="platform",
            now=now,
        )
    return newly_told


def _tell(
    session: Session,
    *,
    subject_id: int,
    case: str,
    category: str | None,
    between: tuple[datetime, datetime],
    basis: str,
    now: datetime,
) -> Sequence[EarlierAnswer]:
    """Notify everyone who received the wrong data, with a ledger row each, and tell the subject who was told."""
    since, until = between
    newly_told = tell_of_each(
        session,
        answers_resting_on(session, subject_id=subject_id, category=category, since=since, until=until),
        case=case,
        once="corrected",
        title="此前一次答复所依据的数据已更正",
        what="所依据的数据已经更正，如仍需要请重新查询。",
        basis=basis,
        why="此前答复所依据的数据已更正",
        now=now,
    )
    if newly_told:
        notify(
            session,
            Recipient(subject_id=subject_id),
            kind="correction_told",
            title="已通知此前获知错误信息的单位",
            body=(
                f"以下单位此前得到的答复依据了错误的信息，现已通知其重新查询：{names_of(newly_told)}。"
                "通知中没有您的任何信息内容。"
            ),
            about=case,
            now=now,
        )
    return newly_told


def _checks(
    session: Session,
    subject_id: int,
    concerned: set[int],
    category: str | None,
    since: datetime,
    until: datetime,
) -> Iterable[EarlierAnswer]:
    rows = session.execute(
        select(BenefitCheck, BenefitScheme, Partner)
        .join(BenefitScheme, BenefitScheme.id == BenefitCheck.scheme_id)
        .join(Partner, Partner.id == BenefitCheck.partner_id)
        .where(
            or_(BenefitCheck.subject_id.in_(concerned), BenefitCheck.holder_id == subject_id),
            BenefitCheck.checked_at >= since,
            BenefitCheck.checked_at <= until,
        )
    ).all()
    in_score = category is None or _score_reads(session, concerned, category)
    rests: dict[UUID, bool] = {}
    for check, scheme, partner in rows:
        if scheme.id not in rests:
            rests[scheme.id] = _rests_on(read_document(scheme.document).facts, category, in_score=in_score)
        if rests[scheme.id]:
            yield EarlierAnswer(partner, check.subject_id, f"check:{check.id}", check.checked_at)


def _rests_on(facts: Iterable[str], category: str | None, *, in_score: bool) -> bool:
    return any(
        (fact in _SCORE_FACTS and in_score) or (fact in RECORD_FACTS and RECORD_FACTS[fact].category == category)
        for fact in facts
    )


def _score_reads(session: Session, subject_ids: Iterable[int], category: str) -> bool:
    """Whether a record of the category counts in any of these scores; without a score nobody was told one."""
    for subject_id in subject_ids:
        score = current_score(session, subject_id)
        if score is not None and category in policy_of(session, score.policy_hash)[0].category_codes:
            return True
    return False


def _accesses(session: Session, concerned: set[int], since: datetime, until: datetime) -> Iterable[EarlierAnswer]:
    """Grades, reports and records that were read: by anyone who is a partner, whatever the kind of reading."""
    entries = session.scalars(
        select(LedgerEntry).where(
            LedgerEntry.subject_id.in_(concerned),
            LedgerEntry.actor_kind.in_(("partner", "department")),
            LedgerEntry.action.in_(ACTION_NAMES.keys() - _NO_ANSWER_OF_ITS_OWN),
            LedgerEntry.at >= since,
            LedgerEntry.at <= until,
        )
    ).all()
    # A department is known to the ledger by its system's code or its own, everybody else by their number.
    known = session.scalars(select(Partner)).all() if entries else ()
    partners = {name: partner for partner in known for name in _names_of_partner(partner)}
    for entry in entries:
        if partner := partners.get(entry.actor_id):
            yield EarlierAnswer(partner, entry.subject_id, f"access:{entry.id}", entry.at)


def _names_of_partner(partner: Partner) -> Iterable[str]:
    return [str(partner.id), partner.code, *([partner.public_code] if partner.public_code else [])]


def names_of(answers: Sequence[EarlierAnswer]) -> str:
    """Who received them, and how many each, for the citizen to read."""
    counted = Counter(answer.partner.name for answer in answers)
    return "、".join(f"{name}（{count} 次答复）" for name, count in sorted(counted.items()))


def _concerned(session: Session, subject_id: int, on: datetime) -> set[int]:
    return {subject_id, *enterprises_behind(session, subject_id, on=city_date(on))}


def _by_moment(answer: EarlierAnswer) -> tuple[datetime, str]:
    return answer.at, answer.about


def _as_kept(value: Any) -> Any:
    """As `facts_at` gives it."""
    return value.isoformat() if hasattr(value, "isoformat") else value
