from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.notifications.models import Notification
from backend.notifications.service import Recipient, notify
from backend.partners.service import find_partner, register_partner, suspend_partner
from backend.webhooks.errors import (
    AddressNotAllowed,
    DeliveryNotFound,
    EventKindUnknown,
    TooManyWebhooks,
    WebhookExists,
    WebhookNotFound,
)
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.rules import delivery_rules
from backend.webhooks.sending import LEASE, Outcome, send_due
from backend.webhooks.service import (
    announce,
    deliveries_of,
    endpoints_of,
    forget_old_deliveries,
    get_endpoint,
    register_endpoint,
    relay_notifications,
    remove_endpoint,
    resend,
    rotate_secret,
    send_test,
)

URL = "https://shop.example/hook"
WAITS = (10, 60, 300, 900, 3600, 7200, 14400, 28800, 43200)


class Receiver:
    """Answers as told and remembers what came."""

    def __init__(self, *answers: Outcome) -> None:
        self.answers = list(answers)
        self.came = []

    def __call__(self, attempt, at):
        self.came.append(attempt)
        return self.answers.pop(0) if self.answers else Outcome(200, None)


DOWN = Outcome(503, "HTTP 503")


@pytest.fixture
def partner_id(database, now):
    with database.transaction() as session:
        return register_partner(
            session, code="guicheng-pool", name="桂城泳池", kind="merchant", public_jwk=None, now=now
        ).id


def register(session, keys, partner_id, now, url=URL, kinds=("redemption.created",)):
    return register_endpoint(
        session, keys, partner_id=partner_id, url=url, kinds=kinds, now=now, allow_local=False
    )


@pytest.fixture
def endpoint(database, keys, partner_id, now):
    with database.transaction() as session:
        return register(session, keys, partner_id, now)[0]


def tell(database, partner_id, now, event_id="e-1"):
    with database.transaction() as session:
        return announce(
            session, partner_id=partner_id, kind="redemption.created", event_id=event_id, data={"n": 1}, now=now
        )


def state_of(database):
    with database.reading() as session:
        one = session.scalars(select(WebhookDelivery)).one()
        return one.state, one.attempts, one.next_attempt_at, one.last_status


def test_an_event_is_sent_once_and_says_what_happened(database, keys, partner_id, endpoint, now):
    assert tell(database, partner_id, now) == 1
    assert tell(database, partner_id, now) == 0
    receiver = Receiver()
    assert send_due(database, keys, post=receiver, now=now) == 1
    assert send_due(database, keys, post=receiver, now=now + timedelta(days=2)) == 0
    [came] = receiver.came
    assert (came.url, came.event_id) == (URL, "e-1")
    assert json.loads(came.body) == {
        "id": "e-1", "type": "redemption.created", "timestamp": "2026-03-03T02:00:00Z", "data": {"n": 1},
    }  # fmt: skip
    assert state_of(database)[:2] == ("delivered", 1)


def test_nothing_is_sent_of_what_was_not_committed_or_not_asked_for(database, keys, partner_id, endpoint, now):
    with database._sessions() as session:
        announce(session, partner_id=partner_id, kind="redemption.created", event_id="e", data={}, now=now)
        session.rollback()
    with database.transaction() as session:
        announce(session, partner_id=partner_id, kind="redemption.cancelled", event_id="e", data={}, now=now)
    assert send_due(database, keys, post=Receiver(), now=now) == 0


def test_a_failed_attempt_is_repeated_ever_later_with_the_same_words_until_it_has_failed(
    database, keys, partner_id, endpoint, now
):
    assert tuple(int(wait.total_seconds()) for wait in delivery_rules(now.date()).waits) == WAITS
    tell(database, partner_id, now)
    receiver, at = Receiver(*[DOWN] * 10), now
    for attempt, wait in enumerate(WAITS, start=1):
        assert send_due(database, keys, post=receiver, now=at) == 1
        assert state_of(database) == ("waiting", attempt, at + timedelta(seconds=wait), 503)
        assert send_due(database, keys, post=receiver, now=at + timedelta(seconds=wait - 1)) == 0
        at += timedelta(seconds=wait)
    send_due(database, keys, post=receiver, now=at)
    assert state_of(database)[:2] == ("failed", 10)
    assert len({(came.event_id, came.body) for came in receiver.came}) == 1
    with database.reading() as session:
        [told] = session.scalars(select(Notification))
        assert (told.partner_code, told.kind) == ("guicheng-pool", "webhook_failed")


def test_a_failed_one_can_be_resent_under_the_same_id(database, keys, partner_id, endpoint, now):
    tell(database, partner_id, now)
    receiver, at = Receiver(*[DOWN] * 10), now
    for wait in (*WAITS, 0):
        send_due(database, keys, post=receiver, now=at)
        at += timedelta(seconds=wait)
    with database.transaction() as session:
        [one] = deliveries_of(session, partner_id, state="failed")
        resend(session, one.id, partner_id=partner_id, now=at)
    assert send_due(database, keys, post=receiver, now=at) == 1
    assert state_of(database)[:2] == ("delivered", 1)
    assert receiver.came[-1].event_id == receiver.came[0].event_id


def test_a_killed_sender_only_delays(database, keys, partner_id, endpoint, now):
    tell(database, partner_id, now)

    def dies(attempt, at):
        raise SystemExit

    with pytest.raises(SystemExit):
        send_due(database, keys, post=dies, now=now)
    assert send_due(database, keys, post=Receiver(), now=now + LEASE - timedelta(seconds=1)) == 0
    assert send_due(database, keys, post=Receiver(), now=now + LEASE) == 1


def test_after_a_rotation_both_secrets_sign_for_a_day(database, keys, partner_id, now):
    with database.transaction() as session:
        endpoint, old = register(session, keys, partner_id, now)
        _, new = rotate_secret(session, keys, endpoint.id, partner_id=partner_id, now=now)
    receiver = Receiver()
    for hours, event in ((23, "a"), (24, "b")):
        at = now + timedelta(hours=hours)
        tell(database, partner_id, at, event)
        send_due(database, keys, post=receiver, now=at)
    assert [came.secrets for came in receiver.came] == [(new, old), (new,)]


def test_one_slow_endpoint_does_not_take_every_place(database, keys, partner_id, endpoint, now):
    with database.transaction() as session:
        register(session, keys, partner_id, now, url="https://other.example/hook")
    for number in range(10):
        tell(database, partner_id, now, f"e-{number}")
    receiver = Receiver()
    assert send_due(database, keys, post=receiver, now=now) == 8
    assert {came.url for came in receiver.came} == {URL, "https://other.example/hook"}


def test_nothing_goes_to_a_removed_endpoint_or_a_suspended_partner(database, keys, partner_id, endpoint, now):
    tell(database, partner_id, now)
    with database.transaction() as session:
        suspend_partner(session, find_partner(session, "guicheng-pool"), by="张敏", now=now)
    assert send_due(database, keys, post=Receiver(), now=now) == 0
    with database.transaction() as session:
        find_partner(session, "guicheng-pool").state = "active"
        remove_endpoint(session, endpoint.id, partner_id=partner_id)
    assert send_due(database, keys, post=Receiver(), now=now) == 0


def test_a_notification_is_relayed_once_even_when_committed_late(database, keys, partner_id, now):
    with database.transaction() as session:
        register(session, keys, partner_id, now, kinds=("notification.created",))

    def write(at):
        with database.transaction() as session:
            notify(session, Recipient(partner_code="guicheng-pool"), kind="k", title="t", body="b", now=at)

    def relay(at):
        with database.transaction() as session:
            return relay_notifications(session, now=at)

    write(now + timedelta(minutes=1))
    assert relay(now + timedelta(minutes=2)) == 1
    # Written before the last look, visible only after it.
    write(now + timedelta(minutes=1, seconds=30))
    assert relay(now + timedelta(minutes=3)) == 1
    assert relay(now + timedelta(minutes=4)) == 0


def test_what_was_told_before_an_endpoint_was_added_is_not_sent_there(database, keys, partner_id, now):
    with database.transaction() as session:
        notify(session, Recipient(partner_code="guicheng-pool"), kind="k", title="t", body="b", now=now)
        later = now + timedelta(seconds=1)
        register(session, keys, partner_id, later, kinds=("notification.created",))
        assert relay_notifications(session, now=later) == 0


def test_endpoints_are_refused_with_reasons(session, keys, now):
    partner_id = register_partner(
        session, code="guicheng-pool", name="桂城泳池", kind="merchant", public_jwk=None, now=now
    ).id
    with pytest.raises(AddressNotAllowed):
        register(session, keys, partner_id, now, url="http://shop.example/")
    with pytest.raises(EventKindUnknown):
        register(session, keys, partner_id, now, kinds=("no.such",))
    for number in range(5):
        register(session, keys, partner_id, now, url=f"https://shop.example/{number}")
    with pytest.raises(WebhookExists):
        register(session, keys, partner_id, now, url="https://shop.example/0")
    with pytest.raises(TooManyWebhooks):
        register(session, keys, partner_id, now, url="https://shop.example/5")
    first = endpoints_of(session, partner_id)[0]
    remove_endpoint(session, first.id, partner_id=partner_id)
    again, _ = register(session, keys, partner_id, now, url=first.url)
    assert again.id == first.id


def test_another_partners_endpoints_and_deliveries_do_not_exist(session, keys, now):
    one, other = (
        register_partner(session, code=code, name=code, kind="merchant", public_jwk=None, now=now).id
        for code in ("guicheng-pool", "guicheng-gym")
    )
    endpoint, _ = register(session, keys, one, now)
    sent = send_test(session, endpoint.id, partner_id=one, now=now)
    with pytest.raises(WebhookNotFound):
        get_endpoint(session, endpoint.id, partner_id=other)
    with pytest.raises(DeliveryNotFound):
        resend(session, sent.id, partner_id=other, now=now)
    assert deliveries_of(session, other) == []


def test_a_secret_is_not_in_the_tables(session, keys, now):
    partner_id = register_partner(
        session, code="guicheng-pool", name="桂城泳池", kind="merchant", public_jwk=None, now=now
    ).id
    endpoint, secret = register(session, keys, partner_id, now)
    assert secret.encode() not in endpoint.sealed_secret
    assert keys.open(endpoint.sealed_secret) == secret


def test_what_is_done_with_is_forgotten_after_thirty_days(database, keys, partner_id, endpoint, now):
    tell(database, partner_id, now)
    send_due(database, keys, post=Receiver(), now=now)
    tell(database, partner_id, now, "waits")
    for days, left in ((30, 2), (31, 1)):
        with database.transaction() as session:
            forget_old_deliveries(session, now=now + timedelta(days=days))
            assert len(session.scalars(select(WebhookDelivery)).all()) == left
