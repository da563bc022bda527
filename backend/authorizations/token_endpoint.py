"""The OAuth 2.0 token, revocation and introspection endpoints by Authlib, without any web framework.

Clients authenticate in one way, `private_key_jwt`. Grants are `client_credentials` for every partner, and for
institutions `authorization_code` (PKCE S256) with `refresh_token`. Authlib's defaults that would be wider or
longer-lived are closed here, each with a test: other client authentication methods, ten-day tokens, tokens stored
in plain text, any algorithm the key fits, assertions for several audiences, assertions without an upper limit of
life, its own clock, a code or refresh token that leaves what came of it alive when it is used again, and two
uses of a code at the same instant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError, OAuth2Error
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.authorizations.assertions import ALGORITHM, CLOCK_SKEW, LONGEST_LIFETIME
from backend.authorizations.authorization_endpoint import S256Only
from backend.authorizations.models import (
    AuthorizationRequest,
    Consent,
    GrantedConsent,
    OAuthGrant,
    OAuthToken,
    UsedAssertion,
)
from backend.authorizations.representation import still_speaks
from backend.authorizations.states import HELD
from backend.authorizations.tokens import (
    TOKEN_LIFETIME,
    consents_in_force,
    hash_of,
    issue_access_token,
    issue_refresh_token,
    new_token,
    revoke_family,
    revoke_token,
    scopes_for,
)
from backend.city_calendar import city_date
from backend.partners.models import Partner
from backend.partners.service import keys_of, may_act

AUTH_METHOD = "private_key_jwt"
GRANT_TYPES = {
    "merchant": ("client_credentials",),
    "department": ("client_credentials",),
    "institution": ("client_credentials", "authorization_code", "refresh_token"),
}
"""By kind of partner."""
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
    return _answer(
        session, form, token_url, issuer, now, lambda server, request: server.create_token_response(request)
    )


def answer_revocation_request(
    session: Session, *, form: Sequence[tuple[str, str]], token_url: str, issuer: str, now: datetime
) -> TokenAnswer:
    """One POST to the revocation endpoint (RFC 7009). The caller commits on success and on refusal alike."""
    return _answer(
        session,
        form,
        token_url,
        issuer,
        now,
        lambda server, request: server.create_endpoint_response(RevocationEndpoint.ENDPOINT_NAME, request),
    )


def answer_introspection_request(
    session: Session, *, form: Sequence[tuple[str, str]], token_url: str, issuer: str, now: datetime
) -> TokenAnswer:
    """One POST to the introspection endpoint (RFC 7662): a partner may ask about its own tokens, and of all others
    learns what it would learn of no token at all. The caller commits on success and on refusal alike."""
    return _answer(
        session,
        form,
        token_url,
        issuer,
        now,
        lambda server, request: server.create_endpoint_response(IntrospectionEndpoint.ENDPOINT_NAME, request),
    )


def _answer(
    session: Session,
    form: Sequence[tuple[str, str]],
    token_url: str,
    issuer: str,
    now: datetime,
    serve: Callable[[_TokenServer, _TokenRequest], TokenAnswer],
) -> TokenAnswer:
    names = [name for name, _ in form]
    if len(set(names)) < len(names):
        # RFC 6749 section 3.2: a parameter given twice could mean one thing to us and another to a proxy.
        return _refusal(InvalidRequestError("A parameter is given more than once."))
    server = _TokenServer(session, now=now, audiences=(token_url, issuer))
    try:
        request = _TokenRequest(token_url, dict(form))
    except OAuth2Error as error:
        return _refusal(error)
    return serve(server, request)


def _refusal(error: OAuth2Error) -> TokenAnswer:
    status, body, headers = error()
    return TokenAnswer(status, body, headers)


class _TokenRequest(OAuth2Request):  # type: ignore[misc]
    """A POST form. Authlib refuses plain http here, except on the machine itself."""

    def __init__(self, token_url: str, form: Mapping[str, str]) -> None:
        super().__init__("POST", token_url, headers={})
        self.payload = _Form(form)
        self._form = form
        self.held: _Held | None = None

    def act_on(self, held: _Held) -> None:
        self.held = held
        self.client.granted = frozenset(held.scopes)

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
    """A partner in the shape that Authlib asks for. `granted` is what a citizen gave, once it acts on that."""

    def __init__(self, partner: Partner) -> None:
        self.partner = partner
        self.granted: frozenset[str] | None = None

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == AUTH_METHOD

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in GRANT_TYPES[self.partner.kind]

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Everything asked for, or all the partner may have when it asks for nothing; None refuses."""
        allowed = self.granted if self.granted is not None else frozenset(scopes_for(self.partner.kind))
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
        self.moment = now
        self.register_grant(_ClientCredentials)
        self.register_grant(_AuthorizationCode, [S256Only()])
        self.register_grant(_RefreshToken)
        self.register_endpoint(_Revocation)
        self.register_endpoint(_Introspection)
        self.register_client_auth_method(AUTH_METHOD, _PartnerAssertion(session, now=now, audiences=audiences))
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                access_token_generator=lambda **_: new_token(),
                refresh_token_generator=lambda **_: new_token(),
                expires_generator=int(TOKEN_LIFETIME.total_seconds()),
            ),
        )

    def query_client(self, client_id: str) -> _Client | None:
        partner = self._session.scalars(
            select(Partner).where(Partner.code == client_id, may_act(city_date(self._now)))
        ).first()
        return _Client(partner) if partner else None

    @property
    def session(self) -> Session:
        return self._session

    def save_token(self, token: Mapping[str, Any], request: _TokenRequest) -> None:
        of_partner = {
            "partner_id": request.client.partner.id,
            "scopes": token["scope"].split(),
            "now": self.moment,
        }
        held = request.held
        issue_access_token(
            self._session,
            token=token["access_token"],
            grant_id=held.grant_id if held else None,
            **of_partner,
        )
        if held is not None:
            # What it may do never grows by asking for less now: the next token may again have all of the grant.
            issue_refresh_token(
                self._session,
                token=token["refresh_token"],
                grant_id=held.grant_id,
                expires_at=held.ends_at,
                **{**of_partner, "scopes": held.scopes},
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


@dataclass(frozen=True)
class _Held:
    """What is left of a grant: the scopes whose consents run or are paused, and when the last of them ends."""

    grant_id: UUID
    scopes: Sequence[str]
    ends_at: datetime


def _what_is_held(session: Session, grant_id: UUID, now: datetime) -> _Held | None:
    """None when the grant has ended, or nothing is left of its consents."""
    grant = session.get_one(OAuthGrant, grant_id, populate_existing=True)
    consents = [
        consent
        for consent in session.scalars(
            select(Consent)
            .join(GrantedConsent, GrantedConsent.consent_id == Consent.id)
            .where(GrantedConsent.grant_id == grant_id, Consent.state.in_(HELD), Consent.expires_at > now)
        )
        if consent.expires_at is not None and still_speaks(session, consent, city_date(now))
    ]
    if grant.ended_at is not None or not consents:
        return None
    return _Held(
        grant_id,
        scopes=sorted({scope for consent in consents for scope in consent.scopes}),
        ends_at=max(consent.expires_at for consent in consents if consent.expires_at),
    )


class _Code:
    """An authorization code in the shape that Authlib asks for."""

    def __init__(self, row: AuthorizationRequest, held: _Held) -> None:
        self.row = row
        self.held = held
        self.code_challenge = row.code_challenge

    def get_redirect_uri(self) -> str:
        return self.row.redirect_uri

    def get_scope(self) -> str:
        return " ".join(self.held.scopes)


class _AuthorizationCode(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = (AUTH_METHOD,)

    def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
        session, now = self.server.session, self.server.moment
        # Locked: of two uses at the same instant the second waits, and is then seen as the second.
        row = session.scalars(
            select(AuthorizationRequest)
            .where(
                AuthorizationRequest.code_hash == hash_of(code),
                AuthorizationRequest.partner_id == client.partner.id,
            )
            .with_for_update()
            .execution_options(populate_existing=True)
        ).first()
        if row is None or row.grant_id is None:
            return None
        if row.code_used_at is not None:
            # RFC 6749 section 4.1.2: one of the two who used it is not who it was given to.
            revoke_family(session, row.grant_id, now=now)
            return None
        held = _what_is_held(session, row.grant_id, now)
        if held is None or row.expires_at <= now:
            return None
        return _Code(row, held)

    def authenticate_user(self, code: _Code) -> UUID:
        """Not a person: the grant stands for what one of them gave."""
        self.request.act_on(code.held)
        return code.held.grant_id

    def delete_authorization_code(self, code: _Code) -> None:
        """Marked, not deleted: a second use must be noticed."""
        code.row.code_used_at = self.server.moment


class _Refresh:
    """A refresh token in the shape that Authlib asks for."""

    def __init__(self, row: OAuthToken, held: _Held) -> None:
        self.row = row
        self.held = held

    def check_client(self, client: _Client) -> bool:
        return self.row.partner_id == client.partner.id

    def get_scope(self) -> str:
        return " ".join(self.held.scopes)


class _RefreshToken(RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = (AUTH_METHOD,)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> _Refresh | None:
        session, now = self.server.session, self.server.moment
        row = session.scalars(
            select(OAuthToken)
            .where(
                OAuthToken.token_hash == hash_of(refresh_token),
                OAuthToken.kind == "refresh",
                OAuthToken.partner_id == self.request.client.partner.id,
            )
            .with_for_update()
            .execution_options(populate_existing=True)
        ).first()
        if row is None or row.grant_id is None:
            return None
        if row.used_at is not None:
            # RFC 9700 section 4.14.2: the thief or the rightful one came second; neither can be told from here.
            revoke_family(session, row.grant_id, now=now)
            return None
        held = _what_is_held(session, row.grant_id, now)
        if held is None or row.revoked_at is not None or row.expires_at <= now:
            return None
        return _Refresh(row, held)

    def authenticate_user(self, refresh_token: _Refresh) -> UUID:
        self.request.act_on(refresh_token.held)
        return refresh_token.held.grant_id

    def revoke_old_credential(self, refresh_token: _Refresh) -> None:
        refresh_token.row.used_at = self.server.moment


def _own_token(server: _TokenServer, token: str, client: _Client) -> OAuthToken | None:
    """Another partner's token is as unknown as one that never was."""
    row: OAuthToken | None = server.session.scalars(
        select(OAuthToken).where(
            OAuthToken.token_hash == hash_of(token), OAuthToken.partner_id == client.partner.id
        )
    ).first()
    return row


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = (AUTH_METHOD,)

    def authenticate_token(self, request: _TokenRequest, client: _Client) -> OAuthToken | None:
        self.check_params(request, client)
        return _own_token(self.server, request.form["token"], client)

    def revoke_token(self, token: OAuthToken, request: _TokenRequest) -> None:
        revoke_token(self.server.session, token, now=self.server.moment)


class _Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = (AUTH_METHOD,)

    def authenticate_token(self, request: _TokenRequest, client: _Client) -> OAuthToken | None:
        self.check_params(request, client)
        return _own_token(self.server, request.form["token"], client)

    def create_introspection_payload(self, token: OAuthToken | None) -> dict[str, Any]:
        """Active is what would be answered now; `scope` is what is left of it."""
        now = self.server.moment
        if token is None or token.revoked_at or token.used_at or token.expires_at <= now:
            return {"active": False}
        scopes: Collection[str] = token.scopes
        if token.grant_id is not None:
            in_force = consents_in_force(self.server.session, token.grant_id, now)
            scopes = [scope for scope in token.scopes if scope in in_force]
        if not scopes:
            return {"active": False}
        return {
            "active": True,
            "scope": " ".join(scopes),
            "client_id": self.server.session.get_one(Partner, token.partner_id).code,
            "token_type": "Bearer" if token.kind == "access" else "refresh_token",
            "iat": int(token.issued_at.timestamp()),
            "exp": int(token.expires_at.timestamp()),
        }


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
        token = _verified(assertion, resolve_key)
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


def _verified(assertion: str, keys: KeySet) -> jwt.Token:
    """By the key it names; one that names none (`kid` is optional in RFC 7515) by any of the client's few keys, so
    that such a client can rotate as well. Raises InvalidClientError."""
    try:
        named = "kid" in extract_compact(assertion.encode()).headers()
    except (JoseError, ValueError):
        raise _not_authenticated() from None
    for candidate in [keys] if named else keys.keys:
        try:
            return jwt.decode(assertion, candidate, algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            continue
    raise _not_authenticated()


def _not_authenticated() -> InvalidClientError:
    """One sentence for an unknown client, a suspended one, a wrong key and a broken signature."""
    return InvalidClientError(
        "The assertion could not be verified with a registered key of this client (ES256 only)."
    )
