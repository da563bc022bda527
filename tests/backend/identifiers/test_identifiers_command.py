from __future__ import annotations

import json

import typer
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


def test_bytes_that_are_no_text_get_an_answer_like_any_line(tmp_path):
    numbers = tmp_path / "numbers.txt"
    numbers.write_bytes(b"\xff\xfe\x80\n" + VALID.encode() + b"\n")

    by_file = CliRunner().invoke(app, ["check", str(numbers), "--json"])
    by_input = CliRunner().invoke(app, ["check", "-", "--json"], input=numbers.read_bytes())

    for answer in (by_file, by_input):
        assert answer.exit_code == 0
        assert [json.loads(line)["valid"] for line in answer.output.splitlines()] == [False, True]


def test_a_long_file_is_read_piece_by_piece(tmp_path, monkeypatch):
    numbers = tmp_path / "numbers.txt"
    numbers.write_text(f"{VALID}\n" * 20_000)
    largest = []
    echo = typer.echo
    monkeypatch.setattr(typer, "echo", lambda text, **how: (largest.append(text.count("\n")), echo(text, **how)))

    answer = CliRunner().invoke(app, ["check", str(numbers), "--json"])

    assert answer.output.count("\n") == sum(largest) == 20_000
    assert max(largest) <= 2_000
