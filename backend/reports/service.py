"""Issuing reports, reading one's own, and telling when one is superseded."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Literal

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from backend.authorizations.errors import MinorMayNotActivate
from backend.authorizations.models import Consent
from backend.authorizations.service import has_activated
from backend.city_calendar import city_date
from backend.identifiers.sealing import KeyRing
from backend.ledger.service import Actor, record_access
from backend.reports.errors import (
    EvaluationMissing,
    NoLongerEvaluated,
    NotYourEnterprise,
    ReportFileGone,
    ReportNotFound,
)
from backend.reports.facts import ReportFacts, gather_facts
from backend.reports.models import STATIONERY_NAMES, CreditReport, Stationery, SupersededBecause
from backend.reports.press import ReportPress
from backend.reports.terms import ReportTerm, report_term_on
from backend.reports.typesetting import count_pages, qr_code
from backend.reports.wording import (
    day,
    minute,
    words_of_relations,
    words_of_score,
    words_of_sections,
    words_of_subject,
)
from backend.scores.errors import NoScoreYet, NotActivated
from backend.subjects.models import Subject
from backend.subjects.service import enterprises_represented_by, get_subject

# Without 0, 1, I and O, which are misread from paper.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_LETTERS = 8  # 40 bits, in the number and in the check code each


ReportState = Literal["valid", "superseded", "lapsed"]


@dataclass(frozen=True)
class Reader:
    """Who prints or downloads a report that is not about themselves, and why; goes into the ledger."""

    actor: Actor
    basis: str
    purpose: str
    channel: str


@dataclass(frozen=True)
class ReportView:
    """A report as its subject sees it in a list."""

    report: CreditReport
    subject: Subject
    state: ReportState
    downloadable: bool


def issue_report(
    session: Session,
    press: ReportPress,
    keys: KeyRing,
    *,
    subject_id: int,
    stationery: Stationery,
    masked: bool,
    issued_by: str,
    now: datetime,
    reader: Reader | None = None,
) -> CreditReport:
    """Print and sign a report; an earlier one on the same stationery is superseded.

    Asking again on the same day, while nothing has changed, gives the report that is already there. `reader` is
    given when somebody else than the subject prints it. The caller owns the transaction.

    Raises what `gather_facts` raises, ScoreBeingRecomputed, ReportSigningNotConfigured or
    ReportFontMissing.
    """
    # Of two taps the second waits here and then finds the first one's report.
    session.scalar(select(Subject.id).where(Subject.id == subject_id).with_for_update())
    today = city_date(now)
    facts = gather_facts(session, subject_id, stationery=stationery, today=today)
    fingerprint = facts.fingerprint(keys)
    if reader is not None:
        _note(session, subject_id, reader, action="report_printed", stationery=stationery, now=now)
    earlier = _live_reports(session, subject_id, stationery)
    for report in earlier:
        if (report.as_of, report.masked, report.fingerprint) == (today, masked, fingerprint):
            return report

    term = report_term_on(today)
    report = CreditReport(
        number=f"XY{today:%Y%m%d}-{_random_letters()}",
        check_code=_random_letters(),
        subject_id=subject_id,
        stationery=stationery,
        masked=masked,
        fingerprint=fingerprint,
        as_of=today,
        issued_at=now,
        issued_by=issued_by,
        valid_to=today + timedelta(days=term.valid_days),
    )
    data = printed_data(session, press, keys, report, facts, term)
    file = press.signed(
        "person" if facts.subject.kind == "person" else "enterprise",
        data,
        reason=f"出具公共信用报告 {report.number}",
        now=now,
    )
    report.pages = count_pages(file)
    report.file_sha256 = sha256(file).hexdigest()
    report.sealed_file = keys.seal_bytes(file)
    session.add(report)
    session.flush()
    for former in earlier:
        _supersede(former, because="newer_report", now=now, by=report.id)
    return report


def printed_data(
    session: Session,
    press: ReportPress,
    keys: KeyRing,
    report: CreditReport,
    facts: ReportFacts,
    term: ReportTerm,
) -> dict[str, object]:
    """What the template reads. Raises ScoreBeingRecomputed or ReportSigningNotConfigured."""
    sections = words_of_sections(facts)
    url = press.verification_url(report.number, report.check_code)
    return {
        "city": press.city_name,
        "issuer": press.issuer,
        "number": report.number,
        "check_code": f"{report.check_code[:4]}-{report.check_code[4:]}",
        "masked": report.masked,
        "as_of": day(report.as_of),
        "issued_at": minute(report.issued_at),
        "issued_by": report.issued_by,
        "valid_to": day(report.valid_to),
        "valid_days": term.valid_days,
        "qr": qr_code(url),
        "verify_at": f"{press.public_url}/m/#/pages/reports/verify",
        "subject": words_of_subject(keys, facts.subject, masked=report.masked),
        "score": words_of_score(session, facts),
        "sections": sections,
        "relations": words_of_relations(session, keys, facts.relations),
    }


def reports_about(session: Session, subject_ids: Iterable[int], *, limit: int = 100) -> Sequence[CreditReport]:
    """Newest first."""
    return session.scalars(
        select(CreditReport)
        .where(CreditReport.subject_id.in_(list(subject_ids)))
        .order_by(CreditReport.id.desc())
        .limit(limit)
    ).all()


def whom_may_print(session: Session, *, citizen_id: int, enterprise: str | None, today: date) -> Subject:
    """The citizen, or the enterprise of this code when the citizen is its legal representative today.

    Raises NotYourEnterprise.
    """
    if enterprise is None:
        return get_subject(session, citizen_id)
    for represented in enterprises_represented_by(session, citizen_id, today):
        if represented.public_code == enterprise:
            return represented
    raise NotYourEnterprise


def open_report(
    session: Session,
    keys: KeyRing,
    *,
    number: str,
    readers: Mapping[int, Reader | None] | Reader,
    now: datetime,
) -> tuple[CreditReport, bytes]:
    """The signed file.

    `readers` says as whom the caller may open reports of which subjects, None for the subject itself; a single
    reader may open anyone's, which the caller's role must allow.

    Raises ReportNotFound or ReportFileGone.
    """
    report = session.scalars(select(CreditReport).where(CreditReport.number == number)).first()
    if report is None or (not isinstance(readers, Reader) and report.subject_id not in readers):
        raise ReportNotFound
    reader = readers if isinstance(readers, Reader) else readers[report.subject_id]
    if report.sealed_file is None or _rests_on_ended_consent(session, report):
        raise ReportFileGone
    if reader is not None:
        _note(session, report.subject_id, reader, action="report_read", stationery=report.stationery, now=now)
    return report, keys.open_bytes(report.sealed_file)


def view_of(session: Session, keys: KeyRing, report: CreditReport, *, today: date) -> ReportView:
    """How the report stands today."""
    state: ReportState = "valid"
    if report.valid_to < today:
        state = "lapsed"
    elif is_superseded(session, keys, report, today=today):
        state = "superseded"
    return ReportView(
        report=report,
        subject=get_subject(session, report.subject_id),
        state=state,
        downloadable=report.sealed_file is not None and not _rests_on_ended_consent(session, report),
    )


def is_superseded(session: Session, keys: KeyRing, report: CreditReport, *, today: date) -> bool:
    """Replaced by a newer one, or no longer what would be printed today."""
    if report.superseded_at is not None:
        return True
    subject = get_subject(session, report.subject_id)
    stationery: Stationery = report.stationery  # type: ignore[assignment]
    try:
        facts = gather_facts(session, subject.id, stationery=stationery, today=today)
    except (NotActivated, MinorMayNotActivate, NoScoreYet, EvaluationMissing, NoLongerEvaluated):
        # The score it shows is withdrawn.
        return True
    return facts.fingerprint(keys) != report.fingerprint


def supersede_changed(session: Session, keys: KeyRing, subject_ids: Iterable[int], *, now: datetime) -> int:
    """Mark the reports about these subjects that say something else than would be printed now; how many were."""
    found = session.scalars(
        select(CreditReport)
        .where(CreditReport.subject_id.in_(list(subject_ids)), CreditReport.superseded_at.is_(None))
        .order_by(CreditReport.id)
        .with_for_update()
    ).all()
    changed = [report for report in found if is_superseded(session, keys, report, today=city_date(now))]
    for report in changed:
        _supersede(report, because="content_changed", now=now, by=None)
    return len(changed)


def kept_files_of(session: Session, subject_id: int) -> Sequence[CreditReport]:
    """The subject's reports whose file is still there, oldest first."""
    return session.scalars(
        select(CreditReport)
        .where(CreditReport.subject_id == subject_id, CreditReport.sealed_file.is_not(None))
        .order_by(CreditReport.id)
    ).all()


def delete_old_files(session: Session, *, now: datetime) -> int:
    """Files whose term is over, and those with a score whose subject has left; how many were deleted."""
    today = city_date(now)
    deleted = 0
    for report in session.scalars(
        select(CreditReport).where(CreditReport.sealed_file.is_not(None), CreditReport.valid_to < today)
    ):
        if report.valid_to + timedelta(days=report_term_on(report.as_of).kept_days) < today:
            report.sealed_file = None
            deleted += 1
    activated = exists().where(
        Consent.subject_id == CreditReport.subject_id, Consent.kind == "activation", Consent.state == "given"
    )
    blocked = session.execute(
        update(CreditReport)
        .where(
            CreditReport.sealed_file.is_not(None),
            CreditReport.stationery == "with_score",
            CreditReport.subject_id.in_(select(Subject.id).where(Subject.kind == "person")),
            ~activated,
        )
        .values(sealed_file=None)
        .returning(CreditReport.id)
        .execution_options(synchronize_session=False)
    ).all()
    return deleted + len(blocked)


def _live_reports(session: Session, subject_id: int, stationery: Stationery) -> Sequence[CreditReport]:
    return session.scalars(
        select(CreditReport).where(
            CreditReport.subject_id == subject_id,
            CreditReport.stationery == stationery,
            CreditReport.superseded_at.is_(None),
        )
    ).all()


def _supersede(report: CreditReport, *, because: SupersededBecause, now: datetime, by: int | None) -> None:
    report.superseded_at, report.superseded_because, report.superseded_by = now, because, by


def _rests_on_ended_consent(session: Session, report: CreditReport) -> bool:
    if report.stationery != "with_score" or get_subject(session, report.subject_id).kind != "person":
        return False
    return not has_activated(session, report.subject_id)


def _note(
    session: Session, subject_id: int, reader: Reader, *, action: str, stationery: str, now: datetime
) -> None:
    record_access(
        session,
        subject_id=subject_id,
        actor=reader.actor,
        action=action,
        basis=reader.basis,
        purpose=reader.purpose,
        detail={"told": f"公共信用报告（{STATIONERY_NAMES[stationery]}）"},  # type: ignore[index]
        channel=reader.channel,
        now=now,
    )


def _random_letters() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))
