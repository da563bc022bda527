from __future__ import annotations

import pytest
from typer.testing import CliRunner

from backend.ledger.service import entries_about
from command_line.context import Context
from command_line.main import app
from tests.factories import add_person, add_record
from tests.rules_in_force import put_rules_in_force


@pytest.fixture
def run(city, monkeypatch, now):
    """The command over a city with one citizen."""
    with city.database.transaction() as session:
        put_rules_in_force(session, now)
        lan = add_person(session, city.keys)
        add_record(session, lan, "honour", level=3, title="道德模范")
    monkeypatch.setattr("command_line.reports.open_context", lambda: Context(city.services.config, city.database))
    monkeypatch.setattr("command_line.reports.utc_now", lambda: now)

    def run(*arguments):
        return CliRunner().invoke(app, ["reports", *map(str, arguments)])

    run.city, run.lan, run.number = city, lan, city.keys.open(lan.identifier_sealed)
    return run


def test_a_report_that_was_issued_verifies_until_a_byte_changes_or_the_facts_do(run, tmp_path):
    out, forged = tmp_path / "report.pdf", tmp_path / "forged.pdf"
    issued = run("issue", run.number, "--reason", "本人委托", "--out", out)
    content = bytearray(out.read_bytes())
    content[len(content) // 2] ^= 1
    forged.write_bytes(content)

    assert issued.exit_code == 0, issued.output
    valid = run("verify", out)
    assert (valid.exit_code, "目前有效" in valid.output, "签名完好" in valid.output) == (0, True, True)
    assert run("verify", forged).exit_code == 1
    with run.city.database.transaction() as session:
        rows = [(row.action, row.purpose) for row in entries_about(session, run.lan.id)]
        add_record(session, run.lan, "honour", level=3, title="劳动模范")
    assert rows == [("report_printed", "本人委托")]
    assert run("verify", out).exit_code == 3


def test_a_refusal_is_a_sentence(run, tmp_path):
    refused = run("issue", run.number, "--reason", "x", "--stationery", "with_score", "--out", tmp_path / "r.pdf")

    assert refused.exit_code == 1
    assert "没有开通信用分" in refused.output
    assert not (tmp_path / "r.pdf").exists()
