"""A department delivers what a citizen has chosen not to have recorded."""

from __future__ import annotations

from sqlalchemy import select

from backend.records.models import CreditRecord, Delivery, QuarantinedRow


def test_a_declined_row_is_counted_and_nothing_of_it_is_kept(office):
    phone = office.city.as_citizen(office.lan)
    office.deliver("before.csv", "2026-01-05")
    phone.post("/api/v1/me/data-choices", json={"category": "volunteering", "declined": True})

    office.deliver("after.csv", "2026-02-01", "2026-02-02")

    with office.city.database.reading() as session:
        assert len(session.scalars(select(CreditRecord)).all()) == 1
        delivery = session.scalars(select(Delivery).where(Delivery.filename == "after.csv")).one()
        assert (delivery.delivered, delivery.accepted, delivery.quarantined) == (2, 0, 2)
        rows = session.scalars(select(QuarantinedRow)).all()
    assert {row.state for row in rows} == {"dropped"}
    assert [office.city.keys.open(row.sealed_row) for row in rows] == ["{}", "{}"]
    assert [row.masked_row for row in rows] == [{}, {}]
    assert {reason["code"] for row in rows for reason in row.reasons} == {"declined_by_subject"}

    phone.post("/api/v1/me/data-choices", json={"category": "volunteering", "declined": False})
    office.deliver("later.csv", "2026-02-20")
    with office.city.database.reading() as session:
        assert len(session.scalars(select(CreditRecord)).all()) == 2
