from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
import yaml
from sqlalchemy import event
from sqlalchemy.orm import Session

from backend.catalogue import service
from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.catalogue.errors import (
    CatalogueInvalid,
    CategoryNotInForce,
    NoCatalogueInForce,
    VersionAlreadyImported,
)
from backend.catalogue.service import (
    catalogue_in_force,
    catalogue_versions,
    category_in_force,
    compare_with_catalogue_in_force,
    import_catalogue,
    known_categories,
)
from scoring.reading_yaml import read_yaml

BEGINS = date(2026, 1, 1)


def edited(version: str, effective_from: date, *, without: str | None = None, **changed: dict[str, object]) -> str:
    """The shipped catalogue as another version, with changed fields by the code of their category."""
    document = read_yaml(shipped_catalogue())
    document |= {"version": version, "effective_from": effective_from}
    document["categories"] = [
        category | changed.get(category["code"], {})
        for category in document["categories"]
        if category["code"] != without
    ]
    return yaml.safe_dump(document, allow_unicode=True)


def test_what_was_imported_comes_back_the_same(
    session: Session, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_READ", {})  # what another test imported
    import_catalogue(session, shipped_catalogue(), now)
    session.expire_all()
    assert catalogue_in_force(session, BEGINS) == parse_catalogue(shipped_catalogue())


def test_a_catalogue_is_read_once_and_another_document_of_the_same_number_anew(
    session: Session, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_READ", {})
    with session.begin_nested() as another_city:
        import_catalogue(session, shipped_catalogue(), now)
        read = catalogue_in_force(session, BEGINS)
        session.expunge_all()
        asked: list[str] = []
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *told: asked.append(told[2]))
        assert catalogue_in_force(session, BEGINS) is read
        assert (len(asked), "catalogue_categories" in asked[0]) == (1, False)
        another_city.rollback()

    changed = edited("2026.1", BEGINS, without="serious_list")
    import_catalogue(session, changed, now)

    assert catalogue_in_force(session, BEGINS) == parse_catalogue(changed)


def test_a_category_is_known_as_the_latest_version_states_it_from_its_day_on(
    session: Session, now: datetime
) -> None:
    later = date(2026, 9, 1)
    for document in (
        edited("2026.2", later, honour={"name": "荣誉表彰"}),
        shipped_catalogue(),
        edited("2026.3", date(2026, 10, 1), without="honour"),
    ):
        import_catalogue(session, document, now)

    names = {
        on: known_categories(session, on)["honour"].name
        for on in (later - timedelta(days=1), later, date(2026, 10, 1))
    }

    assert [*names.values()] == ["表彰荣誉", "荣誉表彰", "荣誉表彰"]


def test_importing_the_same_document_again_changes_nothing(session: Session, now: datetime) -> None:
    import_catalogue(session, shipped_catalogue(), now)
    import_catalogue(session, shipped_catalogue(), now + timedelta(days=1))
    (version,) = catalogue_versions(session)
    assert version.imported_at == now


def test_a_version_is_in_force_from_its_date_and_not_before(session: Session, now: datetime) -> None:
    import_catalogue(session, shipped_catalogue(), now)
    with pytest.raises(NoCatalogueInForce):
        catalogue_in_force(session, BEGINS - timedelta(days=1))
    assert catalogue_in_force(session, BEGINS).version == "2026.1"


def test_an_earlier_day_is_still_answered_by_the_earlier_version(session: Session, now: datetime) -> None:
    import_catalogue(session, shipped_catalogue(), now)
    later = date(2026, 9, 1)
    import_catalogue(session, edited("2026.2", later, without="serious_list"), now)
    assert category_in_force(session, "serious_list", later - timedelta(days=1)).name == "严重违法失信名单"
    with pytest.raises(CategoryNotInForce):
        category_in_force(session, "serious_list", later)


def test_a_published_version_is_never_rewritten(session: Session, now: datetime) -> None:
    import_catalogue(session, shipped_catalogue(), now)
    with pytest.raises(VersionAlreadyImported):
        import_catalogue(session, edited("2026.1", date(2026, 9, 1)), now)


def test_two_versions_cannot_take_effect_on_one_day(session: Session, now: datetime) -> None:
    import_catalogue(session, shipped_catalogue(), now)
    with pytest.raises(CatalogueInvalid):
        import_catalogue(session, edited("2026.2", BEGINS), now)


def test_a_draft_is_compared_with_what_is_in_force(session: Session, now: datetime) -> None:
    import_catalogue(session, shipped_catalogue(), now)
    draft = edited("2026.2", date(2026, 9, 1), without="serious_list")
    (change,) = compare_with_catalogue_in_force(session, draft, now.date())
    assert (change.category, change.after) == ("serious_list", None)
