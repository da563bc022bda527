"""Every page of the console and of the phone opens, says something, complains of nothing and keeps nobody out.

Cases are made first, so that the pages of one case have one to show.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from backend.accounts.service import add_officer
from backend.city_calendar import utc_now
from tests.browser.accessibility import barriers
from tests.browser.test_citizen_client import PAGES
from tests.conftest import ROOT, LiveCity

pytestmark = pytest.mark.browser

SECONDS = 1_000
PASSWORD = "every page of it"
# What axe calls serious or critical keeps somebody out.
OFFICE = ["score_officer", "reviewer", "objection_officer", "data_officer", "auditor", "window_officer"]


@dataclass
class Walker:
    """A page that is led through all others, and what went wrong on each."""

    page: Page
    base_url: str
    here: str = ""
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.complain(str(error)))
        self.page.on("console", lambda message: self.complain(message.text) if message.type == "error" else None)
        self.page.on(
            "response",
            lambda answer: self.complain(f"{answer.status} {answer.url}") if answer.status >= 400 else None,
        )

    def complain(self, about: str) -> None:
        self.complaints.append(f"{self.here}: {about}")

    def look(self, *, heading: str) -> None:
        """Once it has loaded: a heading, some text below it, nothing that axe finds, not wider than the screen."""
        self.page.wait_for_load_state("networkidle")
        expect(self.page.locator(".loading >> visible=true")).to_have_count(0)
        expect(self.page.locator(".skeleton >> visible=true")).to_have_count(0)
        expect(self.page.locator(f"{heading} >> visible=true").first).not_to_be_empty()
        for found in barriers(self.page):
            self.complain(found)
        if self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            self.complain("wider than the screen")


@dataclass
class Person:
    """A citizen of the demo over HTTP."""

    http: httpx.Client

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        answer = self.http.post(path, json=body, headers={"Idempotency-Key": str(uuid4())}, **options)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def photo(self) -> str:
        picture = BytesIO()
        Image.new("RGB", (40, 30), "white").save(picture, "PNG")
        return str(self.post("/me/evidence", files={"file": ("凭证.png", picture.getvalue())})["id"])


@pytest.fixture(scope="module")
def person(live_city: LiveCity) -> Callable[[str], Person]:
    def person(name: str) -> Person:
        http = httpx.Client(base_url=f"{live_city.base_url}/api/v1", timeout=60)
        options = http.get("/sign-in/options").json()
        [chosen] = [one for one in options["demo_citizens"] if one["name"] == name]
        signed_in = Person(http).post(
            "/sign-in", {"adapter": options["adapter"], "credential": chosen["credential"]}
        )
        http.headers["Authorization"] = f"Bearer {signed_in['token']}"
        return Person(http)

    return person


@pytest.fixture(scope="module")
def cases(person: Callable[[str], Person]) -> dict[str, str]:
    """One of everything that has a page of its own, by the name of its number in the addresses below."""
    ma, wu = person("马*强"), person("吴*")
    [first, *_] = ma.get("/me/repairs/candidates")["items"]
    repair = ma.post(
        "/me/repairs",
        {"record_ids": [first["record"]["id"]], "explanation": "欠费已缴清", "evidence_ids": [ma.photo()]},
    )
    ma.post(f"/me/repairs/{repair['id']}/filing", {"letter_sha256": repair["letter"]["sha256"], "agreed": True})
    draft = ma.get("/me/repairs/candidates")["items"][-1]["record"]["id"]
    supplement = ma.post(
        "/me/supplements",
        {
            "category": "supplement_education",
            "cells": {"SXMC": "二级建造师", "SXBH": "JZ2025001", "FSRQ": "2025-06-30"},
            "evidence_ids": [ma.photo()],
        },
    )
    code = wu.get("/me")["enterprises"][0]["public_code"]
    return {
        "repair": repair["id"],
        "supplement": supplement["id"],
        "record": str(draft),
        "commitment": sign(ma, None),
        "enterprise": code,
        "enterprise_commitment": sign(wu, code),
    }


def sign(someone: Person, enterprise: str | None) -> str:
    acting = {} if enterprise is None else {"enterprise": enterprise}
    kind = someone.get("/me/commitments/types", **acting)["items"][0]
    matter = "按期缴纳水费"
    letter = someone.get("/me/commitments/letter", type=kind["code"], matter=matter, **acting)
    signed = someone.post(
        "/me/commitments",
        {
            **acting,
            "type": kind["code"],
            "matter": matter,
            "letter_sha256": letter["sha256"],
            "agreed": True,
            "due_on": f"{utc_now().year + 1}-12-31" if kind["needs_due_on"] else None,
        },
    )
    return str(signed["commitment_id"])


@pytest.fixture(scope="module")
def walk(browser: Browser, live_city: LiveCity) -> Iterator[Callable[..., Walker]]:
    opened = []

    def walk(width: int, height: int) -> Walker:
        context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
        context.set_default_timeout(30 * SECONDS)
        opened.append(context)
        return Walker(context.new_page(), live_city.base_url)

    yield walk
    for context in opened:
        context.close()


# By tests/browser/test_console.py.
LOOKED_AT_BY_OTHERS = {"总览", "评分运行", "归集批次", "待处理区", "异议办理"}


def test_every_page_of_the_console_opens_for_an_officer_with_every_role(walk, live_city, cases):
    with live_city.database.transaction() as session:
        add_officer(session, username="every-page", name="全岗位", password=PASSWORD, roles=OFFICE, now=utc_now())
    desk = walk(1440, 900)
    desk.page.goto(f"{live_city.base_url}/admin/")
    desk.page.get_by_label("用户名").fill("every-page")
    desk.page.get_by_label("密码", exact=True).fill(PASSWORD)
    desk.page.keyboard.press("Enter")
    menu = desk.page.get_by_role("navigation", name="主菜单").get_by_role("link")
    expect(menu.first).to_be_visible()

    for entry in menu.all():
        if entry.inner_text().splitlines()[0] in LOOKED_AT_BY_OTHERS:
            continue
        desk.here = f"console {entry.inner_text().splitlines()[0]}"
        entry.click()
        desk.look(heading="main h1")
    cases["joint-incentive"] = initiate_incentive(desk)
    for case in ("repair", "supplement", "commitment", "joint-incentive"):
        desk.here = f"console one {case}"
        desk.page.goto(f"{live_city.base_url}/admin/{case}s/{cases[case]}")
        desk.page.get_by_role("dialog").get_by_role("button", name="查看", exact=True).click()
        told = "各单位的响应和反馈" if case == "joint-incentive" else "办理经过"
        expect(desk.page.get_by_role("heading", name=told)).to_be_visible()
        desk.look(heading="main h1")
    desk.here = "console new joint incentive"
    desk.page.goto(f"{live_city.base_url}/admin/joint-incentives/new")
    desk.look(heading="main h1")

    assert desk.complaints == []


def initiate_incentive(desk: Walker) -> str:
    """For the first enterprise on the published red list, asked of the first department that can be."""
    session = desk.page.evaluate("JSON.parse(sessionStorage.getItem('osmanthus-console-session'))")
    officer = Person(httpx.Client(base_url=f"{desk.base_url}/api/v1", timeout=60))
    officer.http.headers["Authorization"] = f"Bearer {session['token']}"
    department = officer.get("/admin/joint-incentives/offers")["departments"][0]["code"]
    made = officer.post(
        "/admin/joint-incentives",
        {
            "ground": "tax_a",
            "matter": "A级纳税人激励",
            "measures": ["green_channel"],
            "departments": [department],
            "subjects": [officer.get("/public/red-lists/tax_a", limit=1)["items"][0]["code"]],
        },
    )
    return str(made["id"])


# What a page needs to be told in its address.
ADDRESSES = {
    "records/detail": "id={record}",
    "objections/file": "record={record}",
    "repairs/apply": "record={record}",
    "repairs/detail": "id={repair}",
    "supplements/file": "category=supplement_education",
    "commitments/detail": "id={commitment}",
    "benefits/detail": "code=reading_deposit_free",
    "enterprises/detail": "code={enterprise}",
}
# Each is led to from another, with more than an address: other tests go that way.
ON_THE_WAY = {
    "objections/detail",
    "authorizations/receipt",
    "authorizations/consent",
    "ledger/complain",
    "sign-in/sign-in",
}
ALREADY_WALKED = {*ON_THE_WAY, *PAGES}
FOR_THE_ENTERPRISE = [
    "repairs/list",
    "supplements/list",
    "commitments/list",
    "commitments/sign",
    "records/list",
    "lists/lists",
    "incentives/incentives",
]


def phone_pages() -> list[str]:
    declared = json.loads((ROOT / "miniprogram/src/pages.json").read_text(encoding="utf-8"))["pages"]
    return [page["path"].removeprefix("pages/") for page in declared]


def test_every_page_of_the_phone_opens(walk, live_city, cases):
    phone = walk(390, 844)
    phone.page.goto(f"{live_city.base_url}/m/")
    phone.page.get_by_role("button", name="马*强").click()
    expect(phone.page.get_by_role("heading", name="桂花分", level=1)).to_be_visible()

    for path in phone_pages():
        if path in ALREADY_WALKED:
            continue
        phone.here = f"phone {path}"
        query = ADDRESSES.get(path, "").format(**cases)
        phone.page.goto(f"{live_city.base_url}/m/#/pages/{path}?{query}".rstrip("?"))
        phone.look(heading=".uni-page-head__title")

    assert phone.complaints == []


def test_a_legal_representative_finds_every_page_for_the_enterprise(walk, live_city, cases):
    phone = walk(390, 844)
    phone.page.goto(f"{live_city.base_url}/m/")
    phone.page.get_by_role("button", name="吴*").click()
    expect(phone.page.get_by_role("heading", name="桂花分", level=1)).to_be_visible()

    for path in FOR_THE_ENTERPRISE:
        phone.here = f"phone for the enterprise {path}"
        phone.page.goto(f"{live_city.base_url}/m/#/pages/{path}?enterprise={cases['enterprise']}")
        phone.look(heading=".uni-page-head__title")
    phone.here = "phone for the enterprise commitments/detail"
    phone.page.goto(
        f"{live_city.base_url}/m/#/pages/commitments/detail"
        f"?id={cases['enterprise_commitment']}&enterprise={cases['enterprise']}"
    )
    expect(phone.page.get_by_text("按期缴纳水费").first).to_be_visible()
    phone.look(heading=".uni-page-head__title")

    assert phone.complaints == []
