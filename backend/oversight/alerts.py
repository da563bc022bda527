"""Raising alerts from the ledger, explaining them, and deciding on them; never one's own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.accounts.models import Officer
from backend.city_calendar import CITY_ZONE, CalendarYearUnknown, WorkingDays, city_date
from backend.database import insert_into
from backend.identifiers.sealing import KeyRing
from backend.ledger.models import LedgerEntry
from backend.notifications.service import Recipient, notify
from backend.oversight.errors import AlertNotFound, AlertNotInState, NotYourAlert, SelfReview
from backend.oversight.models import AccessAlert, AlertedEntry, AlertEventName
from backend.oversight.rules import AlertRules, Baseline, Found, Reader, Reading, rules_on, unusual
from backend.oversight.states import RULE_NAMES, alert_after
from backend.subjects.models import Subject
from backend.subjects.service import name_of

NOT_WATCHED = ("access_audited", "ledger_searched")
"""Looking at the ledger is how auditors watch; what they saw is itself in the ledger."""
_TIMELINE_DAYS = 30


@dataclass(frozen=True)
class DayOfReading:
    """How much an officer read on a day; `late` outside the hours of the rules."""

    day: date
    count: int
    late: int


def watch_readings(session: Session, *, keys: KeyRing, working_days: WorkingDays, now: datetime) -> int:
    """Look at what officers read today and yesterday, and raise what is unusual; how many alerts are new.

    Run every few minutes. Looking at the same day again finds the same alerts, whose figures grow while they are
    open; a row whose transaction ended late is seen the next time.
    """
    today = city_date(now)
    return sum(
        _watch_day(session, day, keys=keys, working_days=working_days, now=now)
        for day in (today - timedelta(days=1), today)
    )


def alerts_in(
    session: Session, *, state: str | None, before_id: int | None = None, limit: int = 20
) -> Sequence[AccessAlert]:
    """Newest first, in one state or, with None, those nobody has decided on."""
    query = select(AccessAlert)
    states = (state,) if state is not None else ("open", "explained")
    query = query.where(AccessAlert.state.in_(states))
    if before_id is not None:
        query = query.where(AccessAlert.id < before_id)
    return session.scalars(query.order_by(AccessAlert.id.desc()).limit(limit)).all()


def alerts_about(session: Session, officer_id: UUID) -> Sequence[AccessAlert]:
    """An officer's own, newest first."""
    return session.scalars(
        select(AccessAlert).where(AccessAlert.officer_id == officer_id).order_by(AccessAlert.id.desc()).limit(100)
    ).all()


def get_alert(session: Session, alert_id: int) -> AccessAlert:
    """Raises AlertNotFound."""
    alert = session.get(AccessAlert, alert_id)
    if alert is None:
        raise AlertNotFound
    return alert


def explain_alert(
    session: Session, *, alert_id: int, officer_id: UUID, explanation: str, now: datetime
) -> AccessAlert:
    """The officer says why. Raises AlertNotFound, NotYourAlert or AlertNotInState."""
    alert = get_alert(session, alert_id)
    if alert.officer_id != officer_id:
        raise NotYourAlert
    _move(session, alert, "explain", explanation=explanation, explained_at=now)
    return alert


def decide_alert(
    session: Session, *, alert_id: int, auditor_id: UUID, event: AlertEventName, decision: str, now: datetime
) -> AccessAlert:
    """`accept` the explanation or `escalate` to whoever disciplines. Raises AlertNotFound, SelfReview or
    AlertNotInState."""
    alert = get_alert(session, alert_id)
    if alert.officer_id == auditor_id:
        raise SelfReview
    _move(session, alert, event, decision=decision, decided_at=now, decided_by=auditor_id)
    return alert


def check_not_own(alert: AccessAlert, officer_id: UUID) -> None:
    """Raises SelfReview: who is looked into does not look at the inquiry."""
    if alert.officer_id == officer_id:
        raise SelfReview


def entries_of(session: Session, alert_id: int) -> Sequence[LedgerEntry]:
    """The readings behind an alert, newest first; those archived meanwhile are left out."""
    return session.scalars(
        select(LedgerEntry)
        .join(AlertedEntry, AlertedEntry.entry_id == LedgerEntry.id)
        .where(AlertedEntry.alert_id == alert_id)
        .order_by(LedgerEntry.id.desc())
        .limit(200)
    ).all()


def unusual_entries(session: Session, entry_ids: Sequence[int]) -> frozenset[int]:
    """Which of the ledger rows an alert is about, unless an auditor found the explanation good."""
    return frozenset(
        session.scalars(
            select(AlertedEntry.entry_id)
            .join(AccessAlert, AccessAlert.id == AlertedEntry.alert_id)
            .where(AlertedEntry.entry_id.in_(entry_ids), AccessAlert.state != "accepted")
        )
    )


def timeline(session: Session, alert: AccessAlert) -> Sequence[DayOfReading]:
    """The officer's reading on each of the 30 days up to the alert's, days without any included."""
    rules = rules_on(alert.day)
    first = alert.day - timedelta(days=_TIMELINE_DAYS - 1)
    moments = session.scalars(
        _readings_of_officers(first, alert.day)
        .with_only_columns(LedgerEntry.at)
        .where(LedgerEntry.actor_id == str(alert.officer_id))
    ).all()
    counts, late = Counter[date](), Counter[date]()
    for at in moments:
        day = city_date(at)
        counts[day] += 1
        hours = rules.out_of_hours
        late[day] += not hours["opens"] <= at.astimezone(CITY_ZONE).hour < hours["closes"]
    days = [first + timedelta(days=n) for n in range(_TIMELINE_DAYS)]
    return [DayOfReading(day, counts[day], late[day]) for day in days]


def _move(session: Session, alert: AccessAlert, event: AlertEventName, **changes: Any) -> None:
    before = alert.state
    after = alert_after(before, event)  # type: ignore[arg-type]
    moved = session.execute(
        update(AccessAlert)
        .where(AccessAlert.id == alert.id, AccessAlert.state == before)
        .values(state=after, **changes)
        .returning(AccessAlert.id)
        .execution_options(synchronize_session=False)
    ).first()
    session.refresh(alert)
    if moved is None:
        raise AlertNotInState(alert.state)


def _watch_day(session: Session, day: date, *, keys: KeyRing, working_days: WorkingDays, now: datetime) -> int:
    rows = session.scalars(_readings_of_officers(day, day).order_by(LedgerEntry.id)).all()
    by_officer: dict[UUID, list[LedgerEntry]] = defaultdict(list)
    for row in rows:
        if (officer_id := _uuid(row.actor_id)) is not None:
            by_officer[officer_id].append(row)
    if not by_officer:
        return 0
    rules = rules_on(day)
    officers = {
        officer.id: officer for officer in session.scalars(select(Officer).where(Officer.id.in_(by_officer)))
    }
    persons = {
        person.id: person
        for person in session.scalars(
            select(Subject).where(
                Subject.id.in_(
                    {row.subject_id for row in rows}
                    | {officer.subject_id for officer in officers.values() if officer.subject_id is not None}
                )
            )
        )
    }
    counts = {officer_id: len(of_officer) for officer_id, of_officer in by_officer.items()}
    new = 0
    for officer_id, of_officer in by_officer.items():
        officer = officers.get(officer_id)
        if officer is None:
            continue
        own = persons.get(officer.subject_id) if officer.subject_id is not None else None
        found = unusual(
            [_reading(row, persons[row.subject_id], keys, rules) for row in of_officer],
            day=day,
            is_working_day=_is_working(working_days, day),
            reader=Reader(officer_id, officer.name[:1], officer.subject_id, own.district if own else None),
            baseline=_baseline(session, officer_id, day, counts, rules),
            rules=rules,
        )
        for one in found:
            new += _raise_alert(session, officer, day, one, rules, working_days=working_days, now=now)
    return new


def _raise_alert(
    session: Session,
    officer: Officer,
    day: date,
    found: Found,
    rules: AlertRules,
    *,
    working_days: WorkingDays,
    now: datetime,
) -> bool:
    once_key = ":".join([found.rule, str(officer.id), day.isoformat(), str(found.subject_id or "")])
    values = {
        "officer_id": officer.id,
        "rule": found.rule,
        "day": day,
        "once_key": once_key,
        "figures": dict(found.figures),
        "rules_from": rules.effective_from,
        "state": "open",
        "raised_at": now,
        "explain_due_on": _due(working_days, city_date(now), rules.explain_within_days),
    }
    alert_id = session.scalar(
        insert_into(session, AccessAlert)
        .values(**values)
        .on_conflict_do_nothing(index_elements=["once_key"])
        .returning(AccessAlert.id)
    )
    is_new = alert_id is not None
    if not is_new:
        alert_id = session.scalar(
            update(AccessAlert)
            .where(AccessAlert.once_key == once_key, AccessAlert.state == "open")
            .values(figures=values["figures"])
            .returning(AccessAlert.id)
            .execution_options(synchronize_session=False)
        )
    if alert_id is None:
        return False
    session.execute(
        insert_into(session, AlertedEntry)
        .values([{"alert_id": alert_id, "entry_id": entry_id} for entry_id in found.entry_ids])
        .on_conflict_do_nothing(index_elements=["alert_id", "entry_id"])
    )
    if is_new:
        notify(
            session,
            Recipient(officer_role="auditor"),
            kind="access_alert",
            title=f"访问预警：{RULE_NAMES[found.rule]}",
            body=f"{officer.name} {day:%Y-%m-%d} 的查看触发预警，请在其说明后审计。",
            about=f"access_alert:{alert_id}",
            now=now,
        )
    return is_new


def _baseline(
    session: Session, officer_id: UUID, day: date, counts: Mapping[UUID, int], rules: AlertRules
) -> Baseline:
    longest = max(rules.volume["baseline_days"], rules.repeated["within_days"])
    earlier = session.execute(
        _readings_of_officers(day - timedelta(days=longest), day - timedelta(days=1))
        .with_only_columns(LedgerEntry.at, LedgerEntry.subject_id)
        .where(LedgerEntry.actor_id == str(officer_id))
    ).all()
    per_day = Counter[date]()
    days_before: dict[int, set[date]] = defaultdict(set)
    for at, subject_id in earlier:
        read_on = city_date(at)
        if read_on >= day - timedelta(days=rules.volume["baseline_days"]):
            per_day[read_on] += 1
        if read_on > day - timedelta(days=rules.repeated["within_days"]):
            days_before[subject_id].add(read_on)
    return Baseline(
        own_daily_mean=sum(per_day.values()) / len(per_day) if per_day else None,
        peers_that_day=[count for peer, count in counts.items() if peer != officer_id],
        days_before={subject_id: frozenset(days) for subject_id, days in days_before.items()},
    )


def _readings_of_officers(first: date, last: date) -> Any:
    return select(LedgerEntry).where(
        LedgerEntry.actor_kind == "officer",
        LedgerEntry.at >= datetime.combine(first, time(), CITY_ZONE),
        LedgerEntry.at < datetime.combine(last + timedelta(days=1), time(), CITY_ZONE),
        LedgerEntry.action.not_in(NOT_WATCHED),
    )


def _reading(row: LedgerEntry, person: Subject, keys: KeyRing, rules: AlertRules) -> Reading:
    return Reading(
        entry_id=row.id,
        at=row.at,
        subject_id=row.subject_id,
        action=row.action,
        has_case=any(key in row.detail for key in rules.without_case["case_keys"]),
        surname=name_of(keys, person)[:1] if person.kind == "person" else None,
        district=person.district if person.kind == "person" else None,
    )


def _is_working(working_days: WorkingDays, day: date) -> bool:
    try:
        return working_days.is_working(day)
    except CalendarYearUnknown:
        # Nobody is accused on a guess.
        return True


def _due(working_days: WorkingDays, day: date, count: int) -> date:
    try:
        return working_days.after(day, count)
    except CalendarYearUnknown:
        # Until the holidays are announced the officer gets the longer term.
        return day + timedelta(days=count * 3)


def _uuid(text: str) -> UUID | None:
    """Readings at the command line carry a name, not an account."""
    try:
        return UUID(text)
    except ValueError:
        return None
