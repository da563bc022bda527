"""Whatever departments send, in whatever order and however often: every row is accounted for, and none twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from backend.database import Base
from backend.records.models import CreditRecord, Delivery, QuarantinedRow, RecordVersion
from backend.subjects.models import RescoreMark
from tests.backend.records.conftest import LAN, QIANG, STRANGER, City, counts, volunteering

# Few matters and few values, so that rows meet again: as duplicates, as corrections, and with dirt in between.
rows = st.builds(
    lambda matter, subject, hours, note, day: volunteering(
        服务记录编号=f"ZY{matter}", 身份号码=subject, 备注=note, 服务日期=day, **{"服务时长（小时）": hours}
    ),
    st.integers(1, 4),
    st.sampled_from([LAN, QIANG, STRANGER, LAN[:-1]]),
    st.sampled_from(["1", "2.50", "x"]),
    st.sampled_from(["", "撤销"]),
    st.sampled_from(["2026-01-10", "2026/1/10", "2026-13-01"]),
)
files = st.lists(st.lists(rows, min_size=1, max_size=8), min_size=1, max_size=5)
TABLES: list[type[Base]] = [RescoreMark, RecordVersion, CreditRecord, QuarantinedRow, Delivery]


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        yield Path(folder)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=files, rows_per_chunk=st.sampled_from([1, 3, 100]))
def test_rows_are_accounted_for_once_and_the_same_file_changes_nothing(
    city: City, files: list[list[dict[str, str]]], rows_per_chunk: int
) -> None:
    _forget_everything(city)
    paths = []
    for number, rows_of_file in enumerate(files):
        path = city.write(rows_of_file, name=f"{number}.csv")
        paths.append(path)
        report = city.collect(path, rows_per_chunk=rows_per_chunk)
        counts(report)
        assert report.delivered == len(rows_of_file)

    before = _state(city)
    deliveries, accepted, corrected, quarantined, versions = before[:5]
    assert len(city.records()) == accepted
    assert versions == accepted + corrected
    assert len(city.quarantined()) == quarantined
    assert len(deliveries) == len({path.read_bytes() for path in paths})
    for record in city.records():
        mine = [version for version in city.versions() if version.record_id == record.id]
        assert [version.version for version in mine] == list(range(1, record.version + 1))
        assert mine[-1].facts["content"] == record.content
        assert record.state == ("revoked" if record.withdrawn else "active")

    for path in paths:
        assert city.collect(path).already_taken_in
    assert _state(city) == before


def _state(city: City) -> tuple[object, ...]:
    with city.database.reading() as session:
        sums = session.execute(
            select(func.sum(Delivery.accepted), func.sum(Delivery.corrected), func.sum(Delivery.quarantined))
        ).one()
        accepted, corrected, quarantined = (int(total or 0) for total in sums)
        deliveries = [
            (d.identity, d.state, d.delivered, d.accepted, d.duplicate, d.corrected, d.quarantined)
            for d in session.scalars(select(Delivery).order_by(Delivery.identity))
        ]
    records = [(r.id, r.version, r.state, r.quantity, r.facts_digest) for r in city.records()]
    return deliveries, accepted, corrected, quarantined, city.count(RecordVersion), records


def _forget_everything(city: City) -> None:
    with city.database.transaction() as session:
        for table in TABLES:
            session.execute(delete(table))
