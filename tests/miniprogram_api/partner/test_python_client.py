"""clients/python against a server that is really served: what the package promises its users."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from backend.benefits.codes import issue_code
from backend.city_calendar import city_date
from backend.webhooks.sending import Outcome, send_due
from backend.webhooks.signing import headers_for, new_secret
from osmanthus_partner import Partner, Problem, Unreachable, generate_private_key, read_private_key
from osmanthus_partner.webhooks import SignatureInvalid, verify

ROOT = Path(__file__).parents[3]
SCHEME = "reading_deposit_free"


class BadNetwork(httpx.BaseTransport):
    """Passes requests on, and loses the answers it is told to lose."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()
        self.lose: list[str] = []
        self.sent: list[tuple[str, str]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.sent.append((path, request.headers.get("idempotency-key", "")))
        answer = self._inner.handle_request(request)
        if self.lose and path.endswith(self.lose[0]):
            self.lose.pop(0)
            answer.read()
            raise httpx.ReadError("the answer was lost")
        return answer


@pytest.fixture
def network():
    return BadNetwork()


@pytest.fixture
def partner(live, network):
    _, _, url, keys_dir = live
    private = read_private_key(keys_dir / "guicheng-library.private.json")
    http = httpx.Client(base_url=url, transport=network, timeout=10)
    with Partner(url, client_id="guicheng-library", private_key=private, http=http, sleep=lambda _: None) as one:
        yield one


@pytest.fixture
def code(live):
    services, citizen, _, _ = live

    def show():
        with services.database.transaction() as session:
            return issue_code(session, services.store, holder=citizen, scheme_code=None, now=services.clock()).code

    return show


def test_a_customer_is_served_and_taken_back_and_settled(live, partner, code):
    today = city_date(live[0].clock())
    assert [scheme.code for scheme in partner.schemes()] == [SCHEME]
    check = partner.check(code(), SCHEME)
    assert check.eligible
    assert "免押借阅 15 册" in check.terms["summary"]
    redemption = partner.redeem(check.check_id)
    assert partner.redeem(check.check_id).redemption_id == redemption.redemption_id
    assert partner.cancel(redemption.redemption_id).cancelled_at is not None
    assert [one.redemption_id for one in partner.redemptions()] == [redemption.redemption_id]
    settlement = partner.settlement(today, today)
    assert [line.kind for line in settlement.lines] == ["redemption", "cancellation"]
    assert settlement.settled_cents == sum(line.settled_cents for line in settlement.lines) == 0
    assert partner.settlement_file(today, today, kind="csv").startswith(b"\xef\xbb\xbf")
    assert [(line.checks, line.redemptions) for line in partner.usage(today, today)] == [(1, 1)]
    assert list(partner.notifications()) == []


def test_lost_answers_are_asked_for_again_with_the_same_key_and_nothing_happens_twice(partner, network, code):
    network.lose = ["/checks", "/redemptions", "/redemptions"]
    check = partner.check(code(), SCHEME)
    assert check.eligible
    partner.redeem(check.check_id)
    for path, times in (("/checks", 2), ("/redemptions", 3)):
        keys = [key for sent, key in network.sent if sent.endswith(path)]
        assert (len(keys), len(set(keys))) == (times, 1)
    assert len(list(partner.redemptions())) == 1


def test_after_all_tries_the_same_key_can_be_given_again(partner, network, code):
    shown = code()
    network.lose = ["/checks"] * 4
    with pytest.raises(Unreachable) as lost:
        partner.check(shown, SCHEME)
    assert partner.check(shown, SCHEME, key=lost.value.key).eligible


def test_a_refusal_is_told_once_with_its_code(partner, network):
    with pytest.raises(Problem) as refusal:
        partner.check("A" * 26, SCHEME)
    assert (refusal.value.status, refusal.value.code) == (422, "code_not_valid")
    assert len([path for path, _ in network.sent if path.endswith("/checks")]) == 1


def test_a_wrong_key_is_told_as_the_token_endpoint_tells_it(live, partner):
    stranger = Partner(live[2], client_id="guicheng-library", private_key=generate_private_key())
    with stranger, pytest.raises(Problem) as refusal:
        stranger.schemes()
    assert refusal.value.code == "invalid_client"


def test_a_scan_without_a_network_is_sent_later_and_refused_when_stale(partner, code):
    queued = partner.queue_check(code(), SCHEME)
    assert partner.send_queued(queued).eligible
    assert partner.send_queued(queued).eligible, "the same scan again gives the same answer"
    with pytest.raises(Problem) as refusal:
        partner.send_queued(partner.queue_check(code(), SCHEME, scanned_at=time.time() - 601))
    assert refusal.value.code == "queued_check_stale"


def test_a_key_is_rotated_without_a_gap_and_a_revoked_token_renewed(partner):
    [old] = partner.registered_keys()
    made = partner.rotate_key(generate_private_key())
    partner.revoke_key(old.kid)
    assert partner.schemes()
    assert {one.kid: one.state for one in partner.registered_keys()} == {old.kid: "revoked", made.kid: "active"}


def test_a_webhook_is_registered_received_and_verified(live, partner, code):
    services = live[0]
    webhook = partner.register_webhook("http://127.0.0.1:9/hook", ["redemption.created"])
    redemption = partner.redeem(partner.check(code(), SCHEME).check_id)
    events = []

    def receive(attempt, at):
        headers = headers_for(attempt.secrets, event_id=attempt.event_id, body=attempt.body, at=at)
        events.append(verify(webhook.secret, headers, attempt.body.encode()))
        return Outcome(200, None)

    assert send_due(services.database, services.keys, post=receive, now=services.clock()) == 1
    [event] = events
    assert (event.type, event.data["redemption_id"]) == ("redemption.created", redemption.redemption_id)
    [delivery] = partner.webhook_deliveries()
    partner.resend_webhook(delivery["id"])
    send_due(services.database, services.keys, post=receive, now=services.clock())
    assert events[0].id == events[1].id
    assert partner.rotate_webhook_secret(webhook.id).secret != webhook.secret
    partner.remove_webhook(webhook.id)
    assert partner.webhooks() == []


@pytest.mark.parametrize("wrong", ["body", "id", "secret", "old", "future", "missing"])
def test_a_message_that_is_not_the_citys_is_not_believed(now, wrong):
    secret, body = new_secret(), '{"type": "t", "timestamp": "x", "data": {}}'
    headers = headers_for([new_secret(), secret], event_id="e-1", body=body, at=now)
    at = now.timestamp()
    assert verify(secret, headers, body.encode(), now=at + 300).id == "e-1"
    if wrong == "body":
        body += " "
    elif wrong == "id":
        headers["webhook-id"] = "e-2"
    elif wrong == "secret":
        secret = new_secret()
    elif wrong == "missing":
        del headers["webhook-signature"]
    at += {"old": 301, "future": -301}.get(wrong, 0)
    with pytest.raises(SignatureInvalid):
        verify(secret, headers, body.encode(), now=at)


def test_the_package_installs_by_itself_and_is_typed(tmp_path):
    # A copy, as building leaves its traces beside the source.
    package = shutil.copytree(ROOT / "clients/python", tmp_path / "package")
    installed = subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
            "--target", str(tmp_path / "lib"), str(package),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    script = "import osmanthus_partner, pathlib; print(pathlib.Path(osmanthus_partner.__file__).parent)"
    where = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(tmp_path / "lib")},
    ).stdout.strip()  # fmt: skip
    assert Path(where).is_relative_to(tmp_path / "lib")
    assert (Path(where) / "py.typed").exists()


def test_yesterday_is_not_in_todays_settlement(live, partner):
    yesterday = city_date(live[0].clock()) - timedelta(days=1)
    assert isinstance(yesterday, date)
    assert partner.settlement(yesterday, yesterday).lines == ()
