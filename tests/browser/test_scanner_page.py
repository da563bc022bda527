"""The scanner page as a shop assistant's phone shows it, against a city that is really served."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from backend.city_calendar import utc_now
from backend.partners.models import PartnerStaff
from backend.partners.service import find_partner
from backend.partners.staff import get_store, issue_sign_in_code, staff_at, stores_of
from tests.browser.accessibility import barriers

pytestmark = pytest.mark.browser


# A camera that always sees the code in `window.shown`: Chromium on Linux has no reader of its own.
CAMERA = """
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = document.createElement('canvas'); canvas.getContext('2d').fillRect(0, 0, 9, 9);
    return canvas.captureStream();
  };
  window.BarcodeDetector = class {
    static async getSupportedFormats() { return ['qr_code']; }
    async detect() { return window.shown ? [{ rawValue: window.shown }] : []; }
  };
"""


@pytest.fixture
def phone(new_context: Callable[..., BrowserContext], live_city: Any) -> Iterator[Page]:
    """Signed in at the library's counter; at the end nothing may have failed unseen or gone to anybody else."""
    with live_city.database.transaction() as session:
        partner = find_partner(session, "guicheng-library")
        store = get_store(session, stores_of(session, partner.id)[0].id, partner_id=partner.id)
        manager: PartnerStaff = staff_at(session, store.id)[0]
        code = issue_sign_in_code(session, manager, now=utc_now()).code
    context = new_context(viewport={"width": 390, "height": 844}, locale="zh-CN", has_touch=True)
    context.add_init_script(CAMERA)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith(live_city.base_url) else wrong.append(request.url),
    )
    page.goto(f"{live_city.base_url}/counter/")
    page.get_by_role("textbox", name="登录码").fill(code.lower())
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_text("桂城图书馆 · 总店 · 店长")).to_be_visible()
    yield page
    assert wrong == []


def customers_code(base_url: str, citizen: str) -> str:
    token = httpx.post(f"{base_url}/api/v1/sign-in", json={"adapter": "demo", "credential": citizen}).json()[
        "token"
    ]
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
    code: str = httpx.post(f"{base_url}/api/v1/me/codes", json={}, headers=headers).json()["code"]
    return code


def test_a_customer_is_scanned_told_yes_redeemed_and_taken_back(phone, live_city):
    assert barriers(phone) == []
    phone.evaluate("code => { window.shown = code }", customers_code(live_city.base_url, "demo-citizen-1"))
    phone.get_by_role("button", name="扫顾客的二维码").click()
    expect(phone.get_by_role("heading", name="✓ 符合")).to_be_focused()
    expect(phone.get_by_text("免押借阅 15 册")).to_be_visible()
    assert barriers(phone) == []
    phone.get_by_role("button", name="核销", exact=True).click()
    expect(phone.get_by_role("heading", name="✓ 已核销")).to_be_visible()

    phone.get_by_role("button", name="今日核销").click()
    expect(phone.get_by_text("· 店长", exact=False).last).to_be_visible()
    phone.locator("#uses-list li").first.get_by_role("button", name="撤销").click()
    phone.get_by_role("dialog").get_by_role("button", name="确定").click()
    expect(phone.locator("#uses-list li").first).to_contain_text("已撤销")


def test_a_code_is_typed_where_there_is_no_camera_and_a_used_one_is_told(phone, live_city):
    code = customers_code(live_city.base_url, "demo-citizen-1")
    for heading in ("符合", None):
        phone.get_by_role("button", name="核验", exact=True).first.click()
        phone.get_by_label("或输入凭码").fill(f" {code.lower()} ")
        phone.locator("#check-button").click()
        if heading:
            expect(phone.get_by_role("heading", name=heading)).to_be_visible()
        else:
            expect(phone.get_by_role("alert")).to_contain_text("凭码")


def test_a_manager_gives_a_new_colleague_a_code(phone, live_city):
    phone.get_by_role("button", name="店员").click()
    phone.get_by_label("增加店员").fill("前台小林")
    phone.get_by_role("button", name="增加，并给出登录码").click()
    told = phone.get_by_role("status")
    expect(told).to_contain_text(re.compile(r"前台小林 的登录码 [0-9A-Z]{5}-[0-9A-Z]{5}"))
    assert barriers(phone) == []
    code = told.inner_text().rsplit(" ", 1)[1]
    answer = httpx.post(f"{live_city.base_url}/api/v1/counter/sign-in", json={"code": code})
    assert answer.json()["staff"]["nickname"] == "前台小林"
