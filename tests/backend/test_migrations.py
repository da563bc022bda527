from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from backend.append_only import triggers_in
from backend.authorizations.end_reasons import end_reason_in_words
from backend.authorizations.models import Consent, ConsentEvent
from backend.database import Database
from backend.migrations import alembic_config, migrate
from backend.records.models import CreditRecord, Delivery, QuarantinedRow
from backend.records.service import facts_at, versions_of
from backend.subjects.rescoring import mark_for_rescoring
from backend.tables import all_tables
from tests.conftest import sqlalchemy_url

OLD_DELIVERY = """
    INSERT INTO deliveries (id, source_department, template, filename, identity, content_sha256, received_at,
                            state, delivered, accepted, duplicate, corrected, quarantined)
    VALUES ('6f1c2f4e5a5b4c5d8e8f0a1b2c3d4e5f', '桂城市测试局', 'court_judgment', '一月.csv', 'one', 'ab',
            '2026-01-10 02:00:00', 'done', 1, 0, 0, 0, 1)
"""
OLD_QUARANTINED_ROW = """
    INSERT INTO quarantined_rows (id, delivery_id, row_number, sealed_row, masked_row, reasons, state, created_at)
    VALUES (1, '6f1c2f4e5a5b4c5d8e8f0a1b2c3d4e5f', 1, 'x', '{}', '[]', 'open', '2026-01-10 02:00:00')
"""


# From where the tests below go on; bringing a city here from nothing takes longer than most of them.
STARTS = ("base", "0014", "0021", "0026", "0035", "0037", "head")


@pytest.fixture(scope="module")
def _sqlite_history(tmp_path_factory):
    folder = tmp_path_factory.mktemp("history")
    growing = Database(f"sqlite:///{folder / 'growing.db'}")
    for revision in STARTS:
        _to(growing, revision)
        growing.dispose()
        shutil.copy(folder / "growing.db", folder / f"{revision}.db")
    return folder


@pytest.fixture(scope="module")
def _postgresql_history(postgresql_url):
    names = {revision: f"osmanthus_history_{os.getpid()}_{revision}" for revision in STARTS}
    growing = f"osmanthus_history_{os.getpid()}"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {growing}")
        database = Database(sqlalchemy_url(postgresql_url, growing))
        for revision, name in names.items():
            _to(database, revision)
            database.dispose()
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {growing}")
        yield names
        for name in [growing, *names.values()]:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def city_at(request, tmp_path):
    """A city without rows whose tables are those of that revision; `base` has none."""
    if request.param == "sqlite":
        history = request.getfixturevalue("_sqlite_history")
        made = []

        def copy(revision):
            made.append(Database(f"sqlite:///{shutil.copy(history / f'{revision}.db', tmp_path / 'city.db')}"))
            return made[-1]

        yield copy
        made[0].dispose()
        return
    server, names = request.getfixturevalue("postgresql_url"), request.getfixturevalue("_postgresql_history")
    name, made = f"osmanthus_migrations_{os.getpid()}", []
    with psycopg.connect(server, autocommit=True) as connection:

        def copy(revision):
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {names[revision]}")
            made.append(Database(sqlalchemy_url(server, name)))
            return made[-1]

        yield copy
        made[0].dispose()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_migrating_from_nothing_gives_exactly_the_declared_tables(city_at):
    city = city_at("base")
    migrate(city)
    with city.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), all_tables())
    assert differences == [], "write the missing migration with scripts/new_migration.py"


def test_migrating_makes_the_triggers_that_keep_rows_from_being_changed(city_at):
    city = city_at("head")
    with city.engine.connect() as connection:
        migrated = triggers_in(connection)
    with city.engine.begin() as connection:
        all_tables().drop_all(connection)
        all_tables().create_all(connection)
        declared = triggers_in(connection)
    assert {"ledger_entries_keep_rows", "ledger_entries_keep_all"} <= migrated.keys()
    assert migrated == declared


def test_rows_that_others_point_to_outlive_the_change_of_their_table(city_at):
    """As when a city that has been at work for a while is brought up to date."""
    city = city_at("0014")
    with city.engine.begin() as connection:
        connection.execute(text(OLD_DELIVERY))
        connection.execute(text(OLD_QUARANTINED_ROW))

    migrate(city)

    with city.engine.connect() as connection:
        pointed_to = select(Delivery.filename).join(QuarantinedRow, QuarantinedRow.delivery_id == Delivery.id)
        assert connection.scalars(pointed_to).all() == ["一月.csv"]


def test_migrating_twice_changes_nothing(city_at):
    city = city_at("head")
    migrate(city)
    with city.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), all_tables()) == []


VERSIONS = "SELECT record_id, version, state, reason FROM record_versions ORDER BY record_id, version"


def test_records_stored_as_two_rows_become_one_and_corrected_ones_keep_their_past(city_at):
    """Of a record that never changed the first version goes, and comes back when the migration is undone."""
    delivered = (1, 1, "active", "数源单位报送")
    otherwise = (3, 1, "active", "自主申报")
    corrected = [(2, 1, "active", "数源单位报送"), (2, 2, "disputed", "提出异议")]

    city = city_at("0021")
    with city.engine.begin() as connection:
        _insert(
            connection, "subjects", id=1, kind="person", identifier_index=b"i", identifier_sealed=b"s",
            district="桂城区", status="active", created_at=_AT,
        )  # fmt: skip
        _insert(
            connection, "deliveries", id=_DELIVERY_ID, source_department="文明办", template="volunteering",
            filename="a.csv", identity="i", content_sha256="s", received_at=_AT, state="done", delivered=3,
            accepted=3, duplicate=0, corrected=0, quarantined=0,
        )  # fmt: skip
        for record_id, version, state, _ in (delivered, corrected[1], otherwise):
            _insert(
                connection, "credit_records", id=record_id, subject_id=1, category="volunteer_service",
                natural_key=bytes([record_id]) * 32, facts_digest=b"d" * 16, title="志愿服务",
                event_on="2026-01-05", quantity=350, amount=0, level=0, event_key=0, state=state, withdrawn=False,
                version=version, source_department="文明办", delivery_id=_DELIVERY_ID, content='{"时长": "3.5"}',
                created_at=_AT, updated_at=_AT,
            )  # fmt: skip
        for number, (record_id, version, state, reason) in enumerate([delivered, *corrected, otherwise], start=1):
            _insert(
                connection, "record_versions", id=number, record_id=record_id, version=version, state=state,
                facts="{}", changed_at=_AT, changed_by="文明办", reason=reason,
            )  # fmt: skip
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT setval(pg_get_serial_sequence('record_versions', 'id'), 10)"))
    migrate(city)
    with city.engine.begin() as connection:
        assert connection.execute(sa.text(VERSIONS)).all() == [*corrected, otherwise]
        assert connection.scalar(sa.text("SELECT count(*) FROM credit_records")) == 3
    with city.reading() as session:
        (version,) = versions_of(session, 1)
        assert (version.version, version.state, version.reason) == delivered[1:]
        assert version.changed_by == "文明办"
        assert facts_at(session, version)["content"] == {"时长": "3.5"}
    if not city.is_sqlite:
        with city.engine.connect() as connection:
            command.downgrade(alembic_config(connection), "0021")
            connection.commit()
        with city.engine.begin() as connection:
            assert connection.execute(sa.text(VERSIONS)).all() == [delivered, *corrected, otherwise]


@pytest.mark.parametrize("city_at", ["postgresql"], indirect=True)
@pytest.mark.parametrize("tables", ["migrated", "declared"])
def test_the_marks_of_very_many_subjects_are_not_compressed(city_at, tables):
    city = city_at("head" if tables == "migrated" else "base")
    if tables == "declared":
        all_tables().create_all(city.engine)
    asked = (
        "SELECT attstorage FROM pg_attribute WHERE attrelid = 'folded_marks'::regclass AND attname = 'subject_ids'"
    )
    with city.engine.connect() as connection:
        assert connection.scalar(sa.text(asked)) in ("e", b"e")  # EXTERNAL


def test_records_keep_content_and_key_when_headings_are_stored_once(city_at):
    """The key is shortened; a content in the new form comes out by its headings again when that is undone."""
    city = city_at("0026")
    row = {
        "subject_id": 1, "category": "volunteer_service", "facts_digest": b"d" * 16, "title": "志愿服务",
        "event_on": "2026-01-05", "source_department": "文明办", "delivery_id": _DELIVERY_ID, "created_at": _AT,
    }  # fmt: skip
    said_by_all = {
        "updated_at": _AT,
        "quantity": 0,
        "amount": 0,
        "level": 0,
        "event_key": 0,
        "state": "active",
        "version": 1,
    }
    key = bytes(range(32))
    with city.engine.begin() as connection:
        _insert(
            connection, "credit_records", id=1, natural_key=key, withdrawn=False, content='{"时长": "3.5"}',
            **row, **said_by_all,
        )  # fmt: skip
    migrate(city)
    with city.engine.begin() as connection:
        _insert(connection, "content_forms", id=1, headings='["时长", "备注", "项目"]', digest=b"h")
        other = str(UUID(bytes=b"2" * 16)) if connection.dialect.name == "postgresql" else b"2" * 16
        _insert(
            connection, "credit_records", id=2, natural_key=other, form_id=1, content='["4", null, "\\"助老\\""]',
            **row,
        )  # fmt: skip
    with city.reading() as session:
        first, second = session.scalars(select(CreditRecord).order_by(CreditRecord.id))
        assert (first.natural_key, first.content) == (key[:16], {"时长": "3.5"})
        assert (second.natural_key, second.content) == (b"2" * 16, {"时长": "4", "项目": '"助老"'})
        assert (second.state, second.version, second.withdrawn, second.quantity) == ("active", 1, False, 0)
    with city.engine.connect() as connection:
        command.downgrade(alembic_config(connection), "0026")
        connection.commit()
    with city.engine.begin() as connection:
        contents = connection.scalars(sa.text("SELECT content FROM credit_records ORDER BY id")).all()
        read = [json.loads(content) if isinstance(content, str) else content for content in contents]
        assert read == [{"时长": "3.5"}, {"时长": "4", "项目": '"助老"'}]
        keys = connection.scalars(sa.text("SELECT natural_key FROM credit_records ORDER BY id")).all()
        assert [bytes(each) for each in keys] == [key[:16], b"2" * 16]


def test_a_content_has_all_its_cells_when_none_are_fixed_any_more(city_at):
    city = city_at("head")
    fixed = '{"组织单位": "桂城\\"义工\\"联合会", "备注": null}'
    with city.engine.begin() as connection:
        headings = '["时长", "组织单位", "备注", "项目"]'
        _insert(connection, "content_forms", id=1, headings=headings, fixed=fixed, digest=b"h")
        key = str(UUID(bytes=b"2" * 16)) if connection.dialect.name == "postgresql" else b"2" * 16
        _insert(
            connection, "credit_records", id=1, natural_key=key, form_id=1, content='["4", null]',
            subject_id=1, category="volunteer_service", facts_digest=b"d" * 16, title="志愿服务",
            event_on="2026-01-05", source_department="文明办", delivery_id=_DELIVERY_ID, created_at=_AT,
        )  # fmt: skip
    with city.reading() as session:
        before = session.scalars(select(CreditRecord)).one().content
    assert before == {"时长": "4", "组织单位": '桂城"义工"联合会'}
    with city.engine.connect() as connection:
        command.downgrade(alembic_config(connection), "0034")
        connection.commit()
    with city.engine.begin() as connection:
        content = connection.scalar(sa.text("SELECT content FROM credit_records"))
        assert json.loads(content) == ["4", '桂城"义工"联合会', None, None]


def test_whoever_waits_for_a_new_score_waits_on_when_marks_are_folded_no_more(city_at):
    city = city_at("head")
    with city.transaction() as session:
        mark_for_rescoring(session, range(1, 1_002), "record_collected", datetime(2026, 3, 3, tzinfo=UTC))
    with city.engine.connect() as connection:
        command.downgrade(alembic_config(connection), "0030")
        connection.commit()
    with city.engine.begin() as connection:
        marks = connection.execute(sa.text("SELECT subject_id, cause FROM rescore_marks ORDER BY id")).all()
        assert marks == [(subject_id, "record_collected") for subject_id in range(1, 1_002)]


def test_objections_upheld_earlier_keep_their_records_out(city_at):
    """Not those that were upheld with corrections, of a record in force or of one withdrawn by its department, and
    not those that were rejected."""
    city = city_at("0035")
    decided = "2026-03-04 02:00:00.000000"
    lives = {
        1: [(2, "disputed", _AT), (3, "revoked", decided)],
        2: [(2, "disputed", _AT), (3, "revoked", _AT)],
        3: [(2, "disputed", _AT), (3, "disputed", decided), (4, "active", decided)],
        4: [(2, "disputed", _AT), (3, "revoked", _AT), (4, "revoked", decided)],
        5: [(2, "disputed", _AT), (3, "active", decided)],
        6: [(2, "disputed", _AT), (3, "revoked", _AT)],
    }
    with city.engine.begin() as connection:
        _insert(
            connection, "subjects", id=1, kind="person", identifier_index=b"i", identifier_sealed=b"s",
            district="桂城区", status="active", created_at=_AT,
        )  # fmt: skip
        for record_id, versions in lives.items():
            key = str(UUID(int=record_id)) if connection.dialect.name == "postgresql" else bytes([record_id]) * 16
            _insert(
                connection, "credit_records", id=record_id, subject_id=1, category="court_judgment",
                natural_key=key, facts_digest=b"d" * 16, title="判决", event_on="2026-01-05",
                source_department="法院", delivery_id=_DELIVERY_ID, content="{}", created_at=_AT,
            )  # fmt: skip
            for version, state, changed_at in versions:
                _insert(
                    connection, "record_versions", id=10 * record_id + version, record_id=record_id,
                    version=version, state=state, facts="{}", changed_at=changed_at, changed_by="", reason="",
                )  # fmt: skip
            _insert(
                connection, "objections", id=UUID(int=record_id).hex, subject_id=1, filed_by_id=1, kind="record",
                about=f"record:{record_id}", record_id=record_id, grounds="", filed_at=_AT, extended=False,
                state="rejected" if record_id > 4 else "upheld", decided_at=decided, answer_due_on="2026-03-06",
            )  # fmt: skip
    migrate(city)
    with city.engine.begin() as connection:
        removed = sa.text("SELECT record_id FROM objections WHERE removed ORDER BY record_id")
        assert connection.scalars(removed).all() == [1, 2]


def test_consents_whose_supplement_was_refused_before_have_ended(city_at):
    city = city_at("0037")
    states = {1: ("given", "refused"), 2: ("given", "verified"), 3: ("withdrawn", "refused")}
    with city.engine.begin() as connection:
        _insert(
            connection, "subjects", id=1, kind="person", identifier_index=b"i", identifier_sealed=b"s",
            district="桂城区", status="active", created_at=_AT,
        )  # fmt: skip
        for number, (consent, supplement) in states.items():
            _insert(
                connection, "consents", id=UUID(int=number).hex, subject_id=1, kind="written",
                recipient_name="中心", purpose="自主申报", data_categories="[]", scopes="[]", mode="until_expiry",
                notice_version="1", evidence="{}", requested_at=_AT, state=consent, given_at=_AT,
            )  # fmt: skip
            _insert(
                connection, "supplements", id=UUID(int=number).hex, subject_id=1, applicant_id=1,
                applied_by="本人", category="c", template="t", cells_sealed=b"s", department="教育局",
                department_code="1", consent_id=UUID(int=number).hex, state=supplement, filed_at=_AT,
            )  # fmt: skip
    migrate(city)
    with city.reading() as session:
        consents = session.scalars(select(Consent).order_by(Consent.id)).all()
        assert [consent.state for consent in consents] == ["expired", "given", "withdrawn"]
        [event] = session.scalars(select(ConsentEvent))
        assert (event.consent_id, event.at) == (consents[0].id, consents[0].ended_at)
        assert "自主申报未通过核验" in (end_reason_in_words(event) or "")


_AT = "2026-03-03 02:00:00.000000"
_DELIVERY_ID = "6d0e64ee000040008000000000000000"


def _to(database: Database, revision: str) -> None:
    with database.engine.connect() as connection:
        command.upgrade(alembic_config(connection), revision)
        connection.commit()


def _insert(connection: sa.Connection, table: str, **row: object) -> None:
    """In plain SQL: the tables are those of an earlier day."""
    marks = ", ".join(f":{name}" for name in row)
    statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608 - names from this file
    connection.execute(sa.text(statement), row)
