from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import set_committed_value

from backend.authorizations.service import activation_of
from backend.catalogue.service import catalogue_in_force
from backend.choices.service import decline, declined_by, take_back
from backend.city_calendar import WorkingDays, city_date
from backend.database import Base
from backend.deletion_requests.errors import (
    AlreadyRequested,
    DeletionReplyMissing,
    DeletionRequestNotFound,
    DeletionScopeIncomplete,
    DeletionStateForbids,
    NothingToDelete,
    NotUnderReview,
    PlanChanged,
    RecordInOpenCase,
)
from backend.deletion_requests.models import DeletionProof, DeletionRequest
from backend.deletion_requests.plan import Asked, plan_of
from backend.deletion_requests.proofs import content_of, proofs_of, verify_proofs
from backend.deletion_requests.service import (
    case_of,
    decide_deletion_request,
    deletion_queue,
    deletion_requests_of,
    events_of,
    file_deletion_request,
    get_own_deletion_request,
    watch_clocks,
    withdraw_deletion_request,
)
from backend.evidence.models import EvidenceFile
from backend.evidence.service import EvidenceStore, keep_evidence, remove_forgotten
from backend.ledger.service import Actor, record_access
from backend.notifications.service import Recipient, notifications_of, notify
from backend.objections.deadlines import load_deadlines
from backend.objections.service import file_objection, withdraw_objection
from backend.records.deletions import digest_of_content, verify_deletions
from backend.records.errors import RecordNotFound
from backend.records.models import CreditRecord, RecordDeletion
from backend.records.storing import version_of
from backend.repairs.service import case_of as repair_case
from backend.repairs.service import draft_repair
from backend.reports.models import CreditReport
from backend.scores.activation import activate_score
from backend.scores.models import Score
from backend.scores.runs import perform_run, request_run
from backend.scores.service import compute_subject, current_score, recompute_marked, stored_contributions
from backend.subjects.acting import ActingFor
from backend.subjects.models import Subject
from backend.subjects.rescoring import is_marked
from backend.supplements.models import Supplement
from backend.supplements.service import case_of as supplement_case
from backend.supplements.service import decide_supplement, file_supplement
from tests.factories import add_person, add_record, intake_of
from tests.rules_in_force import put_rules_in_force

BEFORE = datetime(2026, 1, 2, tzinfo=UTC)
NOW = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=5)
DAYS = WorkingDays()
NOTICE = "2026-11"
CERTIFICATE = {"SXMC": "二级建造师秘密", "SXBH": "JZ2025001", "FSRQ": "2025-06-30"}
ALL = Asked("all", "consent_withdrawn", "不想再用了")


@pytest.fixture
def person(session, keys):
    put_rules_in_force(session, BEFORE)
    return add_person(session, keys)


@pytest.fixture
def file(session, person):
    def file(asked=ALL, *, now=NOW):
        shown = plan_of(session, person.id, asked, now=now)
        return file_deletion_request(
            session, subject_id=person.id, asked=asked, confirmed=shown.digest, working_days=DAYS, now=now
        )

    return file


def about(category, ground="consent_withdrawn"):
    return Asked("category", ground, "请删除这一类", category=category)


def record_of(session, person, category, *, at=BEFORE, **facts):
    record = add_record(session, person, category, **facts)
    record.created_at = at
    session.add(version_of(record, now=at, changed_by="测试局", reason="报送"))
    session.flush()
    return record


def object_to(session, subject, record):
    return file_objection(
        session,
        subject_id=subject.id,
        filed_by_id=subject.id,
        record_id=record.id,
        grounds="不是我",
        evidence_ids=[],
        now=NOW,
        deadlines=load_deadlines(DAYS, "shandong"),
    )


def photo(session, keys, person, folder):
    picture = BytesIO()
    Image.new("RGB", (8, 8), "white").save(picture, "JPEG")
    return keep_evidence(
        session,
        EvidenceStore(folder, keys),
        subject_id=person.id,
        filename="证书.jpg",
        content=picture.getvalue(),
        uploaded_by="本人",
        now=BEFORE,
    ).id


def everything_said(session):
    """The whole database as text."""
    return "\n".join(
        str(content_of(session.scalars(select(mapper.class_)).all())) for mapper in Base.registry.mappers
    )


def test_what_the_law_has_kept_is_answered_at_once_with_basis_and_end(session, person, file):
    record = record_of(session, person, "court_judgment", level=1, event_on=date(2025, 12, 1))
    request = file(about("court_judgment"))
    [line] = request.plan
    assert (request.state, request.due_on, request.decided_by) == ("refused", None, "系统自动办理")
    assert line["disposition"] == "keep"
    assert line["basis"]
    assert date.fromisoformat(line["until"]) > city_date(NOW)
    assert "依法保留" in request.reply
    assert session.get(CreditRecord, record.id) is not None
    assert list(proofs_of(session, request.id)) == []


def test_of_several_records_that_stay_the_latest_end_is_told(session, person):
    for day in (date(2025, 10, 1), date(2025, 12, 1), date(2025, 11, 1)):
        record_of(session, person, "court_judgment", level=1, event_on=day)
    [kept] = plan_of(session, person.id, about("court_judgment"), now=NOW).items
    days = catalogue_in_force(session, NOW.date()).categories["court_judgment"].retention_days
    assert (kept.count, kept.until) == (3, date(2025, 12, 1) + timedelta(days=days))


def test_what_may_be_declined_is_deleted_on_confirmation_and_does_not_come_back(session, person, file):
    record_of(session, person, "volunteering", title="秘密的社区志愿服务")
    kept = record_of(session, person, "court_judgment", level=1).id
    request = file(about("volunteering"))
    session.expire_all()
    assert request.state == "deleted"
    assert session.scalars(select(CreditRecord.id)).all() == [kept]
    assert "volunteering" in declined_by(session, person.id)
    assert request.stopped == ["“志愿服务”从您确认时起停止记录、计分和展示"]
    assert "秘密的社区志愿服务" not in everything_said(session)
    [proof] = proofs_of(session, request.id)
    record_proof = session.scalars(select(RecordDeletion)).one()
    assert (proof.part, proof.things) == ("records", 1)
    assert proof.content_digest == digest_of_content([record_proof.content_digest.hex()])
    assert (record_proof.kept_until, record_proof.basis) == (city_date(NOW), proof.basis)
    assert list(verify_proofs(session).faults) == list(verify_deletions(session).faults) == []


def test_one_record_goes_without_its_category(session, person, file):
    gone = record_of(session, person, "honour", level=1)
    stays = record_of(session, person, "honour", level=1)
    request = file(Asked("record", "consent_withdrawn", "只删这一条", record_id=gone.id))
    session.expire_all()
    assert request.state == "deleted"
    assert session.scalars(select(CreditRecord.id)).all() == [stays.id]
    assert declined_by(session, person.id) == frozenset()


def test_what_needs_judgement_goes_to_an_officer_with_a_clock(session, person, file):
    record_of(session, person, "court_judgment", level=1)
    request = file(about("court_judgment", "unlawful"))
    assert (request.state, request.due_on) == ("under_review", date(2026, 3, 17))
    assert [one.id for one in deletion_queue(session, state="under_review")] == [request.id]
    [told] = notifications_of(session, [Recipient(officer_role="data_officer")])
    assert (told.kind, told.about) == ("deletion_requested", case_of(request))
    [mine] = notifications_of(session, [Recipient(subject_id=person.id)])
    assert "2026-03-17" in mine.body


@pytest.mark.parametrize(("deleted", "state"), [("both", "deleted"), ("one", "partly"), ("none", "refused")])
def test_the_officers_outcome_says_what_became_of_the_records(session, person, file, deleted, state):
    records = [record_of(session, person, "court_judgment", level=1).id for _ in range(2)]
    request = file(about("court_judgment", "unlawful"))
    chosen = records[: {"both": 2, "one": 1, "none": 0}[deleted]]
    decided = decide_deletion_request(
        session,
        request_id=request.id,
        delete_record_ids=chosen,
        reply="经核查，答复如下。",
        decided_by="数据专员 张敏",
        now=LATER,
    )
    session.expire_all()
    assert is_marked(session, person.id) == bool(chosen), "what went counts no longer"
    assert (decided.state, decided.due_on, decided.reply) == (state, None, "经核查，答复如下。")
    assert set(session.scalars(select(CreditRecord.id))) == set(records) - set(chosen)
    assert len(proofs_of(session, request.id)) == (1 if chosen else 0)
    assert notifications_of(session, [Recipient(subject_id=person.id)])[0].body == "经核查，答复如下。"
    with pytest.raises(DeletionStateForbids):
        withdraw_deletion_request(session, subject_id=person.id, request_id=request.id, now=LATER)


@pytest.mark.parametrize(
    ("going_at_once", "officer_deletes"), [("volunteering", False), (None, True)], ids=["went", "kept"]
)
def test_the_outcome_counts_what_went_or_stayed_when_it_was_filed(
    session, person, file, going_at_once, officer_deletes
):
    record = record_of(session, person, "court_judgment", level=1)
    if going_at_once:
        record_of(session, person, going_at_once)
    request = file(Asked("all", "unlawful", "请全部删除"))
    decided = decide_deletion_request(
        session,
        request_id=request.id,
        delete_record_ids=[record.id] if officer_deletes else [],
        reply="经核查，答复如下。",
        decided_by="张敏",
        now=LATER,
    )
    assert decided.state == "partly"


def test_an_officer_gives_reasons_and_touches_only_what_is_asked_about(session, person, file):
    asked_about = record_of(session, person, "court_judgment", level=1)
    other = record_of(session, person, "honour", level=1)
    request = file(about("court_judgment", "unlawful"))
    decision = {"request_id": request.id, "decided_by": "张敏", "now": LATER}
    with pytest.raises(DeletionReplyMissing):
        decide_deletion_request(session, delete_record_ids=[asked_about.id], reply=" 好 ", **decision)
    with pytest.raises(NotUnderReview):
        decide_deletion_request(session, delete_record_ids=[other.id], reply="同意删除。", **decision)
    assert request.state == "under_review"


def test_a_record_in_an_open_case_waits(session, person, file):
    record = record_of(session, person, "honour", level=1)
    objection = object_to(session, person, record)
    request = file(about("honour"))
    decision = {"request_id": request.id, "delete_record_ids": [record.id], "reply": "同意删除。"}
    assert (request.state, request.plan[0]["disposition"]) == ("under_review", "review")
    with pytest.raises(RecordInOpenCase):
        decide_deletion_request(session, **decision, decided_by="张敏", now=LATER)
    withdraw_objection(session, subject_id=person.id, objection_id=objection.id, now=LATER)
    assert decide_deletion_request(session, **decision, decided_by="张敏", now=LATER).state == "deleted"
    session.expire_all()
    # The case file still refers to it: an empty row stays, so that the file can be read.
    assert session.get(CreditRecord, record.id).content == {}
    assert "records" not in {item.part for item in plan_of(session, person.id, ALL, now=LATER).items}
    assert list(verify_deletions(session).faults) == []


def test_withdrawing_leaves_what_was_not_judged(session, person, file):
    record = record_of(session, person, "court_judgment", level=1)
    request = file(about("court_judgment", "other"))
    withdrawn = withdraw_deletion_request(session, subject_id=person.id, request_id=request.id, now=LATER)
    assert (withdrawn.state, withdrawn.due_on) == ("withdrawn", None)
    assert session.get(CreditRecord, record.id) is not None
    assert [event.event for event in events_of(session, request.id)] == ["file", "withdraw"]
    assert file(about("court_judgment", "other")).state == "under_review"


def test_one_request_at_a_time_and_nobody_elses(session, keys, person, file):
    record_of(session, person, "court_judgment", level=1)
    request = file(about("court_judgment", "other"))
    with pytest.raises(AlreadyRequested) as refusal:
        file(ALL)
    assert "2026-03-17" in refusal.value.detail
    other = add_person(session, keys)
    with pytest.raises(DeletionRequestNotFound):
        get_own_deletion_request(session, subject_id=other.id, request_id=request.id)
    with pytest.raises(RecordNotFound):
        plan_of(session, other.id, Asked("record", "other", "", record_id=1), now=NOW)
    assert list(deletion_requests_of(session, other.id)) == []


def test_nothing_is_deleted_on_a_plan_that_has_changed_since_it_was_shown(session, person):
    record_of(session, person, "honour", level=1)
    shown = plan_of(session, person.id, about("honour"), now=NOW)
    record_of(session, person, "honour", level=1)
    with pytest.raises(PlanChanged):
        file_deletion_request(
            session,
            subject_id=person.id,
            asked=about("honour"),
            confirmed=shown.digest,
            working_days=DAYS,
            now=NOW,
        )
    assert len(session.scalars(select(CreditRecord.id)).all()) == 2


def test_a_score_opened_a_moment_ago_ends_with_the_asking_though_nothing_was_computed_yet(session, person, file):
    activate_score(session, subject_id=person.id, notice_version=NOTICE, evidence={}, now=NOW)
    request = file(ALL)
    assert "信用分在您确认的同时停用" in request.stopped
    assert activation_of(session, person.id) is None


def test_a_score_opened_again_outlives_what_an_officer_decides_later_about_the_records(session, person, file):
    record = record_of(session, person, "court_judgment", level=1)
    activate_score(session, subject_id=person.id, notice_version=NOTICE, evidence={}, now=NOW)
    request = file(Asked("all", "unlawful", "请全部删除"))
    assert activation_of(session, person.id) is None
    activate_score(session, subject_id=person.id, notice_version=NOTICE, evidence={}, now=LATER)

    decide_deletion_request(
        session,
        request_id=request.id,
        delete_record_ids=[record.id],
        reply="经核查，同意删除。",
        decided_by="张敏",
        now=LATER + timedelta(days=1),
    )

    assert session.scalars(select(CreditRecord.id)).all() == []
    assert activation_of(session, person.id) is not None


def test_what_the_law_has_kept_of_somebody_else_is_none_of_the_answer(session, keys, person):
    other = add_person(session, keys)
    record = record_of(session, other, "court_judgment", level=1)
    activate_score(session, subject_id=other.id, notice_version=NOTICE, evidence={}, now=NOW)
    object_to(session, other, record)
    record_access(
        session,
        subject_id=other.id,
        actor=Actor("partner", "1", "桂城银行"),
        action="report_read",
        basis="本人授权",
        purpose="信易贷",
        detail={},
        channel="partner_api",
        now=NOW,
    )

    mine, theirs = (plan_of(session, subject.id, ALL, now=NOW) for subject in (person, other))

    assert {item.part for item in mine.items} == {"register"}
    assert "信用分没有开通，不计算、不展示" in mine.stopped
    until = {item.part: item.until for item in theirs.items}
    assert {"ledger", "consents", "cases", "register"} <= set(until)
    assert until["consents"] == date(2029, 3, 3), "three years after the last step"


def test_asking_for_nothing_says_so(session, person):
    with pytest.raises(NothingToDelete):
        plan_of(session, person.id, about("honour"), now=NOW)
    for scope in ("category", "record"):
        with pytest.raises(DeletionScopeIncomplete):
            plan_of(session, person.id, Asked(scope, "other", "随便"), now=NOW)


def supplied(session, keys, person, tmp_path) -> Supplement:
    """What the person supplied itself, with a photo."""
    return file_supplement(
        session,
        intake_of(keys),
        acting=ActingFor(person, person.id, "本人"),
        category="supplement_education",
        cells=CERTIFICATE,
        evidence_ids=[photo(session, keys, person, tmp_path)],
        consent_evidence=None,
        now=BEFORE + timedelta(days=30),
    )


def verified(session, keys, person, tmp_path) -> Supplement:
    """The same, verified by the department."""
    supplement = supplied(session, keys, person, tmp_path)
    decide_supplement(
        session,
        intake_of(keys),
        supplement_id=supplement.id,
        outcome="verified",
        reply="",
        decided_by="王核",
        now=NOW,
    )
    return supplement


def test_a_category_takes_along_what_was_supplied_of_it_also_before_it_is_verified_and_nothing_of_another(
    session, keys, person, tmp_path
):
    supplied(session, keys, person, tmp_path)
    record_of(session, person, "honour", level=1)

    def parts(category):
        return {item.part for item in plan_of(session, person.id, about(category), now=NOW).items}

    assert parts("supplement_education") == {"supplements", "evidence"}
    assert parts("honour") == {"records"}


def test_supplements_go_with_record_evidence_and_messages(session, keys, person, file, tmp_path):
    supplement = verified(session, keys, person, tmp_path)
    case = supplement_case(supplement)
    request = file()
    session.expire_all()
    assert session.scalars(select(Supplement.id)).all() == []
    assert session.scalars(select(CreditRecord.id)).all() == []
    assert session.scalars(select(EvidenceFile.id)).all() == []
    assert all(told.about != case for told in notifications_of(session, [Recipient(subject_id=person.id)]))
    assert "二级建造师秘密" not in everything_said(session)
    assert {proof.part for proof in proofs_of(session, request.id)} == {
        "supplements",
        "evidence",
        "messages",
        "records",
    }
    # The sealed file is taken away once the deletion has been committed, and only then.
    assert len([path for path in tmp_path.glob("??/*") if path.is_file()]) == 1
    assert remove_forgotten(session, EvidenceStore(tmp_path, keys)) == 1
    assert [path for path in tmp_path.glob("??/*") if path.is_file()] == []


def test_what_an_open_case_rests_on_stays_until_it_is_decided(session, keys, person, file, tmp_path):
    """The supplied data itself, and the papers of both cases."""
    supplement = verified(session, keys, person, tmp_path)
    objection = file_objection(
        session,
        subject_id=person.id,
        filed_by_id=person.id,
        record_id=supplement.record_id,
        grounds="级别不对",
        evidence_ids=[photo(session, keys, person, tmp_path)],
        now=NOW,
        deadlines=load_deadlines(DAYS, "shandong"),
    )
    request = file()
    session.expire_all()

    assert request.state == "under_review"
    assert session.scalars(select(Supplement.id)).all() == [supplement.id]
    papers = {supplement_case(supplement), objection.case}
    assert {one.case for one in session.scalars(select(EvidenceFile))} == papers

    withdraw_objection(session, subject_id=person.id, objection_id=objection.id, now=LATER)
    withdraw_deletion_request(session, subject_id=person.id, request_id=request.id, now=LATER)
    file()
    session.expire_all()
    assert session.scalars(select(Supplement.id)).all() == []
    assert session.scalars(select(EvidenceFile)).all() == []


def test_with_a_record_that_an_officer_lets_go_go_the_messages_about_it_and_nothing_of_the_others(
    session, keys, person, file, tmp_path
):
    record = record_of(session, person, "court_judgment", level=1)
    supplement_id = supplied(session, keys, person, tmp_path).id
    gone, other = f"record:{record.id}", "record:999999"
    for about_what in (gone, other):
        notify(
            session,
            Recipient(subject_id=person.id),
            kind="record_collected",
            title="一条记录",
            body="已入库",
            about=about_what,
            now=BEFORE,
        )
    request = file(about("court_judgment", "unlawful"))
    decide_deletion_request(
        session,
        request_id=request.id,
        delete_record_ids=[record.id],
        reply="经核查，同意删除。",
        decided_by="张敏",
        now=LATER,
    )
    session.expire_all()
    left = {told.about for told in notifications_of(session, [Recipient(subject_id=person.id)], limit=50)}
    assert other in left
    assert gone not in left
    assert session.scalars(select(Supplement.id)).all() == [supplement_id]


def test_the_papers_of_a_repair_under_way_stay(session, keys, person, file, tmp_path):
    record = record_of(session, person, "court_judgment", level=1)
    repair = draft_repair(
        session,
        acting=ActingFor(person, person.id, "本人"),
        record_ids=[record.id],
        explanation="已经履行完毕",
        evidence_ids=[photo(session, keys, person, tmp_path)],
        now=NOW,
    )
    file()
    session.expire_all()
    assert [one.case for one in session.scalars(select(EvidenceFile))] == [repair_case(repair)]


def test_a_report_that_shows_what_is_deleted_goes_with_it(session, keys, person, file):
    record_of(session, person, "honour", level=1)
    record_of(session, person, "court_judgment", level=1)
    report = CreditReport(
        number="XY20260302-ABCDEFGH",
        check_code="ABCDEFGH",
        subject_id=person.id,
        stationery="without_score",
        masked=False,
        fingerprint=b"f" * 32,
        as_of=date(2026, 3, 2),
        issued_at=BEFORE,
        issued_by="本人",
        valid_to=date(2026, 4, 1),
        pages=1,
        file_sha256="0" * 64,
        sealed_file=keys.seal_bytes("道德模范".encode()),
    )
    session.add(report)
    kept = plan_of(session, person.id, about("court_judgment"), now=NOW)
    assert {item.part for item in kept.items} == {"records"}, "where nothing goes, no report does"

    request = file(about("honour"))

    session.expire_all()
    assert report.sealed_file is None
    assert {proof.part for proof in proofs_of(session, request.id)} == {"records", "reports"}


def test_choices_in_force_stay_and_old_ones_and_old_messages_go(session, person, file):
    decline(session, subject_id=person.id, category="honour", now=BEFORE)
    take_back(session, subject_id=person.id, category="honour", now=BEFORE)
    decline(session, subject_id=person.id, category="blood_donation", now=BEFORE)
    for days, title in ((181, "旧消息"), (179, "新消息")):
        notify(
            session,
            Recipient(subject_id=person.id),
            kind="test",
            title=title,
            body="内容",
            now=NOW - timedelta(days=days),
        )
    request = file()
    session.expire_all()
    assert declined_by(session, person.id) == {"blood_donation"}
    assert {(proof.part, proof.things) for proof in proofs_of(session, request.id)} == {
        ("choices", 1),
        ("messages", 1),
    }
    titles = [told.title for told in notifications_of(session, [Recipient(subject_id=person.id)])]
    assert titles == ["您的删除申请已办结：部分删除", "新消息"]
    assert "“无偿献血与造血干细胞捐献”已停止记录、计分和展示" in request.stopped


def test_overdue_requests_are_told_once(session, person, file):
    record_of(session, person, "court_judgment", level=1)
    file(about("court_judgment", "other"))
    the_day_before, after = NOW + timedelta(days=13), NOW + timedelta(days=15)
    assert [watch_clocks(session, now=at, working_days=DAYS) for at in (NOW, the_day_before, the_day_before)] == [
        0,
        1,
        0,
    ]
    assert [watch_clocks(session, now=after, working_days=DAYS) for _ in range(2)] == [1, 0]
    kinds = [told.kind for told in notifications_of(session, [Recipient(officer_role="data_officer")])]
    assert kinds == ["deletion_request_overdue", "deletion_request_due_soon", "deletion_requested"]


def test_a_changed_or_removed_proof_is_found_and_the_database_lets_nobody_change_one(session, person, file):
    record_of(session, person, "honour", level=1)
    file(about("honour"))
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(update(DeletionProof).values(things=7))
    proof = session.scalars(select(DeletionProof)).one()
    set_committed_value(proof, "things", 7)
    assert [fault.what for fault in verify_proofs(session).faults] == ["凭证内容被改动"]


@pytest.fixture
def live_in(database, keys, tmp_path):
    """Moves a person with these records into a city with a published run; answers their id."""
    with database.transaction() as session:
        put_rules_in_force(session, BEFORE, policies=("guihua",))
        run = request_run(session, subject_kind="person", as_of=city_date(NOW), started_by="测试", now=NOW)
    perform_run(database, run.id, data_dir=tmp_path, clock=lambda: NOW, progress=lambda *_: None)

    def live_in(categories):
        with database.transaction() as session:
            person = add_person(session, keys)
            for n, category in enumerate(categories):
                record_of(session, person, category, level=1, at=NOW, title=f"秘密{person.id}-{n}。")
            activate_score(session, subject_id=person.id, notice_version=NOTICE, evidence={}, now=BEFORE)
        while recompute_marked(database, now=NOW):
            pass
        return person.id

    return live_in


DECLINABLE = {"volunteering", "honour", "blood_donation"}


def asks(database, person_id, asked):
    with database.transaction() as session:
        shown = plan_of(session, person_id, asked, now=NOW)
        file_deletion_request(
            session, subject_id=person_id, asked=asked, confirmed=shown.digest, working_days=DAYS, now=NOW
        )
    while recompute_marked(database, now=LATER):
        pass


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    categories=st.lists(st.sampled_from([*sorted(DECLINABLE), "court_judgment"]), min_size=2, max_size=5),
    chosen=st.integers(0, 4),
)
def test_after_deletion_nothing_is_left_the_proofs_hold_and_the_score_is_what_the_rest_gives(
    live_in, database, categories, chosen
):
    person_id = live_in(categories)
    asked = about(categories[chosen % len(categories)])
    asks(database, person_id, asked)

    with database.reading() as session:
        said = everything_said(session)
        score = current_score(session, person_id)
        person = session.get_one(Subject, person_id)
        scratch = compute_subject(session, person, policy_hash=score.policy_hash, as_of=score.as_of)
        faults = [*verify_proofs(session).faults, *verify_deletions(session).faults]
        proven = set(session.scalars(select(DeletionProof.part)))
    assert proven <= {"records", "messages"}, "a category's deletion is none of the score"
    for n, category in enumerate(categories):
        goes = category == asked.category and category in DECLINABLE
        assert (f"秘密{person_id}-{n}。" in said) == (not goes)
    assert faults == []
    assert (score.total, score.contributions) == (scratch.total, stored_contributions(scratch))


def test_asking_for_everything_ends_the_score_with_it(live_in, database):
    person_id = live_in(["volunteering", "court_judgment"])
    asks(database, person_id, ALL)

    with database.reading() as session:
        assert activation_of(session, person_id) is None
        assert session.scalars(select(Score.id).where(Score.subject_id == person_id)).all() == []
        [left] = session.scalars(select(CreditRecord).where(CreditRecord.subject_id == person_id))
        request = session.scalars(select(DeletionRequest)).one()
        parts = {proof.part for proof in proofs_of(session, request.id)}
        kept = {item["part"] for item in request.plan if item["disposition"] == "keep"}
    assert left.category == "court_judgment"
    assert {"score", "records"} <= parts
    assert kept == {"consents", "register", "records"}
    assert all(
        item["basis"] and (item["until"] or item["term"]) for item in request.plan if item["disposition"] == "keep"
    )
