"""docs/partners.md is what a newcomer has: its commands and its program are run as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from backend.accounts.errors import SignInFailed
from backend.accounts.service import SignInOption
from backend.benefits.codes import issue_code
from backend.benefits.demo_partners import provision_demo_partners
from backend.benefits.schemes import install_shipped_schemes
from backend.city_calendar import utc_now
from backend.ledger.service import entries_about
from tests.backend.benefits.made_up import add_scored_person
from tests.conftest import City
from tests.servers import free_port
from wsgi import compose

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/partners.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


@dataclass
class OneCitizen:
    subject_id: int
    adapter: str = "demo"

    def options(self):
        return [SignInOption(credential="demo-citizen-1", name="林*兰", story="测试市民")]

    def authenticate(self, _session, credential):
        if credential != "demo-citizen-1":
            raise SignInFailed
        return self.subject_id


@pytest.fixture
def live(city: City, tmp_path):
    """A real server on a real port with the demo partners and one citizen of 125 points."""
    now = utc_now()
    with city.database.transaction() as session:
        install_shipped_schemes(session, drafted_by="甲", approved_by="乙", now=now)
        provision_demo_partners(session, tmp_path / "partners", now=now)
        citizen = add_scored_person(session, city.keys, now, total=125_00)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    services = replace(
        city.services,
        config=replace(city.services.config, public_url=url),
        sign_in=OneCitizen(citizen.id),
        clock=utc_now,
    )
    server = make_server("127.0.0.1", port, compose(services), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield services, citizen, url, tmp_path / "partners"
    server.shutdown()
    thread.join()


def run(command, **environment):
    return subprocess.run(
        command,
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_step_of_the_walk_can_be_copied(live, keys):
    services, _, url, keys_dir = live
    settings = {
        "OSMANTHUS_DATABASE_URL": services.database.url.render_as_string(hide_password=False),
        "OSMANTHUS_SEALING_KEYS": "test:" + "a2tr" * 10 + "a2s=",
        "OSMANTHUS_INDEX_KEY": "aWlp" * 10 + "aWk=",
        "OSMANTHUS_SIGNING_KEY": "c3Nz" * 10 + "c3M=",
        "OSMANTHUS_SIGN_IN": "demo",
        "OSMANTHUS_PUBLIC_URL": url,
    }
    walk = "set -euo pipefail\n" + "\n".join(blocks("bash"))
    done = run(["bash", "-c", walk], BASE=url, KEYS=str(keys_dir), **settings)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    schemes, check, redemption, cancelled, ledger = answers
    assert [scheme["code"] for scheme in schemes["items"]] == ["reading_deposit_free"]
    assert check["eligible"] is True
    assert redemption["terms"] == check["terms"]
    assert cancelled["cancelled_at"]
    assert [item["who"] for item in ledger["items"]] == ["桂城图书馆"] * 3


def test_the_program_in_the_guide_serves_a_customer(live, tmp_path):
    services, citizen, url, keys_dir = live
    [program] = blocks("python")
    (tmp_path / "counter.py").write_text(program, encoding="utf-8")

    def at_the_counter(scheme):
        with services.database.transaction() as session:
            code = issue_code(session, services.store, holder=citizen, scheme_code=None, now=services.clock()).code
        return run(
            [sys.executable, str(tmp_path / "counter.py"), scheme, code],
            OSMANTHUS_BASE=url,
            PARTNER_CODE="guicheng-library",
            PARTNER_KEY_FILE=str(keys_dir / "guicheng-library.private.json"),
        )

    served = at_the_counter("reading_deposit_free")
    assert served.returncode == 0, served.stderr
    assert "免押借阅 15 册" in served.stdout
    with services.database.reading() as session:
        assert [entry.action for entry in entries_about(session, citizen.id)] == [
            "benefit_redeemed",
            "benefit_checked",
        ]
    refused = at_the_counter("scenic_spots")
    assert refused.returncode == 1
    assert "scheme_not_offered" in refused.stderr


def test_every_code_named_in_the_guide_is_one_the_server_uses(city):
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", GUIDE.split("## 出错时")[1].split("## 轮换密钥")[0]))
    source = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("backend", "miniprogram_api")
        for path in (ROOT / folder).rglob("*.py")
    )
    oauth = {"invalid_client", "invalid_scope", "unsupported_grant_type", "error_description", "amount_cents"}
    assert {code for code in named - oauth if f'"{code}"' not in source} == set()
