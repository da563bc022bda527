from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from backend.city_calendar import WorkingDays
from backend.objections.deadlines import load_deadlines
from backend.objections.service import attach_statement, decide_objection, file_objection
from backend.records.service import change_state, lock_record
from backend.reports.service import is_superseded, supersede_changed
from backend.reports.signing import examine_signature, make_demonstration_certificate
from backend.reports.verification import verify_file, verify_number
from backend.scores.activation import leave_score
from backend.subjects.models import SubjectRelation
from tests.factories import add_enterprise, add_relation
from tests.reading_pdfs import CERTIFICATE


@pytest.fixture
def verdict(office):
    def verdict(report, *, number=None, code=None, file=None):
        return verify_number(
            office.session,
            office.keys,
            number=number or report.number,
            code=code or report.check_code,
            file_sha256=file and sha256(file).hexdigest(),
            now=office.now,
        ).verdict

    return verdict


def test_a_fresh_report_is_valid_by_number_and_by_file(office, verdict):
    report = office.issue()

    assert verdict(report) == "valid"
    assert verdict(report, file=office.file_of(report)) == "valid"
    assert verify_file(
        office.session, office.keys, file_sha256=report.file_sha256.upper(), now=office.now
    ) == verify_number(
        office.session, office.keys, number=f" {report.number.lower()} ",
        code=f"{report.check_code[:4]}-{report.check_code[4:]}", file_sha256=report.file_sha256, now=office.now,
    )  # fmt: skip


def test_a_wrong_code_looks_like_a_number_that_was_never_given(office):
    report = office.issue()

    def answer(number, code):
        return verify_number(
            office.session, office.keys, number=number, code=code, file_sha256=None, now=office.now
        )

    assert answer(report.number, "22222222") == answer("XY20260303-22222222", report.check_code)
    assert answer(report.number, "22222222").verdict == "forged"
    assert answer(report.number, "") == answer(report.number, "--------") == answer(report.number, "校验码")
    assert answer("XY20260303-22222222", "--------").verdict == "forged"


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_one_changed_byte_makes_a_forgery(office, verdict, place, change):
    report = office.issue()
    forged = bytearray(office.file_of(report))
    forged[int(place * len(forged))] ^= change

    assert verdict(report, file=bytes(forged)) == "forged"
    assert (
        verify_file(office.session, office.keys, file_sha256=sha256(forged).hexdigest(), now=office.now).verdict
        == "forged"
    )


def test_a_change_of_what_is_signed_breaks_the_signature(office):
    file = office.file_of(office.issue())
    inside = bytearray(file)
    inside[len(file) // 3] ^= 1

    assert not examine_signature(bytes(inside), CERTIFICATE, now=office.now).whole
    assert not examine_signature(file + b"\n%appended", CERTIFICATE, now=office.now).whole
    assert not examine_signature(b"%PDF-1.7 nothing", CERTIFICATE, now=office.now).whole
    another = make_demonstration_certificate("别处", now=office.now)
    assert examine_signature(file, another, now=office.now).fault == "签名所用的证书不是本机构的"


def test_a_newer_report_supersedes_the_earlier(office, verdict):
    report = office.issue()
    newer = office.issue(masked=True)

    assert (verdict(report), verdict(newer)) == ("superseded", "valid")


def test_a_new_record_supersedes_a_report(office, has_record, verdict):
    report = office.issue()
    has_record(office.lan, "honour", title="道德模范", level=3)

    assert verdict(report) == "superseded"
    assert verdict(report, file=office.file_of(report)) == "superseded"


def test_a_record_that_would_not_be_printed_changes_nothing(office, has_record, verdict):
    report = office.issue()
    has_record(office.lan, "utility_arrears", title="水费欠缴")
    has_record(office.company, "honour", level=3)

    assert verdict(report) == "valid"


def test_a_changed_score_supersedes_only_the_report_that_shows_it(office, has_record, verdict):
    office.activate()
    scored, plain = office.issue(stationery="with_score"), office.issue()
    has_record(office.lan, "utility_arrears", title="水费欠缴", quantity=1_300)
    office.rescore()

    assert (verdict(scored), verdict(plain)) == ("superseded", "valid")


def test_leaving_supersedes_the_report_with_the_score(office, verdict):
    office.activate()
    scored = office.issue(stationery="with_score")
    leave_score(office.session, subject_id=office.lan.id, now=office.now)

    assert verdict(scored) == "superseded"


def test_a_dispute_that_was_taken_back_leaves_the_report_superseded(office, has_record, verdict):
    record = has_record(office.lan, "court_judgment", level=3)
    report = office.issue()
    for state in ("disputed", "active"):
        change_state(
            office.session, lock_record(office.session, record.id), state=state, changed_by="本人", reason="异议",
            now=office.now,
        )  # fmt: skip

    assert verdict(report) == "superseded"


def test_a_statement_put_beside_a_record_supersedes_a_report_without_it(office, has_record, verdict):
    record = has_record(office.lan, "court_judgment", level=3)
    objection = file_objection(
        office.session, subject_id=office.lan.id, record_id=record.id, grounds="已履行", now=office.now,
        deadlines=load_deadlines(WorkingDays()),
    )  # fmt: skip
    decide_objection(
        office.session, objection_id=objection.id, outcome="rejected", reply="仍未履行", officer="张敏",
        now=office.now,
    )  # fmt: skip
    report = office.issue()
    attach_statement(
        office.session, subject_id=office.lan.id, objection_id=objection.id, statement="已分期", now=office.now
    )

    assert verdict(report) == "superseded"


def test_whoever_joins_or_leaves_an_enterprise_supersedes_its_report_and_no_one_elses(office, verdict):
    of_company, of_lan = office.issue(office.company), office.issue()
    parent = add_enterprise(office.session, office.keys, name="桂城控股有限公司")
    add_relation(office.session, enterprise=office.company, principal=parent, role="shareholder")
    assert verdict(of_company) == "superseded"
    joined = office.issue(office.company)

    relation = office.session.scalars(
        select(SubjectRelation).where(SubjectRelation.principal_id == parent.id)
    ).one()
    relation.valid_to = date(2026, 3, 2)
    office.session.flush()

    assert (verdict(joined), verdict(of_lan)) == ("superseded", "valid")


def test_a_report_lapses_after_its_last_day(office, verdict):
    report = office.issue()
    issued_at = office.now

    assert report.valid_to == date(2026, 4, 2)
    office.now = issued_at + timedelta(days=30)
    assert verdict(report) == "valid"
    office.now = issued_at + timedelta(days=31)
    assert verdict(report) == "superseded"


def test_the_worker_notes_when_a_change_superseded_a_report(office, has_record):
    report, of_company = office.issue(), office.issue(office.company)
    has_record(office.lan, "honour", level=3)
    later = office.now + timedelta(seconds=2)

    assert supersede_changed(office.session, office.keys, [office.lan.id, office.company.id], now=later) == 1
    assert (report.superseded_at, report.superseded_because) == (later, "content_changed")
    assert of_company.superseded_at is None
    assert is_superseded(office.session, office.keys, report, today=date(2026, 3, 3))
