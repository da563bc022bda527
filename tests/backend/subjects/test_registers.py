from __future__ import annotations

import json
import time
from datetime import date

import pytest
from sqlalchemy import delete, func, select

from backend.identifiers import (
    complete_citizen_number,
    complete_organisation_code,
    complete_registration_number,
    complete_social_credit_code,
)
from backend.subjects.acting import acting_for
from backend.subjects.errors import EnterpriseNotFound, SubjectNotFound
from backend.subjects.models import RescoreMark, Subject, SubjectChange, SubjectCode, SubjectRelation
from backend.subjects.registers import RegisterRow, RelationRow, register_relations, register_subjects
from backend.subjects.rescoring import close_marks, is_marked, mark_for_rescoring, open_marks, unfold_marks
from backend.subjects.service import (
    codes_of,
    enterprises_represented_by,
    find_by_identifier,
    get_public_subject,
    get_subject,
    masked_identifier,
    masked_name,
    match_identifiers,
    principals_of,
    represents,
    search_public_subjects,
)

ORGANISATION_CODE = complete_organisation_code("MA3XY123")
CREDIT_CODE = complete_social_credit_code("91990001" + ORGANISATION_CODE)
REGISTRATION_NUMBER = complete_registration_number("99000100000001")


def person(first17: str = "99000119900307123", **attributes: object) -> RegisterRow:
    values = {"name": "王小兰", "district": "桂东区", **attributes}
    return RegisterRow(kind="person", identifier=complete_citizen_number(first17), **values)


def enterprise(identifier: str = CREDIT_CODE, **attributes: object) -> RegisterRow:
    values = {"name": "桂城市丹桂食品有限公司", "district": "桂东区", **attributes}
    return RegisterRow(kind="enterprise", identifier=identifier, **values)


@pytest.fixture
def register(session, keys, now):
    def register(*rows):
        return register_subjects(session, keys, rows, now)

    return register


def whats(outcome):
    return [row.what for row in outcome.rows]


def test_a_delivery_taken_in_twice_changes_nothing(session, register):
    rows = [person(), enterprise(old_codes={"registration_15": REGISTRATION_NUMBER})]

    first, second = register(*rows), register(*rows)

    assert whats(first) == ["added", "added"]
    assert whats(second) == ["unchanged", "unchanged"]
    assert [row.subject_id for row in first.rows] == [row.subject_id for row in second.rows]
    assert session.scalar(select(func.count()).select_from(Subject)) == 2
    assert session.scalar(select(func.count()).select_from(SubjectChange)) == 0


def test_nothing_about_a_person_is_stored_in_the_open(session, register, keys):
    row = person()
    subject = get_subject(session, register(row).rows[0].subject_id)

    stored = [getattr(subject, column.name) for column in Subject.__table__.columns]
    assert not any(row.identifier in str(value) or row.name in str(value) for value in stored)
    assert (subject.public_code, subject.public_name) == (None, None)
    assert keys.open(subject.identifier_sealed) == row.identifier
    assert subject.born_on == date(1990, 3, 7)


def test_an_enterprise_is_found_by_every_code_it_has_or_had(session, keys, register):
    subject_id = register(enterprise(old_codes={"registration_15": REGISTRATION_NUMBER})).rows[0].subject_id

    written = [
        CREDIT_CODE,
        CREDIT_CODE.lower(),
        f" {CREDIT_CODE[:2]} {CREDIT_CODE[2:]}",
        REGISTRATION_NUMBER,
        ORGANISATION_CODE,
        f"{ORGANISATION_CODE[:8]}-{ORGANISATION_CODE[8:]}",
    ]
    assert match_identifiers(session, keys, written) == dict.fromkeys(written, subject_id)
    assert {code.scheme for code in codes_of(session, subject_id)} == {"registration_15", "organisation_code"}


def test_a_person_is_found_by_the_old_15_digit_number(session, keys, register):
    subject_id = register(person()).rows[0].subject_id

    assert find_by_identifier(session, keys=keys, identifier="990001900307123").id == subject_id


def test_a_person_whose_number_changed_is_found_by_the_earlier_one(session, keys, register):
    earlier = complete_citizen_number("99000119900307555")
    subject_id = register(person(old_codes={"citizen_18": earlier})).rows[0].subject_id

    assert find_by_identifier(session, keys=keys, identifier=earlier).id == subject_id
    assert [code.code for code in codes_of(session, subject_id)] == [None]


def test_fifteen_digits_that_fit_two_subjects_match_neither_until_the_kind_is_known(session, keys, register):
    both = "990001900307123"
    a_person, a_company = register(person(), enterprise(old_codes={"registration_15": both})).rows

    assert match_identifiers(session, keys, [both]) == {}
    assert match_identifiers(session, keys, [both], kind="person") == {both: a_person.subject_id}
    assert match_identifiers(session, keys, [both], kind="enterprise") == {both: a_company.subject_id}


def test_a_number_that_nobody_has_is_not_found(session, keys, register):
    register(person())

    assert (
        match_identifiers(session, keys, ["", "12", "不是号码", complete_citizen_number("99000119900307124")])
        == {}
    )
    with pytest.raises(SubjectNotFound):
        find_by_identifier(session, keys=keys, identifier="12")
    with pytest.raises(SubjectNotFound):
        get_subject(session, 99_999)


def test_a_change_keeps_what_the_register_said_before(session, keys, register):
    register(enterprise())

    outcome = register(enterprise(name="桂城市金桂食品有限公司", status="cancelled", ended_on=date(2026, 2, 1)))

    assert whats(outcome) == ["changed"]
    subject = session.get(Subject, outcome.rows[0].subject_id, populate_existing=True)
    assert (subject.public_name, subject.status) == ("桂城市金桂食品有限公司", "cancelled")
    change = session.scalars(select(SubjectChange)).one()
    assert json.loads(keys.open(change.before_sealed)) == {
        "ended_on": None,
        "name": "桂城市丹桂食品有限公司",
        "status": "active",
    }


def test_of_two_rows_about_one_subject_the_later_holds(session, register):
    outcome = register(enterprise(name="甲公司"), enterprise(name="乙公司"), enterprise(name="乙公司"))

    assert whats(outcome) == ["added", "changed", "unchanged"]
    assert session.scalars(select(Subject.public_name)).one() == "乙公司"


def test_a_death_is_marked_for_rescoring_and_a_move_is_not(session, register):
    subject_id = register(person()).rows[0].subject_id

    register(person(district="桂西区"))
    assert not is_marked(session, subject_id)
    register(person(district="桂西区", status="deceased", ended_on=date(2026, 2, 1)))
    assert is_marked(session, subject_id)


@pytest.mark.parametrize(
    ("new", "marked"), [("99000119900307125", False), ("99000119910307123", True)], ids=["same day", "another"]
)
def test_a_new_number_is_marked_for_rescoring_when_it_tells_another_birth_date(session, register, new, marked):
    first = person()
    subject_id = register(first).rows[0].subject_id

    outcome = register(person(new, old_codes={"citizen_18": first.identifier}))

    assert outcome.rows[0].subject_id == subject_id
    assert is_marked(session, subject_id) == marked


def test_an_old_code_that_comes_later_is_added(session, keys, register):
    subject_id = register(enterprise()).rows[0].subject_id

    outcome = register(enterprise(old_codes={"registration_15": REGISTRATION_NUMBER}))

    assert whats(outcome) == ["changed"]
    assert match_identifiers(session, keys, [REGISTRATION_NUMBER]) == {REGISTRATION_NUMBER: subject_id}


def test_an_old_code_belongs_to_one_subject_only(register):
    other = complete_social_credit_code("91990001" + complete_organisation_code("MA3XY999"))
    old_codes = {"registration_15": REGISTRATION_NUMBER}

    outcome = register(enterprise(old_codes=old_codes), enterprise(other, old_codes=old_codes))

    assert whats(outcome) == ["added", "refused"]
    assert outcome.rows[1].refusal.code == "code_taken"
    again = register(enterprise(other, old_codes=old_codes))
    assert again.rows[0].refusal.code == "code_taken"


def test_an_old_number_that_is_anothers_present_number_is_refused(register):
    neighbour = person("99000119900307555")

    together = register(neighbour, person(name="李大强", old_codes={"citizen_18": neighbour.identifier}))
    later = register(person("99000119900307666", name="李大强", old_codes={"citizen_18": neighbour.identifier}))

    assert whats(together) == ["added", "refused"]
    assert whats(later) == ["refused"]


def test_a_code_of_the_other_register_is_refused(register):
    register(enterprise())

    outcome = register(RegisterRow(kind="organisation", identifier=CREDIT_CODE, name="某协会", district="桂东区"))

    assert outcome.rows[0].refusal.code == "kind_differs"


def test_a_birth_date_that_contradicts_the_number_is_refused(register):
    assert register(person(born_on=date(1990, 7, 3))).rows[0].refusal.code == "birth_date_differs"


def test_names_and_numbers_of_persons_are_masked_and_those_of_enterprises_are_not(session, keys, register):
    outcome = register(person(), person("99000119900307222", name="王兰"), enterprise())
    wang_xiaolan, wang_lan, company = (get_subject(session, row.subject_id) for row in outcome.rows)

    assert masked_name(keys, wang_xiaolan) == "王*兰"
    assert masked_name(keys, wang_lan) == "王*"
    assert masked_name(keys, company) == "桂城市丹桂食品有限公司"
    assert masked_identifier(keys, wang_xiaolan).startswith("990***********123")
    assert masked_identifier(keys, company) == CREDIT_CODE


def test_a_natural_person_is_never_found_by_the_public(session, register):
    row = person()
    register(row, enterprise())

    assert [subject.public_code for subject in search_public_subjects(session, "丹桂")] == [CREDIT_CODE]
    assert [subject.public_code for subject in search_public_subjects(session, CREDIT_CODE.lower())] == [
        CREDIT_CODE
    ]
    assert search_public_subjects(session, "王小兰") == []
    assert search_public_subjects(session, row.identifier) == []
    assert search_public_subjects(session, "%") == []
    assert get_public_subject(session, CREDIT_CODE.lower()).public_code == CREDIT_CODE
    with pytest.raises(EnterpriseNotFound):
        get_public_subject(session, row.identifier)


def test_relations_hold_from_their_first_to_their_last_day(session, keys, register, now):
    company, boss = register(enterprise(), person()).rows
    row = RelationRow(CREDIT_CODE, person().identifier, "legal_representative", date(2020, 1, 1))

    assert whats(register_relations(session, keys, [row], now)) == ["added"]
    assert whats(register_relations(session, keys, [row], now)) == ["unchanged"]
    assert is_marked(session, company.subject_id)
    session.execute(delete(RescoreMark))
    ended = RelationRow(row.enterprise, row.principal, row.role, row.valid_from, date(2025, 12, 31))
    assert whats(register_relations(session, keys, [ended], now)) == ["changed"]
    assert is_marked(session, company.subject_id)

    def represented(on):
        return [subject.id for subject in enterprises_represented_by(session, boss.subject_id, on)]

    assert represented(date(2019, 12, 31)) == []
    assert represented(date(2020, 1, 1)) == [company.subject_id]
    assert represented(date(2025, 12, 31)) == [company.subject_id]
    assert represented(date(2026, 1, 1)) == []
    assert [
        relation.principal_id for relation in principals_of(session, company.subject_id, date(2025, 1, 1))
    ] == [boss.subject_id]


def test_whoever_has_died_represents_no_enterprise_although_the_register_of_it_has_not_heard(
    session, keys, register, now
):
    company, boss = register(enterprise(), person()).rows
    register_relations(
        session,
        keys,
        [RelationRow(CREDIT_CODE, person().identifier, "legal_representative", date(2020, 1, 1))],
        now,
    )
    asked = {"person_id": boss.subject_id, "enterprise_id": company.subject_id, "on": date(2026, 3, 3)}
    assert represents(session, **asked)

    register(person(status="deceased", ended_on=date(2026, 3, 2)))

    assert not represents(session, **asked)


def test_a_shareholder_does_not_act_for_the_enterprise(session, keys, register, now):
    _, holder = register(enterprise(), person()).rows
    register_relations(
        session, keys, [RelationRow(CREDIT_CODE, person().identifier, "shareholder", date(2020, 1, 1))], now
    )

    assert enterprises_represented_by(session, holder.subject_id, date(2021, 1, 1)) == []


def test_an_organisation_has_a_legal_representative_who_acts_for_it_without_having_an_enterprise(
    session, keys, register, now
):
    code = complete_social_credit_code("53990001" + complete_organisation_code("MJ000007"))
    register(RegisterRow("organisation", code, "桂城志愿者协会", "桂东区"), person())
    holder = find_by_identifier(session, keys=keys, identifier=person().identifier)

    row = RelationRow(code, person().identifier, "legal_representative", date(2020, 1, 1))
    assert whats(register_relations(session, keys, [row], now)) == ["added"]

    acting = acting_for(session, person_id=holder.id, enterprise_code=code, on=date(2026, 3, 3))
    assert (acting.subject.kind, acting.capacity) == ("organisation", "法定代表人")
    assert enterprises_represented_by(session, holder.id, date(2026, 3, 3)) == []


def test_relations_to_unknown_parties_and_reversed_periods_are_refused_with_the_part_at_fault(
    session, keys, register, now
):
    register(enterprise(), person())
    known, nobody = person().identifier, person("99000119900307999").identifier
    day = date(2020, 1, 1)

    outcome = register_relations(
        session,
        keys,
        [
            RelationRow(known, known, "supervisor", day),
            RelationRow(CREDIT_CODE, nobody, "supervisor", day),
            RelationRow(CREDIT_CODE, known, "supervisor", day, date(2019, 12, 31)),
        ],
        now,
    )

    assert [(row.refusal.part, row.refusal.code) for row in outcome.rows] == [
        ("enterprise", "enterprise_unknown"),
        ("principal", "principal_unknown"),
        ("valid_to", "period_reversed"),
    ]
    assert session.scalars(select(SubjectRelation)).all() == []


def test_everyone_whom_a_large_delivery_concerned_is_marked_and_waits_once_however_often_it_was(session, now):
    mark_for_rescoring(session, range(1, 2_001), "record_collected", now)
    mark_for_rescoring(session, range(1_000, 3_001), "record_expired", now)
    assert [is_marked(session, subject_id) for subject_id in (1, 1_500, 3_000, 3_001)] == [True, True, True, False]

    unfold_marks(session)
    unfold_marks(session)

    waiting = {
        subject_id: [mark.cause for mark in marks] for subject_id, marks in open_marks(session, 3_000).items()
    }
    assert sorted(waiting) == list(range(1, 3_001))
    assert (waiting[1], waiting[1_500]) == (["record_collected"], ["record_expired"])
    assert [is_marked(session, subject_id) for subject_id in (1, 1_500, 3_000, 3_001)] == [True, True, True, False]


def test_a_change_made_while_a_worker_recomputes_is_not_lost(session, register, now):
    subject_id = register(person()).rows[0].subject_id
    mark_for_rescoring(session, [subject_id, subject_id], "record_corrected", now)
    taken = open_marks(session, limit=100)

    mark_for_rescoring(session, [subject_id], "objection_filed", now)
    close_marks(session, [mark.id for mark in taken[subject_id]], now)

    assert len(taken[subject_id]) == 1
    assert is_marked(session, subject_id)
    assert [mark.cause for mark in open_marks(session, limit=100)[subject_id]] == ["objection_filed"]
    close_marks(session, [mark.id for mark in session.scalars(select(RescoreMark))], now)
    assert not is_marked(session, subject_id)


def test_a_register_of_a_town_is_taken_in_within_seconds(session, register, keys):
    people = [person(f"9900{i % 90:02d}19{50 + i % 50:02d}03{1 + i % 28:02d}{i % 1000:03d}") for i in range(6_000)]
    people = list({row.identifier: row for row in people}.values())
    companies = [
        enterprise(complete_social_credit_code("91990001" + complete_organisation_code(f"MA{i:06d}")))
        for i in range(500)
    ]

    started = time.perf_counter()
    outcome = register(*people, *companies)
    matched = match_identifiers(session, keys, [row.identifier for row in [*people, *companies]])
    took = time.perf_counter() - started

    assert outcome.count("added") == len(people) + len(companies) == len(matched)
    assert session.scalar(select(func.count()).select_from(SubjectCode)) == len(companies)
    assert took < 10  # some 1 s; ten times that would mean a query per row
