"""Rights in Chromium: objections, consents and the ledger on the phone, and their cases on the officers' desk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import select
from werkzeug.serving import make_server

from backend.accounts.demo_sign_in import DemoSignIn
from backend.accounts.service import add_officer, sign_in_citizen
from backend.catalogue.service import category_in_force
from backend.city_calendar import WorkingDays, city_date, utc_now
from backend.ephemeral import open_store
from backend.evidence.models import EvidenceFile
from backend.ledger.models import LedgerEntry
from backend.objections.deadlines import load_deadlines
from backend.objections.routing import department_of_record
from backend.objections.service import file_objection
from backend.subjects.models import Subject
from backend.web import Services
from tests.browser import accessibility
from tests.browser.desks import open_desk, say_why, undisputed_arrears

# The phone and its barriers are the same ones.
from tests.browser.test_citizen_client import barriers_on, phone  # noqa: F401
from tests.servers import listening

pytestmark = pytest.mark.browser

ENTERPRISE = "桂城市丹桂信息科技有限公司"
CASE_PAGES = ["notifications/list", "uses/list", "deletion/deletion", "authorizations/list", "ledger/list"]


def pdf() -> bytes:
    out = BytesIO()
    Image.new("RGB", (60, 80), "white").save(out, "PDF")
    return out.getvalue()


def test_a_legal_representative_objects_for_the_enterprise_with_a_pdf_and_reads_it_again(phone):  # noqa: F811
    phone.sign_in("吴*")
    phone.open("records/list")
    with phone.page.expect_response(lambda answer: "/me/records" in answer.url and "enterprise=" in answer.url):
        phone.page.get_by_role("tab", name=ENTERPRISE).click()
    expect(phone.seen(".loading")).to_have_count(0)
    phone.seen(".record").filter(has_not_text="异议中").first.click()
    phone.press("这条不对，提出异议")
    phone.press("金额或日期不对")
    with phone.page.expect_file_chooser() as chooser:
        phone.press("添加 PDF")
    chooser.value.set_files({"name": "完税证明.pdf", "mimeType": "application/pdf", "buffer": pdf()})
    expect(phone.page.get_by_role("button", name="去掉第 1 份材料")).to_be_visible()
    barriers = barriers_on(phone.page)
    phone.press("提交异议")
    expect(phone.heading("我的证明材料", level=2)).to_be_visible()
    expect(phone.page.get_by_text(ENTERPRISE).last).to_be_visible()
    with phone.page.expect_download() as saved:
        phone.page.get_by_role("button", name=re.compile("完税证明")).click()
    assert saved.value.suggested_filename == "完税证明.pdf"
    case = phone.page.url.partition("pages/")[2]
    barriers += barriers_on(phone.page)

    for path in CASE_PAGES:
        phone.open(path)
        phone.page.wait_for_load_state("networkidle")
        expect(phone.seen(".loading")).to_have_count(0)
        barriers += [f"{path}: {barrier}" for barrier in barriers_on(phone.page)]
    assert barriers == []

    phone.open(case)
    with phone.page.expect_file_chooser() as chooser:
        phone.press("添加 PDF")
    chooser.value.set_files({"name": "银行回单.pdf", "mimeType": "application/pdf", "buffer": pdf()})
    phone.press("补交这 1 份")
    expect(phone.page.get_by_role("button", name=re.compile("银行回单"))).to_be_visible()


def dispute(live_city: Any, **officers: str) -> dict[str, str]:
    """An objection to some arrears, and accounts by user name for officers of departments: of that which delivers
    the category, or where it is empty of that which delivered the arrears."""
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
        department = department_of_record(session, record, city_date(now))
        assert department is not None
        for username, category in officers.items():
            named = category and category_in_force(session, category, city_date(now)).source_department_code
            add_officer(
                session,
                username=username,
                name="陈经办",
                password="correct horse",
                roles=["department_officer"],
                department_code=named or department.code,
                now=now,
            )
        return {"id": str(objection.id), "password": "correct horse"}


@pytest.fixture
def disputed(live_city: Any) -> dict[str, str]:
    return dispute(live_city, inbox="")


def test_a_reassigned_objection_leaves_one_departments_inbox_for_anothers(new_context, live_city):
    case = dispute(live_city, taken_from="", given_to="public_service")
    zhang = live_city.officer_passwords["zhang"]
    office = open_desk(new_context, live_city, "zhang", zhang, f"objections/{case['id']}")
    say_why(office, "办理本件异议")
    office.get_by_role("button", name="改派其他单位").click()
    office.get_by_role("combobox", name="数源单位").click()
    office.get_by_role("option", name="桂城市民政局").click()
    barriers = accessibility.barriers(office)
    # While its list is open, what is chosen is drawn like a prompt.
    office.get_by_role("combobox", name="数源单位").click()
    chosen = office.locator(".el-select__placeholder.is-transparent").get_by_text("桂城市民政局")
    expect(chosen).to_be_visible()
    # The library scrolls the list with the arrow keys of the box, which a look at the list alone does not see.
    barriers += accessibility.barriers(office, within=".el-dialog .el-select")
    office.get_by_role("option", name="桂城市民政局").click()
    expect(chosen).to_be_hidden()
    office.get_by_role("button", name="确认改派").click()
    expect(office.get_by_text("改派另一数源单位")).to_be_visible()

    before = open_desk(new_context, live_city, "taken_from", case["password"], f"department-inbox/{case['id']}")
    say_why(before, "核查本件异议")
    expect(before.get_by_text("可能已改派其他单位")).to_be_visible()
    after = open_desk(new_context, live_city, "given_to", case["password"], "department-inbox")
    after.locator("main tbody").get_by_role("link").first.click()
    say_why(after, "核查本件异议")
    expect(after).to_have_url(re.compile(case["id"]))
    expect(after.get_by_role("heading", name="核查答复")).to_be_visible()
    assert barriers + accessibility.barriers(before) + accessibility.barriers(after) == []


def test_a_stranger_finds_the_red_list_and_no_person_on_it(new_context, live_city):
    context = new_context(locale="zh-CN", viewport={"width": 390, "height": 844})
    stranger = context.new_page()
    expect.set_options(timeout=30_000)
    stranger.goto(live_city.base_url)
    stranger.get_by_role("link", name="红名单公示").click()
    expect(stranger.get_by_role("heading", level=3).first).to_be_visible()
    expect(stranger.get_by_role("heading", name="怎样列入，怎样退出")).to_be_visible()

    search = stranger.get_by_role("searchbox")
    search.fill("丹桂信息")
    stranger.get_by_role("button", name="查询").click()
    expect(stranger.get_by_role("heading", level=3)).to_have_text(["桂城市丹桂信息科技有限公司"])
    # A person who was honoured is on none.
    stranger.get_by_role("radio", name="表彰荣誉获得者").click()
    search.fill("林桂兰")
    stranger.get_by_role("button", name="查询").click()
    expect(stranger.get_by_text("没有查到“林桂兰”")).to_be_visible()
    assert accessibility.barriers(stranger) == []


def test_a_stranger_looks_an_enterprise_up_by_keyboard_and_is_told_where_there_is_no_page(new_context, live_city):
    context = new_context(locale="zh-CN", viewport={"width": 390, "height": 844})
    stranger = context.new_page()
    expect.set_options(timeout=30_000)
    stranger.goto(live_city.base_url)
    stranger.get_by_role("link", name="查企业").click()
    search = stranger.get_by_role("searchbox")
    search.fill("林桂兰")
    search.press("Enter")
    expect(stranger.get_by_text("没有查到“林桂兰”")).to_be_visible()
    search.fill("丹桂信息科技")
    search.press("Enter")
    name = "桂城市丹桂信息科技有限公司"
    found = stranger.get_by_role("link", name=name, exact=True)
    expect(found).to_be_visible()
    # The pages that this leads to are looked at with all others, in test_every_page.py.
    barriers = accessibility.barriers(stranger)
    found.press("Enter")
    expect(stranger.get_by_role("heading", level=2).filter(visible=True)).to_have_text(
        [
            re.compile(f"^{name}"),
            *map(re.compile, ("^行政许可", "^行政处罚", "^信用承诺及履行", "^红名单", "^法定名单")),
            "关联单位",
            "这里公示什么",
        ]
    )

    # By its address, while another enterprise's page is open there.
    address = stranger.url
    stranger.get_by_role("link", name=re.compile("分公司")).click()
    expect(stranger.get_by_role("heading", name=f"{name}月湖分公司")).to_be_visible()
    code = address.partition("code=")[2]
    stranger.goto(address.replace(code, code[8:17]))
    expect(stranger.get_by_text(code, exact=True)).to_be_visible()
    stranger.goto(f"{live_city.base_url}/m/#/pages/moved/away")
    expect(stranger.get_by_role("heading", name="没有这个页面", level=1)).to_be_visible()
    stranger.get_by_role("button", name="回到首页").press("Enter")
    expect(stranger.get_by_role("heading", name="登录", level=1)).to_be_visible()
    assert barriers == []


def test_a_department_hands_in_evidence_with_its_reply_and_the_office_opens_it(new_context, live_city, disputed):
    departments = open_desk(
        new_context, live_city, "inbox", disputed["password"], f"department-inbox/{disputed['id']}"
    )
    say_why(departments, "核查本件异议")
    expect(departments.get_by_role("heading", name="本单位的核查材料（0）")).to_be_visible()
    departments.locator("input[type=file]").set_input_files(
        {"name": "缴费台账.pdf", "mimeType": "application/pdf", "buffer": pdf()}
    )
    expect(departments.get_by_role("heading", name="本单位的核查材料（1）")).to_be_visible()
    barriers = accessibility.barriers(departments)
    departments.get_by_text("核查无误", exact=True).click()
    departments.get_by_label("核查情况").fill("与缴费系统核对一致，尚未缴清。")
    departments.get_by_role("button", name="提交答复").click()
    expect(departments.get_by_role("heading", name="异议待办", level=1)).to_be_visible()
    barriers += accessibility.barriers(departments)

    zhang = live_city.officer_passwords["zhang"]
    offices = open_desk(new_context, live_city, "zhang", zhang, f"objections/{disputed['id']}")
    say_why(offices, "办理本件异议")
    expect(offices.get_by_role("heading", name="数源单位的核查材料（1）")).to_be_visible()
    with offices.expect_download() as saved:
        offices.get_by_role("button", name="下载 缴费台账.pdf").click()
    assert saved.value.suggested_filename == "缴费台账.pdf"
    barriers += accessibility.barriers(offices)
    with live_city.database.reading() as session:
        seen = session.scalars(
            select(LedgerEntry.actor_kind).where(
                LedgerEntry.detail["objection"].as_string() == disputed["id"],
                LedgerEntry.action.in_(("objection_viewed", "objection_evidence_viewed")),
            )
        ).all()
    assert sorted(seen) == ["department", "officer", "officer"]
    assert barriers == []


def test_a_window_takes_an_objection_and_its_papers_and_the_office_finds_both(new_context, live_city):
    with live_city.database.transaction() as session:
        record = undisputed_arrears(session)
        number = live_city.config.keys.open(session.get_one(Subject, record.subject_id).identifier_sealed)
    desk = open_desk(new_context, live_city, "zhang", live_city.officer_passwords["zhang"], "records")
    desk.get_by_label("公民身份号码、统一社会信用代码或旧代码").fill(number)
    desk.get_by_role("button", name="查询").click()
    why = desk.get_by_role("dialog", name="查看前请说明事由")
    why.get_by_text("应申请人当面申请代录异议").click()
    why.get_by_role("button", name="查询").click()
    desk.get_by_role("button", name=f"代录对“{record.title}”的异议").first.click()
    dialog = desk.get_by_role("dialog", name=f"代录异议：{record.title}")
    dialog.get_by_text("本人", exact=True).click()
    dialog.get_by_text("已核对").click()
    dialog.get_by_label("异议理由").fill("这笔费用已经缴清，带来了收据")
    dialog.get_by_role("button", name="提交异议").click()

    papers = desk.get_by_role("dialog", name=f"代收材料：{record.title}")
    expect(papers.get_by_role("status")).to_contain_text("异议已受理，最迟")
    papers.locator("input[type=file]").set_input_files(
        {"name": "缴费收据.pdf", "mimeType": "application/pdf", "buffer": pdf()}
    )
    expect(papers.get_by_role("listitem")).to_have_text("缴费收据.pdf")
    barriers = accessibility.barriers(desk)
    papers.get_by_role("button", name="完成").click()
    expect(desk.get_by_role("button", name=f"代收对“{record.title}”的异议的材料")).to_be_visible()

    with live_city.database.reading() as session:
        taken = session.scalars(select(EvidenceFile).where(EvidenceFile.subject_id == record.subject_id)).one()
        assert (taken.case or "").startswith("objection:")
    assert barriers == []


@pytest.fixture
def shenzhen(live_city: Any, serve: Any) -> Iterator[Any]:
    """The same city with Shenzhen's clocks: a department has two working days and may be given three more."""
    config = replace(live_city.config, jurisdiction="shenzhen")
    days = WorkingDays.from_file(config.working_days_file)
    services = Services(
        config=config,
        database=live_city.database,
        store=open_store(None),
        sign_in=DemoSignIn(config.data_dir / "city" / "city.json", config.keys),
        working_days=days,
        clock=utc_now,
    )
    server = make_server("127.0.0.1", 0, serve(services), threaded=True)
    with listening(server):
        yield replace(live_city, base_url=f"http://127.0.0.1:{server.port}")


def test_where_the_law_allows_it_a_term_is_prolonged_once_and_the_citizen_reads_why_and_until_when(
    phone,  # noqa: F811
    new_context,
    shenzhen,
):
    now, deadlines = utc_now(), load_deadlines(WorkingDays(), "shenzhen")
    with shenzhen.database.transaction() as session:
        record = undisputed_arrears(session)
        objection = file_objection(
            session,
            subject_id=record.subject_id,
            record_id=record.id,
            grounds="户号不是我的，请到现场核对。",
            now=now,
            deadlines=deadlines,
        )
        token = sign_in_citizen(session, subject_id=record.subject_id, now=now).token
        case = objection.id

    office = open_desk(new_context, shenzhen, "zhang", shenzhen.officer_passwords["zhang"], f"objections/{case}")
    say_why(office, "办理本件异议")
    office.get_by_role("button", name="转数源单位核查").click()
    office.get_by_role("button", name="确认转办").click()
    today = city_date(now)
    before, asked, until = (deadlines.working_days.after(today, days) for days in (3, 2 + 3, 3 + 3))
    clocks = office.get_by_role("region", name="办理期限")
    expect(clocks.locator("strong")).to_have_text(str(before))
    office.get_by_role("button", name="延长期限").click()
    dialog = office.get_by_role("dialog", name="延长答复期限")
    expect(dialog.get_by_text(f"延长后最迟 {until} 答复")).to_be_visible()
    barriers = accessibility.barriers(office)
    dialog.get_by_label("延长的理由").fill("须到现场核对燃气表号。")
    dialog.get_by_role("button", name="确认延长").click()
    expect(clocks.locator("strong")).to_have_text(str(until))
    expect(clocks.get_by_text(f"应于 {asked} 前答复")).to_be_visible()
    expect(office.get_by_role("button", name="延长期限")).to_have_count(0)

    phone.open_signed_in(token, f"objections/detail?id={case}")
    expect(phone.seen("text=须到现场核对燃气表号。").first).to_be_visible()
    assert barriers == []
