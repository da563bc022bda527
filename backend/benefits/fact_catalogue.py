"""Every fact that a scheme's conditions may ask for: its type, its unit, and the words citizens read.

A fact that is not in this list cannot be a condition, so nobody can make a benefit depend on what must never
count (ethnicity, belief, illness, marital status): there is no fact for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

FactKind = Literal["points", "quantity", "count", "flag", "choice", "day"]
FactValue: TypeAlias = "int | bool | str | date"
About = Literal["holder", "enterprise"]


@dataclass(frozen=True)
class FactDefinition:
    """kind    points and quantity: integer hundredths; count: whole number; choice: a code; day: a date
    about   the citizen who holds the phone, or the enterprise they act for
    near    how far (in the fact's own unit) still counts as nearly there; None: distance means nothing, or the
            city must not urge anyone (nobody is told to donate blood for a discount)
    how     the next step for someone who does not meet a condition on this fact
    """

    code: str
    name: str
    kind: FactKind
    about: About
    how: str
    unit: str = ""
    near: int | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    when_true: str = "是"
    when_false: str = "否"

    def show(self, value: FactValue) -> str:
        """The value as a citizen reads it."""
        match self.kind, value:
            case "points", int(hundredths):
                return f"{_hundredths(hundredths, always=2)} {self.unit}"
            case "quantity", int(hundredths):
                return f"{_hundredths(hundredths, always=0)} {self.unit}"
            case "flag", bool(flag):
                return self.when_true if flag else self.when_false
            case "choice", str(code):
                return self.choices.get(code, code)
            case "day", date() as day:
                return day.isoformat()
            case _:
                return f"{value} {self.unit}".rstrip()


@dataclass(frozen=True)
class RecordMeasure:
    """How a fact is read from records.

    measure      count: how many; quantity: sum of quantities (hundredths); latest_on: date of the newest;
                 latest_level: code of the newest one's level
    levels       only these levels (the ordinal in the catalogue), or every level
    window_days  only matters of the last so many days, or of any time
    unsettled    only what is still open: not performed and not ended
    adverse      adverse matters are not counted while they are under objection; good ones still are
    """

    category: str
    measure: Literal["count", "quantity", "latest_on", "latest_level"]
    adverse: bool
    levels: frozenset[int] | None = None
    window_days: int | None = None
    unsettled: bool = False


@dataclass(frozen=True)
class FactSet:
    """What is known about one holder (and the enterprise they act for) on one day; None or absent: not known."""

    on: date
    values: Mapping[str, FactValue | None]

    def get(self, code: str) -> FactValue | None:
        return self.values.get(code)


def _hundredths(value: int, *, always: int) -> str:
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), 100)
    digits = f"{rest:02d}"
    if always == 0:
        digits = digits.rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


_EVALUATION = {"excellent": "优", "good": "良", "fair": "中", "poor": "差"}
_TAX_RATING = {"a": "A 级", "b": "B 级", "m": "M 级", "c": "C 级", "d": "D 级"}

_PAY_ARREARS = "缴清欠费后，缴费单位下次报送时即不再计入；已缴清仍显示的，可提出异议。"
_PERFORM = "履行生效法律文书确定的义务后，可向执行法院申请删除；有误的，可提出异议。"
_LEAVE_LIST = "纠正失信行为后，可向列入的部门申请移出名单；有误的，可提出异议。"
_RED_LIST = "获得表彰荣誉、评为纳税信用A级等即列入；依据和期限见“我的名单”，有误的，可对所依据的记录提出异议。"

_DEFINITIONS = (
    FactDefinition(
        code="consent.activated",
        name="信用分",
        kind="flag",
        about="holder",
        near=0,
        when_true="已开通信用分",
        when_false="未开通信用分",
        how="年满 18 周岁的市民可在“我的信用分”中开通，随时可以停用。",
    ),
    FactDefinition(
        code="person.age",
        name="年龄",
        kind="count",
        about="holder",
        unit="周岁",
        how="年满规定年龄后即可使用。",
    ),
    FactDefinition(
        code="person.red_listed",
        name="红名单",
        kind="flag",
        about="holder",
        when_true="本人列入红名单",
        when_false="本人没有列入红名单",
        how=_RED_LIST,
    ),
    FactDefinition(
        code="score.total",
        name="信用分",
        kind="points",
        about="holder",
        unit="分",
        near=10_00,
        how="在“我的信用分”中可以看到怎样提高分数。",
    ),
    FactDefinition(
        code="records.volunteering.hours_12_months",
        name="近 12 个月志愿服务时长",
        kind="quantity",
        about="holder",
        unit="小时",
        near=20_00,
        how="参加志愿服务并由组织单位确认时长后计入。",
    ),
    FactDefinition(
        code="records.blood_donation.latest_on",
        name="最近一次无偿献血",
        kind="day",
        about="holder",
        how="此项只作优待，不影响其他权益。",
    ),
    FactDefinition(
        code="records.dishonest_debtor.in_force",
        name="失信被执行人记录",
        kind="count",
        about="holder",
        unit="件",
        how=_PERFORM,
    ),
    FactDefinition(
        code="records.court_judgment.unperformed",
        name="未履行的生效裁判",
        kind="count",
        about="holder",
        unit="件",
        near=1,
        how=_PERFORM,
    ),
    FactDefinition(
        code="records.contract_performance.broken_24_months",
        name="近 24 个月未履行的合同",
        kind="count",
        about="holder",
        unit="次",
        how="满 24 个月后不再计入；已履行的，可向认定单位申请更正。",
    ),
    FactDefinition(
        code="records.utility_arrears.unpaid",
        name="未缴清的公用事业欠费",
        kind="count",
        about="holder",
        unit="笔",
        near=3,
        how=_PAY_ARREARS,
    ),
    FactDefinition(
        code="records.transport_fare_evasion.count_12_months",
        name="近 12 个月逃票记录",
        kind="count",
        about="holder",
        unit="次",
        how="满 12 个月后不再计入；有误的，可提出异议。",
    ),
    FactDefinition(
        code="enterprise.active",
        name="登记状态",
        kind="flag",
        about="enterprise",
        when_true="登记状态为存续",
        when_false="登记状态不是存续",
        how="请先在市场监管部门恢复正常登记状态。",
    ),
    FactDefinition(
        code="enterprise.red_listed",
        name="红名单",
        kind="flag",
        about="enterprise",
        when_true="企业列入红名单",
        when_false="企业没有列入红名单",
        how=_RED_LIST,
    ),
    FactDefinition(
        code="enterprise.evaluation",
        name="公共信用综合评价",
        kind="choice",
        about="enterprise",
        choices=_EVALUATION,
        how="在“企业信用”中可以看到评价的依据和改进建议。",
    ),
    FactDefinition(
        code="enterprise.registered_days",
        name="登记成立时间",
        kind="count",
        about="enterprise",
        unit="天",
        near=90,
        how="成立满规定天数后即可使用。",
    ),
    FactDefinition(
        code="enterprise.commitments.signed_24_months",
        name="近 24 个月签署并公开的信用承诺",
        kind="count",
        about="enterprise",
        unit="份",
        near=1,
        how="在办事窗口或“信用承诺”中签署承诺书，公开后计入。",
    ),
    FactDefinition(
        code="enterprise.commitments.broken_24_months",
        name="近 24 个月未履行的信用承诺",
        kind="count",
        about="enterprise",
        unit="份",
        how="补充履行承诺并由认定单位确认后不再计入。",
    ),
    FactDefinition(
        code="enterprise.tax_rating",
        name="纳税信用级别",
        kind="choice",
        about="enterprise",
        choices=_TAX_RATING,
        how="纳税信用级别由税务机关每年评价，可向其申请复评或修复。",
    ),
    FactDefinition(
        code="enterprise.dishonest_debtor.in_force",
        name="企业失信被执行人记录",
        kind="count",
        about="enterprise",
        unit="件",
        how=_PERFORM,
    ),
    FactDefinition(
        code="enterprise.serious_list.in_force",
        name="严重失信主体名单记录",
        kind="count",
        about="enterprise",
        unit="条",
        how=_LEAVE_LIST,
    ),
    FactDefinition(
        code="enterprise.abnormal_operation.in_force",
        name="经营异常名录记录",
        kind="count",
        about="enterprise",
        unit="条",
        near=1,
        how="补报年报或更正登记信息后，可向市场监管部门申请移出。",
    ),
    FactDefinition(
        code="enterprise.social_insurance_arrears.unpaid",
        name="未补缴的社会保险费欠缴",
        kind="count",
        about="enterprise",
        unit="笔",
        near=3,
        how="补缴后，社保经办机构下次报送时即不再计入。",
    ),
    FactDefinition(
        code="enterprise.admin_penalty.serious_12_months",
        name="近 12 个月严重行政处罚",
        kind="count",
        about="enterprise",
        unit="件",
        how="履行处罚决定后，可在公示期满前申请信用修复。",
    ),
)

FACTS: Mapping[str, FactDefinition] = {definition.code: definition for definition in _DEFINITIONS}

_YEAR = 365

RECORD_FACTS: Mapping[str, RecordMeasure] = {
    "records.volunteering.hours_12_months": RecordMeasure(
        "volunteering", "quantity", adverse=False, window_days=_YEAR
    ),
    "records.blood_donation.latest_on": RecordMeasure("blood_donation", "latest_on", adverse=False),
    "records.dishonest_debtor.in_force": RecordMeasure("dishonest_debtor", "count", adverse=True, unsettled=True),
    "records.court_judgment.unperformed": RecordMeasure("court_judgment", "count", adverse=True, unsettled=True),
    "records.contract_performance.broken_24_months": RecordMeasure(
        "contract_performance", "count", adverse=True, levels=frozenset({3}), window_days=2 * _YEAR, unsettled=True
    ),
    "records.utility_arrears.unpaid": RecordMeasure("utility_arrears", "count", adverse=True, unsettled=True),
    "records.transport_fare_evasion.count_12_months": RecordMeasure(
        "transport_fare_evasion", "count", adverse=True, window_days=_YEAR
    ),
    "enterprise.commitments.signed_24_months": RecordMeasure(
        "commitment", "count", adverse=False, levels=frozenset({0, 1, 2}), window_days=2 * _YEAR
    ),
    "enterprise.commitments.broken_24_months": RecordMeasure(
        "commitment", "count", adverse=True, levels=frozenset({3}), window_days=2 * _YEAR
    ),
    "enterprise.tax_rating": RecordMeasure("tax_rating", "latest_level", adverse=False),
    "enterprise.dishonest_debtor.in_force": RecordMeasure(
        "dishonest_debtor", "count", adverse=True, unsettled=True
    ),
    "enterprise.serious_list.in_force": RecordMeasure("serious_list", "count", adverse=True, unsettled=True),
    "enterprise.abnormal_operation.in_force": RecordMeasure(
        "abnormal_operation", "count", adverse=True, unsettled=True
    ),
    "enterprise.social_insurance_arrears.unpaid": RecordMeasure(
        "social_insurance_arrears", "count", adverse=True, unsettled=True
    ),
    "enterprise.admin_penalty.serious_12_months": RecordMeasure(
        "admin_penalty", "count", adverse=True, levels=frozenset({3}), window_days=_YEAR
    ),
}
