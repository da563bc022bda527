"""Cases from the phone to the desks that decide them and back: a repair, a supplement, an appeal to a human."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import func, select

from backend.accounts.models import CitizenAccount
from backend.accounts.service import add_officer, sign_in_citizen
from backend.authorizations.service import Asked, request_sharing
from backend.catalogue.service import category_in_force
from backend.city_calendar import WorkingDays, city_date, utc_now
from backend.ledger.service import Actor, record_access
from backend.objections.deadlines import load_deadlines
from backend.objections.service import file_objection
from backend.partners.models import Partner
from backend.records.models import CreditRecord
from backend.repairs.models import Repair
from backend.repairs.service import Clock, accept_repair
from backend.subjects.models import Subject
from tests.browser import accessibility
from tests.browser.desks import open_desk, say_why
from tests.browser.test_citizen_client import Phone, phone  # noqa: F401
from tests.browser.test_rights import pdf

pytestmark = pytest.mark.browser

PASSWORD = "correct horse"
PENALTIES, CERTIFICATES = "penalty-desk", "certificate-desk"


@pytest.fixture(scope="module")
def departments(live_city: Any) -> None:
    """An officer of the department that imposes penalties, and one of that which verifies certificates."""
    now = utc_now()
    with live_city.database.transaction() as session:
        for username, category in ((PENALTIES, "admin_penalty"), (CERTIFICATES, "supplement_education")):
            add_officer(
                session,
                username=username,
                name="钱经办",
                password=PASSWORD,
                roles=["department_officer"],
                department_code=category_in_force(session, category, city_date(now)).source_department_code,
                now=now,
            )


def accept_what_was_filed(live_city: Any) -> None:
    """The office hands the repair on, as its own page does."""
    with live_city.database.transaction() as session:
        filed = session.scalars(select(Repair.id).where(Repair.state == "filed").order_by(Repair.filed_at)).all()
        clock = Clock(WorkingDays(), "shandong")
        accept_repair(session, repair_id=filed[-1], officer="张敏", now=utc_now(), clock=clock)


def attach_proof(someones: Phone, name: str) -> None:
    with someones.page.expect_file_chooser() as chooser:
        someones.seen("[aria-label='添加 PDF']").click()
    chooser.value.set_files({"name": name, "mimeType": "application/pdf", "buffer": pdf()})
    expect(someones.seen("[aria-label='去掉第 1 份材料']")).to_be_visible()


def said(someones: Phone, text: str | re.Pattern[str]) -> Locator:
    """On the page in front: the ones behind it stay in the document."""
    return someones.page.get_by_text(text).locator("visible=true").first


def open_first(page: Page, reason: str) -> None:
    page.locator("main tbody").get_by_role("link").first.click()
    say_why(page, reason)


def choose(page: Page, label: str) -> None:
    """One of the actions on a case, and yes to what follows from it."""
    page.get_by_role("button", name=label, exact=True).click()
    page.get_by_role("dialog", name=label).get_by_role("button", name="确认").click()


def test_a_repair_and_a_supplement_go_from_the_phone_to_the_departments_desks_and_back(
    phone,  # noqa: F811
    new_context,
    live_city,
    departments,
):
    phone.sign_in("赵*波")
    phone.open("repairs/list")
    phone.page.get_by_role("link", name=re.compile("行政处罚")).first.click()
    phone.seen("[aria-label=怎样改正的] textarea").fill("罚款已按期缴清，车辆已移出消防通道。")
    attach_proof(phone, "缴款凭证.pdf")
    phone.press("下一步：阅读并签署承诺书")
    phone.page.get_by_role("checkbox").click()
    phone.press("签署并提交申请")
    expect(said(phone, "待受理")).to_be_visible()
    accept_what_was_filed(live_city)

    phone.open("supplements/list")
    phone.page.get_by_role("link", name=re.compile("学历与职业资格补充")).click()
    phone.seen("[aria-label=证书名称] input").fill("二级建造师")
    phone.seen("[aria-label=证书编号] input").fill("JZ2025777")
    phone.seen("[aria-label=取得日期]").click()
    phone.page.get_by_text("完成", exact=True).click()
    attach_proof(phone, "证书.pdf")
    phone.press("提交核验")
    expect(said(phone, "待核验")).to_be_visible()

    finder = open_desk(new_context, live_city, PENALTIES, PASSWORD, "department-repairs")
    open_first(finder, "审核本件修复申请")
    with finder.expect_download() as saved:
        finder.get_by_role("button", name="下载").click()
    assert saved.value.suggested_filename == "缴款凭证.pdf"
    barriers = accessibility.barriers(finder)
    finder.get_by_label("给当事人的说明").fill("罚款已缴清，同意修复。")
    choose(finder, "同意修复")
    expect(finder.get_by_text("（经办 钱经办）")).to_be_visible()
    finder.get_by_role("link", name="返回待办").click()
    expect(finder.get_by_text("没有待本单位决定的修复申请")).to_be_visible()

    verifier = open_desk(new_context, live_city, CERTIFICATES, PASSWORD, "department-supplements")
    open_first(verifier, "核验本件申报")
    expect(verifier.get_by_text("JZ2025777")).to_be_visible()
    barriers += accessibility.barriers(verifier)
    choose(verifier, "核验通过")
    expect(verifier.get_by_text("已核验")).to_be_visible()

    phone.open("repairs/list")
    expect(said(phone, "已修复")).to_be_visible()
    phone.open("ledger/list")
    expect(said(phone, "市场监督管理局（经办 钱经办）")).to_be_visible()
    assert barriers == []


def ask_a_human(someones: Phone, grounds: str) -> None:
    someones.seen("[aria-label=哪里不对] textarea").fill(grounds)
    someones.press("请求人工复核")
    expect(said(someones, re.compile("^最迟.*答复"))).to_be_visible()


def choose_outcome(office: Page, outcome: str) -> None:
    choices = office.get_by_role("radiogroup", name="处理结果").locator("label")
    choices.filter(has=office.get_by_text(outcome, exact=True)).click()


def answer(office: Page, outcome: str, reply: str) -> None:
    choose_outcome(office, outcome)
    office.get_by_label("给当事人的答复").fill(reply)
    office.get_by_role("button", name="提交处理结果").click()
    office.get_by_role("button", name="确认提交").click()
    expect(office.get_by_role("heading", name="作出处理")).to_have_count(0)


def test_a_refused_benefit_and_a_score_are_put_before_a_human_who_grants_the_one_and_recomputes_the_other(
    phone,  # noqa: F811
    new_context,
    live_city,
):
    phone.sign_in("马*强")
    expect(phone.total).to_be_visible()
    phone.tab("信易+")
    phone.page.get_by_role("tab", name="暂不适用").click()
    refused = phone.seen(".benefit").first
    name = refused.locator(".row__title").inner_text()
    refused.click()
    phone.press("请人工复核")
    ask_a_human(phone, "我在外地一贯守信，请人工复核。")
    phone.open("objections/file?kind=score")
    ask_a_human(phone, "分数比我算的低，请重新核算。")

    office = open_desk(new_context, live_city, "zhang", live_city.officer_passwords["zhang"], "objections")
    office.locator("main tbody tr").filter(has_text=name).get_by_role("link").click()
    say_why(office, "办理本件异议")
    expect(office.get_by_role("heading", name=f"自动决定：{name}")).to_be_visible()
    barriers = accessibility.barriers(office)
    choose_outcome(office, "异议成立")
    office.get_by_role("combobox", name="准予的档位").press("Enter")
    office.get_by_role("option").first.click()
    office.get_by_label("准予至（最后一天）").fill(str(city_date(utc_now()) + timedelta(days=90)))
    answer(office, "异议成立", "经人工复核，信用状况良好，准予享受。")
    office.get_by_role("navigation", name="主菜单").get_by_role("link", name="异议办理").click()
    office.locator("main tbody tr").filter(has_text="请重新核算").get_by_role("link").click()
    say_why(office, "办理本件异议")
    expect(office.get_by_text("与现行得分一致")).to_be_visible()
    barriers += accessibility.barriers(office)
    answer(office, "异议不成立", "已按全部记录重新计算，与现行得分一致。")

    phone.open("benefits/benefits")
    phone.page.get_by_role("tab", name="现在可用").click()
    expect(phone.seen(".benefit").filter(has_text=name)).to_be_visible()
    assert barriers == []


@pytest.fixture
def three_objections(live_city: Any) -> tuple[str, list[str], str]:
    """Of one person, to records that a bank was told about: a token of theirs, the objections, the bank's name."""
    now = utc_now()
    with live_city.database.transaction() as session:
        adverse = (
            select(CreditRecord)
            .join(Subject, Subject.id == CreditRecord.subject_id)
            .where(
                Subject.kind == "person",
                CreditRecord.state == "active",
                CreditRecord.category == "admin_penalty",
                # Whose officer of this module answers.
                CreditRecord.source_department == "桂城市市场监督管理局",
            )
        )
        # The first are those of the citizens with a story, for other tests.
        someone = session.scalar(
            adverse.with_only_columns(CreditRecord.subject_id)
            .group_by(CreditRecord.subject_id)
            .having(func.count() >= 3)
            .order_by(CreditRecord.subject_id.desc())
            .limit(1)
        )
        bank = session.scalars(select(Partner).where(Partner.kind == "institution")).first()
        record_access(
            session,
            subject_id=someone,
            actor=Actor("partner", str(bank.id), bank.name),
            action="report_read",
            basis="本人授权",
            purpose="核定信易贷额度",
            detail={},
            channel="api",
            now=now,
        )
        filed = [
            str(
                file_objection(
                    session,
                    subject_id=record.subject_id,
                    record_id=record.id,
                    grounds="罚款数额与决定书不符。",
                    now=now,
                    deadlines=load_deadlines(WorkingDays()),
                ).id
            )
            for record in session.scalars(adverse.where(CreditRecord.subject_id == someone).limit(3)).all()
        ]
        return sign_in_citizen(session, subject_id=someone, now=now).token, filed, bank.name


def test_objections_end_partly_upheld_rejected_with_a_statement_and_handed_on_and_the_citizen_reads_each(
    phone,  # noqa: F811
    new_context,
    live_city,
    three_objections,
):
    token, (corrected, rejected, handed_on), bank = three_objections
    office = open_desk(
        new_context, live_city, "zhang", live_city.officer_passwords["zhang"], f"objections/{corrected}"
    )
    say_why(office, "办理本件异议")
    choose_outcome(office, "部分成立")
    office.get_by_text("更正记录", exact=True).click()
    office.get_by_label("金额（元）").fill("123.40")
    answer(office, "部分成立", "经核对决定书，罚款数额更正为 123.40 元。")
    office.goto(f"{live_city.base_url}/admin/objections/{rejected}")
    say_why(office, "办理本件异议")
    answer(office, "异议不成立", "经核对决定书，记录与决定书一致。")
    office.goto(f"{live_city.base_url}/admin/objections/{handed_on}")
    say_why(office, "办理本件异议")
    choose_outcome(office, "已移送")
    office.get_by_label("移送给哪个机构").fill("桂城市人民法院立案庭")
    answer(office, "已移送", "处罚决定本身是否正确，由人民法院审理。")

    phone.open_signed_in(token, "objections/list")
    phone.seen(".card").filter(has_text="异议部分成立").click()
    expect(said(phone, "经核对决定书，罚款数额更正为 123.40 元。")).to_be_visible()
    phone.seen("text=看这条记录").click()
    expect(said(phone, re.compile("123.40"))).to_be_visible()
    phone.open("objections/list")
    phone.seen(".card").filter(has_text="异议不成立").click()
    phone.seen("[aria-label=我的声明] textarea").fill("我已就此提起行政诉讼。")
    phone.press("附上声明")
    expect(phone.seen("[aria-label=我的声明]")).to_have_count(0)
    phone.seen("text=看这条记录").click()
    expect(said(phone, "我已就此提起行政诉讼。")).to_be_visible()
    phone.open("objections/list")
    phone.seen(".card").filter(has_text="已移送").click()
    expect(said(phone, "移送：桂城市人民法院立案庭")).to_be_visible()
    phone.open("notifications/list")
    expect(said(phone, "已通知此前获知错误信息的单位")).to_be_visible()
    expect(said(phone, re.compile(bank))).to_be_visible()


def test_a_bank_is_given_a_consent_for_the_chosen_term_and_it_is_withdrawn_in_one_step(
    phone,  # noqa: F811
    live_city,
):
    phone.sign_in("周*康")
    with live_city.database.transaction() as session:
        account = session.scalars(select(CitizenAccount).order_by(CitizenAccount.last_sign_in_at.desc())).first()
        bank = session.scalars(select(Partner).where(Partner.kind == "institution")).first()
        asked = Asked(
            recipient=bank,
            purpose="核定信易贷额度",
            data_categories=["grade"],
            output="信用等级",
            scopes=["grade:read"],
            mode="until_expiry",
            longest_days=90,
            notice_version="test",
        )
        request_sharing(session, session.get_one(Subject, account.subject_id), asked, now=utc_now())
        name = bank.name

    phone.open("authorizations/list")
    expect(said(phone, f"{name}请您授权")).to_be_visible()
    expect(said(phone, "对方得知：信用等级")).to_be_visible()
    phone.page.get_by_role("radio", name="30天").click()
    phone.press("同意 30 天")
    phone.press("撤回授权")
    phone.say_yes("撤回")
    expect(said(phone, "已经结束的")).to_be_visible()
    expect(phone.page.get_by_role("button", name="撤回授权")).to_have_count(0)
    expect(phone.page.get_by_role("button", name="停用桂花分")).to_be_visible()
