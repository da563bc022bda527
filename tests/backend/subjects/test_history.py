"""Old codes lead to the present one, merged enterprises to their successor, and the history is told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from backend.identifiers import (
    complete_citizen_number,
    complete_organisation_code,
    complete_registration_number,
    complete_social_credit_code,
)
from backend.subjects.errors import EnterpriseNotFound
from backend.subjects.history import code_history
from backend.subjects.models import Subject, SubjectCode
from backend.subjects.registers import RegisterRow, register_subjects
from backend.subjects.service import (
    find_by_identifier,
    get_public_subject,
    get_subject,
    search_public_subjects,
    successors_of,
)


def code(number: int) -> str:
    return complete_social_credit_code("91990001" + complete_organisation_code(f"MA{number:06d}"))


OLD, NEW, HEIR, LAST = code(11), code(12), code(13), code(14)
REGISTRATION = complete_registration_number("99000100000077")


def enterprise(identifier: str = OLD, **attributes: object) -> RegisterRow:
    values = {"name": "丹桂食品有限公司", "district": "桂东区", "registered_on": date(2012, 5, 1), **attributes}
    return RegisterRow(kind="enterprise", identifier=identifier, **values)


def merged(identifier: str, into: str, on: date = date(2026, 2, 1), **attributes: object) -> RegisterRow:
    return enterprise(identifier, status="merged", ended_on=on, successor=into, **attributes)


@pytest.fixture
def register(session, keys, now):
    def register(*rows, later: int = 0):
        return register_subjects(session, keys, rows, now + timedelta(days=later)).rows

    return register


def history(session, keys, identifier):
    return code_history(session, keys, get_public_subject(session, identifier))


def told(session, keys, identifier):
    return [(event.event, event.before, event.after) for event in history(session, keys, identifier).events]


def test_a_new_name_is_told_with_the_old_one(session, keys, register):
    register(enterprise())
    register(enterprise(name="金桂食品有限公司"), later=3)
    register(enterprise(name="银桂食品有限公司", district="桂西区"), later=5)

    assert told(session, keys, OLD) == [
        ("registered", None, None),
        ("renamed", "丹桂食品有限公司", "金桂食品有限公司"),
        ("renamed", "金桂食品有限公司", "银桂食品有限公司"),
        ("moved", "桂东区", "桂西区"),
    ]
    assert history(session, keys, OLD).former_names == ["丹桂食品有限公司", "金桂食品有限公司"]


def test_a_new_code_keeps_the_subject_and_the_old_one_still_leads_to_it(session, keys, register):
    (before,) = register(enterprise(old_codes={"registration_15": REGISTRATION}))
    (after,) = register(enterprise(NEW, old_codes={"uscc": OLD}), later=1)

    assert (after.what, after.subject_id) == ("changed", before.subject_id)
    for known in (OLD, NEW, REGISTRATION):
        assert get_public_subject(session, known).id == before.subject_id
        assert find_by_identifier(session, keys=keys, identifier=known).id == before.subject_id
    codes = {(item.scheme, item.code, item.is_present): item for item in history(session, keys, NEW).codes}
    assert codes["uscc", NEW, True].valid_from == codes["uscc", OLD, False].valid_to == date(2026, 3, 4)
    assert ("registration_15", REGISTRATION, False) in codes
    assert ("renumbered", OLD, NEW) in told(session, keys, NEW)
    assert register(enterprise(NEW, old_codes={"uscc": OLD}), later=2)[0].what == "unchanged"


def test_a_person_with_a_new_number_stays_the_same_person(session, keys, register):
    wrong, right = complete_citizen_number("99000119900307123"), complete_citizen_number("99000119910307123")
    (first,) = register(RegisterRow("person", wrong, "王小兰", "桂东区"))
    (second,) = register(RegisterRow("person", right, "王小兰", "桂东区", old_codes={"citizen_18": wrong}))

    person = get_subject(session, first.subject_id)
    assert second.subject_id == first.subject_id
    assert (keys.open(person.identifier_sealed), person.born_on) == (right, date(1991, 3, 7))
    assert find_by_identifier(session, keys=keys, identifier=wrong).id == person.id
    told_of = code_history(session, keys, person)
    assert all(wrong not in str(item) and right not in str(item) for item in (*told_of.codes, *told_of.events))


def test_a_persons_former_name_is_masked_like_the_present_one(session, keys, register):
    number = complete_citizen_number("99000119910307123")
    (first,) = register(RegisterRow("person", number, "王小兰", "桂东区"))
    register(RegisterRow("person", number, "王小梅", "桂东区"), later=3)

    told_of = code_history(session, keys, get_subject(session, first.subject_id))

    assert [(event.before, event.after) for event in told_of.events if event.event == "renamed"] == [
        ("王*兰", "王*梅")
    ]
    assert told_of.former_names == ["王*兰"]


def test_a_new_code_that_somebody_has_already_is_not_given_away(session, keys, register):
    first, second = register(enterprise(OLD), enterprise(NEW, name="另一家有限公司"))

    (refused,) = register(enterprise(NEW, name="另一家有限公司", old_codes={"uscc": OLD}))

    assert refused.refusal.code == "code_taken"
    assert get_public_subject(session, OLD).id == first.subject_id
    assert get_public_subject(session, NEW).id == second.subject_id


def test_a_merged_enterprise_leads_to_whoever_took_over_last(session, keys, register):
    register(enterprise(OLD), enterprise(HEIR), enterprise(LAST))
    register(merged(OLD, into=HEIR), merged(HEIR, into=LAST, on=date(2026, 3, 1)))

    of_the_old = history(session, keys, OLD)
    assert [subject.public_code for subject in of_the_old.successors] == [HEIR, LAST]
    (end,) = [event for event in of_the_old.events if event.event == "merged"]
    assert (end.on, end.other.public_code) == (date(2026, 2, 1), HEIR)
    assert [
        (event.event, event.on, event.other.public_code)
        for event in history(session, keys, HEIR).events
        if event.other
    ] == [("absorbed", date(2026, 2, 1), OLD), ("merged", date(2026, 3, 1), LAST)]
    assert successors_of(session, get_public_subject(session, LAST)) == []


def test_the_successor_may_stand_further_down_in_the_same_delivery(session, keys, register):
    rows = register(merged(OLD, into=HEIR), enterprise(HEIR))

    assert [row.what for row in rows] == ["added", "added"]
    assert [subject.public_code for subject in successors_of(session, get_public_subject(session, OLD))] == [HEIR]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (enterprise(OLD, status="merged"), "successor_missing"),
        (merged(OLD, into=NEW), "successor_unknown"),
        (merged(OLD, into=OLD), "successor_circle"),
        (merged(OLD, into=HEIR), "successor_circle"),
    ],
)
def test_a_merger_that_leads_nowhere_is_refused(session, keys, register, row, why):
    register(enterprise(OLD))
    register(merged(HEIR, into=OLD))

    assert register(row)[0].refusal.code == why
    assert get_public_subject(session, OLD).status == "active"


def test_a_cancelled_enterprise_is_still_found_with_the_day_it_ended(session, keys, register):
    register(enterprise(OLD))
    register(enterprise(OLD, status="cancelled", ended_on=date(2026, 2, 20)))

    (end,) = [event for event in history(session, keys, OLD).events if event.event == "cancelled"]
    assert end.on == date(2026, 2, 20)


def test_one_that_was_over_when_the_register_first_told_of_it_says_so(session, keys, register):
    register(enterprise(OLD, status="cancelled", ended_on=date(2020, 1, 1)))

    assert [(event.event, event.on) for event in history(session, keys, OLD).events] == [
        ("registered", date(2012, 5, 1)),
        ("cancelled", date(2020, 1, 1)),
    ]


def test_an_enterprise_is_found_by_an_old_code_in_the_public_search(session, keys, register):
    register(enterprise(OLD, old_codes={"registration_15": REGISTRATION}))

    assert [subject.public_code for subject in search_public_subjects(session, REGISTRATION)] == [OLD]


def test_an_old_code_of_two_enterprises_leads_to_neither(session, keys, register):
    register(enterprise(OLD, old_codes={"registration_15": REGISTRATION}), enterprise(NEW))
    other = get_public_subject(session, NEW)
    session.add(
        SubjectCode(
            subject_id=other.id, scheme="registration_15", code=REGISTRATION, code_index=keys.blind_index("x")
        )
    )
    session.flush()

    with pytest.raises(EnterpriseNotFound):
        get_public_subject(session, REGISTRATION)
    assert isinstance(get_public_subject(session, OLD), Subject)
