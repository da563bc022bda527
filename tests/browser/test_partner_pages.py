"""A shop applies on its phone, an officer approves in the console, and the shop opens the scanner page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from backend.identifiers import complete_organisation_code, complete_social_credit_code
from tests.browser.accessibility import barriers
from tests.browser.desks import open_desk

pytestmark = pytest.mark.browser


def test_from_an_application_to_the_scanner_page_without_any_it(new_context: Any, live_city: Any) -> None:
    phone = new_context(viewport={"width": 390, "height": 844}, locale="zh-CN").new_page()
    phone.goto(f"{live_city.base_url}/counter/apply.html")
    code = complete_social_credit_code("91990001" + complete_organisation_code("MB918880"))
    for label, value in (
        ("单位名称", "桂香书店"),
        ("统一社会信用代码", code),
        ("首家门店", "桂香街店"),
        ("联系人", "陈店长"),
        ("联系电话", "010-99990001"),
    ):
        phone.get_by_label(label).fill(value)
    phone.get_by_label("图书馆免押借阅").check()
    phone.get_by_label("已阅读并接受合作条款").check()
    assert barriers(phone) == []
    phone.get_by_role("button", name="提交申请").click()
    expect(phone.get_by_text("等待审核")).to_be_visible()

    desk = new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN").new_page()
    desk.goto(f"{live_city.base_url}/admin/")
    desk.get_by_label("用户名").fill("zhang")
    desk.get_by_label("密码", exact=True).fill(live_city.officer_passwords["zhang"])
    desk.keyboard.press("Enter")
    desk.get_by_role("navigation", name="主菜单").get_by_role("link", name="合作商户").click()
    desk.get_by_role("button", name="审核 桂香书店").click()
    dialog = desk.get_by_role("dialog", name="审核入驻申请")
    expect(dialog.get_by_text("陈店长，010-99990001")).to_be_visible()
    dialog.get_by_label("商户代码").fill("guixiang-books")
    dialog.get_by_label("合同编号").fill("GC-2026-001")
    dialog.get_by_label("合同最后一天").fill("2027-06-30")
    assert barriers(desk) == []
    dialog.get_by_role("button", name="通过并签合同").click()
    expect(desk.get_by_text("没有待审核的申请")).to_be_visible()
    desk.get_by_role("tab", name="全部商户").click()
    desk.get_by_role("link", name="桂香书店").click()
    expect(desk.get_by_text("合同 GC-2026-001")).to_be_visible()
    assert barriers(desk) == []

    phone.get_by_role("button", name="查询").click()
    expect(phone.get_by_text("已通过")).to_be_visible()
    phone.get_by_role("button", name="领取店长登录码").click()
    told = phone.locator("#status .code")
    expect(told).to_have_text(re.compile(r"[0-9A-Z]{5}-[0-9A-Z]{5}"))
    given = told.inner_text()
    phone.get_by_role("link", name="打开扫码核销页").click()
    phone.get_by_role("textbox", name="登录码").fill(given)
    phone.get_by_role("button", name="登录").click()
    expect(phone.get_by_text("桂香书店 · 桂香街店 · 店长")).to_be_visible()


def test_settlements_are_one_click_away(new_context: Any, live_city: Any) -> None:
    desk = open_desk(new_context, live_city, "zhang", live_city.officer_passwords["zhang"], "partners")
    desk.get_by_role("navigation", name="主菜单").get_by_role("link", name="商户结算").click()
    expect(desk.get_by_role("heading", name="商户结算", level=1)).to_be_visible()
    desk.get_by_label("商户", exact=True).click()
    desk.get_by_role("option", name="桂城图书馆").click()
    desk.get_by_role("button", name="查看").click()
    expect(desk.get_by_text("应结算")).to_be_visible()
    assert barriers(desk) == []
