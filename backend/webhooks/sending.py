"""Sending what is due. A delivery is leased before it is tried, so a killed worker only delays it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import structlog
from sqlalchemy import select

from backend.city_calendar import city_date
from backend.database import Database
from backend.identifiers.sealing import KeyRing
from backend.notifications.service import Recipient, notify
from backend.partners.models import Partner
from backend.webhooks.addresses import resolve
from backend.webhooks.errors import AddressNotAllowed
from backend.webhooks.models import WebhookDelivery, WebhookEndpoint
from backend.webhooks.rules import delivery_rules
from backend.webhooks.signing import headers_for

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
_AT_ONCE = 32
# A slow receiver must not keep the others waiting.
_AT_ONCE_PER_ENDPOINT = 4
_THREADS = 8


@dataclass(frozen=True)
class Attempt:
    """What is sent: everything that is needed, so that no transaction is open meanwhile."""

    delivery_id: UUID
    url: str
    secrets: tuple[str, ...]
    event_id: str
    body: str


@dataclass(frozen=True)
class Outcome:
    """`status` is the receiver's answer; `error` says why there was none, or why it is not a success."""

    status: int | None
    error: str | None


Post = Callable[[Attempt, datetime], Outcome]


def send_due(database: Database, keys: KeyRing, *, post: Post, now: datetime) -> int:
    """Try what is due once, side by side; how many were tried."""
    attempts = _lease(database, keys, now=now)
    if not attempts:
        return 0
    with ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="webhook") as pool:
        outcomes = list(pool.map(lambda attempt: post(attempt, now), attempts))
    for attempt, outcome in zip(attempts, outcomes, strict=True):
        _record(database, attempt.delivery_id, outcome, now=now)
    return len(attempts)


def post_over_http(*, allow_local: bool, timeout_seconds: float) -> Post:
    """Connects to the very address that was looked at; follows no redirect and reads no answer's body."""

    def post(attempt: Attempt, at: datetime) -> Outcome:
        try:
            target = resolve(attempt.url, allow_local=allow_local)
            url = httpx.URL(attempt.url).copy_with(host=target.address)
            headers = headers_for(attempt.secrets, event_id=attempt.event_id, body=attempt.body, at=at)
            headers["host"] = httpx.URL(attempt.url).netloc.decode()
            with (
                httpx.Client(timeout=timeout_seconds, follow_redirects=False, trust_env=False) as client,
                client.stream(
                    "POST",
                    url,
                    content=attempt.body.encode(),
                    headers=headers,
                    extensions={"sni_hostname": target.host},
                ) as answer,
            ):
                error = None if answer.is_success else f"HTTP {answer.status_code}"
                return Outcome(answer.status_code, error)
        except AddressNotAllowed as refusal:
            return Outcome(None, refusal.detail)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Outcome(None, type(error).__name__)

    return post


def _lease(database: Database, keys: KeyRing, *, now: datetime) -> Sequence[Attempt]:
    with database.transaction() as session:
        due = session.execute(
            select(WebhookDelivery, WebhookEndpoint)
            .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
            .join(Partner, Partner.id == WebhookEndpoint.partner_id)
            .where(
                WebhookDelivery.state == "waiting",
                WebhookDelivery.next_attempt_at <= now,
                WebhookEndpoint.state == "active",
                Partner.state == "active",
            )
            .order_by(WebhookDelivery.next_attempt_at)
            .limit(_AT_ONCE * _AT_ONCE_PER_ENDPOINT)
            .with_for_update(of=WebhookDelivery, skip_locked=True)
        ).all()
        taken: Counter[UUID] = Counter()
        attempts: list[Attempt] = []
        for delivery, endpoint in due:
            if taken[endpoint.id] >= _AT_ONCE_PER_ENDPOINT or len(attempts) >= _AT_ONCE:
                continue
            taken[endpoint.id] += 1
            delivery.next_attempt_at = now + LEASE
            signing = [keys.open(endpoint.sealed_secret)]
            if endpoint.sealed_old_secret and endpoint.old_secret_ends_at and now < endpoint.old_secret_ends_at:
                signing.append(keys.open(endpoint.sealed_old_secret))
            attempts.append(Attempt(delivery.id, endpoint.url, tuple(signing), delivery.event_id, delivery.body))
        return attempts


def _record(database: Database, delivery_id: UUID, outcome: Outcome, *, now: datetime) -> None:
    waits = delivery_rules(city_date(now)).waits
    with database.transaction() as session:
        delivery = session.get_one(WebhookDelivery, delivery_id, with_for_update=True)
        delivery.attempts += 1
        delivery.last_attempt_at = now
        delivery.last_status, delivery.last_error = outcome.status, outcome.error
        if outcome.error is None:
            delivery.state, delivery.delivered_at = "delivered", now
        elif delivery.attempts <= len(waits):
            delivery.next_attempt_at = now + waits[delivery.attempts - 1]
        else:
            delivery.state = "failed"
            endpoint = session.get_one(WebhookEndpoint, delivery.endpoint_id)
            notify(
                session,
                Recipient(partner_code=session.get_one(Partner, endpoint.partner_id).code),
                kind="webhook_failed",
                title="有回调多次没有送达",
                body=f"发往 {endpoint.url} 的回调多次没有送达（{outcome.error}），可在恢复后重新发送。",
                about=f"webhook:{endpoint.id}",
                once_key=f"webhook_failed:{endpoint.id}:{city_date(now)}",
                now=now,
            )
    log.info("webhook_tried", delivery=str(delivery_id), status=outcome.status, error=outcome.error)
