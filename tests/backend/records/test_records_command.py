"""`osmanthus records`: what was known on a day, the sweep, and the proofs of deletion."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner, Result

from backend.config import Config
from backend.ledger.models import LedgerEntry
from backend.records.models import RecordDeletion
from command_line import records as command
from command_line.context import Context
from tests.backend.records.conftest import LAN, City, debtor, judgment, volunteering


@pytest.fixture
def run(city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    config = Config(
        database_url=str(city.database.url), redis_url=None, keys=city.keys, signing_key=b"s" * 32,
        data_dir=tmp_path, public_url="https://credit.example", sign_in="demo", city_name="桂城市",
    )  # fmt: skip
    monkeypatch.setattr(command, "open_context", lambda: Context(config, city.database))
    monkeypatch.setattr(command, "utc_now", lambda: datetime(2026, 3, 4, 2, tzinfo=UTC))
    monkeypatch.setattr(command.console, "width", 200)

    def run(*words: str) -> Result:
        return CliRunner().invoke(command.app, list(words))

    return run


def test_what_was_known_on_a_day_is_told_and_noted_in_the_ledger(city: City, run: Any) -> None:
    city.deliver(judgment())

    before = run("known", LAN, "--on", "2026-03-02", "--reason", "复核评分")
    after = run("known", LAN, "--on", "2026-03-03", "--reason", "复核评分")

    assert "掌握 0 条记录" in before.output
    assert "掌握 1 条记录" in after.output
    assert LAN not in after.output
    with city.database.reading() as session:
        assert session.scalars(select(LedgerEntry.purpose)).all() == ["复核评分", "复核评分"]
    nobody = run("known", "12", "--on", "2026-03-03", "--reason", "复核评分")
    assert (nobody.exit_code, "登记册中没有" in nobody.output) == (1, True)


def test_a_sweep_says_what_it_did_and_the_proofs_can_be_verified(city: City, run: Any) -> None:
    in_time = datetime(2026, 1, 2, 2, tzinfo=UTC)
    city.deliver(debtor(on="2024-01-04"), debtor(on="2026-01-01"), now=in_time)

    assert "停止使用 1 条，删除内容 1 条" in run("sweep").output
    assert "dishonest_debtor" in run("deletions", "list").output
    sound = run("deletions", "verify")
    assert (sound.exit_code, "1 份凭证" in sound.output) == (0, True)

    with city.database.transaction() as session:
        session.execute(update(RecordDeletion).values(versions=7))
    broken = run("deletions", "verify")
    assert (broken.exit_code, "凭证内容被改动" in broken.output) == (1, True)


def test_an_import_counts_working_days_as_the_citys_own_file_has_them(
    city: City, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = volunteering(服务日期="2026-02-13")
    run("import", str(city.write([row])))
    (by_nation,) = city.deliveries()
    # The national calendar had the seven working days over by 2 March; the city's file lets nobody work till then.
    days = tmp_path / "days.yaml"
    days.write_text("2026:\n  holidays: [" + ", ".join(f"2026-02-{day}" for day in range(14, 29)) + "]\n")
    context = command.open_context()
    monkeypatch.setattr(
        command, "open_context", lambda: Context(replace(context.config, working_days_file=days), city.database)
    )
    run("import", str(city.write([row | {"服务记录编号": "ZY-OVERRIDE"}])))

    (by_city,) = (each for each in city.deliveries() if each.id != by_nation.id)
    assert [(each.shape["timed"], each.shape["on_time"]) for each in (by_nation, by_city)] == [(1, 0), (1, 1)]
