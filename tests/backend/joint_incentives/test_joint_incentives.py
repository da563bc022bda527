"""Initiate, respond, feed back: who may be named, who is told what, and what the clocks do."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from backend.authorizations.service import decide_request, withdraw_consent
from backend.city_calendar import WorkingDays, city_date
from backend.joint_incentives.errors import (
    AlreadyFedBack,
    DepartmentsMissing,
    DoneInFuture,
    ExplanationMissing,
    IncentiveNotFound,
    IncentiveStateForbids,
    MeasureNotOffered,
    NotIncludedNow,
    SubjectsMissing,
    SubjectsNotEligible,
)
from backend.joint_incentives.rules import incentive_rules_on
from backend.joint_incentives.service import (
    Party,
    ask_again,
    events_of,
    feed_back,
    finish,
    get_incentive,
    get_request,
    incentives_for,
    incentives_seen_by,
    included_in,
    initiate,
    is_overdue,
    requests_of,
    respond,
    state_of,
    watch_clocks,
    withdraw_request,
)
from backend.ledger.models import LedgerEntry
from backend.ledger.service import Actor, entries_about
from backend.lists.red_lists import red_lists_on
from backend.notifications.models import Notification
from backend.records.departments import department_by_code
from tests.factories import add_enterprise, add_person, add_record
from tests.rules_in_force import put_rules_in_force

TAX = "11990001MB9000103P"
HOUSING = "11990001MB900004XN"
HONOURS = "11990001MB9000031Y"
WORKING_DAYS = WorkingDays()


@pytest.fixture
def company(session, keys, now):
    put_rules_in_force(session, now)
    enterprise = add_enterprise(session, keys)
    add_record(session, enterprise, "tax_rating", level=1, event_on=date(2025, 4, 30))
    return enterprise


@pytest.fixture
def person(session, keys, company):
    someone = add_person(session, keys, name="王小兰")
    add_record(session, someone, "honour", level=3, event_on=date(2026, 1, 5))
    return someone


@pytest.fixture
def office():
    return Party(None, "赵敏", Actor("officer", "1", "信用办 赵敏"))


@pytest.fixture
def party(session, company, now):
    def of(code):
        department = department_by_code(session, code, city_date(now))
        return Party(department, "李强", Actor("department", code, department.name))

    return of


@pytest.fixture
def start(session, keys, now, company, office):
    def start(*subjects, **changes):
        numbers = [keys.open(one.identifier_sealed) for one in subjects or (company,)]
        given = {
            "party": office,
            "ground": "tax_a",
            "matter": "2025年度A级纳税人激励",
            "measures": ["green_channel", "lower_costs"],
            "departments": [HOUSING],
            "identifiers": numbers,
            "now": now,
            "working_days": WORKING_DAYS,
        }
        return initiate(session, keys, **given | changes)

    return start


@pytest.fixture
def accept(session, party, now):
    def accept(incentive, *, code=HOUSING, measures=("green_channel",), at=now):
        request = next(one for one in requests_of(session, incentive.id) if one.department_code == code)
        return respond(
            session,
            party=party(code),
            request_id=request.id,
            outcome="accepted",
            measures=list(measures),
            reply="",
            now=at,
            working_days=WORKING_DAYS,
        )

    return accept


@pytest.fixture
def did(session, party, now):
    def did(incentive, request, subject, *, measure="green_channel", at=now, **changes):
        row = next(one.row for one in included_in(session, incentive, now=at) if one.subject.id == subject.id)
        given = {"measure": measure, "text": "施工许可容缺受理", "done_on": city_date(at), "now": at}
        return feed_back(
            session, party=party(request.department_code), request_id=request.id, row_id=row.id, **given | changes
        )

    return did


def messages(session, **recipient):
    return [
        message.kind
        for message in session.scalars(select(Notification).filter_by(**recipient).order_by(Notification.id))
    ]


def actions(session, subject):
    return [entry.action for entry in entries_about(session, subject.id)]


def test_every_ground_rests_on_a_red_list_and_every_measure_and_ground_has_a_basis(now):
    rules = incentive_rules_on(city_date(now))
    lists = red_lists_on(city_date(now)).lists
    assert {ground.red_list for ground in rules.grounds.values()} <= set(lists)
    assert all(one.basis for one in (*rules.grounds.values(), *rules.measures.values()))
    assert {ground.code for ground in rules.grounds.values()} == {"tax_a", "honoured"}


def test_from_initiating_to_what_the_enterprise_reads(session, company, start, accept, did, party, now):
    incentive = start()
    [request] = requests_of(session, incentive.id)
    assert (request.state, request.due_on) == ("asked", date(2026, 3, 10)), "five working days"
    assert messages(session, partner_code=HOUSING) == ["incentive_asked"]

    request = accept(incentive)
    assert (request.state, request.measures, request.due_on) == ("accepted", ["green_channel"], date(2026, 3, 31))
    deed = did(incentive, request, company)
    request = finish(session, party=party(HOUSING), request_id=request.id, explanation="", now=now)

    assert (request.state, request.due_on) == ("done", None)
    [own] = incentives_for(session, company.id, now=now)
    assert [(asked.department, one.text) for asked, one in own.deeds] == [("桂城市住房和城乡建设局", deed.text)]
    assert actions(session, company) == ["incentive_fed_back", "incentive_initiated"]
    assert messages(session, subject_id=company.id) == ["incentive_initiated", "incentive_done"]
    assert messages(session, officer_role="data_officer") == ["incentive_accepted", "incentive_finished"]
    assert [step.event for step in events_of(session, request.id)] == ["ask", "accept", "feed_back", "finish"]
    assert not state_of(session, incentive).open


def test_whoever_declines_says_why_to_the_initiator_and_the_subject_never_hears_of_it(
    session, company, start, party, office, now
):
    incentive = start()
    [request] = requests_of(session, incentive.id)

    def answer(reply):
        return respond(
            session,
            party=party(HOUSING),
            request_id=request.id,
            outcome="declined",
            measures=[],
            reply=reply,
            now=now,
            working_days=WORKING_DAYS,
        )

    with pytest.raises(ExplanationMissing):
        answer("不办")
    assert answer("该企业在本局没有办理事项").state == "declined"
    assert messages(session, officer_role="data_officer") == ["incentive_declined"]
    assert messages(session, subject_id=company.id) == ["incentive_initiated"]
    assert incentives_for(session, company.id, now=now)[0].deeds == []

    again = ask_again(
        session,
        party=office,
        incentive_id=incentive.id,
        request_id=request.id,
        reason="企业已申请施工许可",
        now=now + timedelta(days=1),
        working_days=WORKING_DAYS,
    )
    assert (again.state, again.reply, again.due_on) == ("asked", None, date(2026, 3, 11))


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"measures": []}, MeasureNotOffered),
        ({"measures": ["refuse_loans"]}, MeasureNotOffered),
        ({"departments": []}, DepartmentsMissing),
        ({"departments": [HOUSING, HOUSING]}, DepartmentsMissing),
        ({"identifiers": []}, SubjectsMissing),
        ({"identifiers": ["1"] * 201}, SubjectsMissing),
        ({"identifiers": ["91990001MA9999999X"]}, SubjectsNotEligible),
    ],
)
def test_what_the_rules_do_not_offer_cannot_be_initiated(start, changes, refusal):
    with pytest.raises(refusal):
        start(**changes)


def test_only_who_is_on_the_grounds_red_list_today_can_be_named(session, keys, company, start):
    other = add_enterprise(session, keys, name="桂城无名有限公司")
    with pytest.raises(SubjectsNotEligible) as refusal:
        start(company, other, company)
    assert refusal.value.data["rows"] == [2, 3]
    add_record(session, company, "serious_list", event_on=date(2026, 2, 1))
    with pytest.raises(SubjectsNotEligible):
        start(company)


def test_a_department_names_only_persons_it_reported_itself_and_cannot_probe_others(start, person, party):
    with pytest.raises(SubjectsNotEligible):
        start(person, party=party(TAX), ground="honoured")
    assert start(person, party=party(HONOURS), ground="honoured").initiator == "桂城市人力资源和社会保障局"


def test_a_department_does_not_ask_itself(start, party):
    with pytest.raises(DepartmentsMissing):
        start(party=party(HOUSING))


def test_a_measure_for_enterprises_is_not_offered_to_a_person(start, person):
    with pytest.raises(MeasureNotOffered):
        start(person, ground="honoured", measures=["recommendation"])


def test_no_department_learns_of_a_person_before_their_consent_nor_after_its_end(
    session, person, start, accept, did, now
):
    incentive = start(person, ground="honoured")
    [waiting] = included_in(session, incentive, now=now)
    assert (waiting.consent, waiting.may_be_told) == ("waiting", False)
    request = accept(incentive)
    with pytest.raises(NotIncludedNow):
        did(incentive, request, person)

    consent = decide_request(
        session,
        subject_id=person.id,
        consent_id=waiting.row.consent_id,
        agreed=True,
        expires_at=now + timedelta(days=30),
        evidence={},
        now=now,
    )
    assert "住房和城乡建设局" in consent.recipient_name
    did(incentive, request, person)
    assert included_in(session, incentive, now=now + timedelta(days=30))[0].consent == "not_given"

    withdraw_consent(session, subject_id=person.id, consent_id=consent.id, now=now)
    assert included_in(session, incentive, now=now)[0].may_be_told is False
    with pytest.raises(NotIncludedNow):
        did(incentive, request, person, measure="lower_costs")
    assert len(incentives_for(session, person.id, now=now)[0].deeds) == 1, "what was done stays theirs to read"


def test_whoever_left_the_red_list_gets_no_further_measure(session, company, start, accept, did, now):
    incentive = start()
    request = accept(incentive)
    add_record(session, company, "tax_rating", level=2, event_on=city_date(now))
    with pytest.raises(NotIncludedNow):
        did(incentive, request, company)


def test_what_was_not_accepted_or_not_yet_done_or_told_before_cannot_be_fed_back(
    session, company, start, accept, did, now
):
    incentive = start()
    [asked] = requests_of(session, incentive.id)
    with pytest.raises(IncentiveStateForbids):
        did(incentive, asked, company)
    request = accept(incentive)
    with pytest.raises(MeasureNotOffered):
        did(incentive, request, company, measure="lower_costs")
    for day in (city_date(now) + timedelta(days=1), city_date(now) - timedelta(days=1)):
        with pytest.raises(DoneInFuture):
            did(incentive, request, company, done_on=day)
    with pytest.raises(ExplanationMissing):
        did(incentive, request, company, text="好")
    did(incentive, request, company)
    with pytest.raises(AlreadyFedBack):
        did(incentive, request, company)


def test_closing_without_a_measure_for_everyone_needs_a_reason(
    session, keys, company, start, accept, did, party, now
):
    other = add_enterprise(session, keys, name="桂城第二有限公司")
    add_record(session, other, "tax_rating", level=1, event_on=date(2025, 4, 30))
    incentive = start(company, other)
    request = accept(incentive)
    did(incentive, request, company)
    with pytest.raises(ExplanationMissing):
        finish(session, party=party(HOUSING), request_id=request.id, explanation="", now=now)
    done = finish(session, party=party(HOUSING), request_id=request.id, explanation="另一家暂无办理事项", now=now)
    assert done.reply == "另一家暂无办理事项"
    assert "另一家" not in str(incentives_for(session, other.id, now=now))


def test_departments_see_what_is_theirs_and_the_office_sees_everything(session, start, party, office):
    own = start(party=party(TAX))
    [request] = requests_of(session, own.id)
    assert get_incentive(session, own.id, office) is own
    for stranger in (party(HOUSING), party(HONOURS)):
        with pytest.raises(IncentiveNotFound):
            get_incentive(session, own.id, stranger)
    for nobody in (party(TAX), office):
        with pytest.raises(IncentiveNotFound):
            get_request(session, request.id, nobody)
    seen = {"open_ones": True, "after": None, "limit": 10}
    assert [one.incentive.id for one in incentives_seen_by(session, office, **seen)] == [own.id]
    assert incentives_seen_by(session, party(HOUSING), **seen) == []


def test_only_the_initiator_withdraws_and_a_withdrawn_request_is_over(session, start, party, office, accept, now):
    incentive = start(party=party(TAX))
    [request] = requests_of(session, incentive.id)
    given = {"incentive_id": incentive.id, "request_id": request.id, "reason": "重复发起了", "now": now}
    with pytest.raises(IncentiveNotFound):
        withdraw_request(session, party=office, **given)
    assert withdraw_request(session, party=party(TAX), **given).state == "withdrawn"
    assert messages(session, partner_code=HOUSING) == ["incentive_asked", "incentive_withdrawn"]
    with pytest.raises(IncentiveStateForbids):
        accept(incentive)


def test_the_clock_reminds_once_and_tells_initiator_and_office_once_when_it_has_run_out(
    session, start, party, now
):
    incentive = start(party=party(TAX))
    watch = {"working_days": WORKING_DAYS}
    assert watch_clocks(session, now=now, **watch) == 0
    day_before = now + timedelta(days=6)
    assert [watch_clocks(session, now=day_before, **watch) for _ in range(2)] == [1, 0]
    late = now + timedelta(days=8)
    assert [watch_clocks(session, now=late, **watch) for _ in range(2)] == [3, 0]
    assert messages(session, partner_code=HOUSING) == [
        "incentive_asked", "incentive_due_soon", "incentive_overdue",
    ]  # fmt: skip
    assert messages(session, partner_code=TAX) == ["incentive_overdue"]
    assert messages(session, officer_role="data_officer") == ["incentive_overdue"]
    [request] = requests_of(session, incentive.id)
    assert is_overdue(request, city_date(late))


def test_the_ledger_of_every_subject_names_the_basis_and_the_matter(session, company, start):
    incentive = start()
    entry = session.scalars(select(LedgerEntry).where(LedgerEntry.subject_id == company.id)).one()
    assert (entry.basis, entry.purpose) == (incentive.basis, "联合激励“2025年度A级纳税人激励”")
