"""A request that acts is done once, however often it is sent.

The key's row, the effect and the stored answer are committed in one transaction. A second request with the same
key waits for the first one's row and then reads its answer; after a failure nothing is stored, so a retry
really tries again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from hashlib import sha256

import orjson
from flask import Response, g, make_response, request
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.benefits.check_stream import StreamedCheck
from backend.benefits.checks import CheckAnswer
from backend.database import insert_into
from backend.errors import Refused
from backend.identifiers.sealing import KeyRing
from backend.web.context import now, services
from backend.web.documentation import document
from backend.web.guards import current_actor
from backend.web.models import AnsweredRequest
from backend.web.problems import problem_response

REMEMBERED_FOR = timedelta(hours=24)
LONGEST_KEY = 128

_PARAMETER = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
    "description": "一次操作一个唯一值（如 UUID）；重试时使用同一个值，操作只会执行一次。",
}


class IdempotencyKeyReused(Refused):
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("这个 Idempotency-Key 已用于另一项操作，请为每项操作使用新的值。")


def idempotent(view: Callable[..., object]) -> Callable[..., object]:
    """Mark a view that acts. Stands below the guard that says who is calling and above `@blp.arguments`."""

    @wraps(view)
    def wrapper(*args: object, **kwargs: object) -> object:
        key = request.headers.get("Idempotency-Key", "")
        if not 1 <= len(key) <= LONGEST_KEY:
            return problem_response(
                400,
                "idempotency_key_missing",
                f"请在请求头 Idempotency-Key 中给出一个唯一值（1 到 {LONGEST_KEY} 个字符），以便安全重试。",
            )
        actor = current_actor()
        fingerprint = sha256(
            b"\n".join([request.method.encode(), request.path.encode(), request.get_data()])
        ).digest()
        with services().database.transaction() as session:
            if earlier := _claim(session, actor=actor, key=key, fingerprint=fingerprint):
                return _replay(earlier, fingerprint)
            g.session = session
            try:
                response = make_response(view(*args, **kwargs))
            finally:
                g.pop("session", None)
            if response.status_code >= 400:
                session.rollback()
            else:
                _remember(session, actor=actor, key=key, response=response)
        return response

    return document(
        wrapper, parameters=[_PARAMETER], responses={"400": "BAD_REQUEST", "422": "UNPROCESSABLE_ENTITY"}
    )


def forget_old_answers(session: Session, *, at: datetime) -> None:
    session.execute(delete(AnsweredRequest).where(AnsweredRequest.answered_at < at - REMEMBERED_FOR))


def remember_streamed_checks(
    session: Session, answered: list[tuple[StreamedCheck, CheckAnswer]], *, keys: KeyRing
) -> None:
    """The answers of the swift desk to partners' requests, kept as if they had come by the full path."""
    session.execute(
        insert_into(session, AnsweredRequest).on_conflict_do_nothing(index_elements=["actor", "key"]),
        [
            {
                "actor": f"partner:{check.partner_id}",
                "key": check.request_key,
                "fingerprint": check.fingerprint,
                "status": 201,
                "sealed_body": keys.seal(orjson.dumps(answer.body()).decode()),
                "answered_at": check.checked_at,
            }
            for check, answer in answered
        ],
    )


def _claim(session: Session, *, actor: str, key: str, fingerprint: bytes) -> AnsweredRequest | None:
    """None when the key is ours now; otherwise the earlier answer. Waits while another request holds the key."""
    claimed = session.execute(
        insert_into(session, AnsweredRequest)
        .values(actor=actor, key=key, fingerprint=fingerprint, status=0, sealed_body=b"", answered_at=now())
        .on_conflict_do_nothing(index_elements=["actor", "key"])
        .returning(AnsweredRequest.key)
    ).first()
    if claimed is not None:
        return None
    return session.get_one(AnsweredRequest, (actor, key))


def _remember(session: Session, *, actor: str, key: str, response: Response) -> None:
    answer = session.scalars(
        select(AnsweredRequest).where(AnsweredRequest.actor == actor, AnsweredRequest.key == key)
    ).one()
    answer.status = response.status_code
    answer.sealed_body = services().keys.seal(response.get_data(as_text=True))
    session.flush()


def _replay(earlier: AnsweredRequest, fingerprint: bytes) -> Response:
    if earlier.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    response = Response(
        services().keys.open(earlier.sealed_body), status=earlier.status, content_type="application/json"
    )
    response.headers["Idempotent-Replayed"] = "true"
    return response
