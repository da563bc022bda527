from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from PIL import Image
from sqlalchemy import func, select

from backend.authorizations.end_reasons import end_reasons_of
from backend.authorizations.errors import ConsentNotInState, NoticeOutdated
from backend.authorizations.models import Consent
from backend.authorizations.notices import WRITTEN_CONSENT_NOTICE
from backend.authorizations.service import events_of as consent_events_of
from backend.authorizations.service import withdraw_consent
from backend.catalogue.service import import_catalogue
from backend.city_calendar import WorkingDays
from backend.evidence.service import EvidenceStore, evidence_of, keep_evidence
from backend.notifications.service import Recipient, notifications_of
from backend.records.errors import RowRefused
from backend.records.models import CreditRecord, Delivery
from backend.records.service import change_state, versions_of
from backend.records.single_row import take_in_row
from backend.scores.activation import withdraw_authorization
from backend.subjects.acting import ActingFor
from backend.subjects.rescoring import open_marks
from backend.supplements.errors import (
    AlreadyRecorded,
    ConsentMissing,
    FieldsMissing,
    FieldUnknown,
    MayNotBeCollected,
    NotSuppliable,
    ProofMissing,
    SupplementNotFound,
    SupplementReplyMissing,
    SupplementStateForbids,
)
from backend.supplements.models import Supplement
from backend.supplements.service import (
    case_of,
    cells_of,
    complete_supplement,
    count_waiting,
    decide_supplement,
    department_supplements,
    file_supplement,
    get_supplement_of_department,
    offered_to,
    raw_cells_of,
    return_supplement,
    take_back_what_rests_on,
    watch_clocks,
    withdraw_supplement,
)
from backend.supplements.suppliable import parse_suppliable, suppliable_on
from tests.backend.beside import beside
from tests.backend.catalogue.test_service import edited
from tests.factories import add_enterprise, add_person, intake_of
from tests.rules_in_force import put_rules_in_force

BEFORE = datetime(2026, 1, 2, tzinfo=UTC)
FILED = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
LATER = FILED + timedelta(hours=5)
DAYS = WorkingDays()
EDUCATION = "桂城市教育局"
EDUCATION_CODE = "11990001MB9000138A"
CERTIFICATE = {"SXMC": "二级建造师", "SXBH": "JZ2025001", "FSRQ": "2025-06-30"}

INCOME = """
- effective_from: 2026-01-01
  basis: 测试
  verification_days: 5
  categories:
    supplement_education:
      template: city_catalogue
      evidence: false
      hint: 测试
      fields:
        - {column: SXMC, label: 年收入证明, kind: text, required: true}
        - {column: SXBH, label: 证明编号, kind: text, required: true}
        - {column: FSRQ, label: 开具日期, kind: date, required: true}
      fixed: {}
"""


@pytest.fixture
def person(session, keys):
    put_rules_in_force(session, BEFORE)
    return add_person(session, keys)


@pytest.fixture
def photo(session, keys, person, tmp_path):
    def photo():
        picture = BytesIO()
        Image.new("RGB", (8, 8), "white").save(picture, "JPEG")
        return keep_evidence(
            session,
            EvidenceStore(tmp_path, keys),
            subject_id=person.id,
            filename="证书.jpg",
            content=picture.getvalue(),
            uploaded_by="本人",
            now=FILED,
        ).id

    return photo


@pytest.fixture
def file(session, keys, person, photo):
    def file(cells=CERTIFICATE, *, category="supplement_education", evidence=None, consent=None, **options):
        return file_supplement(
            session,
            intake_of(keys),
            acting=ActingFor(person, person.id, "本人"),
            category=category,
            cells=cells,
            evidence_ids=[photo()] if evidence is None else evidence,
            consent_evidence=consent,
            now=FILED,
            **options,
        )

    return file


def verify(session, keys, supplement):
    return decide_supplement(
        session,
        intake_of(keys),
        supplement_id=supplement.id,
        outcome="verified",
        reply="",
        decided_by="教育局 王核",
        now=LATER,
    )


def refuse(session, keys, supplement, reply="证书查无此号"):
    return decide_supplement(
        session,
        intake_of(keys),
        supplement_id=supplement.id,
        outcome="refused",
        reply=reply,
        decided_by="王核",
        now=LATER,
    )


def records(session):
    session.flush()
    return session.scalar(select(func.count()).select_from(CreditRecord))


def test_verified_it_becomes_a_record_through_the_storing_of_every_delivery(session, keys, person, file):
    supplement = verify(session, keys, file())

    record = session.get_one(CreditRecord, supplement.record_id)
    assert (record.subject_id, record.category, record.state) == (person.id, "supplement_education", "active")
    assert (record.title, record.event_on) == ("二级建造师", date(2025, 6, 30))
    assert record.source_department == f"自主申报，由{EDUCATION}核验"
    assert [version.changed_by for version in versions_of(session, record.id)] == [record.source_department]
    delivery = session.get_one(Delivery, record.delivery_id)
    assert (delivery.delivered, delivery.accepted, delivery.state) == (1, 1, "done")
    assert open_marks(session, 100)[person.id][-1].cause == "record_collected"
    told = notifications_of(session, [Recipient(subject_id=person.id)])
    assert [message.kind for message in told] == ["supplement_verified"]


def test_until_it_is_verified_it_is_no_record_and_changes_no_score(session, person, file):
    supplement = file()

    assert (supplement.state, supplement.department, supplement.due_on) == ("filed", EDUCATION, date(2026, 3, 17))
    assert records(session) == 0
    assert person.id not in open_marks(session, 100)
    assert [file.filename for file in evidence_of(session, case_of(supplement))] == ["证书.jpg"]


def test_what_was_filled_in_is_sealed_where_it_lies(session, keys, file):
    supplement = file()

    assert "二级建造师".encode() not in supplement.cells_sealed
    assert cells_of(keys, supplement)["事项名称"] == "二级建造师"


def test_a_matter_is_recorded_once_whoever_brings_it_first(session, keys, file):
    verify(session, keys, file())

    with pytest.raises(AlreadyRecorded):
        file()
    assert records(session) == 1


def test_what_the_department_delivered_itself_needs_no_declaration(session, keys, person, file):
    deliver(session, keys, person, "二级建造师")

    with pytest.raises(AlreadyRecorded):
        file()


def test_the_department_that_verified_corrects_by_delivering_and_answers_for_the_record_from_then_on(
    session, keys, person, file
):
    supplement = verify(session, keys, file())

    taken = deliver(session, keys, person, "二级建造师（市政）")

    assert (taken.outcome, taken.record.id) == ("corrected", supplement.record_id)
    assert (taken.record.title, taken.record.source_department) == ("二级建造师（市政）", EDUCATION)
    assert records(session) == 1


def deliver(session, keys, person, title):
    row = {
        "ZTLB": "自然人",
        "ZTMC": "王小兰",
        "ZTDM": keys.open(person.identifier_sealed),
        "MLDM": "supplement_education",
        "SXBH": "JZ2025001",
        "SXMC": title,
        "FSRQ": "2025-06-30",
        "SJLYDW": EDUCATION,
        "SJLYDWDM": EDUCATION_CODE,
    }
    return take_in_row(
        session,
        intake_of(keys),
        template="city_catalogue",
        row=row,
        source_department=EDUCATION,
        origin="file.csv",
        now=LATER,
    )


REFUSED = [
    ({"SXMC": "二级建造师", "SXBH": " ", "FSRQ": "2025-06-30"}, FieldsMissing),
    ({**CERTIFICATE, "ZTDM": "99000119900101001X"}, FieldUnknown),
    ({**CERTIFICATE, "FSRQ": "2025-02-30"}, RowRefused),
    ({**CERTIFICATE, "FSRQ": "2027-01-01"}, RowRefused),
    ({**CERTIFICATE, "SXMC": "糖尿病诊断证明"}, MayNotBeCollected),
    ({**CERTIFICATE, "SXMC": "房产证"}, MayNotBeCollected),
]


@pytest.mark.parametrize(("cells", "refusal"), REFUSED)
def test_what_a_delivered_row_would_be_refused_for_is_refused_at_once(session, file, cells, refusal):
    with pytest.raises(refusal):
        file(cells)
    assert records(session) == 0


def test_a_category_that_is_not_marked_as_suppliable_is_not_taken(session, file):
    with pytest.raises(NotSuppliable):
        file(category="court_judgment")


def test_proof_is_needed_where_the_configuration_says_so(file):
    with pytest.raises(ProofMissing):
        file(evidence=[])


def test_nothing_could_be_supplied_before_the_configuration_took_effect():
    assert suppliable_on(date(2025, 12, 31)) is None
    assert suppliable_on(date(2026, 1, 1)) is not None


def test_an_enterprise_is_offered_only_what_the_catalogue_allows_about_enterprises(session, keys, person):
    enterprise = add_enterprise(session, keys)

    assert {category.code for category, _ in offered_to(session, enterprise, today=date(2026, 3, 3))} == {
        "honour",
        "public_service",
    }
    assert "volunteering" in {category.code for category, _ in offered_to(session, person, today=date(2026, 3, 3))}


def test_what_a_newer_catalogue_no_longer_lists_is_not_offered_from_its_first_day(session, person):
    import_catalogue(session, edited("2026.2", date(2026, 9, 1), without="honour"), BEFORE)

    def offered(today):
        return {category.code for category, _ in offered_to(session, person, today=today)}

    assert offered(date(2026, 8, 31)) - offered(date(2026, 9, 1)) == {"honour"}


def test_every_offered_form_makes_a_record(session, keys, person, file):
    values = {"date": "2026-01-10", "number": "2.5", "text": "测试内容"}
    for category, form in offered_to(session, person, today=date(2026, 3, 3)):
        cells = {field.column: field.choices[-1] if field.choices else values[field.kind] for field in form.fields}
        assert verify(session, keys, file(cells, category=category.code)).record_id is not None


def test_income_and_property_are_taken_only_with_a_separate_written_consent(session, file):
    (config,) = parse_suppliable(INCOME)
    with pytest.raises(ConsentMissing) as refusal:
        file({**CERTIFICATE, "SXMC": "收入证明"}, evidence=[], config=config)
    assert refusal.value.data["notice_version"] == WRITTEN_CONSENT_NOTICE.version
    with pytest.raises(NoticeOutdated):
        file({**CERTIFICATE, "SXMC": "收入证明"}, evidence=[], consent={"notice_version": "2019"}, config=config)

    consent = {"notice_version": WRITTEN_CONSENT_NOTICE.version, "agreed": True}
    supplement = file({**CERTIFICATE, "SXMC": "收入证明"}, evidence=[], consent=consent, config=config)

    given = session.get_one(Consent, supplement.consent_id)
    assert (given.kind, given.state, given.data_categories) == (
        "written",
        "given",
        ["学历与职业资格补充", "年收入证明", "证明编号", "开具日期"],
    )


def test_withdrawing_the_written_consent_revokes_what_rested_on_it_at_once(session, keys, person, file):
    (config,) = parse_suppliable(INCOME)
    consent = {"notice_version": WRITTEN_CONSENT_NOTICE.version, "agreed": True}
    supplement = file({**CERTIFICATE, "SXMC": "收入证明"}, evidence=[], consent=consent, config=config)
    verify(session, keys, supplement)

    withdraw_authorization(session, subject_id=person.id, consent_id=supplement.consent_id, now=LATER)

    assert supplement.state == "withdrawn"
    assert session.get_one(CreditRecord, supplement.record_id).state == "revoked"


def test_a_refusal_ends_the_written_consent_with_its_purpose_and_says_so(session, keys, person, file):
    (config,) = parse_suppliable(INCOME)
    consent = {"notice_version": WRITTEN_CONSENT_NOTICE.version, "agreed": True}
    refused, other = (
        file({**CERTIFICATE, "SXBH": number}, evidence=[], consent=consent, config=config)
        for number in ("SR2025001", "SR2025002")
    )

    refuse(session, keys, refused)

    ended = session.get_one(Consent, refused.consent_id)
    assert (ended.state, ended.ended_at, session.get_one(Consent, other.consent_id).state) == (
        "expired",
        LATER,
        "given",
    )
    *_, end = consent_events_of(session, ended.id)
    assert (end.event, end.at, end.actor) == ("expire", LATER, "system")
    reason = "自主申报未通过核验，收集这些信息的目的不能再实现，同意随之终止"
    assert end_reasons_of(session, person.id) == {ended.id: reason}
    told = next(
        one for one in notifications_of(session, [Recipient(subject_id=person.id)]) if "refused" in one.kind
    )
    assert told.body == "证书查无此号（您为这次申报作出的单独书面同意已同时终止。）"
    with pytest.raises(ConsentNotInState):
        withdraw_authorization(session, subject_id=person.id, consent_id=ended.id, now=LATER)


def test_a_refusal_without_a_written_consent_speaks_of_none(session, keys, person, file):
    refuse(session, keys, file())
    told = next(
        one for one in notifications_of(session, [Recipient(subject_id=person.id)]) if "refused" in one.kind
    )
    assert told.body == "证书查无此号"


def test_a_refusal_waits_for_whoever_withdraws_the_written_consent_at_that_moment(postgresql_database, keys):
    (config,) = parse_suppliable(INCOME)
    consent = {"notice_version": WRITTEN_CONSENT_NOTICE.version, "agreed": True}
    with postgresql_database.transaction() as session:
        put_rules_in_force(session, BEFORE)
        person = add_person(session, keys)
        supplement = file_supplement(
            session,
            intake_of(keys),
            acting=ActingFor(person, person.id, "本人"),
            category="supplement_education",
            cells={**CERTIFICATE, "SXMC": "收入证明"},
            evidence_ids=[],
            consent_evidence=consent,
            now=FILED,
            config=config,
        )

    with postgresql_database.transaction() as session:
        withdraw_consent(session, subject_id=person.id, consent_id=supplement.consent_id, now=LATER)
        refusal = beside(session, postgresql_database, lambda other: refuse(other, keys, supplement))
        take_back_what_rests_on(session, consent_id=supplement.consent_id, now=LATER)

    with pytest.raises(SupplementStateForbids):
        refusal.result()
    with postgresql_database.reading() as session:
        states = [
            session.get_one(row, key).state
            for row, key in ((Supplement, supplement.id), (Consent, supplement.consent_id))
        ]
    assert states == ["withdrawn", "withdrawn"]


def test_what_the_form_does_not_require_may_be_left_out(session, keys, file):
    form = INCOME.replace("年收入证明", "证书名称").replace(
        "      fixed", "        - {column: BZ, label: 备注, kind: text, required: false}\n      fixed"
    )
    (config,) = parse_suppliable(form)

    supplement = file({**CERTIFICATE, "BZ": " "}, evidence=[], config=config)

    assert raw_cells_of(keys, supplement) == CERTIFICATE


@pytest.mark.parametrize("state", ["active", "disputed"])
def test_taking_a_supplement_back_revokes_the_record_and_ends_the_consent(session, keys, person, file, state):
    (config,) = parse_suppliable(INCOME)
    consent = {"notice_version": WRITTEN_CONSENT_NOTICE.version, "agreed": True}
    supplement = file({**CERTIFICATE, "SXMC": "收入证明"}, evidence=[], consent=consent, config=config)
    verify(session, keys, supplement)
    record = session.get_one(CreditRecord, supplement.record_id)
    if state != record.state:
        change_state(session, record, state=state, changed_by="本人", reason="异议", now=LATER)

    withdraw_supplement(
        session, supplement_id=supplement.id, acting=ActingFor(person, person.id, "本人"), now=LATER
    )

    assert session.get_one(CreditRecord, supplement.record_id).state == "revoked"
    assert session.get_one(Consent, supplement.consent_id).state == "withdrawn"


def test_returned_for_completion_it_comes_back_with_a_new_clock(session, keys, person, file):
    supplement = file()
    return_supplement(session, supplement_id=supplement.id, missing="证书编号看不清", decided_by="王核", now=LATER)
    assert (supplement.state, supplement.due_on) == ("returned", None)

    complete_supplement(
        session,
        intake_of(keys),
        supplement_id=supplement.id,
        acting=ActingFor(person, person.id, "本人"),
        cells={**CERTIFICATE, "SXBH": "JZ2025009"},
        evidence_ids=[],
        now=FILED + timedelta(days=7),
    )

    assert (supplement.state, supplement.due_on) == ("filed", date(2026, 3, 24))
    assert cells_of(keys, supplement)["事项编号"] == "JZ2025009"


@pytest.fixture
def hand_in_again(session, keys, file):
    """A supplement that was returned, and how anybody hands it in again."""
    supplement = file()
    return_supplement(session, supplement_id=supplement.id, missing="证书编号看不清", decided_by="王核", now=LATER)

    def hand_in_again(who, cells=CERTIFICATE, evidence=()):
        return complete_supplement(
            session,
            intake_of(keys),
            supplement_id=supplement.id,
            acting=ActingFor(who, who.id, "本人"),
            cells=cells,
            evidence_ids=evidence,
            now=LATER,
        )

    return hand_in_again


@pytest.mark.parametrize(("cells", "refusal"), REFUSED)
def test_what_is_handed_in_again_is_refused_for_the_same_reasons(person, hand_in_again, cells, refusal):
    with pytest.raises(refusal):
        hand_in_again(person, cells)


def test_only_who_filed_hands_it_in_again_and_the_new_papers_join_the_old(
    session, keys, person, photo, hand_in_again
):
    with pytest.raises(SupplementNotFound):
        hand_in_again(add_person(session, keys))

    supplement = hand_in_again(person, evidence=[photo()])

    assert len(evidence_of(session, case_of(supplement))) == 2


def test_a_refusal_needs_reasons_and_makes_no_record(session, keys, file):
    supplement = file()

    with pytest.raises(SupplementReplyMissing):
        refuse(session, keys, supplement, reply="")
    refuse(session, keys, supplement)

    assert (supplement.state, supplement.reply, records(session)) == ("refused", "证书查无此号", 0)
    with pytest.raises(SupplementStateForbids):
        verify(session, keys, supplement)


def test_only_the_responsible_department_and_the_one_who_filed_find_it(session, keys, file):
    supplement = file()
    neighbour = add_person(session, keys)

    assert get_supplement_of_department(session, supplement.id, EDUCATION_CODE) is supplement
    with pytest.raises(SupplementNotFound):
        get_supplement_of_department(session, supplement.id, "11990001MB9000074C")
    with pytest.raises(SupplementNotFound):
        withdraw_supplement(
            session, supplement_id=supplement.id, acting=ActingFor(neighbour, neighbour.id, "本人"), now=LATER
        )
    with pytest.raises(SupplementNotFound):
        get_supplement_of_department(session, uuid4(), EDUCATION_CODE)
    assert [one.id for one in department_supplements(session, EDUCATION_CODE)] == [supplement.id]
    waiting = [count_waiting(session, code, date(2026, 3, 3)) for code in (EDUCATION_CODE, "11990001MB9000074C")]
    assert waiting == [(1, 0), (0, 0)]
    [told] = notifications_of(session, [Recipient(partner_code=EDUCATION_CODE)])
    assert (told.kind, told.about) == ("supplement_filed", case_of(supplement))


def test_the_clock_reminds_once_and_raises_an_alarm_once(session, person, file):
    file()

    told = [
        watch_clocks(session, now=FILED + timedelta(days=days), working_days=DAYS) for days in (0, 13, 13, 15, 16)
    ]

    # The officers and the department each time; whoever applied only hears that it is late.
    assert told == [0, 2, 0, 3, 0]
    mine = notifications_of(session, [Recipient(subject_id=person.id)])
    assert [message.kind for message in mine] == ["supplement_overdue"]
    assert session.scalar(select(func.count()).select_from(Supplement)) == 1
