"""Old codes and new ones, both ways, with what happened in between: 换码, 更名, 迁址, 合并, 注销."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.identifiers import mask
from backend.identifiers.sealing import KeyRing
from backend.subjects.models import Subject, SubjectChange
from backend.subjects.service import codes_of, mask_person_name, masked_identifier, masked_name, successors_of

EventName = Literal[
    "registered", "renamed", "moved", "renumbered", "cancelled", "merged", "deceased", "restored", "absorbed"
]

EVENT_NAMES: Mapping[EventName, str] = {
    "registered": "登记",
    "renamed": "更名",
    "moved": "迁址",
    "renumbered": "换码",
    "cancelled": "注销",
    "merged": "合并",
    "deceased": "死亡",
    "restored": "恢复",
    "absorbed": "吸收合并",
}

SCHEME_NAMES = {
    "citizen_15": "旧公民身份号码",
    "citizen_18": "公民身份号码",
    "permanent_residence_15": "外国人永久居留身份证旧号",
    "uscc": "统一社会信用代码",
    "organisation_code": "组织机构代码",
    "registration_15": "工商注册号",
}

_BY_STATUS: Mapping[str, EventName] = {
    "active": "restored",
    "cancelled": "cancelled",
    "merged": "merged",
    "deceased": "deceased",
}


@dataclass(frozen=True)
class KnownCode:
    """`code` as it may be shown: a person's is masked, and null where only its index was kept."""

    scheme: str
    code: str | None
    valid_from: date | None
    valid_to: date | None
    is_present: bool


@dataclass(frozen=True)
class HistoryEvent:
    """`before` and `after` in words; `other` is the successor of a merger, or who was absorbed."""

    on: date | None
    event: EventName
    before: str | None = None
    after: str | None = None
    other: Subject | None = None

    @property
    def event_name(self) -> str:
        return EVENT_NAMES[self.event]


@dataclass(frozen=True)
class CodeHistory:
    """`successors` leads from the one who took over to the one in being today; empty for one not merged."""

    subject: Subject
    codes: Sequence[KnownCode]
    events: Sequence[HistoryEvent]
    successors: Sequence[Subject]
    former_names: Sequence[str]


def code_history(session: Session, keys: KeyRing, subject: Subject) -> CodeHistory:
    """Everything the register knows of a subject's codes and names, oldest event first; persons masked."""
    events = [
        HistoryEvent(subject.registered_on, "registered"),
        *_changes(session, keys, subject),
        *[
            HistoryEvent(absorbed.ended_on, "absorbed", other=absorbed)
            for absorbed in session.scalars(
                select(Subject).where(Subject.successor_id == subject.id).order_by(Subject.ended_on, Subject.id)
            )
        ],
    ]
    if subject.status != "active" and not any(event.event == subject.status for event in events):
        # It was already over when the register first told of it.
        events.append(
            HistoryEvent(subject.ended_on, _BY_STATUS[subject.status], other=_successor(session, subject))
        )
    present_scheme = "citizen_18" if subject.kind == "person" else "uscc"
    since = max((event.on for event in events if event.event == "renumbered" and event.on), default=None)
    present = KnownCode(
        present_scheme, masked_identifier(keys, subject), since or subject.registered_on, None, is_present=True
    )
    former = [
        KnownCode(code.scheme, code.code, code.valid_from, code.valid_to, is_present=False)
        for code in codes_of(session, subject.id)
    ]
    names = [event.before for event in events if event.event == "renamed" and event.before]
    return CodeHistory(
        subject=subject,
        codes=[present, *former],
        events=sorted(events, key=lambda event: (event.on is not None, event.on or date.min)),
        successors=successors_of(session, subject),
        former_names=list(dict.fromkeys(names)),
    )


def _changes(session: Session, keys: KeyRing, subject: Subject) -> list[HistoryEvent]:
    """The register keeps what it said before each change; what it said after it is in the next, or current."""
    changes = session.scalars(
        select(SubjectChange).where(SubjectChange.subject_id == subject.id).order_by(SubjectChange.id)
    ).all()
    befores = [json.loads(keys.open(change.before_sealed)) for change in changes]
    events: list[HistoryEvent] = []
    after: dict[str, Any] = {
        "name": masked_name(keys, subject),
        "district": subject.district,
        "status": subject.status,
        "identifier": masked_identifier(keys, subject),
    }
    for change, before in reversed(list(zip(changes, befores, strict=True))):
        shown = _shown(subject, before)
        events = [*_events(session, subject, city_date(change.changed_at), shown, after), *events]
        after |= {name: value for name, value in shown.items() if name in after}
    return events


def _events(
    session: Session, subject: Subject, on: date, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[HistoryEvent]:
    events: list[HistoryEvent] = []
    for name, event in (("name", "renamed"), ("district", "moved"), ("identifier", "renumbered")):
        if name in before:
            events.append(HistoryEvent(on, event, before[name], after[name]))  # type: ignore[arg-type]
    if "status" in before:
        became = after["status"]
        is_last = became == subject.status
        events.append(
            HistoryEvent(
                subject.ended_on or on if is_last and became != "active" else on,
                _BY_STATUS[became],
                other=_successor(session, subject) if became == "merged" else None,
            )
        )
    return events


def _shown(subject: Subject, before: Mapping[str, Any]) -> dict[str, Any]:
    if subject.kind != "person":
        return dict(before)
    shown = dict(before)
    if "name" in shown:
        shown["name"] = mask_person_name(shown["name"])
    if "identifier" in shown:
        shown["identifier"] = mask("citizen_number", shown["identifier"])
    return shown


def _successor(session: Session, subject: Subject) -> Subject | None:
    return None if subject.successor_id is None else session.get_one(Subject, subject.successor_id)
