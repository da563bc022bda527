"""Tables whose rows the database itself refuses to change or delete, whoever asks, on SQLite and PostgreSQL.

The triggers are made with the tables. A migration that rebuilds such a table (SQLite's batch mode does) must make
them again; a test compares what a migrated database has with what is declared here.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import DDL, Connection, Table, event, text

_REFUSE = "osmanthus_refuse_change"
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {_REFUSE}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% may not be changed or deleted here', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def keep_append_only(
    table: Table, *, may_change: Sequence[str] = (), once: Sequence[str] = (), deletable_if: str | None = None
) -> None:
    """Declare which changes of a row the database lets through; every other UPDATE or DELETE fails.

    may_change    columns that may be updated
    once          of those, the ones that may only be set while they are NULL
    deletable_if  SQL over `OLD` that allows a DELETE, such as "the row lies in an archive"; None: never

    A refused statement raises IntegrityError.
    """
    fixed = [column.name for column in table.columns if column.name not in may_change]
    for dialect in ("sqlite", "postgresql"):
        for statement in trigger_statements(table.name, dialect, fixed, once, deletable_if):
            # DDL formats its text with %: a literal one is doubled.
            ddl = DDL(statement.replace("%", "%%")).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", ddl)


def trigger_statements(
    name: str, dialect: str, fixed: Sequence[str], once: Sequence[str] = (), deletable_if: str | None = None
) -> list[str]:
    """The statements that make the triggers of the table `name`; for migrations, which state the columns."""
    differs = "IS NOT" if dialect == "sqlite" else "IS DISTINCT FROM"
    wrong = [f"OLD.{column} {differs} NEW.{column}" for column in fixed]
    wrong += [f"(OLD.{column} IS NOT NULL AND OLD.{column} {differs} NEW.{column})" for column in once]
    changed = " OR ".join(wrong)
    if dialect == "sqlite":
        refuse = f"SELECT RAISE(ABORT, '{name} may not be changed or deleted here')"
        condition = f" WHERE NOT ({deletable_if})" if deletable_if else ""
        return [
            f"CREATE TRIGGER {name}_keep_rows BEFORE UPDATE ON {name} WHEN {changed} BEGIN {refuse}; END",
            f"CREATE TRIGGER {name}_keep_all BEFORE DELETE ON {name} BEGIN {refuse}{condition}; END",
        ]
    statements = [_FUNCTION]
    guard = _REFUSE
    if deletable_if:
        guard = f"osmanthus_keep_{name}"
        statements.append(
            f"CREATE OR REPLACE FUNCTION {guard}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {deletable_if} THEN RETURN OLD; END IF; "
            f"RAISE EXCEPTION '{name} may not be deleted here' USING ERRCODE = 'restrict_violation'; END $$"
        )
    return [
        *statements,
        f"CREATE TRIGGER {name}_keep_rows BEFORE UPDATE ON {name} FOR EACH ROW WHEN ({changed}) "
        f"EXECUTE FUNCTION {_REFUSE}()",
        f"CREATE TRIGGER {name}_keep_all BEFORE DELETE ON {name} FOR EACH ROW EXECUTE FUNCTION {guard}()",
        f"CREATE TRIGGER {name}_keep_table BEFORE TRUNCATE ON {name} FOR EACH STATEMENT "
        f"EXECUTE FUNCTION {_REFUSE}()",
    ]


def triggers_in(connection: Connection) -> dict[str, str]:
    """Name → definition of the triggers that the database has."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql AS definition FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = (
            "SELECT tgname AS name, pg_get_triggerdef(oid) AS definition FROM pg_trigger WHERE NOT tgisinternal"
        )
    return {row.name: row.definition for row in connection.execute(text(query))}
