"""What a check may learn, what it tells of whom, and that it can be interrupted."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest
import xlsxwriter
from sqlalchemy import func, select

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.city_calendar import city_date
from backend.credit_checks.errors import (
    CheckFileUnusable,
    CreditCheckNotDone,
    CreditCheckNotFound,
    MatterMissing,
    NothingToReview,
    PurposeUnknown,
)
from backend.credit_checks.models import CheckedRow, CreditCheck
from backend.credit_checks.purposes import check_rules_on
from backend.credit_checks.service import (
    Asker,
    ask_credit_check,
    counts_of,
    credit_check_of,
    delete_old_results,
    perform_credit_check,
    results_of,
    review_row,
)
from backend.ledger.models import LedgerEntry
from backend.ledger.service import entries_about
from backend.notifications.models import Notification
from backend.subjects.models import Subject
from tests.factories import add_enterprise, add_person, add_record
from tests.rules_in_force import put_rules_in_force

MARKET_REGULATION_CODE = "11990001MB9000074C"
CATEGORIES = parse_catalogue(shipped_catalogue()).categories


@pytest.fixture
def story(database, keys, now):
    """A bakery on the serious list, a clean school supplier, and a person who does not perform a judgment."""
    with database.transaction() as session:
        put_rules_in_force(session, now)
        bad, clean = add_enterprise(session, keys), add_enterprise(session, keys, name="桂城清白有限公司")
        person = add_person(session, keys)
        add_record(session, bad, "serious_list", title="虚假登记", event_on=date(2026, 1, 15))
        add_record(session, bad, "ip_infringement", title="侵犯商标", event_on=date(2026, 1, 15), level=1)
        add_record(session, person, "dishonest_debtor", title="未履行判决", event_on=date(2026, 1, 15))
    return bad, clean, person


def number_of(keys, subject):
    return keys.open(subject.identifier_sealed)


def ask(session, keys, now, numbers, *, purpose="fund_grant", matter="2026年第一批技改资金", **changes):
    text = "企业名称,统一社会信用代码\n" + "".join(f"某单位,{number}\n" for number in numbers)
    given = {
        "asker": Asker(MARKET_REGULATION_CODE, "桂城市市场监督管理局", "李强"),
        "purpose_code": purpose,
        "matter": matter,
        "content": text.encode("gb18030"),
        "filename": "名单.csv",
        "now": now,
    }
    return ask_credit_check(session, keys, **{**given, **changes})


def by_li(now):
    return {"by": "李强", "now": now}


def perform(database, keys, asked, now):
    shown = []
    perform_credit_check(database, keys, asked.id, clock=lambda: now, progress=lambda *at: shown.append(at))
    return shown


def checked(database, keys, now, numbers, **options):
    with database.transaction() as session:
        asked = ask(session, keys, now, numbers, **options)
    perform(database, keys, asked, now)
    with database.reading() as session:
        asked = session.get_one(CreditCheck, asked.id)
        return asked, list(results_of(session, asked, after_row=0, limit=100))


def test_each_line_of_the_file_is_answered_with_the_reasons_that_the_purpose_covers(database, keys, now, story):
    bad, clean, person = story
    numbers = [number_of(keys, one) for one in (bad, clean, person)]
    asked, rows = checked(database, keys, now, [*numbers, "91990001MA9999999X", ""])
    assert [row.outcome for row in rows] == ["found", "clear", "not_covered", "number_wrong", "number_wrong"]
    (reason,) = rows[0].reasons
    assert (reason["category"], reason["title"], reason["event_on"]) == ("serious_list", "虚假登记", "2026-01-15")
    assert reason["legal_basis"] == CATEGORIES["serious_list"].legal_basis
    assert reason["used_until"] is not None
    with database.reading() as session:
        assert counts_of(session, asked.id) == {"found": 1, "clear": 1, "not_covered": 1, "number_wrong": 2}


def test_every_subject_reads_who_asked_on_what_basis_and_what_was_answered(database, keys, now, story):
    bad, clean, person = story
    asked, _ = checked(database, keys, now, [number_of(keys, one) for one in story])
    with database.reading() as session:
        (entry,) = entries_about(session, bad.id)
        (clean_entry,) = entries_about(session, clean.id)
        # Whom the purpose does not cover was not looked at.
        assert not entries_about(session, person.id)
    assert (entry.actor_kind, entry.actor_name) == ("department", asked.department_name)
    assert (entry.basis, entry.purpose) == (asked.basis, "财政资金拨付前信用审查：2026年第一批技改资金")
    assert (entry.detail["told"], clean_entry.detail["told"]) == ("有相关信息", "未发现相关信息")


def test_a_person_is_covered_only_where_the_purpose_says_so(database, keys, now, story):
    person = story[2]
    _, rows = checked(database, keys, now, [number_of(keys, person)], purpose="honour")
    assert [row.outcome for row in rows] == ["found"]


def test_a_child_is_covered_by_no_purpose(database, keys, now, story):
    with database.transaction() as session:
        number = number_of(keys, add_person(session, keys, born_on=date(2012, 3, 4)))
    _, rows = checked(database, keys, now, [number], purpose="honour")
    assert [(row.outcome, row.subject_id) for row in rows] == [("not_covered", None)]


def test_a_disputed_record_is_marked_and_makes_nobody_suspect(database, keys, now, story):
    clean = story[1]
    with database.transaction() as session:
        add_record(session, session.get_one(Subject, clean.id), "serious_list", state="disputed")
    _, rows = checked(database, keys, now, [number_of(keys, clean)])
    assert rows[0].outcome == "clear"
    assert [reason["disputed"] for reason in rows[0].reasons] == [True]


@pytest.mark.parametrize(
    "facts",
    [
        {"state": "repaired"},
        {"state": "revoked"},
        {"state": "expired"},
        {"event_on": date(2026, 3, 4)},
        {"event_on": date(2010, 1, 1)},
        {"ended_on": date(2026, 3, 2)},
    ],
)
def test_what_may_not_be_used_any_more_or_yet_is_not_told(database, keys, now, story, facts):
    clean = story[1]
    with database.transaction() as session:
        add_record(session, session.get_one(Subject, clean.id), "serious_list", **facts)
    _, rows = checked(database, keys, now, [number_of(keys, clean)])
    assert (rows[0].outcome, rows[0].reasons) == ("clear", [])


def test_an_interrupted_check_goes_on_where_it_stopped_and_writes_nobody_down_twice(database, keys, now, story):
    bad = story[0]
    with database.transaction() as session:
        asked = ask(session, keys, now, [number_of(keys, bad)] * 150)

    def interrupt(_done, _total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        perform_credit_check(database, keys, asked.id, clock=lambda: now, progress=interrupt)
    with database.reading() as session, pytest.raises(CreditCheckNotDone):
        results_of(session, session.get_one(CreditCheck, asked.id), after_row=0, limit=10)
    assert perform(database, keys, asked, now) == [(150, 150)]
    assert perform(database, keys, asked, now) == []
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 150


def test_a_workbook_is_read_like_a_csv(session, keys, now):
    put_rules_in_force(session, now)
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["技改资金申报单位名单"])
        sheet.write_row(1, 0, ["单位", "统一社会信用代码"])
        sheet.write_row(2, 0, ["某单位", "91990001MA11264882"])
    asked = ask(session, keys, now, [], content=out.getvalue(), filename="名单.xlsx")
    (row,) = session.scalars(select(CheckedRow).where(CheckedRow.check_id == asked.id))
    assert (asked.rows_total, row.row_number, keys.open(row.identifier_sealed)) == (1, 3, "91990001MA11264882")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"purpose": "curiosity"}, PurposeUnknown),
        ({"matter": "  "}, MatterMissing),
        ({"content": "姓名\n王小兰\n".encode()}, CheckFileUnusable),
        ({"content": "证件号码\n".encode()}, CheckFileUnusable),
        ({"filename": "名单.pdf"}, CheckFileUnusable),
        ({"numbers": ["1"] * 10_001}, CheckFileUnusable),
    ],
)
def test_a_list_without_a_lawful_purpose_or_without_numbers_is_refused(session, keys, now, changes, refusal):
    put_rules_in_force(session, now)
    changes = dict(changes)
    with pytest.raises(refusal):
        ask(session, keys, now, changes.pop("numbers", ["1"]), **changes)


def test_a_review_before_payment_is_told_to_the_subject_with_its_reason_once(database, keys, now, story):
    asked, _ = checked(database, keys, now, [number_of(keys, one) for one in story])
    with database.transaction() as session:
        asked = session.get_one(CreditCheck, asked.id)
        row = review_row(
            session, asked, row_number=2, review="withheld", reason="列入严重违法失信名单", **by_li(now)
        )
        assert (row.review, row.review_reason) == ("withheld", "列入严重违法失信名单")
        told = session.scalars(select(Notification).where(Notification.kind == "credit_reviewed")).one()
        assert "列入严重违法失信名单" in told.body
        for row_number in (2, 3):
            with pytest.raises(NothingToReview):
                review_row(session, asked, row_number=row_number, review="granted", reason="已纠正", **by_li(now))
        with pytest.raises(CreditCheckNotFound):
            review_row(session, asked, row_number=99, review="granted", reason="已纠正", **by_li(now))


def test_a_purpose_without_review_takes_none(database, keys, now, story):
    asked, _ = checked(database, keys, now, [number_of(keys, story[0])], purpose="procurement")
    with database.transaction() as session, pytest.raises(NothingToReview):
        review_row(
            session,
            session.get_one(CreditCheck, asked.id),
            row_number=2,
            review="granted",
            reason="无",
            **by_li(now),
        )


def test_results_are_deleted_when_their_time_is_over_and_the_ledger_stays(database, keys, now, story):
    asked, _ = checked(database, keys, now, [number_of(keys, story[0])])
    kept = timedelta(days=check_rules_on(city_date(now)).kept_days)
    with database.transaction() as session:
        assert delete_old_results(session, now=now + kept - timedelta(seconds=1)) == 0
        assert delete_old_results(session, now=now + kept) == 1
        assert session.scalar(select(func.count()).select_from(CheckedRow)) == 0
        assert len(entries_about(session, story[0].id)) == 1
        with pytest.raises(CreditCheckNotFound):
            credit_check_of(session, MARKET_REGULATION_CODE, asked.id)


def test_another_departments_check_is_not_found(database, keys, now, story):
    asked, _ = checked(database, keys, now, [number_of(keys, story[0])])
    with database.reading() as session, pytest.raises(CreditCheckNotFound):
        credit_check_of(session, "11990001MB90000159", asked.id)


def test_every_purpose_names_its_law_and_asks_for_catalogue_categories_that_are_not_internal(now):
    for purpose in check_rules_on(city_date(now)).purposes.values():
        assert purpose.basis.startswith("《")
        for code in purpose.categories:
            assert CATEGORIES[code].polarity == "negative"
            assert CATEGORIES[code].disclosure != "internal"
