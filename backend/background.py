"""Every kind of background work in one table: what it is called, how often it returns, what runs it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from backend.authorizations.recipient_deletions import watch_recipient_deletions
from backend.authorizations.service import (
    end_consents_of_former_representatives,
    expire_due_consents,
    remind_of_running_consents,
)
from backend.authorizations.tokens import purge_expired
from backend.benefits.check_stream import CheckStream
from backend.city_calendar import WorkingDays, city_date
from backend.commitments.service import remind_of_due
from backend.config import Config
from backend.credit_checks.service import CREDIT_CHECK_JOB, delete_old_results, perform_credit_check
from backend.database import Database
from backend.deletion_requests.service import watch_clocks as watch_deletion_requests
from backend.errors import Refused
from backend.evidence.service import EvidenceStore, forget_unused_evidence, remove_forgotten
from backend.jobs.service import enqueue_job, requeue_stale_jobs, was_queued
from backend.jobs.worker import Handler, Periodic, Progress, Worker
from backend.joint_incentives.service import watch_clocks as watch_joint_incentives
from backend.ledger.archive import ArchiveFolder, archive_next_segment
from backend.ledger.chain import seal_segment
from backend.ledger.kept_heads import KeptHeads
from backend.objections.clock_watch import watch_clocks
from backend.objections.deadlines import load_deadlines
from backend.objections.recipients import tell_of_department_corrections
from backend.objections.service import open_objections_by_record
from backend.onboarding.service import end_due_contracts
from backend.oversight.alerts import watch_readings
from backend.oversight.reminders import remind_of_overdue
from backend.records.deletions import SWEEP_JOB, sweep_records
from backend.records.department_deliveries import COLLECT_FILE_JOB, collect_received_file
from backend.records.early_warning import watch_sources
from backend.records.intake import Intake
from backend.repairs.publication import end_due_publications
from backend.repairs.service import open_repairs_by_record, states_in_force
from backend.repairs.service import watch_clocks as watch_repairs
from backend.reports.service import delete_old_files, supersede_changed
from backend.scores.models import ScoreRun
from backend.scores.runs import SCORE_RUN_JOB, fail_abandoned_runs, perform_run, request_run
from backend.scores.service import published_run_ids, recompute_marked
from backend.supplements.service import watch_clocks as watch_supplements
from backend.web.idempotency import forget_old_answers, remember_streamed_checks
from backend.webhooks.rules import delivery_rules
from backend.webhooks.sending import post_over_http, send_due
from backend.webhooks.service import forget_old_deliveries, relay_notifications


def open_check_stream(config: Config, database: Database) -> CheckStream | None:
    """Where checks wait that were answered through Redis; None where there is no Redis."""
    if config.redis_url is None:
        return None
    return CheckStream(config.redis_url, database, remember=partial(remember_streamed_checks, keys=config.keys))


def still_to_be_decided(session: Session, record_ids: Sequence[int]) -> Collection[int]:
    """Those of the records that an open objection or repair is about: their deletion waits for the decision."""
    objected = open_objections_by_record(session, record_ids)
    return {*objected, *open_repairs_by_record(session, record_ids)}


def build_worker(config: Config, database: Database, *, clock: Callable[[], datetime]) -> Worker:
    """A worker that can do everything; start as many processes of it as the city needs."""

    working_days = WorkingDays.from_file(config.working_days_file)
    intake = Intake(config.keys, working_days, states_in_force)

    def score_run(arguments: Mapping[str, object], progress: Progress) -> None:
        run_id = UUID(str(arguments["run_id"]))
        perform_run(database, run_id, data_dir=config.data_dir, clock=clock, progress=progress)

    def collect_delivered(arguments: Mapping[str, object], _progress: Progress) -> None:
        collect_received_file(
            database,
            intake,
            UUID(str(arguments["delivery_id"])),
            department_code=str(arguments["department"]),
            now=clock(),
        )

    def recompute(now: datetime) -> None:
        while changed := recompute_marked(database, now=now):
            with database.transaction() as session:
                supersede_changed(session, config.keys, changed, now=now)
            now = clock()

    stream = open_check_stream(config, database)

    def drain_checks(_now: datetime) -> None:
        if stream is not None:
            stream.drain()

    def seal_ledger(now: datetime) -> None:
        sealed = 1
        while sealed:
            with database.transaction() as session:
                sealed = seal_segment(session, signing_key=config.signing_key, now=now)
        with database.reading() as session:
            KeptHeads(config.ledger_archive_dir).keep(session)

    def archive_ledger(now: datetime) -> None:
        archives, moved = ArchiveFolder(config.ledger_archive_dir, config.keys), True
        while moved:
            with database.transaction() as session:
                moved = (
                    archive_next_segment(session, archives, jurisdiction=config.jurisdiction, now=now) is not None
                )

    def tidy(now: datetime) -> None:
        with database.transaction() as session:
            requeue_stale_jobs(session, now=now)
            fail_abandoned_runs(session, now=now)
            forget_old_answers(session, at=now)
            expire_due_consents(session, now=now)
            end_consents_of_former_representatives(session, now=now)
            purge_expired(session, now=now)
            delete_old_files(session, now=now)
            delete_old_results(session, now=now)
            forget_old_deliveries(session, now=now)
            remove_forgotten(session, EvidenceStore(config.evidence_dir, config.keys))

    def sweep(arguments: Mapping[str, object], progress: Progress) -> None:
        sweep_records(database, now=clock(), held_back=still_to_be_decided, progress=progress)

    def check_credit(arguments: Mapping[str, object], progress: Progress) -> None:
        check_id = UUID(str(arguments["check_id"]))
        perform_credit_check(database, config.keys, check_id, clock=clock, progress=progress)

    def sweep_daily(now: datetime) -> None:
        """Retention ends at the city's midnight: the first turn of each day passes over the records once."""
        key = f"{SWEEP_JOB}:{city_date(now)}"
        with database.transaction() as session:
            if not was_queued(session, key):
                enqueue_job(session, kind=SWEEP_JOB, arguments={}, key=key, now=now)

    def watch_objections(now: datetime) -> None:
        deadlines = load_deadlines(working_days, config.jurisdiction)
        with database.transaction() as session:
            watch_clocks(session, deadlines, now=now)

    def tell_of_corrections(now: datetime) -> None:
        told = 1
        while told:
            with database.transaction() as session:
                told = tell_of_department_corrections(session, now=now)

    def forget_evidence(now: datetime) -> None:
        with database.transaction() as session:
            forget_unused_evidence(session, EvidenceStore(config.evidence_dir, config.keys), now=now)

    def watch_rights(now: datetime) -> None:
        """The clocks of repairs, supplements, deletion requests, joint incentives; commitments that fall due."""
        for watch in (watch_repairs, watch_supplements, watch_deletion_requests, watch_joint_incentives):
            with database.transaction() as session:
                watch(session, now=now, working_days=working_days)
        with database.transaction() as session:
            remind_of_due(session, now=now)

    def end_publications(now: datetime) -> None:
        while True:
            with database.transaction() as session:
                if not end_due_publications(session, now=now):
                    return

    def watch_access(now: datetime) -> None:
        with database.transaction() as session:
            watch_readings(session, keys=config.keys, working_days=working_days, now=now)
            remind_of_overdue(session, now=now)
            watch_recipient_deletions(session, now=now)

    def remind(now: datetime) -> None:
        with database.transaction() as session:
            remind_of_running_consents(session, now=now)

    def look_at_sources(now: datetime) -> None:
        with database.transaction() as session:
            watch_sources(session, now=now, calendar=working_days)

    def send_webhooks(now: datetime) -> None:
        rules = delivery_rules(city_date(now))
        with database.transaction() as session:
            relay_notifications(session, now=now)
        post = post_over_http(allow_local=config.is_on_this_machine, timeout_seconds=rules.timeout_seconds)
        send_due(database, config.keys, post=post, now=now)

    def end_contracts(now: datetime) -> None:
        with database.transaction() as session:
            end_due_contracts(session, now=now)

    def run_daily(now: datetime) -> None:
        """Windows, fading and expiry move with the date: every published kind is computed anew each day."""
        today = city_date(now)
        with database.transaction() as session:
            for subject_kind, run_id in published_run_ids(session).items():
                if session.get_one(ScoreRun, run_id).as_of < today:
                    try:
                        request_run(
                            session, subject_kind=subject_kind, as_of=today, started_by="定时任务", now=now
                        )
                    except Refused:
                        # No policy in force today: the last published scores stay in place.
                        continue

    handlers: dict[str, Handler] = {
        SCORE_RUN_JOB: score_run,
        COLLECT_FILE_JOB: collect_delivered,
        SWEEP_JOB: sweep,
        CREDIT_CHECK_JOB: check_credit,
    }
    return Worker(
        database,
        handlers=handlers,
        periodic=[
            Periodic("recompute_marked", timedelta(seconds=1), recompute),
            Periodic("drain_checks", timedelta(seconds=1), drain_checks),
            Periodic("seal_ledger", timedelta(minutes=1), seal_ledger),
            Periodic("archive_ledger", timedelta(hours=24), archive_ledger),
            Periodic("tidy", timedelta(minutes=1), tidy),
            Periodic("tell_of_corrections", timedelta(minutes=1), tell_of_corrections),
            Periodic("watch_objections", timedelta(minutes=10), watch_objections),
            Periodic("forget_evidence", timedelta(hours=24), forget_evidence),
            Periodic("sweep_daily", timedelta(minutes=5), sweep_daily),
            Periodic("watch_rights", timedelta(minutes=10), watch_rights),
            Periodic("end_publications", timedelta(hours=1), end_publications),
            Periodic("watch_access", timedelta(minutes=5), watch_access),
            Periodic("remind", timedelta(hours=1), remind),
            Periodic("watch_sources", timedelta(hours=1), look_at_sources),
            Periodic("end_contracts", timedelta(hours=1), end_contracts),
            Periodic("run_daily", timedelta(minutes=30), run_daily),
        ],
        outgoing=[Periodic("send_webhooks", timedelta(seconds=2), send_webhooks)],
        clock=clock,
    )
