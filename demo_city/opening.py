"""Opening the demo city: residents who opted in, officers who work there. What a real city does over months."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from backend.accounts.models import Officer
from backend.accounts.service import add_officer
from backend.authorizations.models import Consent, ConsentEvent
from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.authorizations.service import has_activated
from backend.catalogue.service import category_in_force
from backend.city_calendar import city_date
from backend.identifiers.sealing import KeyRing
from backend.subjects.models import Subject
from backend.subjects.service import adult_born_until, match_identifiers

_OPTED_IN_PERCENT = 62
# These two open their score themselves, before the visitor's eyes.
_NOT_YET_ACTIVATED = {"wrong_arrears", "thin_file"}

# Whose objections to arrears the demo's citizens are most likely to file.
DEPARTMENT_OFFICER = ("chen", "陈经办", "utility_arrears")

OFFICERS = (
    ("zhang", "张敏", ["score_officer", "data_officer", "objection_officer", "window_officer"]),
    ("li", "李正", ["reviewer", "auditor"]),
)


def activate_residents(session: Session, manifest: Mapping[str, object], *, keys: KeyRing, now: datetime) -> int:
    """Opt in about two thirds of the adults, on days spread over the last year; how many have now.

    The citizens of the stories all have opted in, but for the two who show how that is done. Running it again
    changes nothing.
    """
    stories = {citizen["identifier"]: citizen["key"] for citizen in manifest["demo_citizens"]}  # type: ignore[index]
    story_of = {
        subject_id: stories[number]
        for number, subject_id in match_identifiers(session, keys, list(stories)).items()
    }
    adults = session.scalars(
        select(Subject.id)
        .where(
            Subject.kind == "person",
            Subject.status == "active",
            Subject.born_on <= adult_born_until(city_date(now)),
        )
        .order_by(Subject.id)
    ).all()
    wanted = [subject_id for subject_id in adults if _opted_in(subject_id, story_of)]
    if wanted and has_activated(session, wanted[0]):
        return len(wanted)
    consents, events = [], []
    for subject_id in wanted:
        given_at = now - timedelta(hours=1 + _scattered(subject_id) % (365 * 24))
        consent_id = uuid4()
        consents.append(
            {
                "id": consent_id,
                "subject_id": subject_id,
                "kind": "activation",
                "recipient_name": ACTIVATION_NOTICE.controller,
                "purpose": ACTIVATION_NOTICE.purpose,
                "data_categories": ["records", "score", "eligibility"],
                "scopes": [],
                "mode": "until_expiry",
                "notice_version": ACTIVATION_NOTICE.version,
                "evidence": {"client": "演示城市"},
                "requested_at": given_at,
                "state": "given",
                "given_at": given_at,
            }
        )
        events.append(
            {"consent_id": consent_id, "event": "give", "at": given_at, "actor": "citizen", "detail": {}}
        )
    session.execute(insert(Consent), consents)
    session.execute(insert(ConsentEvent), events)
    return len(wanted)


def open_office(session: Session, passwords_file: Path, *, now: datetime) -> None:
    """Make the officers of the demo, with passwords of their own that only `passwords_file` keeps."""
    if session.scalars(select(Officer.id).limit(1)).first():
        return
    passwords = {username: secrets.token_urlsafe(12) for username, _, _ in (*OFFICERS, DEPARTMENT_OFFICER)}
    for username, name, roles in OFFICERS:
        add_officer(session, username=username, name=name, password=passwords[username], roles=roles, now=now)
    username, name, category = DEPARTMENT_OFFICER
    add_officer(
        session,
        username=username,
        name=name,
        password=passwords[username],
        roles=["department_officer"],
        department_code=category_in_force(session, category, city_date(now)).source_department_code,
        now=now,
    )
    passwords_file.write_text(json.dumps(passwords, indent=2) + "\n", encoding="utf-8")
    passwords_file.chmod(0o600)


def _opted_in(subject_id: int, story_of: Mapping[int, str]) -> bool:
    if subject_id in story_of:
        return story_of[subject_id] not in _NOT_YET_ACTIVATED
    return _scattered(subject_id) % 100 < _OPTED_IN_PERCENT


def _scattered(subject_id: int) -> int:
    """A fixed number that looks drawn (Knuth's multiplicative hash), so that two machines open the same city."""
    return (subject_id * 2_654_435_761) % 2**32 >> 8
