"""`osmanthus scores` as an officer meets it at the terminal."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.authorizations.service import give_activation
from backend.city_calendar import city_date, utc_now
from command_line.main import app
from scoring.policy import shipped_policy
from tests.backend.scores.conftest import BEFORE
from tests.factories import add_person, add_record
from tests.rules_in_force import put_rules_in_force


@pytest.fixture
def osmanthus(sqlite_database, tmp_path):
    """Run a command over a city that has a catalogue; what it said on one line, and whether it succeeded."""
    with sqlite_database.transaction() as session:
        put_rules_in_force(session, BEFORE)
    environment = {
        "OSMANTHUS_ENV_FILE": str(tmp_path / "none.env"),
        "OSMANTHUS_DATA_DIR": str(tmp_path / "data"),
        "OSMANTHUS_DATABASE_URL": str(sqlite_database.url),
        "OSMANTHUS_SEALING_KEYS": "test:" + "a2tr" * 10 + "a2s=",
        "OSMANTHUS_INDEX_KEY": "aWlp" * 10 + "aWk=",
        "OSMANTHUS_SIGNING_KEY": "c3Nz" * 10 + "c3M=",
        "OSMANTHUS_SIGN_IN": "demo",
        "COLUMNS": "500",
    }

    def _run(*words, fails=False):
        done = CliRunner().invoke(app, [str(word) for word in words], env=environment)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert (done.exit_code != 0) is fails, done.output
        return done.output

    return _run


def test_a_missing_policy_file_is_refused_with_its_path_and_what_to_do(osmanthus, tmp_path):
    said = osmanthus("scores", "adopt", tmp_path / "absent.yaml", fails=True)
    assert "absent.yaml" in said
    assert "没有这个文件" in said
    assert "guihua" in said


def test_a_folder_and_a_file_in_another_encoding_are_refused(osmanthus, tmp_path):
    assert str(tmp_path) in osmanthus("scores", "adopt", tmp_path, fails=True)
    (tmp_path / "gbk.yaml").write_bytes(shipped_policy("guihua").source_text.encode("gb18030"))
    assert "UTF-8" in osmanthus("scores", "adopt", tmp_path / "gbk.yaml", fails=True)


def test_a_policy_that_breaks_a_rule_is_refused_with_line_and_rule(osmanthus, tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text(shipped_policy("guihua").source_text.replace("measure: sum", "measure: summ", 1), "utf-8")
    said = osmanthus("scores", "adopt", file, fails=True)
    assert "wrong.yaml" in said
    assert "第 " in said
    assert "summ" in said


def test_a_shipped_policy_is_adopted_by_name(osmanthus):
    assert "已采用" in osmanthus("scores", "adopt", "haibei")


def test_a_change_is_simulated_over_the_published_run(osmanthus, sqlite_database, keys, tmp_path):
    assert "先完成一次评分" in osmanthus("scores", "simulate", "guihua", fails=True)
    osmanthus("scores", "adopt", "guihua")
    with sqlite_database.transaction() as session:
        person = add_person(session, keys)
        add_record(session, person, "volunteering", quantity=30_00, event_on=city_date(utc_now()))
        give_activation(session, person, notice_version=ACTIVATION_NOTICE.version, evidence={}, now=utc_now())
    osmanthus("scores", "run", "--kind", "person")
    file = tmp_path / "dearer.yaml"
    source = shipped_policy("guihua").source_text
    file.write_text(source.replace("{at_least: 20, points: 5}", "{at_least: 20, points: 8}"), "utf-8")
    said = osmanthus("scores", "simulate", file)
    assert "上升 1 个主体，下降 0 个主体" in said
    assert "等级迁移" in said
    assert "年龄段" in said
