"""A legal representative lets a bank read for the enterprise, sends it a loan and takes it all back; the office
checks a list before money is granted."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from playwright.sync_api import BrowserContext, Page, expect

from backend.authorizations.assertions import ASSERTION_TYPE, sign_assertion
from backend.benefits.demo_partners import DEMO_REDIRECT_URI
from backend.city_calendar import utc_now
from backend.partners.keys import read_private_key
from tests.browser.accessibility import barriers

pytestmark = pytest.mark.browser
BANK = "guicheng-bank"


class BankDesk:
    """The bank's own system, at the demo city's registered address."""

    def __init__(self, live_city: Any) -> None:
        self.http = httpx.Client(base_url=live_city.base_url)
        self.key = read_private_key(live_city.folder / "partners" / f"{BANK}.private.json")
        self.metadata = self.http.get("/.well-known/oauth-authorization-server").json()

    def question(self, enterprise: str) -> tuple[str, str]:
        """The address of the consent screen, and the verifier that the bank keeps."""
        verifier = secrets.token_urlsafe(48)
        query = {
            "response_type": "code",
            "client_id": BANK,
            "redirect_uri": DEMO_REDIRECT_URI,
            "scope": "grade:read report:read",
            "state": "here",
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
            "enterprise": enterprise,
        }
        return self.http.get("/oauth/authorize", params=query).headers["Location"], verifier

    def token(self, **form: str) -> dict[str, str]:
        issuer = self.metadata["issuer"]
        signed = sign_assertion(self.key, client_id=BANK, audience=issuer, now=utc_now())
        given = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed, **form}
        answer = self.http.post("/oauth/token", data=given)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_a_representative_lets_the_bank_read_sends_it_a_loan_and_takes_it_back(
    new_context: Callable[..., BrowserContext], live_city: Any
) -> None:
    bank = BankDesk(live_city)
    context = new_context(viewport={"width": 390, "height": 844}, locale="zh-CN", has_touch=True)
    page = context.new_page()
    page.goto(f"{live_city.base_url}/m/")
    page.get_by_role("button", name="吴*").click()
    expect(page.get_by_role("navigation", name="主要页面")).to_be_visible()
    company, enterprise = represented(live_city)

    # The consent screen: for whom, each scope by itself; then back at the bank.
    page.route(f"{DEMO_REDIRECT_URI}**", lambda route: route.fulfill(status=200, body="bank"))
    url, verifier = bank.question(enterprise)
    page.goto(url)
    expect(page.get_by_text(f"代 {company}（{enterprise}）决定")).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("radiogroup", name="是否同意提供综合评价等级").get_by_role(
        "radio", name="同意", exact=True
    ).click()
    page.get_by_role("button", name="同意所选 1 项").click()
    page.wait_for_url(f"{DEMO_REDIRECT_URI}**")
    told = parse_qs(urlsplit(page.url).query)
    assert (told["state"], told["iss"]) == (["here"], [bank.metadata["issuer"]])
    reading = bank.token(
        grant_type="authorization_code",
        code=told["code"][0],
        redirect_uri=DEMO_REDIRECT_URI,
        code_verifier=verifier,
    )
    grade = bank.http.get("/api/v1/institution/grade", headers=reading).json()
    assert (grade["subject"]["masked_name"], grade["subject"]["kind"]) == (company, "enterprise")

    # The loan, and how it stands.
    query = urlencode({"scheme": "enterprise_credit_loan", "name": "小微企业信用贷款", "enterprise": enterprise})
    page.goto(f"{live_city.base_url}/m/#/pages/loans/loans?{query}")
    page.get_by_role("radio", name="桂城银行").click()
    page.get_by_role("button", name="同意并转给银行").click()
    expect(page.get_by_text("已转给银行").first).to_be_visible()
    own = bank.token(grant_type="client_credentials", scope="referral:read referral:report")
    number = bank.http.get("/api/v1/institution/referrals", headers=own).json()["items"][0]["number"]
    for answer in ({"event": "apply"}, {"event": "decline", "reason": "财务报表不完整"}):
        bank.http.post(
            f"/api/v1/institution/referrals/{number}/answers",
            json=answer,
            headers={**own, "Idempotency-Key": uuid4().hex},
        )
    page.reload()
    expect(page.get_by_text("未批准的原因：财务报表不完整").first).to_be_visible()

    # Who looked; and the representative takes it back.
    page.goto(f"{live_city.base_url}/m/#/pages/ledger/list?enterprise={enterprise}")
    expect(page.get_by_text("查询信用等级").first).to_be_visible()
    page.goto(f"{live_city.base_url}/m/#/pages/authorizations/list?enterprise={enterprise}")
    card = page.locator(".card >> visible=true").filter(has_text="综合评价的等级").first
    card.get_by_role("button", name="撤回授权").click()
    page.get_by_role("dialog").get_by_role("button", name="撤回").click()
    expect(page.get_by_text("已撤回").first).to_be_visible()
    refused = bank.http.get("/api/v1/institution/grade", headers=reading)
    assert (refused.status_code, refused.json()["code"]) == (403, "consent_not_usable")


def test_the_office_uploads_a_list_and_reviews_who_was_found(
    new_context: Callable[..., BrowserContext], live_city: Any
) -> None:
    desk = new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN").new_page()
    sign_in_officer(desk, live_city, "zhang")
    _, enterprise = represented(live_city)
    desk.get_by_role("navigation", name="主菜单").get_by_role("link", name="信用核查").click()
    desk.locator(".el-select").click()
    desk.get_by_role("option", name="财政资金拨付前信用审查").click()
    expect(desk.get_by_text("国发〔2016〕33号")).to_be_visible()
    desk.get_by_label("具体事项").fill("2026年第一批技改资金")
    listed = f"统一社会信用代码\n{enterprise}\n12345\n".encode()
    desk.get_by_label("名单文件").set_input_files({"name": "名单.csv", "mimeType": "text/csv", "buffer": listed})
    desk.get_by_role("button", name="开始核查").click()
    expect(desk.get_by_text("已核查 2 / 2 行")).to_be_visible(timeout=20_000)
    expect(desk.get_by_role("row").filter(has_text=enterprise)).to_contain_text("未发现相关信息")
    expect(desk.get_by_text("证件号码有误").first).to_be_visible()
    assert barriers(desk) == []
    with desk.expect_download() as download:
        desk.get_by_role("button", name="下载全部结果").click()
    assert "审查结论" in download.value.path().read_text("utf-8-sig")


def sign_in_officer(desk: Page, live_city: Any, username: str) -> None:
    desk.goto(f"{live_city.base_url}/admin/")
    desk.get_by_label("用户名").fill(username)
    desk.get_by_label("密码", exact=True).fill(live_city.officer_passwords[username])
    desk.keyboard.press("Enter")


def represented(live_city: Any) -> tuple[str, str]:
    """Name and code of the enterprise whose legal representative is among the demo citizens."""
    body = {"adapter": "demo", "credential": "demo-citizen-4"}
    token = httpx.post(f"{live_city.base_url}/api/v1/sign-in", json=body).json()["token"]
    me = httpx.get(f"{live_city.base_url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}).json()
    (enterprise,) = me["enterprises"]
    return enterprise["name"], enterprise["public_code"]
