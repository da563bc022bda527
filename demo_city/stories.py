"""The citizens and enterprises that the demo introduces by name, and the records that make their stories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

Row = Mapping[str, str]
"""Cells of one delivered row by column code, without those that name the subject and the source."""


@dataclass(frozen=True)
class Told:
    """One record of a story: which delivery it belongs to, how many days ago, and the cells that matter.

    A value written `-30` days ago is given as an int: days before the as-of date (negative: after it).
    `withdrawn_days_ago`: how many days ago the department took its decision back, and delivered the row once more.
    """

    delivery: str
    cells: Mapping[str, str | int]
    withdrawn_days_ago: int | None = None

    @property
    def days_ago(self) -> int:
        """How many days ago the last thing happened that the record tells of."""
        return min(value for value in self.cells.values() if isinstance(value, int) and value >= 0)


@dataclass(frozen=True)
class Story:
    """`representative` is the citizen's key. `branch` is the key of an enterprise that is this one's branch,
    `branch_closed_days_ago` how many days ago it ceased to be one."""

    key: str
    name: str
    story: str
    records: tuple[Told, ...] = ()
    age_days: int = 0
    representative: str | None = None
    branch: str | None = None
    branch_closed_days_ago: int | None = None


def _volunteering(count: int, hours: str, *, first_days_ago: int, every: int, what: str) -> tuple[Told, ...]:
    return tuple(
        Told(
            "volunteering",
            {"XMMC": what, "FWRQ": first_days_ago + turn * every, "FWSC": hours, "ZZDW": "桂城市志愿服务总队"},
        )
        for turn in range(count)
    )


def _contracts(count: int, what: str, *, first_days_ago: int, every: int) -> tuple[Told, ...]:
    return tuple(
        Told(
            "contract_performance",
            {
                "HTMC": what,
                "QDRQ": first_days_ago + turn * every + 20,
                "RDRQ": first_days_ago + turn * every,
                "LYZT": "全部履行",
            },
        )
        for turn in range(count)
    )


def _blood(days_ago: int, how: str = "全血") -> Told:
    return Told("blood_donation", {"XXRQ": days_ago, "XXFS": how})


def _honour(days_ago: int, name: str, level: str, by: str) -> Told:
    return Told("honour", {"RYMC": name, "RYJB": level, "SYJG": by, "SYRQ": days_ago})


def _education(days_ago: int, what: str) -> Told:
    return Told("supplement_education", {"SXMC": what, "FSRQ": days_ago, "SL": "1"})


def _charity(days_ago: int, what: str) -> Told:
    return Told("public_service", {"SXMC": what, "FSRQ": days_ago, "SL": "1", "JE": "300.00"})


def _tax(years_ago: int, rating: str) -> Told:
    return Told("tax_rating", {"SXMC": "年度纳税缴费信用评价", "FSRQ": 200 + 365 * years_ago, "DJ": rating})


def _commitment(days_ago: int, reason: str, outcome: str = "全部履行") -> Told:
    cells: dict[str, str | int] = {
        "commitmentTypeId": "审批替代型",
        "reason": reason,
        "commitmentDate": days_ago,
        "fulfillmentStatus": outcome,
        "fulfillmentStatusDate": days_ago - 60,
    }
    if outcome != "全部履行":
        cells |= {
            "unperformedCommitmentContent": "未在承诺期限内补齐申请材料",
            "liabilityBreachCommitmentContent": "责令限期改正",
        }
    return Told("commitment", cells)


def _licence(days_ago: int, name: str, content: str) -> Told:
    return Told(
        "admin_licence",
        {
            "XK_XKWS": name,
            "XK_XKLB": "普通",
            "XK_NR": content,
            "XK_JDRQ": days_ago,
            "XK_YXQZ": days_ago,
            "XK_YXQZI": days_ago - 1826,
        },
    )


def _penalty(
    days_ago: int,
    act: str,
    kinds: str,
    fine: int,
    *,
    public_until: int,
    basis: str,
    facts: str,
    urban: bool = False,
) -> Told:
    """`fine` in whole 元. `urban`: of the urban management authority instead of the market authority."""
    return Told(
        "urban_penalty" if urban else "admin_penalty",
        {
            "CF_WFXW": act,
            "CF_SY": facts,
            "CF_YJ": basis,
            "CF_CFLB": kinds,
            "CF_NR": f"{kinds.replace(';', '并处')}{fine}元",
            "CF_NR_FK": f"{Decimal(fine) / 10_000:f}",
            "CF_JDRQ": days_ago,
            "CF_GSJZQ": public_until,
        },
    )


CITIZENS = (
    Story(
        key="volunteer",
        name="林桂兰",
        age_days=42 * 365,
        story="热心志愿者：一年服务超过160小时，多次无偿献血，履约记录良好。",
        records=(
            *_volunteering(55, "3", first_days_ago=4, every=6, what="社区助老服务"),
            *_volunteering(20, "2", first_days_ago=380, every=30, what="图书馆文明引导"),
            _blood(40),
            _blood(230),
            _blood(420),
            _honour(150, "桂城市优秀志愿者", "市级", "桂城市文明办公室"),
            *_contracts(12, "公交地铁先乘后付", first_days_ago=12, every=28),
            *_contracts(4, "公共图书馆借阅协议", first_days_ago=40, every=80),
        ),
    ),
    Story(
        key="wrong_arrears",
        name="陈志远",
        age_days=36 * 365,
        story="有一笔不属于自己的燃气欠费记录（户号录错），可以当场提出异议。",
        records=(
            Told(
                "utility_arrears",
                {"FYZL": "燃气费", "JFHH": "RQ9900120417", "ZDRQ": 222, "QFYS": "7", "QFJE": "1286.40"},
            ),
            # Enough for the library's threshold without the wrong record, and just short of it with it.
            *_volunteering(26, "4", first_days_ago=20, every=12, what="河道清洁行动"),
            *_contracts(10, "公交地铁先乘后付", first_days_ago=9, every=31),
            _education(600, "高级工职业资格证书"),
        ),
    ),
    Story(
        key="ending_penalty",
        name="赵海波",
        age_days=51 * 365,
        story="近一年前有一次行政处罚，已按时缴清罚款，影响再过约三周结束。",
        records=(
            _penalty(
                344,
                "擅自占用城市道路堆放物料",
                "罚款",
                1500,
                public_until=-21,
                basis="《城市道路管理条例》第四十二条",
                facts="装修期间在门前人行道堆放砂石，经告知后仍未清除。",
                urban=True,
            ),
            *_volunteering(8, "3", first_days_ago=20, every=40, what="交通文明劝导"),
            *_contracts(8, "公交地铁先乘后付", first_days_ago=15, every=40),
        ),
    ),
    Story(
        key="representative",
        name="吴敏",
        age_days=45 * 365,
        story="桂城市丹桂信息科技有限公司的法定代表人，可以同时查看企业的公共信用。",
        records=(
            *_volunteering(4, "4", first_days_ago=60, every=80, what="企业助学公益活动"),
            _blood(190, "成分血"),
            *_contracts(9, "住房租赁合同", first_days_ago=30, every=60),
            _charity(100, "慈善一日捐"),
        ),
    ),
    Story(
        key="minor",
        name="孙梓涵",
        age_days=17 * 365 + 120,
        story="17岁高中生：参加过志愿服务，未满十八周岁，没有信用分。",
        records=_volunteering(5, "2", first_days_ago=25, every=50, what="社区图书整理"),
    ),
    Story(
        key="thin_file",
        name="何雨桐",
        age_days=22 * 365,
        story="刚到桂城工作，公共信用记录很少。",
        records=_contracts(1, "公共自行车租还", first_days_ago=33, every=1),
    ),
    Story(
        key="exemplary",
        name="周永康",
        age_days=58 * 365,
        story="信用标兵：志愿服务每年300小时以上，捐献过造血干细胞，获得省级表彰。",
        records=(
            *_volunteering(84, "4", first_days_ago=3, every=4, what="应急救援志愿服务"),
            *_volunteering(60, "4", first_days_ago=370, every=12, what="应急救援志愿服务"),
            _blood(700, "造血干细胞"),
            _blood(70),
            _blood(260),
            _honour(300, "省道德模范", "省部级", "省精神文明建设指导委员会"),
            _honour(500, "桂城市见义勇为先进个人", "市级", "桂城市公安局"),
            *_contracts(20, "公交地铁先乘后付", first_days_ago=10, every=18),
            _charity(80, "慈善一日捐"),
            _education(1500, "技师职业资格证书"),
        ),
    ),
    Story(
        key="recovering",
        name="马国强",
        age_days=39 * 365,
        story="有一件尚未履行完毕的生效裁判，分数低于基础分，正在想办法恢复信用。",
        records=(
            Told(
                "court_judgment",
                {"AY": "民间借贷纠纷", "CPRQ": 210, "BDJE": "36500.00", "YZCD": "一般"},
            ),
            Told(
                "utility_arrears",
                {"FYZL": "水费", "JFHH": "SF9900230088", "ZDRQ": 220, "QFYS": "5", "QFJE": "312.75", "JQRQ": 70},
            ),
            *_volunteering(2, "3", first_days_ago=14, every=20, what="垃圾分类宣传"),
            *_contracts(3, "公交地铁先乘后付", first_days_ago=20, every=50),
        ),
    ),
    Story(
        key="whole_life",
        name="钱春燕",
        age_days=47 * 365,
        story="记录经历过各种变化：一条已修复，一条被撤销，一条到期，一条更正过，一条正在异议核查。",
        records=(
            Told(
                "court_judgment",
                {"AY": "物业服务合同纠纷", "CPRQ": 400, "BDJE": "2360.00", "YZCD": "轻微", "LXRQ": 130},
            ),
            replace(
                _penalty(
                    260,
                    "擅自占用城市道路堆放物料",
                    "罚款",
                    600,
                    public_until=-105,
                    basis="《城市道路管理条例》第四十二条",
                    facts="在小区门前道路堆放装修材料。",
                    urban=True,
                ),
                withdrawn_days_ago=30,
            ),
            # Paid a year and a day ago: its retention ended yesterday.
            Told(
                "utility_arrears",
                {"FYZL": "电费", "JFHH": "DF9900410752", "ZDRQ": 450, "QFYS": "2", "QFJE": "236.10", "JQRQ": 366},
            ),
            Told(
                "utility_arrears",
                {"FYZL": "水费", "JFHH": "SF9900417735", "ZDRQ": 200, "QFYS": "9", "QFJE": "846.00", "JQRQ": 120},
            ),
            Told(
                "transport_fare_evasion",
                {"SXMC": "地铁2号线逃票", "FSRQ": 110, "SL": "1", "JE": "6.00"},
            ),
            *_volunteering(6, "3", first_days_ago=30, every=25, what="社区图书角值守"),
            *_contracts(8, "公交地铁先乘后付", first_days_ago=18, every=35),
        ),
    ),
)

ENTERPRISES = (
    Story(
        key="model_enterprise",
        name="桂城市丹桂信息科技有限公司",
        representative="representative",
        branch="model_branch",
        story="连续多年纳税信用A级，合同与承诺全部履行；在月湖区设有分公司。",
        records=(
            *(_tax(year, "A级") for year in range(4)),
            *_contracts(6, "政府采购合同", first_days_ago=50, every=180),
            _honour(400, "省专精特新中小企业", "省部级", "省工业和信息化厅"),
            _honour(800, "桂城市诚信示范企业", "市级", "桂城市社会信用管理办公室"),
            _commitment(320, "增值电信业务经营许可告知承诺"),
            _commitment(700, "高新技术企业认定材料真实性承诺"),
            _licence(500, "增值电信业务经营许可", "准予从事信息服务业务（仅限互联网信息服务）。"),
        ),
    ),
    Story(
        key="troubled_enterprise",
        name="桂城市远方建筑工程有限公司",
        representative=None,
        branch="closed_branch",
        branch_closed_days_ago=240,
        story="一年内有两次行政处罚和一次一般生产安全事故，社会保险费曾欠缴；秋山分公司已撤销。",
        records=(
            _tax(0, "C级"),
            _tax(1, "B级"),
            _penalty(
                150,
                "未按规定设置安全警示标志",
                "罚款",
                49000,
                public_until=-215,
                basis="《中华人民共和国安全生产法》第九十九条",
                facts="施工现场深基坑周边未设置明显的安全警示标志。",
            ),
            _penalty(
                260,
                "施工现场扬尘控制措施不到位",
                "责令停产停业;罚款",
                120000,
                public_until=-835,
                basis="《中华人民共和国大气污染防治法》第一百一十五条",
                facts="未采取有效防尘降尘措施，责令改正后拒不改正。",
            ),
            Told(
                "safety_accident",
                {"SXMC": "高处坠落事故", "FSRQ": 290, "DJ": "一般事故", "LXRQ": 200},
            ),
            Told(
                "social_insurance_arrears",
                {"XZ": "职工社会保险", "QJQS": 400, "QJYS": "3", "QJJE": "86400.00", "BJRQ": 180},
            ),
            _commitment(450, "建筑业企业资质告知承诺", "部分履行"),
        ),
    ),
    Story(
        key="returning_enterprise",
        name="桂城市秋实食品有限公司",
        representative=None,
        story="曾因未公示年报列入经营异常名录，补报后已移出；一次行政处罚已完成信用修复。",
        records=(
            _tax(0, "B级"),
            _tax(1, "B级"),
            Told(
                "abnormal_operation",
                {"SXMC": "未按规定期限公示年度报告", "FSRQ": 480, "JSRQ": 300, "LXRQ": 300},
            ),
            _penalty(
                210,
                "食品标签不符合规定",
                "罚款",
                5000,
                public_until=-155,
                basis="《中华人民共和国食品安全法》第一百二十五条",
                facts="销售的糕点外包装未标注生产日期。",
            ),
            _licence(900, "食品生产许可", "准予生产糕点、速冻食品。"),
            _commitment(260, "食品经营许可告知承诺"),
        ),
    ),
    Story(
        key="model_branch",
        name="桂城市丹桂信息科技有限公司月湖分公司",
        story="桂城市丹桂信息科技有限公司的分支机构。",
        records=(_licence(420, "增值电信业务经营许可", "准予在月湖区从事信息服务业务。"),),
    ),
    Story(
        key="closed_branch",
        name="桂城市远方建筑工程有限公司秋山分公司",
        story="桂城市远方建筑工程有限公司原来的分支机构，总公司已撤销它。",
        records=(_tax(1, "C级"),),
    ),
)


def told_cells(told: Told, as_of: date, form: str) -> dict[str, str]:
    """The cells with days before the as-of date written out as the delivery writes dates."""
    return {
        code: (as_of - timedelta(days=value)).strftime(form) if isinstance(value, int) else value
        for code, value in told.cells.items()
    }
