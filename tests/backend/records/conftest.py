"""A small city to deliver into: a few people and enterprises, the catalogue, and files as departments write."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from backend.database import Database
from backend.identifiers import complete_citizen_number, complete_social_credit_code
from backend.identifiers.sealing import KeyRing
from backend.objections.service import open_objections_by_record
from backend.records.collection import DeliveryReport, collect_file
from backend.records.deletions import Swept, sweep_records
from backend.records.intake import Intake
from backend.records.models import CreditRecord, Delivery, QuarantinedRow, RecordVersion
from backend.records.service import facts_at, versions_of_records
from backend.subjects.registers import RegisterRow, register_subjects
from tests.factories import intake_of
from tests.rules_in_force import put_rules_in_force

LAN = complete_citizen_number("99000119900101101")
QIANG = complete_citizen_number("99000119850615201")
STRANGER = complete_citizen_number("99000119770707707")
BAKERY = complete_social_credit_code("91990001MA0000001")
SCHOOL = complete_social_credit_code("12990001MB0000001")
DEPARTMENT = "桂城市文明办公室"
DEPARTMENT_CODE = complete_social_credit_code("11990001MB9000015")

_hours = count(1)


def volunteering(**cells: str) -> dict[str, str]:
    """A sound row of the volunteering template; every call is another matter."""
    return {
        "姓名": "王小兰",
        "身份号码": LAN,
        "服务记录编号": f"ZY{next(_hours):06d}",
        "服务项目": "社区清洁",
        "服务日期": "2026-01-10",
        "服务时长（小时）": "2.5",
        "组织单位": "桂城义工联合会",
        "时长确认状态": "已确认",
        "数据来源单位": DEPARTMENT,
        "数据来源单位统一社会信用代码": DEPARTMENT_CODE,
        "备注": "",
    } | cells


def penalty(**cells: str) -> dict[str, str]:
    """A sound row of the 2018 penalty template about an enterprise, headed by codes as systems export it."""
    return {
        "CF_XDR_MC": "桂城面包有限公司",
        "CF_XDR_LB": "法人及非法人组织",
        "CF_XDR_SHXYM": BAKERY,
        "CF_FRDB": "李大强",
        "CF_XDR_ZJLX": "",
        "CF_XDR_ZJHM": "",
        "CF_WSH": f"桂市监罚〔2026〕{next(_hours)}号",
        "CF_WFXW": "食品标签不规范",
        "CF_SY": "销售的面包未标注生产日期",
        "CF_YJ": "《中华人民共和国食品安全法》第一百二十五条",
        "CF_CFLB": "罚款",
        "CF_NR": "罚款人民币二千元",
        "CF_NR_FK": "0.2",
        "CF_NR_WFFF": "",
        "CF_JDRQ": "2026/01/20",
        "CF_YXQ": "",
        "CF_GSJZQ": "2027/01/20",
        "CF_CFJG": "桂城市市场监督管理局",
        "CF_CFJGDM": DEPARTMENT_CODE,
        "CF_SJLY": "桂城市市场监督管理局",
        "CF_SJLYDM": DEPARTMENT_CODE,
        "BZ": "",
    } | cells


def judgment(**cells: str) -> dict[str, str]:
    return {
        "主体类别": "自然人",
        "主体名称": "王小兰",
        "主体代码": LAN,
        "案号": f"（2026）桂0001执{next(_hours)}号",
        "案由": "民间借贷纠纷",
        "裁判生效日期": "2025-11-03",
        "未履行金额（元）": "12000.50",
        "严重程度": "一般",
        "履行完毕日期": "",
        "数据来源单位": "桂城市中级人民法院",
        "数据来源单位统一社会信用代码": DEPARTMENT_CODE,
        "备注": "",
    } | cells


def general(**cells: str) -> dict[str, str]:
    """A sound row of the general catalogue template."""
    return {
        "主体类别": "法人及非法人组织",
        "主体名称": "桂城面包有限公司",
        "主体代码": BAKERY,
        "目录类别代码": "tax_rating",
        "事项编号": f"SX{next(_hours):06d}",
        "事项名称": "纳税缴费信用评价",
        "发生（列入）日期": "2026-02-01",
        "结束（移出）日期": "",
        "履行（改正）日期": "",
        "数量": "",
        "金额（元）": "",
        "等级": "a",
        "关联事项编号": "",
        "数据来源单位": "国家税务总局桂城市税务局",
        "数据来源单位统一社会信用代码": DEPARTMENT_CODE,
        "备注": "",
    } | cells


def commitment(**cells: str) -> dict[str, str]:
    """A sound row of the commitment template, kept."""
    return {
        "承诺编码": f"CN{next(_hours):06d}",
        "承诺人名称": "桂城面包有限公司",
        "承诺人类别": "法人及非法人组织",
        "承诺人代码": BAKERY,
        "承诺类型": "审批替代型",
        "承诺事由": "食品经营许可",
        "承诺内容": "符合许可条件",
        "违诺责任": "撤销许可",
        "承诺作出日期": "2025-11-03",
        "承诺有效期": "",
        "承诺履行状态": "全部履行",
        "未履行的承诺内容": "",
        "违诺责任追究内容": "",
        "承诺履行状态认定日期": "2026-02-25",
        "承诺履行状态认定单位": "桂城市社会信用管理办公室",
        "承诺履行状态认定单位代码": DEPARTMENT_CODE,
        "承诺受理单位": "桂城市社会信用管理办公室",
        "承诺受理单位代码": DEPARTMENT_CODE,
        "公开类型": "可向社会公开",
        "备注": "",
    } | cells


def debtor(*, on: str, **cells: str) -> dict[str, str]:
    """A sound row about a listed debtor; the category is kept for 730 days after the day `on`."""
    person = {"主体类别": "自然人", "主体名称": "王小兰", "主体代码": LAN}
    matter = {"目录类别代码": "dishonest_debtor", "事项名称": "失信被执行人", "发生（列入）日期": on, "等级": ""}
    return general(**person, **matter) | cells


@dataclass
class City:
    """What the tests ask of the city they deliver into."""

    database: Database
    keys: KeyRing
    folder: Path
    now: datetime
    _files: Any = field(default_factory=lambda: count(1))

    @property
    def intake(self) -> Intake:
        return intake_of(self.keys)

    def write(
        self, rows: Sequence[Mapping[str, str]], *, name: str | None = None, encoding: str = "utf-8-sig"
    ) -> Path:
        path = self.folder / (name or f"delivery-{next(self._files)}.csv")
        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(heading for row in rows for heading in row)))
            writer.writeheader()
            writer.writerows(rows)
        return path

    def collect(self, path: Path, **options: Any) -> DeliveryReport:
        return collect_file(self.database, self.intake, path, **{"now": self.now, **options})

    def deliver(self, *rows: Mapping[str, str], **options: Any) -> DeliveryReport:
        return self.collect(self.write(rows), **options)

    def sweep(self, now: datetime) -> Swept:
        return sweep_records(self.database, now=now, held_back=open_objections_by_record)

    def records(self) -> list[CreditRecord]:
        with self.database.reading() as session:
            return list(session.scalars(select(CreditRecord).order_by(CreditRecord.id)))

    def versions(self) -> list[RecordVersion]:
        """Each with its facts, the latest of a record too."""
        with self.database.reading() as session:
            records = session.scalars(select(CreditRecord).order_by(CreditRecord.id)).all()
            versions = [version for each in versions_of_records(session, records).values() for version in each]
            facts = [facts_at(session, version) for version in versions]
            session.expunge_all()
        for version, known in zip(versions, facts, strict=True):
            version.facts = known
        return versions

    def quarantined(self, state: str = "open") -> list[QuarantinedRow]:
        with self.database.reading() as session:
            return list(
                session.scalars(
                    select(QuarantinedRow).where(QuarantinedRow.state == state).order_by(QuarantinedRow.id)
                )
            )

    def deliveries(self) -> list[Delivery]:
        with self.database.reading() as session:
            return list(session.scalars(select(Delivery).order_by(Delivery.received_at)))

    def count(self, table: type) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def codes(self, row: int = 0) -> list[tuple[str, str]]:
        """(column, code) of the reasons of one quarantined row."""
        return [(reason["column"], reason["code"]) for reason in self.quarantined()[row].reasons]


def counts(report: DeliveryReport) -> tuple[int, int, int, int]:
    """(accepted, duplicate, corrected, quarantined), after checking that they add up."""
    parts = (report.accepted, report.duplicate, report.corrected, report.quarantined)
    assert report.delivered == sum(parts)
    return parts


@pytest.fixture
def city(database: Database, keys: KeyRing, tmp_path: Path, now: datetime) -> City:
    with database.transaction() as session:
        put_rules_in_force(session, now)
        register_subjects(
            session,
            keys,
            [
                RegisterRow("person", LAN, "王小兰", "桂城区", born_on=date(1990, 1, 1)),
                RegisterRow(
                    "person",
                    QIANG,
                    "李大强",
                    "桂城区",
                    born_on=date(1985, 6, 15),
                    old_codes={"citizen_15": QIANG},
                ),
                RegisterRow("enterprise", BAKERY, "桂城面包有限公司", "桂城区"),
                RegisterRow("organisation", SCHOOL, "桂城市实验学校", "桂城区"),
            ],
            now,
        )
    return City(database, keys, tmp_path, now)
