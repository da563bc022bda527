"""The OAuth 2.0 token endpoint (RFC 6749) by Authlib, without any web framework.

Allowed is exactly one way in: `client_credentials` with `private_key_jwt`. Authlib's defaults that would be
wider or longer-lived are closed here, each with a test: other client authentication methods, ten-day tokens,
tokens stored in plain text, any algorithm the key fits, assertions for several audiences, assertions without an
upper limit of life, and its own clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError, OAuth2Error
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.authorizations.assertions import ALGORITHM, CLOCK_SKEW, LONGEST_LIFETIME
from backend.authorizations.models import UsedAssertion
from backend.authorizations.tokens import (
    TOKEN_LIFETIME,
    issue_access_token,
    new_token,
    scopes_for,
)
from backend.partners.models import Partner
from backend.partners.service import keys_of

AUTH_METHOD = "private_key_jwt"
GRANT_TYPE = "client_credentials"
LONGEST_JTI = 256


@dataclass(frozen=True)
class TokenAnswer:
    """What goes back over HTTP: the body is JSON as RFC 6749 (not RFC 9457) has it, on errors as well."""

    status: int
    body: Mapping[str, Any]
    headers: Sequence[tuple[str, str]]


def answer_token_request(
    session: Session, *, form: Sequence[tuple[str, str]], token_url: str, issuer: str, now: datetime
) -> TokenAnswer:
    """One POST to the token endpoint. The caller commits on success and on refusal alike.

    `token_url` and `issuer` are this server's own, from configuration, never from the request: they are the
    audiences that an assertion may name.
    """
    names = [name for name, _ in form]
    if len(set(names)) < len(names):
        # RFC 6749 section 3.2: a parameter given twice could mean one thing to us and another to a proxy.
        return _refusal(InvalidRequestError("A parameter is given more than once."))
    server = _TokenServer(session, now=now, audiences=(token_url, issuer))
    try:
        request = _TokenRequest(token_url, dict(form))
    except OAuth2Error as error:
        return _refusal(error)
    answer: TokenAnswer = server.create_token_response(request)
    return answer


def _refusal(error: OAuth2Error) -> TokenAnswer:
    status, body, headers = error()
    return TokenAnswer(status, body, headers)


class _TokenRequest(OAuth2Request):  # type: ignore[misc]
    """A POST form. Authlib refuses plain http here, except on the machine itself."""

    def __init__(self, token_url: str, form: Mapping[str, str]) -> None:
        super().__init__("POST", token_url, headers={})
        self.payload = _Form(form)
        self._form = form

    @property
    def form(self) -> Mapping[str, str]:
        return self._form


class _Form(OAuth2Payload):  # type: ignore[misc]
    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = form

    @property
    def data(self) -> Mapping[str, str]:
        return self._form

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return defaultdict(list, {name: [value] for name, value in self._form.items()})


class _Client:
    """A partner in the shape that Authlib asks for."""

    def __init__(self, partner: Partner) -> None:
        self.partner = partner

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == AUTH_METHOD

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == GRANT_TYPE

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Everything asked for, or all the partner may have when it asks for nothing; None refuses."""
        allowed = frozenset(scopes_for(self.partner.kind))
        asked = frozenset(scope.split()) if scope else allowed
        if not asked or not asked <= allowed:
            return None
        return " ".join(sorted(asked))


class _TokenServer(AuthorizationServer):  # type: ignore[misc]
    """One request's worth of server: bound to its session and its moment."""

    def __init__(self, session: Session, *, now: datetime, audiences: Sequence[str]) -> None:
        super().__init__()
        self._session = session
        self._now = now
        self.register_grant(_ClientCredentials)
        self.register_client_auth_method(AUTH_METHOD, _PartnerAssertion(session, now=now, audiences=audiences))
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                access_token_generator=lambda **_: new_token(),
                expires_generator=int(TOKEN_LIFETIME.total_seconds()),
            ),
        )

    def query_client(self, client_id: str) -> _Client | None:
        partner = self._session.scalars(
            select(Partner).where(Partner.code == client_id, Partner.state == "active")
        ).first()
        return _Client(partner) if partner else None

    def save_token(self, token: Mapping[str, Any], request: _TokenRequest) -> None:
        issue_access_token(
            self._session,
            partner_id=request.client.partner.id,
            scopes=token["scope"].split(),
            token=token["access_token"],
            now=self._now,
        )

    def create_oauth2_request(self, request: _TokenRequest) -> _TokenRequest:
        return request

    def handle_response(
        self, status: int, body: Mapping[str, Any], headers: Sequence[tuple[str, str]]
    ) -> TokenAnswer:
        return TokenAnswer(status, body, headers)

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""


class _ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = (AUTH_METHOD,)


class _PartnerAssertion(JWTBearerClientAssertion):  # type: ignore[misc]
    """private_key_jwt (RFC 7523): ES256 by a registered key, one audience, short-lived, accepted once."""

    CLIENT_AUTH_METHOD = AUTH_METHOD

    def __init__(self, session: Session, *, now: datetime, audiences: Sequence[str]) -> None:
        super().__init__(leeway=int(CLOCK_SKEW.total_seconds()))
        self._session = session
        self._now = now
        self._audiences = audiences
        self._client: _Client | None = None

    def __call__(self, query_client: Any, request: _TokenRequest) -> Any:
        named = request.form.get("client_id")

        def query(client_id: str) -> _Client | None:
            # RFC 7521 section 4.2: a client_id beside the assertion must name the same client.
            if named is not None and named != client_id:
                raise _not_authenticated()
            self._client = query_client(client_id)
            if self._client is None:
                raise _not_authenticated()
            return self._client

        return super().__call__(query, request)

    def resolve_client_public_key(self, client: _Client) -> KeySet:
        keys = keys_of(self._session, client.partner.id)
        if not keys:
            raise _not_authenticated()
        return KeySet.import_key_set({"keys": [key.public_jwk for key in keys]})

    def extract_assertion(self, assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            headers, claims = super().extract_assertion(assertion)
        except (JoseError, ValueError, RecursionError):
            raise _not_authenticated() from None
        return headers, claims

    def process_assertion_claims(self, assertion: str, resolve_key: KeySet) -> dict[str, Any]:
        try:
            token = jwt.decode(assertion, resolve_key, algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            raise _not_authenticated() from None
        self.verify_claims(token.claims)
        return token.claims

    def verify_claims(self, claims: dict[str, Any]) -> None:
        """Whoever gets here holds the key, so what is wrong with the claims may be told."""
        options: dict[str, Any] = {
            "iss": {"essential": True},
            "sub": {"essential": True},
            "aud": {"essential": True, "values": list(self._audiences)},
            "exp": {"essential": True},
            "jti": {"essential": True},
        }
        moment = int(self._now.timestamp())
        try:
            jwt.JWTClaimsRegistry(now=moment, leeway=self.leeway, **options).validate(claims)
        except JoseError:
            raise InvalidClientError(
                "The assertion is expired, not valid yet, for another audience or lacks one of "
                "iss, sub, aud, exp, jti."
            ) from None
        if claims["sub"] != claims["iss"]:
            raise InvalidClientError("iss and sub of the assertion must both be the client_id.")
        if isinstance(claims["aud"], list) and len(claims["aud"]) != 1:
            # An assertion that is good elsewhere too could be replayed here by whoever receives it there.
            raise InvalidClientError("The assertion must name exactly one audience.")
        if claims["exp"] > moment + (LONGEST_LIFETIME + CLOCK_SKEW).total_seconds():
            raise InvalidClientError(
                f"exp of the assertion must be within {int(LONGEST_LIFETIME.total_seconds())} seconds."
            )
        if not 1 <= len(claims["jti"]) <= LONGEST_JTI:
            raise InvalidClientError(f"jti of the assertion must have 1 to {LONGEST_JTI} characters.")
        self._use_up(claims)

    def _use_up(self, claims: Mapping[str, Any]) -> None:
        assert self._client is not None  # noqa: S101 - set when the client was found, before any claim is read
        used = UsedAssertion(
            partner_id=self._client.partner.id,
            jti_hash=sha256(claims["jti"].encode()).digest(),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC) + CLOCK_SKEW,
        )
        try:
            # The primary key decides between two uses at the same instant.
            with self._session.begin_nested():
                self._session.add(used)
        except IntegrityError:
            raise InvalidClientError("The assertion has been used before (jti).") from None


def _not_authenticated() -> InvalidClientError:
    """One sentence for an unknown client, a suspended one, a wrong key and a broken signature."""
    return InvalidClientError(
        "The assertion could not be verified with a registered key of this client (ES256 only)."
    )
