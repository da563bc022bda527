"""Registering endpoints, announcing what happened, and looking at deliveries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.database import insert_into
from backend.identifiers.sealing import KeyRing
from backend.notifications.models import Notification
from backend.partners.models import Partner
from backend.webhooks.addresses import check_url
from backend.webhooks.errors import (
    DeliveryNotFound,
    EventKindUnknown,
    TooManyWebhooks,
    WebhookExists,
    WebhookNotFound,
)
from backend.webhooks.models import WebhookDelivery, WebhookEndpoint
from backend.webhooks.rules import delivery_rules
from backend.webhooks.signing import new_secret

KIND_NAMES = {
    "redemption.created": "核销了一笔权益",
    "redemption.cancelled": "撤销了一笔核销",
    "notification.created": "有给本单位的新通知",
    "webhook.test": "测试",
}
_LATE_COMMITS = timedelta(minutes=5)


def register_endpoint(
    session: Session,
    keys: KeyRing,
    *,
    partner_id: UUID,
    url: str,
    kinds: Sequence[str],
    now: datetime,
    allow_local: bool,
) -> tuple[WebhookEndpoint, str]:
    """The endpoint and its secret, which is shown once.

    Raises AddressNotAllowed, EventKindUnknown, WebhookExists or TooManyWebhooks.
    """
    check_url(url, allow_local=allow_local)
    if unknown := sorted(set(kinds) - KIND_NAMES.keys()):
        raise EventKindUnknown(unknown)
    present = endpoints_of(session, partner_id)
    if any(endpoint.url == url for endpoint in present):
        raise WebhookExists
    rules = delivery_rules(city_date(now))
    if len(present) >= rules.most_endpoints:
        raise TooManyWebhooks(rules.most_endpoints)
    secret = new_secret()
    gone = session.scalars(
        select(WebhookEndpoint).where(WebhookEndpoint.partner_id == partner_id, WebhookEndpoint.url == url)
    ).first()
    endpoint = gone or WebhookEndpoint(partner_id=partner_id, url=url)
    endpoint.kinds = sorted({*kinds, "webhook.test"})
    endpoint.sealed_secret = keys.seal(secret)
    endpoint.sealed_old_secret = endpoint.old_secret_ends_at = None
    endpoint.state = "active"
    endpoint.added_at = endpoint.relayed_until = now
    session.add(endpoint)
    session.flush()
    return endpoint, secret


def remove_endpoint(session: Session, endpoint_id: UUID, *, partner_id: UUID) -> None:
    """Nothing goes there any more, not even what waits. Raises WebhookNotFound."""
    get_endpoint(session, endpoint_id, partner_id=partner_id).state = "removed"


def rotate_secret(
    session: Session, keys: KeyRing, endpoint_id: UUID, *, partner_id: UUID, now: datetime
) -> tuple[WebhookEndpoint, str]:
    """The new secret; the old one signs beside it for a while. Raises WebhookNotFound."""
    endpoint = get_endpoint(session, endpoint_id, partner_id=partner_id)
    secret = new_secret()
    endpoint.sealed_old_secret = endpoint.sealed_secret
    endpoint.old_secret_ends_at = now + delivery_rules(city_date(now)).old_secret_lasts
    endpoint.sealed_secret = keys.seal(secret)
    session.flush()
    return endpoint, secret


def endpoints_of(session: Session, partner_id: UUID) -> Sequence[WebhookEndpoint]:
    return session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.partner_id == partner_id, WebhookEndpoint.state == "active")
        .order_by(WebhookEndpoint.added_at, WebhookEndpoint.id)
    ).all()


def get_endpoint(session: Session, endpoint_id: UUID, *, partner_id: UUID) -> WebhookEndpoint:
    """Raises WebhookNotFound, also for another partner's or a removed one."""
    endpoint = session.get(WebhookEndpoint, endpoint_id)
    if endpoint is None or endpoint.partner_id != partner_id or endpoint.state != "active":
        raise WebhookNotFound
    return endpoint


def announce(
    session: Session,
    *,
    partner_id: UUID,
    kind: str,
    event_id: str,
    data: Mapping[str, object],
    now: datetime,
) -> int:
    """Queue the event for each endpoint that wants it, in the transaction of what it tells; how many were new.

    Announcing the same event again changes nothing. `data` never says anything about a customer.
    """
    return sum(
        _queue(session, endpoint, kind=kind, event_id=event_id, data=data, now=now)
        for endpoint in endpoints_of(session, partner_id)
        if kind in endpoint.kinds
    )


def send_test(session: Session, endpoint_id: UUID, *, partner_id: UUID, now: datetime) -> WebhookDelivery:
    """Raises WebhookNotFound."""
    endpoint = get_endpoint(session, endpoint_id, partner_id=partner_id)
    event_id = f"test-{uuid4()}"
    _queue(session, endpoint, kind="webhook.test", event_id=event_id, data={"message": "回调测试"}, now=now)
    return session.scalars(
        select(WebhookDelivery).where(
            WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.event_id == event_id
        )
    ).one()


def relay_notifications(session: Session, *, now: datetime) -> int:
    """Make deliveries of the partners' notifications; how many were new.

    Rows are looked at again for a few minutes, as one that was written earlier may be committed later.
    """
    relayed = 0
    found = session.execute(
        select(WebhookEndpoint, Partner.code)
        .join(Partner, Partner.id == WebhookEndpoint.partner_id)
        .where(WebhookEndpoint.state == "active")
    ).all()
    for endpoint, partner_code in found:
        if "notification.created" not in endpoint.kinds:
            continue
        since = max(endpoint.added_at, endpoint.relayed_until - _LATE_COMMITS)
        notifications = session.scalars(
            select(Notification)
            .where(Notification.partner_code == partner_code, Notification.created_at >= since)
            .order_by(Notification.id)
        )
        for one in notifications:
            relayed += _queue(
                session,
                endpoint,
                kind="notification.created",
                event_id=f"notification-{one.id}",
                data={"kind": one.kind, "title": one.title, "body": one.body, "about": one.about},
                now=now,
            )
        endpoint.relayed_until = now
    return relayed


def deliveries_of(
    session: Session,
    partner_id: UUID,
    *,
    endpoint_id: UUID | None = None,
    state: str | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 20,
) -> Sequence[WebhookDelivery]:
    """Newest first; `before` is the moment and id of the last one of an earlier page."""
    query = (
        select(WebhookDelivery)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .where(WebhookEndpoint.partner_id == partner_id)
    )
    if endpoint_id is not None:
        query = query.where(WebhookEndpoint.id == endpoint_id)
    if state is not None:
        query = query.where(WebhookDelivery.state == state)
    if before is not None:
        query = query.where(tuple_(WebhookDelivery.created_at, WebhookDelivery.id) < tuple_(*before))
    return session.scalars(
        query.order_by(WebhookDelivery.created_at.desc(), WebhookDelivery.id.desc()).limit(limit)
    ).all()


def resend(session: Session, delivery_id: UUID, *, partner_id: UUID, now: datetime) -> WebhookDelivery:
    """Try again now, under the same id and with the same body, as often as a new one.

    Raises DeliveryNotFound, or WebhookNotFound when its endpoint was removed.
    """
    delivery = session.get(WebhookDelivery, delivery_id)
    if delivery is None:
        raise DeliveryNotFound
    try:
        get_endpoint(session, delivery.endpoint_id, partner_id=partner_id)
    except WebhookNotFound:
        raise DeliveryNotFound from None
    delivery.state = "waiting"
    delivery.attempts = 0
    delivery.next_attempt_at = now
    session.flush()
    return delivery


def forget_old_deliveries(session: Session, *, now: datetime) -> None:
    """What is done with is kept for a while, so that a partner can look and resend."""
    session.execute(
        delete(WebhookDelivery).where(
            WebhookDelivery.state != "waiting",
            WebhookDelivery.created_at < now - delivery_rules(city_date(now)).kept_for,
        )
    )


def _queue(
    session: Session,
    endpoint: WebhookEndpoint,
    *,
    kind: str,
    event_id: str,
    data: Mapping[str, object],
    now: datetime,
) -> bool:
    at = now.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    body = json.dumps(
        {"id": event_id, "type": kind, "timestamp": at, "data": data}, ensure_ascii=False, sort_keys=True
    )
    made = session.execute(
        insert_into(session, WebhookDelivery)
        .values(
            id=uuid4(),
            endpoint_id=endpoint.id,
            event_id=event_id,
            kind=kind,
            body=body,
            state="waiting",
            attempts=0,
            created_at=now,
            next_attempt_at=now,
        )
        .on_conflict_do_nothing(index_elements=["endpoint_id", "event_id"])
        .returning(WebhookDelivery.id)
    ).first()
    return made is not None
