"""The adapter that really posts, against a receiver on this machine."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import pytest

from backend.webhooks.sending import Attempt, post_over_http
from backend.webhooks.signing import new_secret
from tests.servers import listening


@pytest.fixture
def receiver():
    came = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
            status = int(self.path.rsplit("/", 1)[1])
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/200")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    with listening(server):
        yield f"http://localhost:{server.server_port}", came


def attempt(url):
    return Attempt(uuid4(), url, (new_secret(),), "e-1", '{"名": 1}')


def test_a_message_arrives_signed_and_with_the_name_it_was_sent_to(receiver, now):
    base, came = receiver
    outcome = post_over_http(allow_local=True, timeout_seconds=5)(attempt(f"{base}/hook/204"), now)
    assert (outcome.status, outcome.error) == (204, None)
    [(path, headers, body)] = came
    headers = {name.lower(): value for name, value in headers.items()}
    assert path == "/hook/204"
    assert body.decode() == '{"名": 1}'
    assert headers["host"] == base.removeprefix("http://")
    assert headers["webhook-id"] == "e-1"
    assert headers["webhook-signature"].startswith("v1,")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_anything_but_success_is_a_failure_and_no_redirect_is_followed(receiver, now, status):
    base, came = receiver
    outcome = post_over_http(allow_local=True, timeout_seconds=5)(attempt(f"{base}/{status}"), now)
    assert (outcome.status, outcome.error) == (status, f"HTTP {status}")
    assert len(came) == 1


def test_a_receiver_on_this_machine_is_not_called_from_a_real_city(receiver, now):
    base, came = receiver
    url = f"{base}/200".replace("http://", "https://")
    outcome = post_over_http(allow_local=False, timeout_seconds=5)(attempt(url), now)
    assert outcome.status is None
    assert "内部网络" in outcome.error
    assert came == []


def test_nobody_there_is_a_failure(now):
    outcome = post_over_http(allow_local=True, timeout_seconds=2)(attempt("http://127.0.0.1:9/x"), now)
    assert (outcome.status, outcome.error) == (None, "ConnectError")
