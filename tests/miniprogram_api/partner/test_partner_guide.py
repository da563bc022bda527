"""docs/partners.md is what a newcomer has: its commands and its program are run as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import select

from backend.authorizations.assertions import ASSERTION_TYPE
from backend.authorizations.clients import add_redirect_uri
from backend.benefits.codes import issue_code
from backend.city_calendar import city_date
from backend.ledger.service import entries_about
from backend.partners.service import find_partner
from backend.scores.models import Score
from backend.webhooks.sending import post_over_http, send_due
from scoring.policy import shipped_policy
from tests.servers import free_port

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/partners.md").read_text(encoding="utf-8")


# The text of the guide is the same on every database; what it calls is tested on both elsewhere.
on_one_database = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


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


@on_one_database
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
    program, _, _ = blocks("python")
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


def test_the_second_program_scans_offline_receives_a_callback_and_reconciles(live, tmp_path):
    services, citizen, url, keys_dir = live
    _, _, program = blocks("python")
    (tmp_path / "affairs.py").write_text(program, encoding="utf-8")
    with services.database.transaction() as session:
        code = issue_code(session, services.store, holder=citizen, scheme_code=None, now=services.clock()).code
    stop = threading.Event()

    def worker():
        post = post_over_http(allow_local=True, timeout_seconds=5)
        while not stop.wait(0.2):
            send_due(services.database, services.keys, post=post, now=services.clock())

    thread = threading.Thread(target=worker)
    thread.start()
    done = run(
        [
            sys.executable, str(tmp_path / "affairs.py"), "reading_deposit_free", code,
            city_date(services.clock()).isoformat(),
        ],
        OSMANTHUS_BASE=url,
        PARTNER_CODE="guicheng-library",
        PARTNER_KEY_FILE=str(keys_dir / "guicheng-library.private.json"),
    )  # fmt: skip
    stop.set()
    thread.join()
    assert done.returncode == 0, done.stdout + done.stderr
    told = {line.split("：")[0]: line.split()[-1] for line in done.stdout.splitlines()}
    assert told["回调"] == told["已核销"]
    assert "结算： 1 笔，合计 0 分" in done.stdout


@on_one_database
def test_the_banks_program_asks_reads_refreshes_and_revokes(live, tmp_path):
    services, citizen, url, keys_dir = live
    _, program, _ = blocks("python")
    (tmp_path / "bank.py").write_text(program, encoding="utf-8")
    callback = f"http://127.0.0.1:{free_port()}/callback"
    now = services.clock()
    with services.database.transaction() as session:
        add_redirect_uri(session, find_partner(session, "guicheng-bank"), callback, now=now)
        policy = shipped_policy("guihua")
        score = session.scalars(select(Score)).one()
        score.policy_hash = policy.hash
        score.grade = policy.grades[0].code
    phone = httpx.Client(base_url=url)
    phone.headers["Authorization"] = (
        "Bearer "
        + phone.post("/api/v1/sign-in", json={"adapter": "demo", "credential": "demo-citizen-1"}).json()["token"]
    )
    environment = {
        **os.environ,
        "OSMANTHUS_BASE": url,
        "CALLBACK": callback,
        "PARTNER_KEY_FILE": str(keys_dir / "guicheng-bank.private.json"),
    }
    bank = subprocess.Popen(
        [sys.executable, str(tmp_path / "bank.py")],
        env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    asked = bank.stdout.readline().split()[-1]
    handle = httpx.get(asked).headers["Location"].split("request=")[1]
    screen = phone.get(f"/api/v1/me/authorization-requests/{handle}").json()
    assert screen["institution"] == "桂城银行"
    decided = phone.post(
        f"/api/v1/me/authorization-requests/{handle}/decision",
        json={
            "agreed": [{"scope": "grade:read", "days": 30}],
            "notice_version": screen["notice_version"],
        },
        headers={"Idempotency-Key": "decision"},
    ).json()
    httpx.get(decided["redirect_to"])
    told, wrong = bank.communicate(timeout=30)
    assert bank.returncode == 0, wrong
    assert [line.split("：")[0] for line in told.splitlines()] == ["等级", "刷新后", "作废后"]
    assert [line.split()[-1] for line in told.splitlines()[1:]] == ["200", "401"]
    with services.database.reading() as session:
        assert [entry.action for entry in entries_about(session, citizen.id)] == ["grade_read", "grade_read"]


@on_one_database
def test_a_key_made_as_the_guide_says_opens_a_sandbox_and_gets_a_token(live, tmp_path):
    _, _, url, _ = live
    (make_key,) = [block for block in blocks("sh") if "openssl" in block]
    made = subprocess.run(["sh", "-euc", make_key], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    opened = httpx.post(
        f"{url}/api/v1/public/sandbox-partners",
        json={"name": "新来的书店", "public_key": (tmp_path / "partner.public.pem").read_text()},
        headers={"Idempotency-Key": "sandbox"},
    ).json()
    key = ECKey.import_key((tmp_path / "partner.private.pem").read_text())
    moment = int(time.time())
    claims = {"iss": opened["client_id"], "sub": opened["client_id"], "aud": url, "exp": moment + 60, "jti": "one"}
    answer = httpx.post(
        f"{url}/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": jwt.encode({"alg": "ES256", "kid": key.thumbprint()}, claims, key),
        },
    )
    assert "benefit:check" in answer.json()["scope"]


def test_every_code_named_in_the_guide_is_one_the_server_uses(city):
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", GUIDE.split("## 出错时")[1].split("## 轮换密钥")[0]))
    source = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("backend", "miniprogram_api")
        for path in (ROOT / folder).rglob("*.py")
    )
    oauth = {"invalid_client", "invalid_scope", "unsupported_grant_type", "error_description", "amount_cents"}
    assert {code for code in named - oauth if f'"{code}"' not in source} == set()
