"""Routing to the source department, its reply, redirecting, and the clocks of each stage."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest

from backend.catalogue.document import shipped_catalogue
from backend.catalogue.service import import_catalogue
from backend.city_calendar import WorkingDays, city_date
from backend.notifications.service import Recipient, notifications_of
from backend.objections.clock_watch import watch_clocks
from backend.objections.deadlines import load_deadlines
from backend.objections.errors import (
    AlreadyExtended,
    CorrectionContradicts,
    DepartmentCorrectionMissing,
    DepartmentUnchanged,
    DepartmentUnknown,
    ExtensionNotAllowed,
    NoDepartment,
    NotInThisInbox,
    ObjectionNotFound,
    ObjectionStateForbids,
)
from backend.objections.inbox import (
    count_waiting,
    department_case,
    department_inbox,
    lock_department_case,
    reply_as_department,
)
from backend.objections.own_evidence import add_own_evidence
from backend.objections.service import (
    decide_objection,
    extend_objection,
    file_objection,
    forward_objection,
    redirect_objection,
)
from tests.backend.beside import beside
from tests.factories import add_person, add_record

FILED = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
LATER = FILED + timedelta(hours=5)
SHANDONG = load_deadlines(WorkingDays())
SHANGHAI = load_deadlines(WorkingDays(), "shanghai")
SHENZHEN = load_deadlines(WorkingDays(), "shenzhen")
ZHEJIANG = load_deadlines(WorkingDays(), "zhejiang")
OFFICER = "李专员"


@pytest.fixture
def catalogue(session):
    return import_catalogue(session, shipped_catalogue(), FILED)


@pytest.fixture
def court(catalogue):
    return catalogue.categories["court_judgment"].source_department_code


@pytest.fixture
def market(catalogue):
    return catalogue.categories["admin_penalty"].source_department_code


@pytest.fixture
def person(session, keys):
    return add_person(session, keys)


@pytest.fixture
def file(session, person, catalogue):
    def file(*, category="court_judgment", now=FILED, deadlines=SHANDONG, **facts):
        record = add_record(session, person, category, **facts)
        return file_objection(
            session,
            subject_id=person.id,
            record_id=record.id,
            grounds="该判决已履行完毕",
            now=now,
            deadlines=deadlines,
        )

    return file


def reply_in(session, objection, department_code, finding="right", *, now=LATER, deadlines=SHANDONG, **given):
    return reply_as_department(
        session,
        department_code=department_code,
        objection_id=objection.id,
        finding=finding,
        explanation="已调阅卷宗核对",
        actor="某单位",
        now=now,
        deadlines=deadlines,
        **given,
    )


@pytest.fixture
def reply(session):
    return partial(reply_in, session)


def titles(session, **recipient):
    return [item.title for item in notifications_of(session, [Recipient(**recipient)], limit=50)]


def test_filing_puts_the_case_into_the_inbox_of_the_records_department_and_no_other(session, file, court, market):
    objection = file()

    assert objection.department_code == court
    assert list(department_inbox(session, court)) == [objection]
    assert (count_waiting(session, court, FILED.date()), count_waiting(session, market, FILED.date())) == (
        (1, 0),
        (0, 0),
    )
    assert titles(session, partner_code=court) == ["有一件异议需要核查"]
    with pytest.raises(ObjectionNotFound):
        department_case(session, market, objection.id)


def test_the_department_that_delivered_the_record_goes_before_the_one_its_category_names(session, catalogue, file):
    market_name = catalogue.categories["admin_penalty"].source_department
    record_of_market = file(source_department=market_name)
    assert record_of_market.department_name == market_name


def test_an_entry_of_a_statutory_list_is_objected_to_as_such(file):
    assert file(category="dishonest_debtor").kind == "list_entry"
    assert file(category="utility_arrears").kind == "record"


def test_what_a_department_would_correct_is_checked_before_the_office_reads_it(session, file, court, reply):
    objection = file()
    for corrections in ({"level": 9}, {"event_on": city_date(LATER) + timedelta(days=1)}):
        with pytest.raises(CorrectionContradicts):
            reply(objection, court, "wrong", corrections=corrections)
    assert objection.state == "filed"

    reply(objection, court, "wrong", corrections={"content": {"备注": "当事人 99000119900101001X 已履行"}})
    assert "19900101" not in objection.department_reply["corrections"]["content"]["备注"]


def test_a_departments_finding_goes_to_the_office_which_decides(session, file, court, reply):
    objection = file()
    forward_objection(session, objection_id=objection.id, officer=OFFICER, now=LATER, deadlines=SHANDONG)

    reply(objection, court, "wrong", corrections={"amount": 5_00, "ended_on": date(2026, 2, 1)})

    assert objection.state == "replied"
    assert objection.department_reply["corrections"] == {"amount": 500, "ended_on": "2026-02-01"}
    assert "已答复：核查有误" in titles(session, officer_role="objection_officer")[0]
    with pytest.raises(ObjectionStateForbids):
        reply(objection, court, "right")
    decide_objection(
        session,
        objection_id=objection.id,
        outcome="upheld",
        reply="按法院核查更正",
        officer=OFFICER,
        corrections={"amount": 5_00},
        now=LATER,
    )
    assert list(department_inbox(session, court, state="done")) == [objection]


def test_wrong_without_saying_what_would_be_right_is_no_finding(file, court, reply):
    with pytest.raises(DepartmentCorrectionMissing):
        reply(file(), court, "wrong")


def test_not_ours_goes_on_to_the_department_named_and_never_back(session, file, court, market, reply):
    objection = file()

    reply(objection, court, "not_ours", right_department=market)

    assert (objection.state, objection.department_code) == ("forwarded", market)
    assert count_waiting(session, court, FILED.date()) == (0, 0)
    with pytest.raises(ObjectionNotFound):
        reply(objection, court, "right")
    with pytest.raises(DepartmentUnchanged):
        reply(objection, market, "not_ours", right_department=court)


def test_a_reply_that_waited_for_one_that_sent_the_case_on_is_no_longer_that_departments(
    postgresql_database, keys
):
    with postgresql_database.transaction() as session:
        categories = import_catalogue(session, shipped_catalogue(), FILED).categories
        court, market = (categories[code].source_department_code for code in ("court_judgment", "admin_penalty"))
        person = add_person(session, keys)
        objection = file_objection(
            session,
            subject_id=person.id,
            record_id=add_record(session, person, "court_judgment").id,
            grounds="该判决已履行完毕",
            now=FILED,
            deadlines=SHANDONG,
        )
        forward_objection(session, objection_id=objection.id, officer=OFFICER, now=FILED, deadlines=SHANDONG)

    with postgresql_database.transaction() as session:
        reply_in(session, objection, court, "not_ours", right_department=market)
        second = beside(session, postgresql_database, lambda other: reply_in(other, objection, court, "right"))

    with pytest.raises(NotInThisInbox):
        second.result()
    with postgresql_database.reading() as session:
        case = department_case(session, market, objection.id)
        assert (case.department_reply, count_waiting(session, market, FILED.date())) == (None, (1, 0))


def test_not_ours_without_a_name_goes_back_to_the_office_to_be_assigned(session, file, court, market, reply):
    objection = file()
    reply(objection, court, "not_ours")
    assert objection.state == "disclaimed"
    assert count_waiting(session, court, FILED.date()) == (0, 0)

    assigned = {"objection_id": objection.id, "officer": OFFICER, "now": LATER, "deadlines": SHANDONG}
    with pytest.raises(DepartmentUnchanged):
        redirect_objection(session, department_code=court, **assigned)
    with pytest.raises(DepartmentUnknown):
        redirect_objection(session, department_code="11990001MB9999998X", **assigned)
    redirect_objection(session, department_code=market, **assigned)
    assert (objection.state, objection.department_code) == ("forwarded", market)
    assert titles(session, partner_code=market) == ["有一件异议需要核查"]


def test_a_department_from_which_a_case_is_taken_is_told_and_finds_it_no_more(session, file, court, market):
    objection = file()
    forward_objection(session, objection_id=objection.id, officer=OFFICER, now=LATER, deadlines=SHANDONG)

    redirect_objection(
        session,
        objection_id=objection.id,
        department_code=market,
        officer=OFFICER,
        now=LATER,
        deadlines=SHANDONG,
    )

    assert "一件异议已改派其他单位" in titles(session, partner_code=court)
    assert titles(session, partner_code=market) == ["有一件异议需要核查"]
    for unseen in (objection.id, uuid4()):
        with pytest.raises(NotInThisInbox, match="改派其他单位"):
            department_case(session, court, unseen)
        with pytest.raises(NotInThisInbox, match="改派其他单位"):
            lock_department_case(session, court, unseen)
    assert department_case(session, market, objection.id) is objection


def test_redirecting_does_not_make_the_citizen_wait_longer_than_forwarding(session, file, market):
    objection = file()
    redirect_objection(
        session,
        objection_id=objection.id,
        department_code=market,
        officer=OFFICER,
        now=FILED + timedelta(days=6),
        deadlines=SHANDONG,
    )
    assert objection.answer_due_on == SHANDONG.answer_due_when_forwarded(filed_on=date(2026, 3, 3))


def test_an_extension_gives_the_department_that_looks_into_it_longer_too(session, file):
    objection = file(deadlines=SHENZHEN)
    step = {"objection_id": objection.id, "officer": OFFICER, "now": LATER, "deadlines": SHENZHEN}
    forward_objection(session, **step)
    assert (objection.provider_due_on, objection.answer_due_on) == (date(2026, 3, 5), date(2026, 3, 6))
    # It is late the day after its own last day, not only after that of the answer.
    code = objection.department_code
    assert [count_waiting(session, code, date(2026, 3, day)) for day in (5, 6)] == [(1, 0), (1, 1)]

    extend_objection(session, reason="案卷在外地，需函调", **step)

    assert (objection.provider_due_on, objection.answer_due_on) == (date(2026, 3, 10), date(2026, 3, 11))


def test_whoever_forwards_a_case_tells_the_citizen_who_looks_into_it_and_until_when(session, person, file, market):
    step = {"officer": OFFICER, "now": LATER, "deadlines": SHANDONG}
    forwarded, redirected = file(), file()

    forward_objection(session, objection_id=forwarded.id, **step)
    redirect_objection(session, objection_id=redirected.id, department_code=market, **step)

    told = notifications_of(session, [Recipient(subject_id=person.id)], limit=50)
    assert {(one.about, one.kind, one.body) for one in told} == {
        (one.case, "objection_forwarded", f"{one.department_name}正在核查，最迟 2026-03-12 答复您。")
        for one in (forwarded, redirected)
    }


def test_nobody_puts_papers_into_the_case_of_another(session, keys, file):
    objection = file()
    with pytest.raises(ObjectionNotFound):
        add_own_evidence(
            session,
            subject_id=add_person(session, keys).id,
            objection_id=objection.id,
            evidence_ids=[],
            now=LATER,
        )


def test_a_redirected_case_keeps_its_extension_and_not_the_former_departments_reply(
    session, file, court, market, reply
):
    objection = file(deadlines=ZHEJIANG)
    step = {"objection_id": objection.id, "officer": OFFICER, "now": LATER, "deadlines": ZHEJIANG}
    extend_objection(session, reason="案卷在外地，需函调", **step)
    until = objection.answer_due_on
    reply(objection, court, "wrong", deadlines=ZHEJIANG, remove=True)

    redirect_objection(session, department_code=market, **step)

    assert (objection.answer_due_on, objection.department_reply) == (until, None)
    assert until > ZHEJIANG.answer_due_when_forwarded(filed_on=FILED.date())


def test_an_extension_is_given_once_where_the_jurisdiction_knows_one(session, person, file):
    objection = file(deadlines=ZHEJIANG)
    asked = {"objection_id": objection.id, "reason": "案卷在外地，需函调", "officer": OFFICER, "now": LATER}

    with pytest.raises(ExtensionNotAllowed):
        extend_objection(session, deadlines=SHANDONG, **asked)
    extend_objection(session, deadlines=ZHEJIANG, **asked)
    assert objection.answer_due_on == WorkingDays().after(date(2026, 3, 3), 20)
    assert objection.provider_due_on is None, "no department has it"
    assert "您的异议延长了答复期限" in titles(session, subject_id=person.id)
    with pytest.raises(AlreadyExtended):
        extend_objection(session, deadlines=ZHEJIANG, **asked)


def test_a_reminder_before_and_an_alarm_after_are_each_said_once_to_office_and_department(session, file, court):
    objection = file(deadlines=SHANGHAI)
    forward_objection(session, objection_id=objection.id, officer=OFFICER, now=LATER, deadlines=SHANGHAI)
    # The provider is to reply by Tuesday 10 March, the answer is due on Thursday 12 March.
    assert (objection.provider_due_on, objection.answer_due_on) == (date(2026, 3, 10), date(2026, 3, 12))

    def watch(day, hour=2):
        return watch_clocks(session, SHANGHAI, now=datetime(2026, 3, day, hour, tzinfo=UTC))

    assert watch(6) == 0
    assert watch(9) == 2
    assert watch(9, hour=6) == 0
    assert titles(session, partner_code=court)[0] == "异议数源单位核查即将到期"
    assert watch(11) == 3  # the provider is late, and for the office the answer comes near
    assert titles(session, partner_code=court)[0] == "异议数源单位核查已逾期"
    assert watch(13) == 2
    assert titles(session, partner_code=court)[0] == "异议答复已逾期"
    assert titles(session, officer_role="objection_officer")[0] == "异议答复已逾期"
    assert watch(20) == 0


def test_a_case_is_overdue_from_midnight_in_the_city_after_its_last_day(session, file):
    file()
    # Due on Friday 6 March: 15:59 UTC is still that day in the city, 16:00 UTC the next.
    last_minute = datetime(2026, 3, 6, 15, 59, tzinfo=UTC)
    watch_clocks(session, SHANDONG, now=last_minute)
    assert "异议答复已逾期" not in titles(session, officer_role="objection_officer")
    watch_clocks(session, SHANDONG, now=last_minute + timedelta(minutes=1))
    assert "异议答复已逾期" in titles(session, officer_role="objection_officer")


def test_what_is_late_is_alarmed_of_although_the_years_holidays_are_unknown(session, file):
    known = load_deadlines(WorkingDays(overrides={2031: {}}), "shanghai")
    file(now=datetime(2031, 3, 3, 2, tzinfo=UTC), deadlines=known)

    watch_clocks(session, SHANGHAI, now=datetime(2031, 3, 12, 2, tzinfo=UTC))

    assert titles(session, officer_role="objection_officer")[0] == "异议答复已逾期"


def test_forwarding_is_watched_where_it_has_a_day_of_its_own(session, file):
    file(deadlines=SHANGHAI)
    watch_clocks(session, SHANGHAI, now=datetime(2026, 3, 6, 2, tzinfo=UTC))
    assert titles(session, officer_role="objection_officer")[0] == "异议转办已逾期"


def test_nothing_is_forwarded_that_the_city_computed_itself(session, file):
    objection = file()
    objection.kind = "score"
    with pytest.raises(NoDepartment):
        forward_objection(session, objection_id=objection.id, officer=OFFICER, now=LATER, deadlines=SHANDONG)
