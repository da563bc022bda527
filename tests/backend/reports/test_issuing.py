from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256

import pytest

from backend.authorizations.errors import MinorMayNotActivate
from backend.choices.service import decline
from backend.city_calendar import WorkingDays
from backend.ledger.service import Actor, entries_about
from backend.objections.deadlines import load_deadlines
from backend.objections.service import attach_statement, decide_objection, file_objection
from backend.reports.errors import (
    EvaluationMissing,
    NoLongerEvaluated,
    NoReportForThisSubject,
    ReportFileGone,
    ReportNotFound,
    ReportSigningNotConfigured,
    ScoreBeingRecomputed,
)
from backend.reports.service import Reader, delete_old_files, open_report
from backend.reports.signing import examine_signature
from backend.scores.activation import leave_score
from backend.scores.errors import NotActivated
from backend.scores.service import forget_scores
from backend.subjects.rescoring import mark_for_rescoring
from tests.factories import add_enterprise, add_person, add_relation
from tests.reading_pdfs import CERTIFICATE, inked_share, text_of

CLERK = Reader(
    actor=Actor(kind="officer", id="7", name="信用办 张敏"),
    basis="依本人申请",
    purpose="本人到窗口打印",
    channel="console",
)


def test_a_report_names_the_subject_the_records_and_how_to_verify_it(office):
    report = office.issue()
    text = text_of(office.file_of(report))

    number = office.keys.open(office.lan.identifier_sealed)
    for expected in (
        "王小兰",
        number,
        report.number,
        "社区图书馆志愿服务",
        "60小时",
        "桂城市测试局",
        "2026-04-02",
    ):
        assert expected in text
    assert f"{report.check_code[:4]}-{report.check_code[4:]}" in text
    assert "第1页" in text
    assert "桂城市公共信用信息中心" in text
    assert all(share > 0.02 for share in inked_share(office.file_of(report)))
    assert report.pages == len(inked_share(office.file_of(report)))


def test_a_citizen_may_have_name_and_number_masked(office):
    text = text_of(office.file_of(office.issue(masked=True)))

    assert "王*兰" in text
    assert "王小兰" not in text
    assert office.keys.open(office.lan.identifier_sealed) not in text


def test_only_the_stationery_with_score_shows_score_grade_and_contributions(office):
    office.activate()

    plain = text_of(office.file_of(office.issue()))
    scored = text_of(office.file_of(office.issue(stationery="with_score")))

    assert "得分" in scored
    assert "桂花分" in scored
    assert "志愿服务时长" in scored
    for word in ("桂花分", "等级：", "基础分", "志愿服务时长"):
        assert word not in plain


def test_without_consent_there_is_no_score_on_paper_and_still_a_report(office):
    with pytest.raises(NotActivated):
        office.issue(stationery="with_score")

    assert office.issue().stationery == "without_score"


def test_someone_too_young_is_not_sent_to_open_a_score_that_they_cannot_open(office):
    office.lan.born_on = date(2010, 1, 1)

    with pytest.raises(MinorMayNotActivate):
        office.issue(stationery="with_score")
    assert office.issue().stationery == "without_score"


@pytest.mark.parametrize(
    ("status", "refusal"),
    [("cancelled", NoLongerEvaluated), ("merged", NoLongerEvaluated), ("active", EvaluationMissing)],
)
def test_an_enterprise_without_an_evaluation_is_told_so_and_gets_the_other_stationery(office, status, refusal):
    forget_scores(office.session, office.company.id)
    office.company.status = status

    with pytest.raises(refusal):
        office.issue(office.company, stationery="with_score")
    assert office.issue(office.company).stationery == "without_score"


def test_a_part_of_the_score_says_when_the_records_behind_it_are_not_listed_any_more(office, has_record):
    office.activate()
    has_record(office.lan, "utility_arrears", title="水费欠缴", quantity=700)
    office.rescore()

    text = text_of(office.file_of(office.issue(stationery="with_score")))

    assert "水费欠缴" not in text
    assert "依据的记录中有1条已过公示期限或者不对外提供，不列明细" in text


def test_while_a_score_is_being_recomputed_none_is_printed(office):
    office.activate()
    mark_for_rescoring(office.session, [office.lan.id], "record_collected", office.now)

    with pytest.raises(ScoreBeingRecomputed):
        office.issue(stationery="with_score")


@pytest.mark.parametrize("state", ["repaired", "revoked", "expired"])
def test_a_record_that_no_longer_shows_is_not_printed(office, has_record, state):
    has_record(office.lan, "court_judgment", level=3, title="（2025）桂01民初1号", state=state)

    assert "（2025）桂01民初1号" not in text_of(office.file_of(office.issue()))


def test_a_record_is_printed_until_its_last_day(office, has_record):
    today = date(2026, 3, 3)
    has_record(office.lan, "court_judgment", level=1, title="末日", event_on=today - timedelta(days=90))
    has_record(office.lan, "court_judgment", level=1, title="逾期", event_on=today - timedelta(days=91))

    text = text_of(office.file_of(office.issue()))

    assert "末日" in text
    assert "逾期" not in text


def test_what_has_not_happened_yet_is_not_printed(office, has_record):
    today = date(2026, 3, 3)
    has_record(office.lan, "volunteering", title="今日清洁", event_on=today)
    has_record(office.lan, "volunteering", title="明日清洁", event_on=today + timedelta(days=1))

    text = text_of(office.file_of(office.issue()))

    assert "今日清洁" in text
    assert "明日清洁" not in text


def test_what_is_internal_to_the_departments_is_not_printed(office, has_record):
    has_record(office.lan, "utility_arrears", title="水费欠缴")

    assert "水费欠缴" not in text_of(office.file_of(office.issue()))


def test_what_its_subject_declines_is_not_printed(office, has_record):
    has_record(office.lan, "volunteering", title="社区清洁")
    decline(office.session, subject_id=office.lan.id, category="volunteering", now=office.now)

    assert "社区清洁" not in text_of(office.file_of(office.issue()))


def test_a_disputed_record_is_marked_and_a_statement_stands_beside_it(office, has_record):
    record = has_record(office.lan, "court_judgment", level=2, title="（2025）桂01民初1号")
    deadlines = load_deadlines(WorkingDays())
    objection = file_objection(
        office.session, subject_id=office.lan.id, record_id=record.id, grounds="已履行", now=office.now,
        deadlines=deadlines,
    )  # fmt: skip
    disputed = text_of(office.file_of(office.issue()))
    decide_objection(
        office.session, objection_id=objection.id, outcome="rejected", reply="判决仍未履行", officer="张敏",
        now=office.now,
    )  # fmt: skip
    attach_statement(
        office.session, subject_id=office.lan.id, objection_id=objection.id, statement="已与对方协商分期",
        now=office.now,
    )  # fmt: skip

    decided = text_of(office.file_of(office.issue()))

    # The words also stand once in the explanation of terms.
    assert disputed.count("异议核查中") == decided.count("异议核查中") + 1
    assert "本人声明：已与对方协商分期" in decided


def test_asking_again_on_the_same_day_gives_the_same_report(office, has_record):
    first = office.issue()
    again = office.issue()
    masked = office.issue(masked=True)
    office.now += timedelta(days=1)
    tomorrow = office.issue(masked=True)

    assert again.number == first.number
    assert len({first.number, masked.number, tomorrow.number}) == 3
    assert first.superseded_by == masked.id
    assert (masked.superseded_because, masked.superseded_by) == ("newer_report", tomorrow.id)


def test_the_two_kinds_of_stationery_do_not_supersede_each_other(office):
    office.activate()
    scored = office.issue(stationery="with_score")

    office.issue()

    assert scored.superseded_at is None


def test_the_file_is_kept_sealed_and_its_fingerprint_is_that_of_the_file(office):
    report = office.issue()
    file = office.file_of(report)

    assert file.startswith(b"%PDF")
    assert b"%PDF-1." not in report.sealed_file
    assert report.file_sha256 == sha256(file).hexdigest()


def test_the_signature_is_ours_and_covers_the_whole_file(office):
    file = office.file_of(office.issue())

    finding = examine_signature(file, CERTIFICATE, now=office.now)

    assert (finding.whole, finding.signed_at) == (True, office.now)


def test_a_desk_leaves_a_row_in_the_ledger_for_printing_and_for_opening(office):
    report = office.issue(reader=CLERK, issued_by="信用办 张敏")
    open_report(office.session, office.keys, number=report.number, readers=CLERK, now=office.now)
    # The same report once more, on the same day.
    assert office.issue(reader=CLERK, issued_by="信用办 张敏") is report
    office.session.flush()

    rows = entries_about(office.session, office.lan.id)

    assert [(row.action, row.actor_name, row.purpose) for row in rows] == [
        ("report_printed", "信用办 张敏", "本人到窗口打印"),
        ("report_read", "信用办 张敏", "本人到窗口打印"),
        ("report_printed", "信用办 张敏", "本人到窗口打印"),
    ]


def test_someone_elses_report_looks_like_none(office):
    report = office.issue()

    for number, of in ((report.number, [office.company.id]), ("XY20260303-22222222", [office.lan.id])):
        with pytest.raises(ReportNotFound):
            open_report(office.session, office.keys, number=number, readers=dict.fromkeys(of), now=office.now)


def test_leaving_blocks_the_file_with_the_score_at_once_and_then_deletes_it(office):
    office.activate()
    scored, plain = office.issue(stationery="with_score"), office.issue()
    leave_score(office.session, subject_id=office.lan.id, now=office.now)

    def opened(report):
        return open_report(
            office.session, office.keys, number=report.number, readers={office.lan.id: None}, now=office.now
        )

    with pytest.raises(ReportFileGone):
        opened(scored)
    assert delete_old_files(office.session, now=office.now) == 1
    office.session.expire_all()
    assert scored.sealed_file is None
    assert opened(plain)[1].startswith(b"%PDF")


def test_a_file_is_deleted_when_its_term_is_over_and_its_number_stays(office):
    report = office.issue()

    assert delete_old_files(office.session, now=office.now + timedelta(days=60)) == 0
    assert delete_old_files(office.session, now=office.now + timedelta(days=61)) == 1
    with pytest.raises(ReportFileGone):
        open_report(
            office.session, office.keys, number=report.number, readers={office.lan.id: None}, now=office.now
        )


def test_an_enterprise_has_its_own_report(office, has_record):
    has_record(office.company, "admin_penalty", title="未按规定公示年报", level=2, event_on=date(2026, 1, 9))
    has_record(office.company, "commitment", title="诚信经营承诺", level=1)
    office.rescore()

    text = text_of(office.file_of(office.issue(office.company, stationery="with_score")))

    for expected in (
        "桂城示例有限公司", office.company.public_code, "公共信用综合评价", "遵纪守法", "食品经营许可",
        "未按规定公示年报", "诚信经营承诺", "法定代表人",
    ):  # fmt: skip
        assert expected in text


def test_an_enterprises_report_names_no_natural_person_but_its_legal_representative(office):
    for name, role in (("李大强", "shareholder"), ("赵新来", "shareholder"), ("孙明远", "supervisor")):
        person = add_person(office.session, office.keys, name=name)
        add_relation(office.session, enterprise=office.company, principal=person, role=role)
    parent = add_enterprise(office.session, office.keys, name="桂城控股有限公司")
    add_relation(office.session, enterprise=office.company, principal=parent, role="shareholder")

    text = text_of(office.file_of(office.issue(office.company)))

    assert "王小兰" in text
    assert "桂城控股有限公司" in text
    assert "自然人2名" in text
    for hidden in ("李大强", "赵新来", "孙明远", office.keys.open(office.lan.identifier_sealed)):
        assert hidden not in text


def test_a_body_that_is_no_enterprise_has_no_report(office):
    office.company.kind = "organisation"

    with pytest.raises(NoReportForThisSubject):
        office.issue(office.company)


def test_without_a_certificate_nothing_is_issued(office):
    office.press = type(office.press)(
        city_name="桂城市", public_url="", fonts=office.press.fonts, certificate=None
    )

    with pytest.raises(ReportSigningNotConfigured):
        office.issue()
