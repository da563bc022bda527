"""The API fuzzed from its own document: whatever is sent, the answer is one that the document promises."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from backend.accounts.service import add_officer, sign_in_citizen, sign_in_officer
from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.city_calendar import WorkingDays
from backend.config import USUAL_FONTS, Config
from backend.database import Database
from backend.ephemeral import open_store
from backend.scores.activation import activate_score
from backend.web import Services
from tests.conftest import ROOT, ChosenSignIn
from tests.factories import add_enterprise, add_person, add_record
from tests.reading_pdfs import CERTIFICATE
from tests.rules_in_force import put_rules_in_force
from wsgi import compose

load_all_checks()
NOW = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
# The committed document; that it is the server's own is another test's business.
schema = schemathesis.openapi.from_path(ROOT / "docs/openapi.json")
schema.config.update(base_url="https://credit.example")


@pytest.fixture(scope="module")
def server(_sqlite_template, keys, tmp_path_factory):
    """A small city with one of everything, on the embedded default."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "city.db").write_bytes(_sqlite_template.read_bytes())
    database = Database(f"sqlite:///{folder / 'city.db'}")
    config = Config(
        database_url=str(database.url), redis_url=None, keys=keys, signing_key=b"s" * 32, data_dir=folder,
        public_url="https://credit.example", sign_in="demo", city_name="桂城市",
        report_certificate=CERTIFICATE, report_fonts=tuple(folder for folder in USUAL_FONTS if folder.is_dir()),
    )  # fmt: skip
    services = Services(
        config=config, database=database, store=open_store(None), sign_in=ChosenSignIn(),
        working_days=WorkingDays(), clock=lambda: NOW,
    )  # fmt: skip
    yield compose(services), services
    database.dispose()


@pytest.fixture(scope="module")
def tokens(server):
    _, services = server
    with services.database.transaction() as session:
        put_rules_in_force(session, NOW)
        citizen = add_person(session, services.keys)
        add_record(session, citizen, "volunteering")
        add_enterprise(session, services.keys)
        activate_score(
            session, subject_id=citizen.id, notice_version=ACTIVATION_NOTICE.version, evidence={}, now=NOW
        )
        add_officer(
            session, username="zhang", name="张敏", password="correct horse",
            roles=["score_officer", "data_officer", "objection_officer"], now=NOW,
        )  # fmt: skip
        return {
            "citizen": sign_in_citizen(session, subject_id=citizen.id, now=NOW).token,
            "officer": sign_in_officer(session, username="zhang", password="correct horse", now=NOW)[0].token,
        }


@schema.parametrize()
@settings(max_examples=12, suppress_health_check=list(HealthCheck), database=None)
def test_every_answer_is_one_that_the_document_promises(case, server, tokens):
    app, _ = server
    scheme = next(iter((case.operation.definition.raw.get("security") or [{}])[0]), None)
    headers = {"Idempotency-Key": str(uuid4())}
    if scheme in tokens:
        headers["Authorization"] = f"Bearer {tokens[scheme]}"
    response = case.call(app=app, headers=headers)
    assert response.status_code < 500
    case.validate_response(
        response,
        checks=[status_code_conformance, content_type_conformance, response_schema_conformance],
    )
