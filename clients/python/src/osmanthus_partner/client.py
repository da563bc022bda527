"""The client. Amounts are whole cents, moments UTC, days the city's."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from types import TracebackType
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TOO_EARLY = {502, 503, 504}


class Problem(Exception):
    """The city's answer is no to the request itself: branch on `code`, show `detail` to the cashier."""

    def __init__(self, status: int, code: str, detail: str, data: Mapping[str, Any]) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.data = data


class Unreachable(Exception):
    """No answer after all tries. Try again with the same `key`: whatever has happened, it happens once."""

    def __init__(self, key: str) -> None:
        super().__init__("the city's server cannot be reached")
        self.key = key


@dataclass(frozen=True)
class Scheme:
    code: str
    name: str
    scene_name: str
    summary: str
    needs_amount: bool
    documents: Sequence[str]


@dataclass(frozen=True)
class Check:
    """`terms` only on yes; why it is no is for the customer alone."""

    check_id: str
    eligible: bool
    scheme: str
    terms: Mapping[str, Any] | None
    expires_at: datetime


@dataclass(frozen=True)
class QueuedCheck:
    """A scan made without a network: may be stored, and is good for ten minutes."""

    code: str
    scheme: str
    scan_proof: str
    key: str


@dataclass(frozen=True)
class Redemption:
    redemption_id: str
    check_id: str
    scheme: str
    terms: Mapping[str, Any]
    amount_cents: int | None
    settled_cents: int
    redeemed_at: datetime
    cancelled_at: datetime | None


@dataclass(frozen=True)
class SettlementLine:
    """`settled_cents` is negative for a cancellation."""

    at: datetime
    kind: str
    scheme_code: str
    scheme_name: str
    redemption_id: str
    bill_cents: int | None
    settled_cents: int


@dataclass(frozen=True)
class Settlement:
    first: date
    last: date
    settled_cents: int
    lines: Sequence[SettlementLine]


@dataclass(frozen=True)
class UsageLine:
    day: date
    scheme_code: str
    store: str
    checks: int
    eligible: int
    redemptions: int
    cancellations: int


@dataclass(frozen=True)
class KeyInfo:
    kid: str
    state: str


@dataclass(frozen=True)
class Webhook:
    """`secret` only right after registering or rotating."""

    id: str
    url: str
    kinds: Sequence[str]
    secret: str | None = None


class Partner:
    """A partner of one city. Safe to keep for long: the access token is renewed by itself."""

    def __init__(
        self,
        base_url: str,
        *,
        client_id: str,
        private_key: Mapping[str, Any],
        http: httpx.Client | None = None,
        tries: int = 4,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client_id = client_id
        self._set_key(private_key)
        self._http = http or httpx.Client(base_url=base_url, timeout=10)
        self._tries = tries
        self._sleep = sleep
        self._clock = clock
        self._token, self._token_ends, self._issuer = "", 0.0, ""

    def __enter__(self) -> Partner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def schemes(self) -> list[Scheme]:
        """The schemes this partner offers today."""
        return [
            Scheme(
                code=one["code"],
                name=one["name"],
                scene_name=one["scene_name"],
                summary=one["summary"],
                needs_amount=one["needs_amount"],
                documents=tuple(one["documents"]),
            )
            for one in self._get("/schemes")["items"]
        ]

    def check(self, code: str, scheme: str, *, key: str | None = None) -> Check:
        """May the customer who shows this code have the benefit? A code is good for one check.

        Raises Problem (`code_not_valid`, `scheme_not_offered`, `too_many_checks` …) or Unreachable.
        """
        return _check(self._act("POST", "/checks", {"code": code, "scheme": scheme}, key))

    def queue_check(self, code: str, scheme: str, *, scanned_at: float | None = None) -> QueuedCheck:
        """Sign a scan without any network; give it to `send_queued` within ten minutes."""
        claims = {
            "scanned_at": int(self._clock() if scanned_at is None else scanned_at),
            "scheme": scheme,
            "code_sha256": sha256(code.strip().upper().encode()).hexdigest(),
        }
        return QueuedCheck(code=code, scheme=scheme, scan_proof=self._sign(claims), key=_new_key())

    def send_queued(self, queued: QueuedCheck) -> Check:
        """Raises Problem: `queued_check_stale` when it waited too long."""
        body = {"code": queued.code, "scheme": queued.scheme, "scan_proof": queued.scan_proof}
        return _check(self._act("POST", "/checks", body, queued.key))

    def redeem(self, check_id: str, *, amount_cents: int | None = None, key: str | None = None) -> Redemption:
        """Use the benefit. Repeating it for the same check gives the same redemption.

        Raises Problem (`check_expired`, `check_not_redeemable`, `amount_required` …) or Unreachable.
        """
        body = {"check_id": check_id, "amount_cents": amount_cents}
        return _redemption(self._act("POST", "/redemptions", body, key))

    def cancel(self, redemption_id: str, *, key: str | None = None) -> Redemption:
        """Take a redemption back; quota and budget return."""
        return _redemption(self._act("POST", f"/redemptions/{redemption_id}/cancellation", None, key))

    def redemptions(self) -> Iterator[Redemption]:
        """All of this partner's, newest first, fetched page by page."""
        yield from (_redemption(one) for one in self._pages("/redemptions"))

    def settlement(self, first: date, last: date) -> Settlement:
        """What the city owes for these days, line by line."""
        found = self._get("/settlements", first=first.isoformat(), last=last.isoformat())
        return Settlement(
            first=date.fromisoformat(found["first"]),
            last=date.fromisoformat(found["last"]),
            settled_cents=found["settled_cents"],
            lines=tuple(
                SettlementLine(
                    at=_moment(line["at"]),
                    kind=line["kind"],
                    scheme_code=line["scheme_code"],
                    scheme_name=line["scheme_name"],
                    redemption_id=line["redemption_id"],
                    bill_cents=line["bill_cents"],
                    settled_cents=line["settled_cents"],
                )
                for line in found["lines"]
            ),
        )

    def settlement_file(self, first: date, last: date, *, kind: str = "xlsx") -> bytes:
        """The same as a file, `csv` or `xlsx`."""
        query = {"first": first.isoformat(), "last": last.isoformat(), "format": kind}
        return self._send("GET", "/settlements/file", params=query, key=_new_key()).content

    def usage(self, first: date, last: date) -> list[UsageLine]:
        found = self._get("/usage", first=first.isoformat(), last=last.isoformat())
        return [UsageLine(**{**line, "day": date.fromisoformat(line["day"])}) for line in found["items"]]

    def notifications(self) -> Iterator[Mapping[str, Any]]:
        """What this partner was told, newest first: above all that an earlier answer is to be asked again."""
        yield from self._pages("/notifications")

    def registered_keys(self) -> list[KeyInfo]:
        return [KeyInfo(kid=one["kid"], state=one["state"]) for one in self._get("/keys")["items"]]

    def rotate_key(self, new_private_key: Mapping[str, Any]) -> KeyInfo:
        """Register the next key, proven by the present one, and sign with it from now on.

        The old one stays good until `revoke_key`, for other machines that still use it.
        """
        public = {name: value for name, value in new_private_key.items() if name != "d"}
        claims = {"sub": self._client_id, "new_kid": public["kid"], "exp": int(self._clock()) + 240}
        body = {"public_key": json.dumps(public), "proof": self._sign(claims)}
        made = self._act("POST", "/keys", body, None)
        self._set_key(new_private_key)
        return KeyInfo(kid=made["kid"], state=made["state"])

    def revoke_key(self, kid: str) -> None:
        """Nothing signed with it is believed any more; tokens are renewed by themselves."""
        self._send("DELETE", f"/keys/{kid}", key=_new_key())
        self._token = ""

    def webhooks(self) -> list[Webhook]:
        return [_webhook(one) for one in self._get("/webhooks")["items"]]

    def register_webhook(self, url: str, kinds: Sequence[str]) -> Webhook:
        """`secret` is shown this once: keep it for `webhooks.verify`."""
        return _webhook(self._act("POST", "/webhooks", {"url": url, "kinds": list(kinds)}, None))

    def rotate_webhook_secret(self, webhook_id: str) -> Webhook:
        return _webhook(self._act("POST", f"/webhooks/{webhook_id}/secret", None, None))

    def test_webhook(self, webhook_id: str) -> None:
        self._act("POST", f"/webhooks/{webhook_id}/test", None, None)

    def remove_webhook(self, webhook_id: str) -> None:
        self._send("DELETE", f"/webhooks/{webhook_id}", key=_new_key())

    def webhook_deliveries(self) -> Iterator[Mapping[str, Any]]:
        """Newest first."""
        yield from self._pages("/webhooks/deliveries")

    def resend_webhook(self, delivery_id: str) -> None:
        self._act("POST", f"/webhooks/deliveries/{delivery_id}/resending", None, None)

    def _set_key(self, private_key: Mapping[str, Any]) -> None:
        self._key = ECKey.import_key(dict(private_key))
        self._kid = str(private_key.get("kid") or self._key.thumbprint())

    def _sign(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode({"alg": "ES256", "kid": self._kid}, dict(claims), self._key)

    def _authorization(self) -> str:
        now = self._clock()
        if not self._token or now > self._token_ends - 30:
            if not self._issuer:
                metadata = self._http.get("/.well-known/oauth-authorization-server").raise_for_status().json()
                self._issuer = metadata["issuer"]
            claims = {
                "iss": self._client_id,
                "sub": self._client_id,
                "aud": self._issuer,
                "iat": int(now),
                "exp": int(now) + 60,
                "jti": str(uuid.uuid4()),
            }
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": self._sign(claims),
            }
            answer = self._http.post("/oauth/token", data=form)
            if answer.status_code in {400, 401, 403}:
                told = answer.json()
                raise Problem(answer.status_code, told["error"], told.get("error_description", ""), told)
            given = answer.raise_for_status().json()
            self._token, self._token_ends = given["access_token"], now + given["expires_in"]
        return f"Bearer {self._token}"

    def _get(self, path: str, **params: str) -> Any:
        return self._send("GET", path, params=params, key=_new_key()).json()

    def _act(self, method: str, path: str, body: Mapping[str, Any] | None, key: str | None) -> Any:
        return self._send(method, path, body=body, key=key or _new_key()).json()

    def _pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        params: dict[str, str] = {}
        while True:
            page = self._get(path, **params)
            yield from page["items"]
            if not page.get("next_cursor"):
                return
            params = {"cursor": page["next_cursor"]}

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        key: str,
    ) -> httpx.Response:
        """The same key in every try, so that whatever acts acts once."""
        renewed = False
        for attempt in range(1, self._tries + 1):
            try:
                answer = self._http.request(
                    method,
                    f"/api/v1/partner{path}",
                    json=body,
                    params=params,
                    headers={"Authorization": self._authorization(), "Idempotency-Key": key},
                )
            except (httpx.TransportError, httpx.HTTPStatusError):
                answer = None
            if answer is not None and answer.is_success:
                return answer
            if answer is not None and answer.status_code == 401 and not renewed:
                # Revoked while we held it: one fresh token, then the answer counts.
                renewed, self._token = True, ""
                continue
            if answer is not None and answer.status_code not in _TOO_EARLY:
                raise _problem(answer)
            if attempt < self._tries:
                self._sleep(min(8.0, 0.5 * 2 ** (attempt - 1)))
        raise Unreachable(key)


def _problem(answer: httpx.Response) -> Problem:
    try:
        told = answer.json()
    except ValueError:
        told = {}
    return Problem(answer.status_code, told.get("code", "http_error"), told.get("detail", answer.text), told)


def _check(told: Mapping[str, Any]) -> Check:
    return Check(
        check_id=told["check_id"],
        eligible=told["eligible"],
        scheme=told["scheme"]["code"],
        terms=told["terms"],
        expires_at=_moment(told["expires_at"]),
    )


def _redemption(told: Mapping[str, Any]) -> Redemption:
    return Redemption(
        redemption_id=told["redemption_id"],
        check_id=told["check_id"],
        scheme=told["scheme"],
        terms=told["terms"],
        amount_cents=told["amount_cents"],
        settled_cents=told["settled_cents"],
        redeemed_at=_moment(told["redeemed_at"]),
        cancelled_at=_moment(told["cancelled_at"]) if told["cancelled_at"] else None,
    )


def _webhook(told: Mapping[str, Any]) -> Webhook:
    return Webhook(id=told["id"], url=told["url"], kinds=tuple(told["kinds"]), secret=told.get("secret"))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _new_key() -> str:
    return str(uuid.uuid4())
