"""Whatever departments send, in whatever order and however often: every row is accounted for, and none twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, func, select

from backend.database import Base
from backend.records.department_deliveries import deliver_rows
from backend.records.departments import SourceDepartment, department_by_code
from backend.records.models import CreditRecord, Delivery, QuarantinedRow, RecordVersion
from backend.records.quarantine import resubmit_row
from backend.subjects.models import RescoreMark
from tests.backend.records.conftest import DEPARTMENT, LAN, QIANG, STRANGER, City, counts, volunteering

ROOT = Path(__file__).parents[3]

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
# The same by the department that has credentials of its own.
OWN_CODE = "11990001MB90000159"
own_rows = rows.map(lambda row: row | {"数据来源单位统一社会信用代码": OWN_CODE})
COUNTED = ("delivered", "accepted", "duplicate", "corrected", "quarantined")
files = st.lists(st.lists(rows, min_size=1, max_size=8), min_size=1, max_size=5)
TABLES: list[type[Base]] = [RescoreMark, RecordVersion, CreditRecord, QuarantinedRow, Delivery]


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        yield Path(folder)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    lives = city.versions()
    for record in city.records():
        mine = [version for version in lives if version.record_id == record.id]
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
    return deliveries, accepted, corrected, quarantined, len(city.versions()), records


def _forget_everything(city: City) -> None:
    with city.database.transaction() as session:
        for table in TABLES:
            session.execute(delete(table))


class Steps(RuleBasedStateMachine):
    """Files, rows through the department's interface, and resubmissions in any order: every row is accounted for,
    once, and no row is ever lost."""

    city: City
    department: SourceDepartment

    def __init__(self) -> None:
        super().__init__()
        _forget_everything(self.city)
        self.handed_in = 0
        self.files = count(1)

    @rule(rows_of_file=st.lists(own_rows, min_size=1, max_size=5), rows_per_chunk=st.sampled_from([1, 2, 100]))
    def a_file(self, rows_of_file: list[dict[str, str]], rows_per_chunk: int) -> None:
        path = self.city.write(rows_of_file, name=f"{next(self.files)}.csv")
        report = self.city.collect(path, rows_per_chunk=rows_per_chunk, source_department=DEPARTMENT)
        counts(report)
        if not report.already_taken_in:
            self.handed_in += len(rows_of_file)
        assert self.city.collect(path, source_department=DEPARTMENT).already_taken_in

    @rule(rows_of_call=st.lists(own_rows, min_size=1, max_size=4))
    def a_call(self, rows_of_call: list[dict[str, str]]) -> None:
        before = len(self.city.deliveries())
        answers = [self._deliver(rows_of_call), self._deliver(rows_of_call)]
        assert answers[0] == answers[1]
        if len(self.city.deliveries()) > before:
            self.handed_in += len(rows_of_call)

    @rule(hours=st.sampled_from(["1", "2.50", "x"]), subject=st.sampled_from([LAN, QIANG, STRANGER]))
    def a_correction_of_the_oldest_open_row(self, hours: str, subject: str) -> None:
        waiting = self.city.quarantined()
        if not waiting:
            return
        corrections = {"服务时长（小时）": hours, "身份号码": subject, "服务日期": "2026-01-10"}
        with self.city.database.transaction() as session:
            outcome = resubmit_row(
                session, self.city.intake, waiting[0].id, corrections, now=self.city.now, by="张敏"
            ).outcome
        if outcome != "quarantined":
            self.handed_in += 1

    @invariant()
    def everything_adds_up(self) -> None:
        with self.city.database.reading() as session:
            deliveries = session.scalars(select(Delivery)).all()
        sums = {name: sum(getattr(each, name) for each in deliveries) for name in COUNTED}
        assert sums["delivered"] == self.handed_in
        assert sums["delivered"] == sum(sums[name] for name in COUNTED[1:])
        assert sums["accepted"] == self.city.count(CreditRecord)
        assert sums["quarantined"] == self.city.count(QuarantinedRow)
        assert len(self.city.versions()) == sums["accepted"] + sums["corrected"]
        assert all(each.state == "done" for each in deliveries)

    def _deliver(self, rows_of_call: list[dict[str, str]]) -> tuple[object, ...]:
        with self.city.database.transaction() as session:
            delivery = deliver_rows(
                session,
                self.city.intake,
                department=self.department,
                template_code="volunteering",
                rows=rows_of_call,
                batch=None,
                now=self.city.now,
            ).delivery
            return (delivery.id, *(getattr(delivery, name) for name in COUNTED))


def test_files_calls_and_corrections_in_any_order_lose_nothing(city: City) -> None:
    with city.database.reading() as session:
        department = department_by_code(session, OWN_CODE, date(2026, 3, 3))

    class Here(Steps):
        pass

    Here.city, Here.department = city, department
    run_state_machine_as_test(Here, settings=settings(max_examples=8, stateful_step_count=8))


_IMPORT = """
import sys, time
from datetime import datetime, UTC
from pathlib import Path
from backend.database import Database
from backend.identifiers.sealing import KeyRing
from backend.records import collection
from tests.factories import intake_of
intake = intake_of(KeyRing(keys={"test": b"k" * 32}, current="test", index_key=b"i" * 32))
def progress(done, total):
    print("chunk", flush=True)
    time.sleep(0.05)
collection.collect_file(Database(sys.argv[1]), intake, Path(sys.argv[2]), now=datetime(2026, 3, 3, 2, tzinfo=UTC),
                        progress=progress, rows_per_chunk=2)
"""


@pytest.mark.parametrize("killed_after", [1, 4])
def test_an_import_killed_in_the_middle_goes_on_and_ends_as_if_it_had_not_been(
    city: City, killed_after: int
) -> None:
    rows_of_file = [volunteering(服务日期="2026-02-30" if n % 5 == 0 else "2026-01-10") for n in range(20)]
    path = city.write(rows_of_file)
    url = city.database.url.render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", _IMPORT, url, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as importing:
        assert importing.stdout is not None
        for _ in range(killed_after):
            assert importing.stdout.readline() == "chunk\n"
        importing.kill()
    [cut_off] = city.deliveries()
    assert cut_off.state == "receiving"
    assert 0 < cut_off.delivered < 20

    report = city.collect(path, rows_per_chunk=3)
    assert report.resumed_after == cut_off.delivered
    assert counts(report) == (16, 0, 0, 4)
    assert len(city.records()) == 16
    assert [row.row_number for row in city.quarantined()] == [2, 7, 12, 17]
    [whole] = city.deliveries()
    assert whole.shape["categories"] == {"volunteering": 16}
    assert city.collect(path).already_taken_in
