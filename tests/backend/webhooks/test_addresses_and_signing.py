from __future__ import annotations

import base64
import hmac
import socket
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from backend.webhooks.addresses import check_url, resolve
from backend.webhooks.errors import AddressNotAllowed
from backend.webhooks.signing import headers_for, new_secret


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hook",
        "ftp://shop.example/hook",
        "https://user:word@shop.example/",
        "https:///hook",
        "https://shop.example/#part",
        "https://shop.example:99999/",
        "https://" + "a" * 500 + ".example/",
        "not an address",
    ],
)
def test_only_a_plain_https_address_is_taken(url):
    with pytest.raises(AddressNotAllowed):
        check_url(url, allow_local=False)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1",
    ],
)  # fmt: skip
def test_a_name_that_leads_inside_is_never_called(monkeypatch, address):
    # The public one first: every address of the name is looked at.
    found = [(0, 0, 0, "", (one, 443)) for one in ("93.184.215.14", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(AddressNotAllowed):
        resolve("https://shop.example/hook", allow_local=False)
    assert resolve("https://shop.example/hook", allow_local=True)


def test_a_name_is_resolved_to_the_address_that_is_called(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: [(0, 0, 0, "", ("93.184.215.14", 443))])
    target = resolve("https://shop.example/hook", allow_local=False)
    assert (target.host, target.port, target.address) == ("shop.example", 443, "93.184.215.14")


def test_a_name_without_an_address_is_told(monkeypatch):
    def fails(*args, **kwargs):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    with pytest.raises(AddressNotAllowed):
        resolve("https://nowhere.example/", allow_local=False)


def test_the_signature_is_that_of_the_standard_webhooks_scheme():
    secret, at = new_secret(), datetime(2026, 3, 3, 2, tzinfo=UTC)
    headers = headers_for([secret], event_id="e-1", body='{"a":1}', at=at)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f'e-1.{int(at.timestamp())}.{{"a":1}}'.encode(), sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(signed).decode()}"
    assert len(key) == 32
