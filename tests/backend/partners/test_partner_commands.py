from __future__ import annotations

import json
import stat

import pytest
from typer.testing import CliRunner

from backend.authorizations.assertions import ASSERTION_TYPE
from backend.authorizations.token_endpoint import answer_token_request
from backend.benefits.schemes import scheme_in_force, schemes_offered_by
from backend.city_calendar import city_date, utc_now
from backend.partners.service import find_partner, keys_of
from command_line.main import app
from tests.backend.benefits.made_up import document

TOKEN_URL = "https://credit.example/oauth/token"


@pytest.fixture
def osmanthus(sqlite_database, tmp_path):
    """Run a command over an empty city; the output of one that succeeded."""
    environment = {
        "OSMANTHUS_ENV_FILE": str(tmp_path / "none.env"),
        "OSMANTHUS_DATABASE_URL": str(sqlite_database.url),
        "OSMANTHUS_SEALING_KEYS": "test:" + "a2tr" * 10 + "a2s=",
        "OSMANTHUS_INDEX_KEY": "aWlp" * 10 + "aWk=",
        "OSMANTHUS_SIGNING_KEY": "c3Nz" * 10 + "c3M=",
        "OSMANTHUS_SIGN_IN": "demo",
        "OSMANTHUS_PUBLIC_URL": "https://credit.example",
    }

    def _run(*words, fails=False):
        done = CliRunner().invoke(app, [str(word) for word in words], env=environment)
        assert (done.exit_code != 0) is fails, done.output
        return done.output

    return _run


@pytest.fixture
def registered(osmanthus, tmp_path):
    """A shop with a key; the file of its private key."""
    private = tmp_path / "shop.private.json"
    (tmp_path / "shop.public.json").write_text(osmanthus("partners", "keygen", "--key-file", private))
    osmanthus(
        "partners", "add", "--code", "my-bookshop", "--name", "我的书店", "--kind", "merchant",
        "--key-file", tmp_path / "shop.public.json",
    )  # fmt: skip
    return private


def test_a_new_key_is_shown_in_public_and_kept_in_private(osmanthus, tmp_path):
    file = tmp_path / "key.json"
    shown = json.loads(osmanthus("partners", "keygen", "--key-file", file))
    assert "d" not in shown
    assert "d" in json.loads(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    osmanthus("partners", "keygen", "--key-file", file, fails=True)
    assert file.read_bytes() == before


def test_a_registered_partner_can_sign_in_with_the_assertion_that_is_printed(
    osmanthus, registered, sqlite_database
):
    signed = osmanthus("partners", "assertion", "--partner", "my-bookshop", "--key-file", registered).strip()
    form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", signed),
    ]
    with sqlite_database.transaction() as session:
        answer = answer_token_request(
            session, form=form, token_url=TOKEN_URL, issuer="https://credit.example", now=utc_now()
        )
    assert answer.status == 200


def test_a_private_key_is_refused_with_a_sentence(osmanthus, registered):
    told = osmanthus(
        "partners", "add", "--code", "other-shop", "--name", "别家", "--kind", "merchant",
        "--key-file", registered, fails=True,
    )  # fmt: skip
    assert "私钥" in told
    assert "Traceback" not in told


def test_a_key_is_rotated_from_the_terminal(osmanthus, registered, sqlite_database, tmp_path):
    with sqlite_database.reading() as session:
        [old] = keys_of(session, find_partner(session, "my-bookshop").id)
    (tmp_path / "new.json").write_text(osmanthus("partners", "keygen", "--key-file", tmp_path / "new.private"))
    osmanthus("partners", "add-key", "--partner", "my-bookshop", "--key-file", tmp_path / "new.json")
    osmanthus("partners", "revoke-key", "--partner", "my-bookshop", "--kid", old.kid)
    with sqlite_database.reading() as session:
        [new] = keys_of(session, find_partner(session, "my-bookshop").id)
    assert new.kid != old.kid


def test_a_partner_is_suspended_and_reinstated_from_the_terminal(osmanthus, registered):
    osmanthus("partners", "suspend", "--partner", "my-bookshop")
    assert "已停用" in osmanthus("partners", "list")
    osmanthus("partners", "reinstate", "--partner", "my-bookshop")
    assert "正常" in osmanthus("partners", "list")


def test_a_scheme_goes_from_file_to_counter(osmanthus, registered, sqlite_database, tmp_path):
    file = tmp_path / "scheme.json"
    file.write_text(json.dumps(document(), ensure_ascii=False), encoding="utf-8")
    assert "草稿" in osmanthus("benefits", "import", file, "--drafted-by", "张起草")
    this = ("--scheme", "pool_ticket", "--version", "1")
    osmanthus("benefits", "simulate", *this)
    osmanthus("benefits", "submit", *this, "--submitted-by", "张起草")
    approve = ("benefits", "approve", "--scheme", "pool_ticket", "--version", "1", "--approved-by")
    assert "另一位" in osmanthus(*approve, "张起草", fails=True)
    osmanthus(*approve, "李批准")
    osmanthus("benefits", "enrol", "--scheme", "pool_ticket", "--partner", "my-bookshop")
    today = city_date(utc_now())
    with sqlite_database.reading() as session:
        assert scheme_in_force(session, "pool_ticket", today).rules.version == 1
        assert schemes_offered_by(session, find_partner(session, "my-bookshop").id, today)
    assert json.loads(osmanthus("benefits", "export", "--scheme", "pool_ticket", "--version", "1")) == document()


def test_a_wrong_scheme_is_refused_with_every_place(osmanthus, tmp_path):
    file = tmp_path / "scheme.json"
    file.write_text(json.dumps(document(version=0, tiers=[])), encoding="utf-8")
    told = osmanthus("benefits", "import", file, "--drafted-by", "张起草", fails=True).replace("\n", "")
    assert "$.version" in told
    assert "$.tiers" in told


def test_the_shipped_schemes_are_installed_once(osmanthus):
    install = ("benefits", "install", "--drafted-by", "甲", "--approved-by", "乙")
    assert "新装入 0 个" not in osmanthus(*install)
    assert "新装入 0 个" in osmanthus(*install)
    assert "信易阅" in osmanthus("benefits", "list")
