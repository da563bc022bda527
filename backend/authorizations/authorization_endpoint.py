"""The OAuth 2.0 authorization endpoint: from an institution's question over the citizen's screen to a code.

Authlib reads the question; what its defaults would let through is closed here, each with a test: PKCE optional for
clients that authenticate, PKCE by `plain`, a redirect address taken from several, scopes left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidRequestError, OAuth2Error
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.authorizations.clients import approved_scopes_of, redirect_uris_of
from backend.authorizations.consent_scopes import CONSENT_SCOPES, ENTERPRISE_SCOPES, ConsentScope
from backend.authorizations.errors import (
    AuthorizationRequestInvalid,
    AuthorizationRequestNotFound,
    NoticeOutdated,
    ScopeNotAsked,
    TermRequired,
)
from backend.authorizations.models import (
    ApprovedScope,
    AuthorizationRequest,
    GrantedConsent,
    OAuthGrant,
)
from backend.authorizations.notices import SHARING_NOTICE
from backend.authorizations.service import (
    Asked,
    apply_event,
    decider_of,
    has_activated,
    held_sharing,
    record_request,
)
from backend.authorizations.tokens import hash_of, new_token
from backend.city_calendar import city_date
from backend.identifiers import check_social_credit_code
from backend.partners.models import Partner
from backend.partners.service import may_act
from backend.subjects.acting import ActingFor, acting_for
from backend.subjects.errors import EnterpriseNotRepresented

RESPONSE_TYPE = "code"
CHALLENGE_METHOD = "S256"
ENTERPRISE = "enterprise"
"""The parameter with which an institution asks about an enterprise instead of the citizen who answers."""
REQUEST_LIFETIME = timedelta(minutes=10)
CODE_LIFETIME = timedelta(seconds=60)
LONGEST_STATE = 512
_CHALLENGE_LENGTH = 43


@dataclass(frozen=True)
class ToTheScreen:
    """The question is a good one: the citizen decides it under this handle, within ten minutes."""

    handle: str


@dataclass(frozen=True)
class BackToTheClient:
    """The browser goes back to the institution, at an address that it registered."""

    location: str


@dataclass(frozen=True)
class AskedScope:
    """One line of the screen. `held_until` is the end of a consent for the same that runs already."""

    scope: str
    described: ConsentScope
    terms: ApprovedScope
    needs_activation: bool
    held_until: datetime | None


@dataclass(frozen=True)
class ConsentScreen:
    """`enterprise_code` is the enterprise that is asked about, None when it is the citizen; `acting` is None when
    they do not represent that enterprise, and then nothing is asked."""

    partner: Partner
    asked: Sequence[AskedScope]
    expires_at: datetime
    enterprise_code: str | None
    acting: ActingFor | None


_SAYABLE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
"""What the description of an error may be written in (RFC 6749 section 4.1.2.1), and so what it may repeat."""


def open_request(
    session: Session, *, query: Sequence[tuple[str, str]], authorize_url: str, issuer: str, now: datetime
) -> ToTheScreen | BackToTheClient:
    """One GET of the authorization endpoint, by the citizen's browser. `authorize_url` and `issuer` are this
    server's own, from configuration.

    Raises AuthorizationRequestInvalid for an unknown institution or address: the browser must not be sent there.
    """
    names = [name for name, _ in query]
    if len(set(names)) < len(names) or not all(
        _SAYABLE.fullmatch(value) for name, value in query if name != "state"
    ):
        raise AuthorizationRequestInvalid
    given = dict(query)
    askable = frozenset(ENTERPRISE_SCOPES if ENTERPRISE in given else CONSENT_SCOPES)
    server = _Server(session, askable, today=city_date(now))
    try:
        grant = server.get_consent_grant(_Question(authorize_url, given))
    except OAuth2Error as error:
        if not error.redirect_uri:
            raise AuthorizationRequestInvalid from None
        told = {"error": error.error, "error_description": error.description or "The request cannot be served."}
        return BackToTheClient(_answer(error.redirect_uri, told, given.get("state"), issuer))
    handle = new_token()
    session.add(
        AuthorizationRequest(
            handle_hash=hash_of(handle),
            partner_id=grant.request.client.partner.id,
            redirect_uri=grant.redirect_uri,
            scopes=grant.request.scope.split(),
            client_state=given.get("state"),
            code_challenge=given["code_challenge"],
            enterprise_code=_enterprise_in(given),
            expires_at=now + REQUEST_LIFETIME,
        )
    )
    session.flush()
    return ToTheScreen(handle)


def consent_screen(session: Session, *, handle: str, person_id: int, now: datetime) -> ConsentScreen:
    """What the signed-in citizen is asked, for themselves or for the enterprise that the institution named.

    Raises AuthorizationRequestNotFound.
    """
    request = _open(session, handle, now)
    partner = session.get_one(Partner, request.partner_id)
    acting = _acting(session, request, person_id, now)
    asked = _asked(session, request, partner, acting) if acting else []
    return ConsentScreen(partner, asked, request.expires_at, request.enterprise_code, acting)


def decide_request_by_screen(
    session: Session,
    *,
    handle: str,
    person_id: int,
    agreed: Mapping[str, int],
    notice_version: str,
    evidence: Mapping[str, Any],
    issuer: str,
    now: datetime,
) -> str:
    """The citizen agrees to some scopes, each for so many days, or to none; where the browser goes then.

    Each scope is a consent of its own, the refused ones too: what was asked and declined is remembered. A consent
    to the same institution for the same that ran before ends with the new one. For an enterprise only its legal
    representative decides; anyone else can but go back, and nothing is remembered of that.

    Raises AuthorizationRequestNotFound, NoticeOutdated, EnterpriseNotRepresented, ScopeNotAsked or TermRequired.
    """
    if notice_version != SHARING_NOTICE.version:
        raise NoticeOutdated(SHARING_NOTICE.version)
    request = _open(session, handle, now, lock=True)
    partner = session.get_one(Partner, request.partner_id)
    acting = _acting(session, request, person_id, now)
    if acting is None:
        if agreed:
            raise EnterpriseNotRepresented
        request.decided_at = now
        return _answer(request.redirect_uri, {"error": "access_denied"}, request.client_state, issuer)
    asked = {line.scope: line for line in _asked(session, request, partner, acting)}
    for scope, days in agreed.items():
        if scope not in asked or asked[scope].needs_activation:
            raise ScopeNotAsked(scope)
        if not 1 <= days <= asked[scope].terms.longest_days:
            raise TermRequired(asked[scope].terms.longest_days)
    request.decided_at = now
    grant = OAuthGrant(partner_id=partner.id, subject_id=acting.subject.id, made_at=now)
    if agreed:
        session.add(grant)
        session.flush()
    earlier = held_sharing(session, subject_id=acting.subject.id, partner_id=partner.id)
    for scope, line in asked.items():
        consent = record_request(session, acting, _as_asked(partner, line), now=now)
        decider = decider_of(consent)
        if scope not in agreed:
            apply_event(session, consent, "refuse", actor=decider, now=now, detail=evidence)
            continue
        session.add(GrantedConsent(consent_id=consent.id, grant_id=grant.id))
        ends = now + timedelta(days=agreed[scope])
        apply_event(session, consent, "give", actor=decider, now=now, detail=evidence, expires_at=ends)
        for former in earlier:
            if list(former.scopes) == [scope]:
                apply_event(session, former, "withdraw", actor="system", now=now, because="renewed")
    if not agreed:
        return _answer(request.redirect_uri, {"error": "access_denied"}, request.client_state, issuer)
    code = new_token()
    request.grant_id = grant.id
    request.code_hash = hash_of(code)
    request.expires_at = now + CODE_LIFETIME
    session.flush()
    return _answer(request.redirect_uri, {"code": code}, request.client_state, issuer)


def _open(session: Session, handle: str, now: datetime, *, lock: bool = False) -> AuthorizationRequest:
    query = (
        select(AuthorizationRequest)
        .join(Partner, Partner.id == AuthorizationRequest.partner_id)
        .where(
            AuthorizationRequest.handle_hash == hash_of(handle),
            AuthorizationRequest.decided_at.is_(None),
            AuthorizationRequest.expires_at > now,
            may_act(city_date(now)),
        )
        .execution_options(populate_existing=True)
    )
    if lock:
        # Of two taps the second waits, and then finds it decided.
        query = query.with_for_update(of=AuthorizationRequest)
    request = session.scalars(query).first()
    if request is None:
        raise AuthorizationRequestNotFound
    return request


def _acting(session: Session, request: AuthorizationRequest, person_id: int, now: datetime) -> ActingFor | None:
    """None when the enterprise that is asked about is not theirs to speak for."""
    try:
        return acting_for(session, person_id=person_id, enterprise_code=request.enterprise_code, on=city_date(now))
    except EnterpriseNotRepresented:
        return None


def _asked(
    session: Session, request: AuthorizationRequest, partner: Partner, acting: ActingFor
) -> Sequence[AskedScope]:
    """What is still approved of what was asked."""
    approved = approved_scopes_of(session, partner)
    described = ENTERPRISE_SCOPES if acting.on_behalf else CONSENT_SCOPES
    activated = has_activated(session, acting.subject.id)
    held = {
        scope: consent.expires_at
        for consent in held_sharing(session, subject_id=acting.subject.id, partner_id=partner.id)
        for scope in consent.scopes
    }
    return [
        AskedScope(
            scope=scope,
            described=described[scope],
            terms=approved[scope],
            needs_activation=described[scope].needs_score and not activated,
            held_until=held.get(scope),
        )
        for scope in request.scopes
        if scope in approved
    ]


def _enterprise_in(query: Mapping[str, str]) -> str | None:
    return check_social_credit_code(query[ENTERPRISE]).normalised if ENTERPRISE in query else None


def _as_asked(partner: Partner, line: AskedScope) -> Asked:
    return Asked(
        recipient=partner,
        purpose=line.terms.purpose,
        data_categories=line.described.data_categories,
        output=line.described.output,
        scopes=[line.scope],
        mode="until_expiry",
        longest_days=line.terms.longest_days,
        notice_version=SHARING_NOTICE.version,
        frequency_most=line.terms.frequency_most,
        frequency_days=line.terms.frequency_days,
    )


def _answer(redirect_uri: str, told: Mapping[str, str], state: str | None, issuer: str) -> str:
    """With `iss` (RFC 9207), so that a client of several servers cannot be made to mix them up."""
    params = {**told, **({"state": state} if state is not None else {}), "iss": issuer}
    location: str = add_params_to_uri(redirect_uri, list(params.items()))
    return location


class _Question(OAuth2Request):  # type: ignore[misc]
    """The query of a GET. Authlib refuses plain http here, except on the machine itself."""

    def __init__(self, authorize_url: str, query: Mapping[str, str]) -> None:
        super().__init__("GET", authorize_url, headers={})
        self.payload = _Query(query)


class _Query(OAuth2Payload):  # type: ignore[misc]
    def __init__(self, query: Mapping[str, str]) -> None:
        self._query = query

    @property
    def data(self) -> Mapping[str, str]:
        return self._query

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return defaultdict(list, {name: [value] for name, value in self._query.items()})


class _Institution:
    """A partner in the shape that Authlib asks for at this endpoint."""

    def __init__(self, partner: Partner, redirect_uris: Sequence[str], approved: frozenset[str]) -> None:
        self.partner = partner
        self._redirect_uris = redirect_uris
        self._approved = approved

    def check_redirect_uri(self, uri: str) -> bool:
        return uri in self._redirect_uris

    def get_default_redirect_uri(self) -> None:
        """None: even an institution with one address alone must name it."""

    def check_response_type(self, response_type: str) -> bool:
        return response_type == RESPONSE_TYPE

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What it asks for, when all of it is approved; None refuses. Each is asked for by name."""
        asked = list(dict.fromkeys((scope or "").split()))
        return " ".join(asked) if asked and self._approved.issuperset(asked) else None


class _Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, session: Session, askable: frozenset[str], *, today: date) -> None:
        super().__init__()
        self._session = session
        self._today = today
        self._askable = askable
        self.register_grant(AuthorizationCodeGrant, [S256Only()])

    def query_client(self, client_id: str) -> _Institution | None:
        partner = self._session.scalars(
            select(Partner).where(Partner.code == client_id, may_act(self._today), Partner.kind == "institution")
        ).first()
        if partner is None:
            return None
        return _Institution(
            partner,
            redirect_uris_of(self._session, partner),
            self._askable & approved_scopes_of(self._session, partner).keys(),
        )

    def create_oauth2_request(self, request: _Question) -> _Question:
        return request


class S256Only(CodeChallenge):  # type: ignore[misc]
    """PKCE (RFC 7636) by S256, always: a method that is not named would mean `plain`."""

    SUPPORTED_CODE_CHALLENGE_METHOD = (CHALLENGE_METHOD,)

    def __init__(self) -> None:
        super().__init__(required=True)

    def validate_code_challenge(self, grant: AuthorizationCodeGrant, redirect_uri: str) -> None:
        given = grant.request.payload.data
        if given.get("code_challenge_method") != CHALLENGE_METHOD:
            raise InvalidRequestError("code_challenge_method must be S256.")
        if len(given.get("code_challenge", "")) != _CHALLENGE_LENGTH:
            raise InvalidRequestError("code_challenge must be the 43 characters of an S256 challenge.")
        if len(given.get("state", "")) > LONGEST_STATE:
            raise InvalidRequestError(f"state must have at most {LONGEST_STATE} characters.")
        if ENTERPRISE in given and _enterprise_in(given) is None:
            raise InvalidRequestError("enterprise must be a unified social credit code (GB 32100).")
        super().validate_code_challenge(grant, redirect_uri)

    def get_authorization_code_challenge_method(self, _code: object) -> str:
        return CHALLENGE_METHOD
