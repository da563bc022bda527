"""A city with rules in force, two people, and one delivery of volunteering of which one row was refused."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest

from backend.objections.deadlines import load_deadlines
from backend.objections.service import file_objection
from backend.records.collection import collect_file
from tests.conftest import City
from tests.factories import add_person, add_record
from tests.rules_in_force import put_rules_in_force

DEPARTMENT = "桂城市文明办公室"
WRONG_DATE = "2026-02-30"


@dataclass
class Office:
    """The city and what is in it. `lan_number` is 王小兰's identity number in full."""

    city: City
    lan: int
    lan_number: str
    qiang: int
    file_objection: Callable[..., str]
    deliver: Callable[..., None]
    register: Callable[..., None]


@pytest.fixture
def office(city: City, now: datetime, tmp_path: Path) -> Office:
    with city.database.transaction() as session:
        put_rules_in_force(session, now, policies=("guihua", "enterprise"))
        lan = add_person(session, city.keys, name="王小兰")
        qiang = add_person(session, city.keys, name="李大强")
        lan_id, qiang_id = lan.id, qiang.id
        lan_number = city.keys.open(lan.identifier_sealed)

    def deliver(filename: str, *dates: str, department: str = DEPARTMENT) -> None:
        """One row of volunteering by 王小兰 for each date."""
        rows = [_volunteering(lan_number, f"{filename}-{n}", day) for n, day in enumerate(dates)]
        collect(filename, [row | {"数据来源单位": department} for row in rows], department)

    def register(filename: str, number: str) -> None:
        """One row of the register of residents."""
        collect(filename, [_resident(number)])

    def collect(filename: str, rows: list[dict[str, str]], department: str = DEPARTMENT) -> None:
        path = tmp_path / filename
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        collect_file(city.database, city.services.intake, path, source_department=department, now=city.clock())

    def file(subject_id: int, category: str = "utility_arrears", evidence_ids: Sequence[str] = ()) -> str:
        with city.database.transaction() as session:
            record = add_record(session, session.get_one(type(lan), subject_id), category, title="水费欠缴")
            objection = file_objection(
                session,
                subject_id=subject_id,
                record_id=record.id,
                grounds="已按期缴清，附有凭证。",
                now=city.clock(),
                deadlines=load_deadlines(city.services.working_days),
                evidence_ids=[UUID(evidence_id) for evidence_id in evidence_ids],
            )
            return str(objection.id)

    return Office(city, lan_id, lan_number, qiang_id, file, deliver, register)


def _volunteering(number: str, serial: str, day: str) -> dict[str, str]:
    return {
        "姓名": "王小兰",
        "身份号码": number,
        "服务记录编号": serial,
        "服务项目": "社区清洁",
        "服务日期": day,
        "服务时长（小时）": "2.5",
        "组织单位": "桂城义工联合会",
        "时长确认状态": "已确认",
        "数据来源单位": DEPARTMENT,
        "数据来源单位统一社会信用代码": "11990001MB9000015",
    }


def _resident(number: str) -> dict[str, str]:
    return {
        "公民身份号码": number,
        "姓名": "赵新来",
        "出生日期": f"{number[6:10]}-{number[10:12]}-{number[12:14]}",
        "区划代码": "990001",
        "区划名称": "金桂区",
        "登记日期": "2026-01-05",
        "状态": "正常",
    }
