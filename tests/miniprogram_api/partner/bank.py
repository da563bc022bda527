"""A bank that was written against the public standards alone: Authlib's client over this server."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.authorizations.clients import add_redirect_uri, approve_scope
from backend.authorizations.notices import SHARING_NOTICE
from backend.benefits.schemes import enrol_provider
from backend.partners.keys import generate_private_jwk, public_part, read_public_key
from backend.partners.service import register_partner
from backend.scores.models import Score
from backend.subjects.models import Subject
from scoring.policy import shipped_policy
from tests.backend.benefits.made_up import add_scored_person
from tests.factories import add_record
from tests.rules_in_force import put_rules_in_force

BASE = "https://credit.example"
CALLBACK = "https://bank.example/callback"
SCOPES = {"grade:read": "审批信用贷款", "report:read": "审批信用贷款"}


class AtTheCitysTime(PrivateKeyJWT):
    """That library reads its own clock and lets an assertion live for an hour; here the city's clock counts."""

    def __init__(self, city: Any) -> None:
        super().__init__(f"{BASE}/oauth/token", alg="ES256")
        self._city = city

    def sign(self, auth: Any, token_endpoint: str) -> str:
        moment = int(self._city.clock().timestamp())
        self.claims = {"iat": moment, "exp": moment + 60, "jti": generate_token(24)}
        return super().sign(auth, token_endpoint)


@dataclass
class Bank:
    """`client` is the independent library; `metadata` is all that it was told of this server."""

    city: Any
    code: str
    private: dict[str, Any]
    client: OAuth2Client = field(init=False)
    metadata: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.client = OAuth2Client(
            self.code,
            ECKey.import_key(self.private),
            token_endpoint_auth_method=AtTheCitysTime(self.city),
            revocation_endpoint_auth_method=AtTheCitysTime(self.city),
            redirect_uri=CALLBACK,
            code_challenge_method="S256",
            leeway=0,
            transport=httpx.WSGITransport(app=self.city.app),
            base_url=BASE,
        )
        self.metadata = self.as_nobody("GET", "/.well-known/oauth-authorization-server").raise_for_status().json()

    def as_nobody(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Without the token that the library holds."""
        return self.client.request(method, url, withhold_token=True, **options)

    def send(self, *, scope: str = "grade:read report:read", **changes: Any) -> tuple[httpx.Response, str, str]:
        """The citizen's browser at the authorization endpoint; with the verifier and the state that were kept."""
        verifier = generate_token(48)
        url, state = self.client.create_authorization_url(
            self.metadata["authorization_endpoint"], code_verifier=verifier, scope=scope
        )
        query = {**dict(parse_qsl(urlsplit(url).query)), **changes}
        query = {name: value for name, value in query.items() if value is not None}
        answer = self.as_nobody("GET", self.metadata["authorization_endpoint"], params=query)
        return answer, verifier, state

    def handle_of(self, answer: httpx.Response) -> str:
        assert answer.status_code == 302, answer.text
        location = answer.headers["Location"]
        assert location.startswith(f"{BASE}/m/#/"), location
        return location.split("request=")[1]

    def back(self, citizen: Any, handle: str, **days: int) -> str:
        """Where the browser is sent once the citizen has decided: `grade=30` agrees to grade:read for 30 days."""
        answer = citizen.post(
            f"/api/v1/me/authorization-requests/{handle}/decision",
            json={
                "agreed": [{"scope": f"{name}:read", "days": number} for name, number in days.items()],
                "notice_version": SHARING_NOTICE.version,
            },
        )
        assert answer.status_code == 200, answer.json
        return answer.json["redirect_to"]

    def authorized(self, citizen: Any, *, scope: str = "grade:read report:read", **days: int) -> dict[str, Any]:
        """The whole way: the token as the library keeps it."""
        answer, verifier, state = self.send(scope=scope)
        location = self.back(citizen, self.handle_of(answer), **(days or {"grade": 30, "report": 30}))
        return self.fetch(location, verifier, state)

    def fetch(self, location: str, verifier: str, state: str) -> dict[str, Any]:
        self.client.token = None
        token: dict[str, Any] = self.client.fetch_token(
            self.metadata["token_endpoint"], authorization_response=location, state=state, code_verifier=verifier
        )
        return token

    def post_form(self, endpoint: str, **form: str) -> httpx.Response:
        """A POST signed by the library, with what the library itself would not send."""
        auth = self.client.client_auth(self.client.token_endpoint_auth_method)
        return self.as_nobody("POST", self.metadata[endpoint], data=form, auth=auth)

    def read(self, path: str) -> httpx.Response:
        return self.client.get(f"/api/v1/institution{path}")


def open_bank(city: Any, *, code: str = "guicheng-bank", enrolled: str | None = None) -> Bank:
    private = generate_private_jwk()
    with city.database.transaction() as session:
        partner = register_partner(
            session,
            code=code,
            name="桂城银行",
            kind="institution",
            public_jwk=read_public_key(json.dumps(public_part(private))),
            now=city.clock(),
        )
        add_redirect_uri(session, partner, CALLBACK, now=city.clock())
        for scope, purpose in SCOPES.items():
            approve_scope(
                session,
                partner,
                scope=scope,
                purpose=purpose,
                longest_days=180,
                approved_by="信用办 张敏",
                now=city.clock(),
                frequency=(5, 30),
            )
        if enrolled is not None:
            enrol_provider(session, scheme_code=enrolled, partner=partner, now=city.clock())
    return Bank(city, code, private)


def query_of(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def add_graded_person(session: Session, city: Any) -> Subject:
    """A citizen with a score of 152.00 by the shipped policy, one record, and the shipped schemes in force."""
    now = city.clock()
    put_rules_in_force(session, now, policies=("guihua",), schemes=True)
    policy = shipped_policy("guihua")
    person = add_scored_person(session, city.keys, now, total=152_00)
    score = session.scalars(select(Score).where(Score.subject_id == person.id)).one()
    score.policy_hash = policy.hash
    score.grade = policy.grades[0].code
    add_record(session, person, "volunteering", title="社区义诊")
    return person
