from __future__ import annotations

import json

from typer.testing import CliRunner

from backend.identifiers import complete_citizen_number
from command_line.identifiers import app

VALID = complete_citizen_number("99000119900307123")


def test_every_line_gets_one_json_answer_in_order(tmp_path):
    numbers = tmp_path / "numbers.txt"
    numbers.write_text(f"{VALID}\n\n91110000600037341l\n12\n")

    answer = CliRunner().invoke(app, ["check", str(numbers), "--json"])

    assert answer.exit_code == 0
    rows = [json.loads(line) for line in answer.output.splitlines()]
    assert [row["valid"] for row in rows] == [True, False, True, False]
    assert set(rows[0]) == {"input", "kind", "valid", "normalised", "reason", "warnings"}
    assert rows[2]["normalised"] == "91110000600037341L"


def test_standard_input_is_read_when_the_file_is_a_hyphen():
    answer = CliRunner().invoke(app, ["check", "-"], input="99000120990307123X\n")

    assert "出生日期晚于今天" in answer.output


def test_a_file_that_is_not_there_is_said_plainly():
    answer = CliRunner().invoke(app, ["check", "nowhere.txt"])

    assert answer.exit_code == 2
    assert "读不了 nowhere.txt" in answer.output
