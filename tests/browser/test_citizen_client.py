"""The citizen client as a phone shows it: the built web page in Chromium, against a city that is really served."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from backend.authorizations.assertions import ASSERTION_TYPE, sign_assertion

pytestmark = pytest.mark.browser

SECONDS = 1_000
RECOMPUTED_WITHIN = 60 * SECONDS
"""Seconds on an idle machine; the suite may share its machine with other work."""

LIBRARY = "guicheng-library"


@dataclass
class Phone:
    """One citizen's phone: a page of the client, and what went wrong on it so far."""

    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)

    def sign_in(self, name: str) -> None:
        self.page.goto(f"{self.base_url}/m/")
        self.page.get_by_role("button", name=name).click()
        expect(self.heading("桂花分", level=1)).to_be_visible()

    def open_signed_in(self, token: str, path: str) -> None:
        """As whoever the token is of, which spares the form."""
        self.page.goto(f"{self.base_url}/m/")
        self.page.evaluate("token => localStorage.setItem('osmanthus.session', token)", token)
        self.page.reload()
        self.open(path)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.base_url}/m/#/pages/{path}")

    def tab(self, name: str) -> None:
        self.page.get_by_role("navigation", name="主要页面").get_by_role("link", name=name).click()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()

    def say_yes(self, answer: str) -> None:
        self.page.get_by_role("dialog").get_by_role("button", name=answer).click()

    def heading(self, name: str, *, level: int) -> Locator:
        return self.page.get_by_role("heading", name=name, level=level, exact=True)

    def seen(self, selector: str) -> Locator:
        """Earlier pages stay in the document, hidden; only what is shown counts."""
        return self.page.locator(f"{selector} >> visible=true")

    @property
    def total(self) -> Locator:
        return self.seen(".score__sum-total")


@pytest.fixture
def phone(new_context: Callable[..., Any], live_city: Any) -> Any:
    """390 × 844, as most phones; at the end nothing may have failed unseen and nobody else been asked."""
    context = new_context(viewport={"width": 390, "height": 844}, locale="zh-CN", has_touch=True)
    context.set_default_timeout(30 * SECONDS)
    expect.set_options(timeout=30 * SECONDS)
    page = context.new_page()
    phone = Phone(page, live_city.base_url)
    page.on("pageerror", lambda error: phone.complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((live_city.base_url, "data:"))
            else phone.complaints.append(f"asked {request.url}")
        ),
    )
    yield phone
    assert phone.complaints == []


def points(text: str) -> Decimal:
    return Decimal(re.sub(r"[^\d.−-]", "", text).replace("−", "-"))


def sum_of_shown_parts(phone: Phone) -> Decimal:
    base = points(phone.seen(".score__line .points").inner_text())
    return base + sum(points(text) for text in phone.seen(".contribution__points").all_inner_texts())


def test_a_score_is_the_sum_of_what_is_shown_and_a_part_opens_onto_its_records(phone):
    phone.sign_in("林*兰")
    expect(phone.page.get_by_text("热心志愿者")).to_have_count(0)

    shown = phone.page.get_by_role("img", name=re.compile("^桂花分"))
    expect(shown).to_be_visible()
    spoken = re.search(r"桂花分 ([\d.]+) 分", shown.get_attribute("aria-label") or "")
    assert spoken is not None
    assert sum_of_shown_parts(phone) == Decimal(spoken[1]) == points(phone.total.inner_text())

    contribution = phone.page.get_by_role("button", name=re.compile("^无偿献血，")).first
    contribution.click()
    expect(contribution).to_have_attribute("aria-expanded", "true")
    phone.seen(".contribution__records").get_by_role("link").first.click()
    expect(phone.heading("记录详情", level=1)).to_be_visible()
    for told in ("数源单位", "法定依据", "这条记录的经过"):
        expect(phone.page.get_by_text(told, exact=True)).to_be_visible()


def test_nothing_is_shown_before_opening_refusing_costs_nothing_and_leaving_deletes_at_once(phone):
    phone.sign_in("何*桐")
    expect(phone.page.get_by_text("您还没有开通桂花分")).to_be_visible()
    expect(phone.total).to_have_count(0)

    phone.press("看告知书，再决定")
    phone.press("暂不开通")
    expect(phone.page.get_by_text("您还没有开通桂花分")).to_be_visible()
    phone.press("只看我的信用记录")
    expect(phone.heading("我的信用记录", level=1)).to_be_visible()
    expect(phone.seen(".record").first).to_be_visible()

    phone.open("activation/activation")
    expect(phone.page.get_by_role("button", name="同意并开通")).to_be_disabled()
    phone.page.get_by_role("checkbox", name="我已读完").click()
    phone.press("同意并开通")
    expect(phone.total).to_be_visible(timeout=RECOMPUTED_WITHIN)

    phone.tab("我的")
    phone.page.get_by_role("link", name="授权管理").click()
    phone.press("停用桂花分")
    phone.say_yes("停用")
    expect(phone.page.get_by_text("已经结束的")).to_be_visible()
    phone.open("score/score")
    expect(phone.page.get_by_text("您还没有开通桂花分")).to_be_visible()
    expect(phone.total).to_have_count(0)


def test_a_minor_is_told_kindly_and_is_offered_no_score(phone):
    phone.sign_in("孙*涵")
    expect(phone.page.get_by_text("成年以后再见")).to_be_visible()
    expect(phone.page.get_by_role("button", name="看告知书")).to_have_count(0)
    phone.press("看看我的信用记录")
    expect(phone.seen(".record").first).to_be_visible()


def test_an_objection_takes_the_record_out_of_the_score_within_seconds_and_withdrawing_brings_it_back(phone):
    phone.sign_in("马*强")
    before = points(phone.total.inner_text())
    phone.page.get_by_role("button", name=re.compile("^公用事业欠费，")).click()
    record = phone.seen(".contribution__records").get_by_role("link").first
    lost = points(record.locator(".points").inner_text())
    assert lost < 0
    record.click()

    phone.press("这条不对，提出异议")
    expect(phone.page.get_by_role("button", name="提交异议")).to_be_disabled()
    phone.press("事情已经了结")
    phone.press("提交异议")
    expect(phone.page.get_by_text(re.compile("^最迟.*答复，还有 .* 天$"))).to_be_visible()

    phone.open("score/score")
    expect(phone.total).to_have_text(f"= {before - lost} 分", timeout=RECOMPUTED_WITHIN)
    assert sum_of_shown_parts(phone) == before - lost
    expect(phone.page.get_by_text("异议核查期间")).to_be_visible()

    phone.open("objections/list")
    phone.seen(".card").first.click()
    phone.press("撤回异议")
    phone.say_yes("撤回")
    expect(phone.page.get_by_text("您已撤回", exact=True)).to_be_visible()
    phone.open("score/score")
    expect(phone.total).to_have_text(f"= {before} 分", timeout=RECOMPUTED_WITHIN)


def test_whoever_is_not_eligible_reads_what_is_needed_what_there_is_and_how_to_get_there(phone):
    phone.sign_in("马*强")
    phone.tab("信易+")
    phone.page.get_by_role("tab", name="暂不适用").click()
    phone.seen(".benefit").first.click()
    expect(phone.heading("还差这些条件", level=2)).to_be_visible()
    for told in ("需要", "现在"):
        expect(phone.page.get_by_text(told, exact=True).first).to_be_visible()
    expect(phone.page.get_by_role("button", name="去使用")).to_have_count(0)


def test_the_code_on_the_screen_is_good_for_one_check_which_then_stands_under_who_looked(phone, live_city):
    phone.sign_in("林*兰")
    phone.tab("信易+")
    phone.page.get_by_role("link", name="图书馆免押借阅").click()
    phone.press("去使用，出示凭码")
    expect(phone.page.get_by_role("img", name="一次性凭码二维码")).to_be_visible()
    code = phone.seen("[data-test=code]").inner_text().replace(" ", "")

    first, second = (check(live_city, LIBRARY, code=code, scheme="reading_deposit_free") for _ in range(2))
    assert first["eligible"] is True
    assert second["code"] == "code_not_valid"

    phone.open("ledger/list")
    entry = phone.seen(".ledger__entry").first
    expect(entry).to_contain_text("核验信易+权益资格")
    expect(entry).to_contain_text("图书馆")


def test_a_code_is_replaced_before_it_runs_out(phone):
    phone.page.clock.install()
    phone.sign_in("林*兰")
    phone.press("出示凭码")
    shown = phone.seen("[data-test=code]")
    expect(shown).to_be_visible()
    first = shown.inner_text()

    phone.page.clock.run_for(40 * SECONDS)
    assert shown.inner_text() == first
    phone.page.clock.run_for(7 * SECONDS)
    expect(shown).not_to_have_text(first)


def test_larger_type_is_chosen_once_and_kept(phone):
    phone.sign_in("林*兰")
    phone.tab("我的")
    choice = phone.page.get_by_role("switch", name="大字版")
    small = font_size(phone.seen(".row__title").first)
    choice.focus()
    phone.page.keyboard.press("Enter")
    expect(choice).to_have_attribute("aria-checked", "true")
    assert font_size(phone.seen(".row__title").first) > small

    phone.page.reload()
    expect(choice).to_have_attribute("aria-checked", "true")


PAGES = [
    "score/score",
    "benefits/benefits",
    "mine/mine",
    "records/list",
    "objections/list",
    "authorizations/list",
    "ledger/list",
    "activation/activation",
    "code/code",
]


def test_every_page_can_be_read_and_pressed_by_everyone(phone):
    phone.page.goto(f"{phone.base_url}/m/")
    expect(phone.page.get_by_role("button", name="林*兰")).to_be_visible()
    barriers = barriers_on(phone.page)
    phone.sign_in("林*兰")
    for path in PAGES:
        phone.open(path)
        phone.page.wait_for_load_state("networkidle")
        expect(phone.seen(".loading")).to_have_count(0)
        barriers += [f"{path}: {barrier}" for barrier in barriers_on(phone.page)]
    assert barriers == []


def barriers_on(page: Page) -> list[str]:
    """What axe finds, targets under 44 pixels, and pages wider than the phone."""
    violations = Axe().run(page).response["violations"]
    found = [f"{one['id']} {one['nodes'][0]['html'][:120]}" for one in violations]
    small = page.evaluate(
        """() => [...document.querySelectorAll('[role=button],[role=link],[role=tab],[role=switch]')]
            .filter((one) => one.offsetParent !== null && one.getBoundingClientRect().height < 44)
            .map((one) => one.innerText)"""
    )
    found += [f"too small to press: {text}" for text in small]
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        found.append("wider than the screen")
    return found


def font_size(element: Locator) -> float:
    return float(element.evaluate("(one) => parseFloat(getComputedStyle(one).fontSize)"))


def check(live_city: Any, partner: str, *, code: str, scheme: str) -> dict[str, Any]:
    """What the merchant's till does: a token by its own key, then one check."""
    private = json.loads((live_city.folder / f"partners/{partner}.private.json").read_text())
    signed = sign_assertion(
        private,
        client_id=partner,
        audience=f"{live_city.config.public_url}/oauth/token",
        now=datetime.now(UTC),
    )
    with httpx.Client(base_url=live_city.base_url, timeout=30) as till:
        token = till.post(
            "/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": signed,
            },
        ).json()["access_token"]
        answer: dict[str, Any] = till.post(
            "/api/v1/partner/checks",
            json={"code": code, "scheme": scheme},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())},
        ).json()
        return answer
