"""`osmanthus ledger verify`: what it says of an untouched ledger, a tampered one, and one that was cut off."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from backend.background import build_worker
from backend.config import Config
from backend.database import Database
from backend.ledger.kept_heads import KeptHeads
from backend.ledger.service import Actor, record_access
from command_line import ledger as command
from command_line.context import Context
from tests.backend.ledger.tampering import drop_triggers
from tests.factories import add_person


@pytest.fixture
def run(database: Database, city_config: Config, now: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Three segments, sealed by the worker, one a minute."""
    config = replace(city_config, database_url=str(database.url))
    clock = iter(now + timedelta(minutes=minute) for minute in range(1, 100))
    worker = build_worker(config, database, clock=lambda: next(clock))
    [seal] = [one.run for one in worker._periodic if one.name == "seal_ledger"]
    for minute in range(3):
        with database.transaction() as session:
            person = add_person(session, config.keys)
            for number in range(2):
                record_access(
                    session, subject_id=person.id, actor=Actor("officer", str(number), "张敏"), detail={},
                    action="record_viewed", basis="依法履职", purpose="核查", channel="console", now=now,
                )  # fmt: skip
        seal(now + timedelta(minutes=minute))
    monkeypatch.setattr(command, "open_context", lambda: Context(config, database))
    monkeypatch.setattr(command.console, "width", 300)

    def run(*words: str) -> Result:
        return CliRunner().invoke(command.app, list(words))

    return run


def tamper(database: Database, *statements: str) -> None:
    with database.transaction() as session:
        drop_triggers(session)
        for statement in statements:
            session.execute(text(statement))


def test_an_untouched_ledger_agrees_with_the_heads_that_the_worker_kept(run, city_config):
    assert [line["number"] for line in KeptHeads(city_config.ledger_archive_dir).lines()] == [1, 2, 3]
    verdict = run("verify")
    assert (verdict.exit_code, "与本机留存的链头一致" in verdict.output) == (0, True)
    assert "3 段，已封存 6 条" in verdict.output


def test_segments_cut_off_the_end_of_the_database_are_missed_also_once_others_have_grown(run, database, now):
    tamper(
        database,
        "DELETE FROM ledger_entries WHERE segment = 3",
        "DELETE FROM ledger_segments WHERE number = 3",
    )
    cut = run("verify")
    assert (cut.exit_code, "第 3 段 第 — 条：留存的一段已不存在" in cut.output) == (1, True)

    with database.transaction() as session:
        record_access(
            session, subject_id=1, actor=Actor("officer", "1", "李"), action="record_viewed", basis="依法履职",
            purpose="别的", detail={}, channel="console", now=now,
        )  # fmt: skip
    assert run("seal").exit_code == 0
    grown = run("verify")
    assert (grown.exit_code, "第 3 段 第 — 条：与留存的链头不符" in grown.output) == (1, True)


def test_a_changed_row_is_named(run, database):
    tamper(database, "UPDATE ledger_entries SET purpose = '别的' WHERE id = 3")
    changed = run("verify")
    assert (changed.exit_code, "第 2 段 第 3 条：内容与摘要不符" in changed.output) == (1, True)


def test_without_any_kept_head_it_says_what_cannot_be_seen(run, city_config, tmp_path):
    witness = tmp_path / "outside.jsonl"
    assert run("heads", str(witness)).exit_code == 0
    KeptHeads(city_config.ledger_archive_dir).path.unlink()

    assert "看不出整段截尾" in run("verify").output
    assert "与外部留存的链头一致" in run("verify", "--witness", str(witness)).output
