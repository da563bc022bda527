"""The officers' console in Chromium, as a desktop shows it, against a city that is really served."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastexcel
import pytest
import xlsxwriter
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from backend.city_calendar import WorkingDays, utc_now
from backend.ledger.models import LedgerEntry
from backend.objections.deadlines import load_deadlines
from backend.objections.models import Objection
from backend.objections.service import file_objection
from backend.records.models import CreditRecord, QuarantinedRow
from backend.subjects.models import Subject
from tests.browser.accessibility import barriers
from tests.browser.desks import undisputed_arrears

pytestmark = pytest.mark.browser

SECONDS = 1_000
SCORED_WITHIN = 120 * SECONDS
"""A few seconds on an idle machine; the suite may share its machine with other work."""


@dataclass
class Desk:
    """One officer's screen, and what went wrong on it so far."""

    page: Page
    base_url: str
    password: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str = "") -> None:
        self.page.goto(f"{self.base_url}/admin/{path}")

    def sign_in(self, password: str | None = None) -> None:
        self.open()
        self.page.get_by_label("用户名").fill("zhang")
        self.page.get_by_label("密码", exact=True).fill(password or self.password)
        self.page.keyboard.press("Enter")
        if password is None:
            expect(self.heading("总览")).to_be_visible()

    def menu(self, name: str) -> None:
        self.page.get_by_role("navigation", name="主菜单").get_by_role("link", name=name).click()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()

    def dialog(self, name: str) -> Locator:
        return self.page.get_by_role("dialog", name=name)

    def heading(self, name: str) -> Locator:
        return self.page.get_by_role("heading", name=name, level=1)


NARROW, WIDE = (1280, 800), (1440, 900)


@pytest.fixture
def desk(request: Any, new_context: Callable[..., Any], live_city: Any) -> Iterator[Desk]:
    """At the end nothing may have failed unseen, the page's policy been broken, or anybody else been asked.

    On the narrower of an office's screens, where things get lost sooner, unless a test says which.
    """
    width, height = getattr(request, "param", NARROW)
    context = new_context(viewport={"width": width, "height": height}, locale="zh-CN", accept_downloads=True)
    context.set_default_timeout(30 * SECONDS)
    expect.set_options(timeout=30 * SECONDS)
    page = context.new_page()
    desk = Desk(page, live_city.base_url, live_city.officer_passwords["zhang"])
    page.on("pageerror", lambda error: desk.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            desk.complaints.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith((live_city.base_url, "data:", "blob:"))
            else desk.complaints.append(f"asked {asked.url}")
        ),
    )
    yield desk
    assert desk.complaints == []


@pytest.fixture
def objection_id(live_city: Any) -> str:
    """An objection to some arrears, just filed."""
    now = utc_now()
    with live_city.database.transaction() as session:
        record = undisputed_arrears(session)
        objection = file_objection(
            session,
            subject_id=record.subject_id,
            record_id=record.id,
            grounds="该笔费用已按期缴清，附有缴费凭证。",
            now=now,
            deadlines=load_deadlines(WorkingDays()),
        )
        return str(objection.id)


def figure(page: Page, name: str) -> int:
    text = page.locator(".figures > div", has_text=name).locator("strong").inner_text()
    return int(text.replace(",", ""))


def test_a_wrong_password_is_told_and_a_session_that_ended_leads_back_to_where_one_was(desk):
    desk.sign_in(password="not the password")
    expect(desk.page.get_by_role("alert")).to_contain_text("账号或凭证不正确")
    expect(desk.page.get_by_label("密码", exact=True)).to_be_focused()

    desk.sign_in()
    desk.menu("归集批次")
    expect(desk.heading("归集批次")).to_be_visible()
    expect(desk.page.get_by_role("table")).to_be_visible()
    # The server forgets the sign-in; the next request finds out.
    desk.page.evaluate(
        """async () => {
          const { token } = JSON.parse(sessionStorage.getItem('osmanthus-console-session'))
          await fetch('/api/v1/admin/sign-in', {
            method: 'DELETE', headers: { Authorization: `Bearer ${token}`, 'Idempotency-Key': `${Date.now()}` },
          })
        }"""
    )
    desk.press("刷新")
    expect(desk.page.get_by_text("登录已结束")).to_be_visible()
    desk.page.get_by_label("用户名").fill("zhang")
    desk.page.get_by_label("密码", exact=True).fill(desk.password)
    desk.press("登录")
    expect(desk.heading("归集批次")).to_be_visible()


def test_the_overview_shows_the_published_scores_and_leads_to_what_waits(desk):
    desk.sign_in()
    histogram = desk.page.get_by_role("img", name=re.compile("^得分分布直方图"))
    expect(histogram.locator("canvas")).to_be_visible()
    assert figure(desk.page, "已开通个人信用分") > 0
    shares = desk.page.get_by_role("table", name="各等级的主体数和占比")
    scored = sum(int(text.replace(",", "")) for text in shares.locator("td:nth-child(2)").all_inner_texts())
    spoken = re.search(r"共 ([\d,]+) 个主体", histogram.get_attribute("aria-label") or "")
    assert spoken is not None
    assert scored == int(spoken[1].replace(",", "")), "the grades hold everyone in the histogram"

    desk.page.locator("label", has_text="企业").click()
    expect(desk.page.get_by_role("img", name=re.compile("^得分分布直方图.*优"))).to_be_visible()

    desk.page.locator(".todo").get_by_role("link", name=re.compile("待处理区")).click()
    expect(desk.heading("待处理区")).to_be_visible()


def test_a_run_is_confirmed_watched_to_its_end_and_listed_as_published(desk):
    desk.sign_in()
    desk.menu("评分运行")
    desk.press("启动评分运行")
    dialog = desk.dialog("启动评分运行")
    dialog.locator("label", has_text="企业").click()
    dialog.get_by_role("button", name="确认启动").click()
    expect(desk.page.get_by_text("企业评分已发布")).to_be_visible(timeout=SCORED_WITHIN)
    newest = desk.page.get_by_role("table").locator("tbody tr").first
    expect(newest).to_contain_text("企业")
    expect(newest).to_contain_text("已发布")
    expect(newest).to_contain_text("张敏")


def test_a_refused_row_is_corrected_in_its_faulty_cell_alone_and_leaves_the_list(desk, live_city):
    desk.sign_in()
    desk.open("quarantine?reason=date_unreadable")
    row = desk.page.locator(".row-table tbody tr").first
    faulty = row.locator("td.faulty").first
    expect(faulty).to_contain_text("请写成")
    row.get_by_role("button", name=re.compile("^更正第")).click()

    drawer = desk.page.get_by_role("dialog", name=re.compile("^更正第"))
    box = drawer.get_by_role("textbox").first
    box.fill("2025-02-31")
    box.press("Enter")
    expect(drawer.get_by_role("alert")).to_contain_text("更正后仍有问题")

    waiting = _open_rows(live_city)
    for each in drawer.get_by_role("textbox").all():
        each.fill("2025-02-28")
    drawer.get_by_role("button", name="更正并重新提交").click()
    expect(desk.page.locator(".el-message", has_text=re.compile("已入库|重复"))).to_be_visible()
    expect(drawer).to_be_hidden()
    assert _open_rows(live_city) == waiting - 1


def test_an_export_in_full_asks_for_a_reason_which_the_ledger_keeps(desk, live_city):
    desk.sign_in()
    desk.open("quarantine?reason=subject_unknown")
    expect(desk.page.locator(".row-table").first).to_be_visible()

    with desk.page.expect_download() as masked:
        desk.press("脱敏导出")
    sheet = fastexcel.read_excel(masked.value.path()).load_sheet(0)
    assert "待处理编号" in sheet.to_polars().columns

    desk.open("quarantine")
    expect(desk.page.locator(".row-table").first).to_be_visible()
    before = _ledger(live_city, "quarantine_opened")
    desk.press("完整导出")
    dialog = desk.dialog("完整导出待处理行")
    dialog.get_by_text("其他").click()
    dialog.get_by_role("button", name="导出").click()
    expect(dialog).to_contain_text("请至少写 4 个字")
    dialog.get_by_role("textbox").fill("年度数据质量核对")
    with desk.page.expect_download() as full:
        dialog.get_by_role("button", name="导出").click()
    assert full.value.suggested_filename.endswith(".xlsx")
    added = _ledger(live_city, "quarantine_opened")[len(before) :]
    assert {entry.purpose for entry in added} == {"年度数据质量核对"}


def test_an_objection_is_opened_with_a_reason_asked_once_and_decided(desk, live_city, objection_id):
    desk.sign_in()
    desk.open(f"objections/{objection_id}")
    asked = desk.dialog("查看前请说明理由")
    expect(asked).to_contain_text("当事人可以看到")
    asked.get_by_role("button", name="查看").click()
    expect(desk.page.get_by_text("该笔费用已按期缴清")).to_be_visible()

    desk.page.reload()
    expect(desk.page.get_by_role("heading", name=re.compile("^争议记录"))).to_be_visible()
    expect(asked).to_be_hidden()

    desk.press("提交处理结果")
    expect(desk.page.get_by_text("请选择处理结果")).to_be_visible()
    desk.page.locator("label", has_text="异议成立").click()
    desk.page.get_by_label("给当事人的答复").fill("经核实，该笔费用已按期缴清，记录予以撤销。")
    desk.press("提交处理结果")
    desk.dialog("确认处理结果").get_by_role("button", name="确认提交").click()
    expect(desk.page.get_by_role("heading", name="处理结果：异议成立")).to_be_visible()

    with live_city.database.reading() as session:
        objection = session.scalars(select(Objection).where(Objection.state == "upheld")).all()[-1]
        assert session.get_one(CreditRecord, objection.record_id).state == "revoked"
    assert _ledger(live_city, "objection_viewed")[-1].purpose == "办理本件异议"


def test_whoever_will_not_say_why_sees_nothing(desk, live_city, objection_id):
    desk.sign_in()
    before = len(_ledger(live_city, "objection_viewed"))
    desk.menu("异议办理")
    row = desk.page.locator("tbody tr").first
    expect(row).to_contain_text("个工作日")
    row.get_by_role("link", name=re.compile("^办理")).click()
    desk.dialog("查看前请说明理由").get_by_role("button", name="取消").click()
    expect(desk.heading("异议办理")).to_be_visible()
    assert len(_ledger(live_city, "objection_viewed")) == before


@pytest.mark.parametrize("desk", [NARROW, WIDE], ids=["1280", "1440"], indirect=True)
def test_nobody_is_kept_out_of_any_page(desk, objection_id):
    desk.open()
    expect(desk.page.get_by_label("用户名")).to_be_focused()
    assert barriers(desk.page) == []
    desk.sign_in()
    expect(desk.page.get_by_role("img", name=re.compile("^得分分布直方图")).locator("canvas")).to_be_visible()
    assert barriers(desk.page) == []
    for path, shown in (
        ("runs", "table"),
        ("deliveries", "table"),
        ("quarantine", ".row-table"),
        ("objections", "table"),
        (f"objections/{objection_id}", "[role=dialog]"),
        ("nowhere", ".empty-note"),
    ):
        desk.open(path)
        expect(desk.page.locator(shown).first).to_be_visible()
        assert barriers(desk.page) == [], path
        assert desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"


def test_the_console_is_worked_by_keyboard_alone(desk):
    desk.sign_in()
    desk.page.reload()
    expect(desk.heading("总览")).to_be_visible()
    desk.page.keyboard.press("Tab")
    expect(desk.page.get_by_role("link", name="跳到主要内容")).to_be_focused()
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("main")).to_be_focused()
    desk.menu("评分运行")
    expect(desk.heading("评分运行")).to_be_focused()
    desk.page.get_by_role("button", name="启动评分运行").focus()
    desk.page.keyboard.press("Enter")
    dialog = desk.dialog("启动评分运行")
    expect(dialog).to_be_visible()
    desk.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(desk.page.get_by_role("button", name="启动评分运行")).to_be_focused()


def test_the_api_document_is_browsed_without_asking_anyone_else(desk):
    desk.page.goto(f"{desk.base_url}/docs/")
    expect(desk.page.locator(".opblock").first).to_be_visible()
    expect(desk.page.get_by_text("/api/v1/me/score", exact=True)).to_be_visible()


def _open_rows(city: Any) -> int:
    with city.database.reading() as session:
        return len(session.scalars(select(QuarantinedRow.id).where(QuarantinedRow.state == "open")).all())


def _ledger(city: Any, action: str) -> list[LedgerEntry]:
    with city.database.reading() as session:
        return list(
            session.scalars(select(LedgerEntry).where(LedgerEntry.action == action).order_by(LedgerEntry.id))
        )


def test_the_history_page_shows_what_was_known_on_a_day_and_a_records_whole_life(
    desk: Desk, live_city: Any
) -> None:
    with live_city.database.reading() as session:
        of_enterprise = select(Subject.public_code).join(CreditRecord, CreditRecord.subject_id == Subject.id)
        code = session.scalars(of_enterprise.where(Subject.public_code.is_not(None)).limit(1)).one()
    desk.sign_in()
    desk.menu("记录历史")
    asked = desk.page.get_by_label("公民身份号码、统一社会信用代码或旧代码")
    asked.fill(code)
    desk.press("查询")
    desk.page.get_by_role("dialog").get_by_role("button", name="查询").click()

    expect(desk.page.get_by_text(f"（{code}）")).to_be_visible()
    desk.page.get_by_text("当时的内容").first.click()
    assert barriers(desk.page) == []
    desk.page.get_by_role("button", name="全部经过").first.click()
    expect(desk.page.get_by_role("list", name="从报送至今的经过").get_by_text("报送入库")).to_be_visible()
    assert barriers(desk.page) == []
    desk.page.keyboard.press("Escape")

    desk.page.get_by_label("哪一天").fill("2000-01-01")
    desk.press("查询")
    desk.page.get_by_role("dialog").get_by_role("button", name="查询").click()
    expect(desk.page.get_by_text("当天没有掌握记录")).to_be_visible()


def test_a_changed_catalogue_is_proposed_from_the_spreadsheet_and_shows_its_changes(
    desk: Desk, tmp_path: Path
) -> None:
    version = f"2099.{desk.page.viewport_size['width']}"
    desk.sign_in()
    desk.menu("信息目录")
    with desk.page.expect_download() as download:
        desk.press("下载表格模板")
    download.value.save_as(tmp_path / "template.xlsx")
    rows = fastexcel.read_excel(tmp_path / "template.xlsx").load_sheet(0, header_row=None, dtypes="string")
    changed = [
        ["志愿服务（新）" if cell == "志愿服务" else cell for cell in row] for row in rows.to_polars().rows()
    ]
    with xlsxwriter.Workbook(tmp_path / "changed.xlsx") as book:
        sheet = book.add_worksheet("目录")
        for number, row in enumerate(changed):
            sheet.write_row(number, 0, row)

    desk.press("提交新版本")
    dialog = desk.dialog("提交新版目录")
    expect(dialog).to_be_visible()
    assert barriers(desk.page) == []
    dialog.get_by_label("版本号").fill(version)
    dialog.get_by_label("名称").fill("桂城市公共信用信息目录（试拟）")
    dialog.get_by_label("生效日期").fill("2099-01-01")
    desk.page.keyboard.press("Enter")
    dialog.get_by_label("表格文件").set_input_files(tmp_path / "changed.xlsx")
    dialog.get_by_role("button", name="检查并提交").click()

    expect(dialog).to_be_hidden()
    desk.page.get_by_role("link", name=version).click()
    expect(desk.heading("目录草案")).to_be_visible()
    expect(desk.page.get_by_text("志愿服务（新）").first).to_be_visible()
    expect(desk.page.get_by_text("须由另一位复核员审核")).to_be_visible()
    assert barriers(desk.page) == []


@pytest.mark.parametrize("desk", [WIDE], indirect=True)
def test_a_dragged_weight_moves_the_distribution_and_restoring_moves_it_back(desk):
    desk.sign_in()
    desk.open("policy-trials")
    distribution = desk.page.get_by_label("得分分布", exact=True)
    raised = distribution.locator(".gain dd")
    expect(raised).to_contain_text("0 人")
    before = distribution.locator("dd").first.inner_text()

    handle = desk.page.get_by_role("slider", name="志愿服务时长的权重")
    box = handle.bounding_box()
    assert box is not None
    desk.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    desk.page.mouse.down()
    desk.page.mouse.move(box["x"] + 120, box["y"] + box["height"] / 2, steps=6)
    desk.page.mouse.up()
    expect(distribution.locator("dd").first).not_to_have_text(before)
    expect(raised).not_to_contain_text(re.compile(r"^0 人"))
    expect(desk.page.get_by_label("权益得失", exact=True).get_by_role("table")).to_be_visible()

    desk.page.get_by_text("志愿服务时长：分值与上限").click()
    top_tier = desk.page.get_by_role("slider", name="志愿服务时长满 300 小时的分值")
    expect(top_tier).to_be_visible()
    desk.press("恢复现行方案")
    expect(distribution.locator("dd").first).to_have_text(before)
    assert barriers(desk.page) == []
