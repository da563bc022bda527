"""Initiating a joint incentive, responding to it, feeding back what was done, and reading how it stands.

Incentives only: whoever is named must be on the red list of the ground on the day, measures come from the rules'
list, and what a subject reads is what was done for it. A natural person is told to no department without their own
consent, which names the departments, the purpose, the data and the term (PIPL art. 23).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.authorizations.models import Consent
from backend.authorizations.notices import SHARING_NOTICE
from backend.authorizations.service import Asked, request_sharing
from backend.authorizations.terms import terms_on
from backend.cases.queue import CaseQueue, next_working_day
from backend.cases.service import CaseKind
from backend.cases.telling import said
from backend.catalogue.service import known_categories
from backend.city_calendar import WorkingDays, city_date
from backend.identifiers.sealing import KeyRing
from backend.joint_incentives.errors import (
    AlreadyFedBack,
    DepartmentsMissing,
    DoneInFuture,
    ExplanationMissing,
    IncentiveNotFound,
    IncentiveStateForbids,
    MeasureNotOffered,
    NotIncludedNow,
    SubjectsMissing,
    SubjectsNotEligible,
)
from backend.joint_incentives.models import (
    IncentiveDeed,
    IncentiveRequest,
    IncentiveRequestEvent,
    IncentiveSubject,
    JointIncentive,
)
from backend.joint_incentives.rules import Ground, incentive_rules_on
from backend.joint_incentives.states import ON_THE_CLOCK, STATE_NAMES, RequestState, state_after
from backend.ledger.service import Actor, record_access
from backend.lists.service import RedListEntry, red_list_standing
from backend.notifications.service import Recipient, notify
from backend.records.departments import SourceDepartment, department_by_code
from backend.subjects.models import Subject
from backend.subjects.service import get_subject, match_identifiers

OVERSEEN_BY = "data_officer"
CHANNEL = "joint_incentive"
OFFICE = "市社会信用管理办公室"

Response = Literal["accepted", "declined"]
ConsentNow = Literal["not_needed", "waiting", "given", "not_given"]


def _forbids(state: str) -> IncentiveStateForbids:
    return IncentiveStateForbids(state, STATE_NAMES[state])  # type: ignore[index]


CASES = CaseKind(
    "joint_incentive",
    IncentiveRequest,
    IncentiveRequestEvent,
    IncentiveRequestEvent.request_id,
    state_after,
    _forbids,
)
QUEUE = CaseQueue(IncentiveRequest, ON_THE_CLOCK)
events_of, queue_place, is_overdue = CASES.steps_of, QUEUE.place, QUEUE.is_overdue
_said = partial(said, missing=ExplanationMissing)


@dataclass(frozen=True)
class Party:
    """Who acts or reads: a department, or the credit office (None), and who in it.

    `actor` is what the subjects read in their ledger.
    """

    department: SourceDepartment | None
    by: str
    actor: Actor

    @property
    def code(self) -> str | None:
        return self.department.code if self.department else None

    @property
    def name(self) -> str:
        return self.department.name if self.department else OFFICE


@dataclass(frozen=True)
class Included:
    """One subject of an incentive as it stands now.

    listed   whether it is on the ground's red list today
    consent  a natural person's own
    """

    row: IncentiveSubject
    subject: Subject
    listed: bool
    consent: ConsentNow
    deeds: Sequence[IncentiveDeed]

    @property
    def may_be_told(self) -> bool:
        return self.consent in ("not_needed", "given")


@dataclass(frozen=True)
class IncentiveState:
    """`due_on` of the request whose clock runs out first."""

    incentive: JointIncentive
    requests: Sequence[IncentiveRequest]
    subjects: int
    deeds: int

    @property
    def open(self) -> bool:
        return any(request.state in ON_THE_CLOCK for request in self.requests)

    @property
    def due_on(self) -> date | None:
        due = [one.due_on for one in self.requests if one.state in ON_THE_CLOCK and one.due_on]
        return min(due, default=None)


# --- the initiator ----------------------------------------------------------------------------------------------


def initiate(
    session: Session,
    keys: KeyRing,
    *,
    party: Party,
    ground: str,
    matter: str,
    measures: Sequence[str],
    departments: Sequence[str],
    identifiers: Sequence[str],
    now: datetime,
    working_days: WorkingDays,
) -> JointIncentive:
    """Name the subjects, offer measures and ask departments; every subject reads of it in its ledger.

    A department may name any enterprise or organisation on the published list, and of natural persons only those
    whose award it reported itself: nobody learns here that a person is on a red list.

    Raises GroundUnknown, MeasureNotOffered, DepartmentsMissing, SubjectsMissing, SubjectsNotEligible,
    DepartmentNotInCatalogue or CalendarYearUnknown.
    """
    today = city_date(now)
    rules = incentive_rules_on(today)
    on_ground = rules.ground(ground)
    wanted = list(dict.fromkeys(departments))
    if not wanted or len(wanted) != len(departments) or party.code in wanted:
        raise DepartmentsMissing
    asked = [department_by_code(session, code, today) for code in wanted]
    subjects = _eligible(session, keys, identifiers, on_ground, party, today, most=rules.most_subjects)
    offered = list(dict.fromkeys(measures))
    kinds = {subject.kind for subject in subjects}
    if not offered or any(not kinds & set(rules.measure(code).subject_kinds) for code in offered):
        raise MeasureNotOffered
    incentive = JointIncentive(
        ground=on_ground.code,
        ground_name=on_ground.name,
        basis=on_ground.basis,
        matter=matter.strip(),
        measures=offered,
        initiator_code=party.code,
        initiator=party.name,
        initiated_by=party.by,
        initiated_at=now,
    )
    session.add(incentive)
    session.flush()
    for subject in subjects:
        _include(session, incentive, subject, asked, now=now)
        note_look(session, incentive, subject.id, party.actor, action="incentive_initiated", now=now)
    due_on = working_days.due_after(today, rules.response_days)
    for department in asked:
        _ask(session, incentive, department, due_on, len(subjects), party=party, now=now)
    session.flush()
    return incentive


def _eligible(
    session: Session,
    keys: KeyRing,
    identifiers: Sequence[str],
    ground: Ground,
    party: Party,
    today: date,
    *,
    most: int,
) -> Sequence[Subject]:
    given = [text.strip() for text in identifiers]
    if not given or len(given) > most:
        raise SubjectsMissing(most)
    found = match_identifiers(session, keys, given)
    subjects: dict[int, Subject] = {}
    wrong = []
    for place, text in enumerate(given, start=1):
        subject = get_subject(session, found[text]) if text in found else None
        if subject is None or subject.id in subjects or not _may_name(session, subject, ground, party, today):
            wrong.append(place)
        else:
            subjects[subject.id] = subject
    if wrong:
        raise SubjectsNotEligible(wrong)
    return list(subjects.values())


def _may_name(session: Session, subject: Subject, ground: Ground, party: Party, today: date) -> bool:
    entries = entries_on_ground(session, subject, ground.red_list, today)
    if subject.kind != "person" or party.department is None:
        return bool(entries)
    categories = known_categories(session, today)
    return any(categories[entry.record.category].source_department_code == party.code for entry in entries)


def entries_on_ground(session: Session, subject: Subject, red_list: str, today: date) -> Sequence[RedListEntry]:
    standing = red_list_standing(session, subject, on=today)
    return [entry for entry in standing.entries if entry.red_list.code == red_list]


def _include(
    session: Session,
    incentive: JointIncentive,
    subject: Subject,
    asked: Sequence[SourceDepartment],
    *,
    now: datetime,
) -> None:
    row = IncentiveSubject(incentive_id=incentive.id, subject_id=subject.id)
    session.add(row)
    if subject.kind == "person":
        today = city_date(now)
        days = min(incentive_rules_on(today).consent_days, terms_on(today).longest_days)
        row.consent_id = request_sharing(
            session,
            subject,
            Asked(
                recipient="、".join(department.name for department in asked),
                purpose=f"联合激励“{incentive.matter}”",
                data_categories=["姓名和公民身份号码", f"列入红名单（{incentive.ground_name}）"],
                output="姓名、公民身份号码和列入红名单这一事实，用于为您办理激励措施；不含信用分和其他记录",
                scopes=[],
                mode="until_expiry",
                longest_days=days,
                notice_version=SHARING_NOTICE.version,
            ),
            now=now,
        ).id
        return
    notify(
        session,
        Recipient(subject_id=subject.id),
        kind="incentive_initiated",
        title=f"{incentive.initiator}为您发起了联合激励",
        body=f"{incentive.matter}。依据：{incentive.basis}。各部门为您采取了什么措施，会在“联合激励”中告诉您。",
        about=f"joint_incentive:{incentive.id}",
        now=now,
    )


def _ask(
    session: Session,
    incentive: JointIncentive,
    department: SourceDepartment,
    due_on: date,
    subjects: int,
    *,
    party: Party,
    now: datetime,
) -> None:
    request = IncentiveRequest(
        incentive_id=incentive.id,
        department_code=department.code,
        department=department.name,
        measures=[],
        state="asked",
        due_on=due_on,
    )
    session.add(request)
    session.flush()
    CASES.remember(session, request, "ask", actor=party.name, now=now)
    _tell_department(
        session,
        request,
        kind="incentive_asked",
        title=f"{incentive.initiator}请贵单位联合激励",
        body=f"{incentive.matter}，{subjects} 个主体。请于 {due_on:%Y-%m-%d} 前响应。",
        now=now,
    )


def withdraw_request(
    session: Session, *, party: Party, incentive_id: UUID, request_id: UUID, reason: str, now: datetime
) -> IncentiveRequest:
    """Raises ExplanationMissing, IncentiveNotFound or IncentiveStateForbids."""
    reason = _said(reason)
    request = _own_request(session, party, incentive_id, request_id)
    CASES.move(session, request, "withdraw", actor=party.name, now=now, detail={"text": reason}, due_on=None)
    incentive = incentive_of(session, request)
    _tell_department(
        session,
        request,
        kind="incentive_withdrawn",
        title="一件联合激励已撤回",
        body=f"{incentive.matter}：{reason}",
        now=now,
    )
    return request


def ask_again(
    session: Session,
    *,
    party: Party,
    incentive_id: UUID,
    request_id: UUID,
    reason: str,
    now: datetime,
    working_days: WorkingDays,
) -> IncentiveRequest:
    """After a declining: answer its reason and ask once more; the clock starts anew.

    Raises ExplanationMissing, IncentiveNotFound, IncentiveStateForbids or CalendarYearUnknown.
    """
    reason = _said(reason)
    request = _own_request(session, party, incentive_id, request_id)
    today = city_date(now)
    due_on = working_days.due_after(today, incentive_rules_on(today).response_days)
    CASES.move(
        session,
        request,
        "ask_again",
        actor=party.name,
        now=now,
        detail={"text": reason},
        due_on=due_on,
        reply=None,
    )
    _tell_department(
        session,
        request,
        kind="incentive_asked",
        title="再次请贵单位联合激励",
        body=f"{incentive_of(session, request).matter}：{reason}。请于 {due_on:%Y-%m-%d} 前响应。",
        now=now,
    )
    return request


def _own_request(session: Session, party: Party, incentive_id: UUID, request_id: UUID) -> IncentiveRequest:
    incentive = get_incentive(session, incentive_id, party)
    request = session.get(IncentiveRequest, request_id)
    # The office sees every incentive, and acts in its own.
    if incentive.initiator_code != party.code or request is None or request.incentive_id != incentive.id:
        raise IncentiveNotFound
    return request


# --- the department that was asked ------------------------------------------------------------------------------


def respond(
    session: Session,
    *,
    party: Party,
    request_id: UUID,
    outcome: Response,
    measures: Sequence[str],
    reply: str,
    now: datetime,
    working_days: WorkingDays,
) -> IncentiveRequest:
    """Accept with the measures that it will take, of those offered; or decline with the reason.

    Raises MeasureNotOffered, ExplanationMissing, IncentiveNotFound, IncentiveStateForbids or CalendarYearUnknown.
    """
    request = get_request(session, request_id, party)
    incentive = incentive_of(session, request)
    today = city_date(now)
    if outcome == "declined":
        reply = _said(reply)
        CASES.move(
            session,
            request,
            "decline",
            actor=party.name,
            now=now,
            detail={"text": reply},
            due_on=None,
            reply=reply,
            responded_at=now,
        )
        _tell_initiator(
            session,
            incentive,
            kind="incentive_declined",
            title=f"{request.department}对联合激励说明了理由",
            body=f"{incentive.matter}：{reply}",
            now=now,
        )
        return request
    taken = list(dict.fromkeys(measures))
    if not taken or not set(taken) <= set(incentive.measures):
        raise MeasureNotOffered
    due_on = working_days.due_after(today, incentive_rules_on(today).feedback_days)
    CASES.move(
        session,
        request,
        "accept",
        actor=party.name,
        now=now,
        detail={"text": reply.strip() or None},
        due_on=due_on,
        measures=taken,
        reply=reply.strip() or None,
        responded_at=now,
    )
    _tell_initiator(
        session,
        incentive,
        kind="incentive_accepted",
        title=f"{request.department}响应了联合激励",
        body=f"{incentive.matter}。{due_on:%Y-%m-%d} 前反馈采取的措施。",
        now=now,
    )
    return request


def feed_back(
    session: Session,
    *,
    party: Party,
    request_id: UUID,
    row_id: int,
    measure: str,
    text: str,
    done_on: date,
    now: datetime,
) -> IncentiveDeed:
    """What was done for one subject; the subject is told at once and finds it on its page.

    row_id  `IncentiveSubject.id`

    Raises MeasureNotOffered, NotIncludedNow, DoneInFuture, AlreadyFedBack, ExplanationMissing, IncentiveNotFound
    or IncentiveStateForbids.
    """
    text = _said(text)
    request = get_request(session, request_id, party)
    incentive = incentive_of(session, request)
    today = city_date(now)
    # Also when nothing else is wrong with it, nothing is fed back before it was accepted.
    state_after(request.state, "feed_back")  # type: ignore[arg-type]
    included = next((one for one in included_in(session, incentive, now=now) if one.row.id == row_id), None)
    if included is None or not included.may_be_told or not included.listed:
        raise NotIncludedNow
    subject = included.subject
    taken = incentive_rules_on(city_date(incentive.initiated_at)).measure(measure)
    if measure not in request.measures or subject.kind not in taken.subject_kinds:
        raise MeasureNotOffered
    if not city_date(incentive.initiated_at) <= done_on <= today:
        raise DoneInFuture
    deed = IncentiveDeed(
        request_id=request.id,
        subject_id=subject.id,
        measure=taken.code,
        measure_name=taken.name,
        basis=taken.basis,
        text=text,
        done_on=done_on,
        fed_back_at=now,
        fed_back_by=party.by,
    )
    try:
        with session.begin_nested():
            session.add(deed)
            session.flush()
    except IntegrityError:
        raise AlreadyFedBack from None
    words = f"{taken.name}：{text}"
    CASES.move(session, request, "feed_back", actor=party.name, now=now, detail={"text": words})
    note_look(
        session, incentive, subject.id, party.actor, action="incentive_fed_back", now=now, measure=taken.name
    )
    notify(
        session,
        Recipient(subject_id=subject.id),
        kind="incentive_done",
        title=f"{request.department}为您采取了激励措施",
        body=words,
        about=f"joint_incentive:{incentive.id}",
        now=now,
    )
    return deed


def finish(
    session: Session, *, party: Party, request_id: UUID, explanation: str, now: datetime
) -> IncentiveRequest:
    """Everything is fed back. Where nothing was done for a subject, the initiator reads why.

    Raises ExplanationMissing, IncentiveNotFound or IncentiveStateForbids.
    """
    request = get_request(session, request_id, party)
    incentive = incentive_of(session, request)
    served = set(session.scalars(select(IncentiveDeed.subject_id).where(IncentiveDeed.request_id == request.id)))
    told = [one.subject.id for one in included_in(session, incentive, now=now) if one.may_be_told and one.listed]
    explanation = explanation.strip() if set(told) <= served and served else _said(explanation)
    CASES.move(
        session,
        request,
        "finish",
        actor=party.name,
        now=now,
        detail={"text": explanation or None},
        due_on=None,
        reply=explanation or request.reply,
    )
    _tell_initiator(
        session,
        incentive,
        kind="incentive_finished",
        title=f"{request.department}已反馈联合激励",
        body=f"{incentive.matter}：为 {len(served)} 个主体采取了措施。",
        now=now,
    )
    return request


# --- clocks -----------------------------------------------------------------------------------------------------


def watch_clocks(session: Session, *, now: datetime, working_days: WorkingDays) -> int:
    """Remind departments of what is due by the next working day; of what is overdue tell them, the initiator and
    the office, each once for each due date. How many messages went out. Run by the worker."""
    today = city_date(now)
    told = 0
    for request in QUEUE.due(session, by=next_working_day(today, working_days)):
        incentive = incentive_of(session, request)
        late, due = is_overdue(request, today), request.due_on
        kind = "incentive_overdue" if late else "incentive_due_soon"
        step = "响应" if request.state == "asked" else "反馈"
        title = f"联合激励{step}已逾期" if late else f"联合激励{step}即将到期"
        body = f"{incentive.matter}，由{request.department}{step}，期限 {due:%Y-%m-%d}。"
        key = f"{kind}:{request.id}:{due}"
        told += _tell_department(session, request, kind=kind, title=title, body=body, now=now, once_key=key)
        if late:
            told += _tell_initiator(session, incentive, kind=kind, title=title, body=body, now=now, once_key=key)
            if incentive.initiator_code is not None:
                told += notify(
                    session,
                    Recipient(officer_role=OVERSEEN_BY),
                    kind=kind,
                    title=title,
                    body=body,
                    about=f"joint_incentive:{incentive.id}",
                    once_key=f"{key}:{OVERSEEN_BY}",
                    now=now,
                )
    return told


def _tell_department(
    session: Session,
    request: IncentiveRequest,
    *,
    kind: str,
    title: str,
    body: str,
    now: datetime,
    once_key: str | None = None,
) -> bool:
    return notify(
        session,
        Recipient(partner_code=request.department_code),
        kind=kind,
        title=title,
        body=body,
        about=f"incentive_request:{request.id}",
        once_key=once_key,
        now=now,
    )


def _tell_initiator(
    session: Session,
    incentive: JointIncentive,
    *,
    kind: str,
    title: str,
    body: str,
    now: datetime,
    once_key: str | None = None,
) -> bool:
    office = incentive.initiator_code is None
    return notify(
        session,
        Recipient(officer_role=OVERSEEN_BY) if office else Recipient(partner_code=incentive.initiator_code),
        kind=kind,
        title=title,
        body=body,
        about=f"joint_incentive:{incentive.id}",
        once_key=once_key and f"{once_key}:initiator",
        now=now,
    )


# --- reading ----------------------------------------------------------------------------------------------------


def get_incentive(session: Session, incentive_id: UUID, party: Party) -> JointIncentive:
    """The office oversees every one, a department reads those that it initiated. Raises IncentiveNotFound."""
    incentive = session.get(JointIncentive, incentive_id)
    if incentive is None or (party.department is not None and incentive.initiator_code != party.code):
        raise IncentiveNotFound
    return incentive


def get_request(session: Session, request_id: UUID, party: Party) -> IncentiveRequest:
    """One that was put to this department. Raises IncentiveNotFound."""
    request = session.get(IncentiveRequest, request_id)
    if request is None or party.department is None or request.department_code != party.code:
        raise IncentiveNotFound
    return request


def incentive_of(session: Session, request: IncentiveRequest) -> JointIncentive:
    return session.get_one(JointIncentive, request.incentive_id)


def incentives_seen_by(
    session: Session, party: Party, *, open_ones: bool, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[IncentiveState]:
    """Newest first. `after` is `initiated_at` and id of the last one seen."""
    running = exists().where(
        IncentiveRequest.incentive_id == JointIncentive.id, IncentiveRequest.state.in_(ON_THE_CLOCK)
    )
    wanted: list[ColumnElement[bool]] = [running if open_ones else ~running]
    if party.department is not None:
        wanted.append(JointIncentive.initiator_code == party.code)
    if after is not None:
        at, last = after
        wanted.append(
            or_(
                JointIncentive.initiated_at < at,
                and_(JointIncentive.initiated_at == at, JointIncentive.id > last),
            )
        )
    found = session.scalars(
        select(JointIncentive)
        .where(*wanted)
        .order_by(JointIncentive.initiated_at.desc(), JointIncentive.id)
        .limit(limit)
    )
    return [state_of(session, incentive) for incentive in found]


def state_of(session: Session, incentive: JointIncentive) -> IncentiveState:
    requests = requests_of(session, incentive.id)
    subjects = session.scalar(
        select(func.count()).select_from(IncentiveSubject).where(IncentiveSubject.incentive_id == incentive.id)
    )
    deeds = session.scalar(
        select(func.count())
        .select_from(IncentiveDeed)
        .where(IncentiveDeed.request_id.in_([request.id for request in requests]))
    )
    return IncentiveState(incentive, requests, subjects or 0, deeds or 0)


def requests_of(session: Session, incentive_id: UUID) -> Sequence[IncentiveRequest]:
    return session.scalars(
        select(IncentiveRequest)
        .where(IncentiveRequest.incentive_id == incentive_id)
        .order_by(IncentiveRequest.department_code)
    ).all()


def request_queue(
    session: Session,
    *,
    department_code: str,
    state: RequestState,
    after: tuple[date, UUID] | None = None,
    limit: int = 20,
) -> Sequence[IncentiveRequest]:
    """A department's, the most urgent first. `after` is `queue_place` and id of the last one seen."""
    wanted = (IncentiveRequest.department_code == department_code, IncentiveRequest.state == state)
    return QUEUE.page(*wanted, session=session, after=after, limit=limit)


def included_in(session: Session, incentive: JointIncentive, *, now: datetime) -> Sequence[Included]:
    """Everyone it was initiated for, in that order."""
    rows = session.scalars(
        select(IncentiveSubject).where(IncentiveSubject.incentive_id == incentive.id).order_by(IncentiveSubject.id)
    ).all()
    red_list = incentive_rules_on(city_date(incentive.initiated_at)).ground(incentive.ground).red_list
    deeds = deeds_in(session, incentive.id)
    return [
        Included(
            row=row,
            subject=(subject := get_subject(session, row.subject_id)),
            listed=bool(entries_on_ground(session, subject, red_list, city_date(now))),
            consent=_consent_now(session, row, now),
            deeds=[deed for deed in deeds if deed.subject_id == row.subject_id],
        )
        for row in rows
    ]


def deeds_in(session: Session, incentive_id: UUID) -> Sequence[IncentiveDeed]:
    """Oldest first."""
    return session.scalars(
        select(IncentiveDeed)
        .join(IncentiveRequest, IncentiveRequest.id == IncentiveDeed.request_id)
        .where(IncentiveRequest.incentive_id == incentive_id)
        .order_by(IncentiveDeed.id)
    ).all()


def _consent_now(session: Session, row: IncentiveSubject, now: datetime) -> ConsentNow:
    if row.consent_id is None:
        return "not_needed"
    consent = session.get_one(Consent, row.consent_id)
    if consent.state == "requested":
        return "waiting"
    runs = consent.state == "given" and (consent.expires_at is None or now < consent.expires_at)
    return "given" if runs else "not_given"


@dataclass(frozen=True)
class OwnIncentive:
    """An incentive as its subject reads it: what was done, never who did nothing."""

    incentive: JointIncentive
    consent: ConsentNow
    consent_id: UUID | None
    deeds: Sequence[tuple[IncentiveRequest, IncentiveDeed]]


def incentives_for(session: Session, subject_id: int, *, now: datetime) -> Sequence[OwnIncentive]:
    """Newest first."""
    rows = session.execute(
        select(JointIncentive, IncentiveSubject)
        .join(IncentiveSubject, IncentiveSubject.incentive_id == JointIncentive.id)
        .where(IncentiveSubject.subject_id == subject_id)
        .order_by(JointIncentive.initiated_at.desc(), JointIncentive.id)
    ).all()
    return [
        OwnIncentive(
            incentive=incentive,
            consent=_consent_now(session, row, now),
            consent_id=row.consent_id,
            deeds=[
                (session.get_one(IncentiveRequest, deed.request_id), deed)
                for deed in deeds_in(session, incentive.id)
                if deed.subject_id == subject_id
            ],
        )
        for incentive, row in rows
    ]


def note_look(
    session: Session,
    incentive: JointIncentive,
    subject_id: int,
    actor: Actor,
    *,
    action: str,
    now: datetime,
    purpose: str | None = None,
    measure: str | None = None,
) -> None:
    """So that the subject reads who looked, on what basis and what for."""
    detail = {"joint_incentive": str(incentive.id)} | ({"measure": measure} if measure else {})
    record_access(
        session,
        subject_id=subject_id,
        actor=actor,
        action=action,
        basis=incentive.basis,
        purpose=purpose or f"联合激励“{incentive.matter}”",
        detail=detail,
        channel=CHANNEL,
        now=now,
    )
