"""Officers at their desks, signed in without filling in the form, which its own test does; and what they get."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.objections.models import Objection
from backend.records.models import CreditRecord
from backend.subjects.models import Subject
from tests.conftest import LiveCity

SECONDS = 1_000


def open_desk(
    new_context: Callable[..., Any], live_city: LiveCity, username: str, password: str, path: str
) -> Page:
    """The console at `path`, for that officer."""
    answer = httpx.post(
        f"{live_city.base_url}/api/v1/admin/sign-in",
        json={"username": username, "password": password},
        headers={"Idempotency-Key": str(uuid4())},
        timeout=60,
    )
    assert answer.status_code in (200, 201), answer.text
    signed = answer.json()
    session = {"token": signed["token"], "officer": signed["officer"], "expiresAt": signed["expires_at"]}
    context = new_context(locale="zh-CN")
    context.set_default_timeout(30 * SECONDS)
    expect.set_options(timeout=30 * SECONDS)
    page: Page = context.new_page()
    page.add_init_script(f"sessionStorage.setItem('osmanthus-console-session', {json.dumps(json.dumps(session))})")
    page.goto(f"{live_city.base_url}/admin/{path}")
    return page


def say_why(page: Page, reason: str) -> None:
    dialog = page.get_by_role("dialog", name="查看前请说明理由")
    dialog.get_by_text(reason).click()
    dialog.get_by_role("button", name="查看").click()


def undisputed_arrears(session: Session) -> CreditRecord:
    """A person's, to object to. The last: the first are those of the citizens with a story, for other tests."""
    under_objection = select(Objection.record_id).where(Objection.record_id.is_not(None))
    return session.scalars(
        select(CreditRecord)
        .join(Subject, Subject.id == CreditRecord.subject_id)
        .where(
            Subject.kind == "person",
            CreditRecord.category == "utility_arrears",
            CreditRecord.state == "active",
            CreditRecord.id.not_in(under_objection),
        )
        .order_by(CreditRecord.id.desc())
        .limit(1)
    ).one()
