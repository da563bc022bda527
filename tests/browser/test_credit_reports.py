"""A report from the phone to whoever holds it: printed, downloaded, verified by a stranger, and found forged."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.reading_pdfs import text_of

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def open_phone(new_context, live_city):
    def open_phone() -> Page:
        context = new_context(viewport=PHONE, locale="zh-CN", has_touch=True, accept_downloads=True)
        context.set_default_timeout(30_000)
        expect.set_options(timeout=30_000)
        return context.new_page()

    return open_phone


def save(page: Page, button: str, path: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).first.click()
    download.value.save_as(path)
    return path


def complaints_of_axe(page: Page) -> list[str]:
    # A passing message (in `#u-a-t`) fades in and out whenever it likes; halfway its contrast is nobody's.
    found = Axe().run(page, context={"exclude": [["#u-a-t"]]}).response["violations"]
    return [f"{one['id']} {one['nodes'][0]['html'][:120]}" for one in found]


def test_a_printed_report_is_verified_by_a_stranger_and_a_changed_one_is_found_out(
    open_phone, live_city, tmp_path
):
    phone = open_phone()
    phone.goto(f"{live_city.base_url}/m/")
    phone.get_by_role("button", name="林*兰").click()
    expect(phone.get_by_role("heading", name="桂花分", level=1)).to_be_visible()
    phone.goto(f"{live_city.base_url}/m/#/pages/reports/reports")
    phone.get_by_role("radio", name="含信用分").first.click()
    phone.get_by_role("button", name="出具报告").click()
    file = save(phone, "打开报告", tmp_path / "report.pdf")
    number, code = phone.locator(".pair__value >> visible=true").all_inner_texts()[1:3]

    assert number in text_of(file.read_bytes())
    assert "桂花分" in text_of(file.read_bytes())
    assert complaints_of_axe(phone) == []

    stranger = open_phone()
    stranger.goto(f"{live_city.base_url}/m/#/pages/reports/verify?number={number}&code={code.replace('-', '')}")
    verdict = stranger.locator(".verify__word")
    expect(verdict).to_have_text("有效")
    assert "林" not in stranger.locator("body").inner_text()
    assert complaints_of_axe(stranger) == []

    forged = bytearray(file.read_bytes())
    forged[len(forged) // 2] ^= 1
    (tmp_path / "forged.pdf").write_bytes(forged)
    for path, word in (
        (tmp_path / "forged.pdf", "不是本机构出具，或已被改动"),
        (file, "有效"),
    ):
        with stranger.expect_file_chooser() as chooser:
            stranger.get_by_role("button", name="选择 PDF 文件").click()
        chooser.value.set_files(path)
        expect(stranger.get_by_text(f"已比对文件：{path.name}")).to_be_visible()
        expect(verdict).to_have_text(word)

    phone.get_by_role("checkbox", name="隐去部分姓名和身份号码").click()
    phone.get_by_role("button", name="出具报告").click()
    expect(phone.get_by_text("已被取代", exact=True)).to_be_visible()
    stranger.get_by_role("button", name="核验", exact=True).click()
    expect(verdict).to_have_text("已被取代")
    assert "林" not in stranger.locator("body").inner_text()
    assert stranger.locator(".uni-page-head-btn >> visible=true").count() == 0, (
        "a stranger has nowhere to go back to"
    )
    assert complaints_of_axe(stranger) == []


def test_a_citizen_takes_everything_along(open_phone, live_city, tmp_path):
    phone = open_phone()
    phone.goto(f"{live_city.base_url}/m/")
    phone.get_by_role("button", name="林*兰").click()
    expect(phone.get_by_role("heading", name="桂花分", level=1)).to_be_visible()
    phone.goto(f"{live_city.base_url}/m/#/pages/export/export")

    assert "林桂兰" in text_of(save(phone, "下载 PDF", tmp_path / "data.pdf").read_bytes())
    assert '"林桂兰"' in save(phone, "下载 JSON", tmp_path / "data.json").read_text(encoding="utf-8")
    assert complaints_of_axe(phone) == []
