"""What each department delivers: which template, in which encoding, about whom, and what the rows say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from backend.catalogue.document import Category, parse_catalogue, shipped_catalogue
from backend.catalogue.templates import Template, load_templates
from demo_city.dates import COMPACT, DASHES, SLASHES, written, years
from demo_city.draws import Index
from demo_city.parties import ENTERPRISE, Crowd, Parties
from demo_city.population import RECORD_DAYS, City
from demo_city.rhythm import decided_on
from demo_city.stories import ENTERPRISES

Cells = dict[str, pl.Series]


@dataclass(frozen=True)
class Rows:
    """Some rows of one source, by number; every question about them is answered by the city's draws.

    known_on  the day as of which each is written: what comes later is not in it
    """

    city: City
    delivery: Delivery
    index: Index
    total: int
    parties: Parties
    known_on: Index

    def some(self, keep: np.ndarray) -> Rows:
        """Those of the rows for which `keep` holds."""
        parties = Parties(self.city, self.parties.kind[keep], self.parties.who[keep])
        return replace(self, index=self.index[keep], parties=parties, known_on=self.known_on[keep])

    @property
    def day(self) -> Index:
        """When the matter happened: rows come in order of time over the five years before the as-of date."""
        return happened_on(self.city, self.delivery.code, self.index, self.total)

    def between(self, what: str, low: int, high: int) -> Index:
        return self.city.draws.between(f"{self.delivery.code}/{what}", self.index, low, high)

    def pick(self, what: str, choices: tuple[str, ...]) -> pl.Series:
        return self.city.draws.pick(f"{self.delivery.code}/{what}", self.index, choices)

    def pick_weighted(self, what: str, choices: tuple[tuple[str, int], ...]) -> pl.Series:
        return self.city.draws.pick_weighted(f"{self.delivery.code}/{what}", self.index, choices)

    def chance(self, what: str, per_10000: int | Index) -> np.ndarray:
        return self.city.draws.chance(f"{self.delivery.code}/{what}", self.index, per_10000)

    def date(self, days: Index, *, keep: np.ndarray | None = None) -> pl.Series:
        return written(days, self.delivery.date_form, keep)

    def past(self, days: Index, keep: np.ndarray | bool = True) -> pl.Series:
        """The date where it has come already and `keep` holds, else empty."""
        return self.date(days, keep=(days < self.known_on) & keep)

    def serial(self, prefix: str, width: int = 7) -> pl.Series:
        """A number of its own for each row, with the year in it as document numbers have."""
        year = pl.Series(years(self.day)).cast(pl.String)
        return prefix + year + pl.Series(self.index + 1).cast(pl.String).str.zfill(width)

    def document_number(self, prefix: str) -> pl.Series:
        """文号 such as 桂市监罚〔2024〕123号."""
        year = pl.Series(years(self.day)).cast(pl.String)
        return prefix + "〔" + year + "〕" + pl.Series(self.index + 1).cast(pl.String) + "号"

    def by_party(self, person: pl.Series, other: pl.Series) -> pl.Series:
        return person.zip_with(pl.Series(self.parties.is_person), other)

    def troubled(self) -> np.ndarray:
        """Rows about the subjects with the worst conduct: the 6 % of residents who break what they sign."""
        person = self.city.people.conduct[np.where(self.parties.is_person, self.parties.who, 0)] < 600
        enterprise = (
            self.city.enterprises.conduct[np.where(self.parties.is_enterprise, self.parties.who, 0)] < 1200
        )
        return np.where(self.parties.is_person, person, enterprise & self.parties.is_enterprise)


@dataclass(frozen=True)
class Delivery:
    """One file.

    department   who hands it in; department_code: its 统一社会信用代码
    share        of all records, per ten thousand
    crowd        how likely each subject is
    make         the cells of some rows; for the city's own templates without those that name subject and source
    enum_column  where dirt puts an unknown value ("": nowhere); required: where it leaves the cell empty
    dirt         kind of dirt → rows in ten thousand
    """

    code: str
    template: Template
    category: Category
    department: str
    department_code: str
    share: int
    crowd: Callable[[City], Crowd]
    make: Callable[[Rows], Cells]
    enum_column: str
    required: str
    filename: str = ""
    file_format: str = "csv"
    encoding: str = "utf-8"
    chinese_headers: bool = False
    date_form: str = DASHES
    dirt: Mapping[str, int] = field(default_factory=dict)
    subjects: Callable[[City, Crowd, Index], Parties] | None = None
    """Set where the rows are not about subjects drawn at random."""
    happened: Callable[[City, Index], Index] | None = None
    """Set where the days of the rows are not spread evenly."""

    def rows(self, city: City, crowd: Crowd, index: Index, total: int, known_on: Index) -> Rows:
        parties = self.subjects(city, crowd, index) if self.subjects else crowd.parties(self.code, index)
        return Rows(city, self, index, total, parties, known_on)

    def days(self, city: City, index: Index, total: int) -> Index:
        """When the matters of the rows happened."""
        return self.happened(city, index) if self.happened else happened_on(city, self.code, index, total)

    def cells(self, rows: Rows) -> pl.DataFrame:
        """The clean cells of the rows, in the columns of the template."""
        made = self.make(rows)
        if self.template.source_code == "SJLYDWDM":
            made = {**_city_parties(rows), **made}
        if self.template.category_column is not None:
            made[self.template.category_column] = constant(rows, self.category.code)
        return in_columns(self.template, pl.DataFrame(made))


def in_columns(template: Template, cells: pl.DataFrame) -> pl.DataFrame:
    """The cells in the order of the template; columns nobody fills are empty."""
    return cells.select(
        pl.col(column.code) if column.code in cells.columns else pl.lit(None, dtype=pl.String).alias(column.code)
        for column in template.columns
    )


def rows_for_share(city: City, share: int) -> int:
    return city.size.records * share // 10_000


def happened_on(city: City, stream: str, index: Index, total: int) -> Index:
    spread = index * (RECORD_DAYS - 21) // max(total, 1) + city.draws.between(f"{stream}/day", index, 0, 20)
    return decided_on(stream, np.asarray(city.today - RECORD_DAYS + spread, dtype=np.int64), city.today)


def money(cents: Index) -> pl.Series:
    """元 with two decimals."""
    series = pl.Series(cents)
    return (series // 100).cast(pl.String) + "." + (series % 100).cast(pl.String).str.zfill(2)


def wan_yuan(cents: Index) -> pl.Series:
    """万元, exact to the cent and as an office writes it: 0.06, 4.9, 12."""
    series = pl.Series(cents)
    exact = (series // 1_000_000).cast(pl.String) + "." + (series % 1_000_000).cast(pl.String).str.zfill(6)
    return exact.str.strip_chars_end("0").str.strip_chars_end(".")


def constant(rows: Rows, text: str) -> pl.Series:
    return pl.Series([text], dtype=pl.String).gather(np.zeros(len(rows.index), dtype=np.int64))


def map_text(series: pl.Series, meaning: Mapping[str, str]) -> pl.Series:
    return series.replace_strict(meaning, return_dtype=pl.String)


# --- who ------------------------------------------------------------------------------------------------------


def _active_people(
    stream: str, spread: float, without_per_10000: int, youngest: int = 23
) -> Callable[[City], Index]:
    """Most take part a little, some not at all, the public-spirited few a great deal and in everything."""

    def weights(city: City) -> Index:
        people = city.people
        eager, willing = people.spirit < 600, people.spirit < 3000
        weight = city.draws.skewed(f"{stream}/activity", people.all, spread)
        weight *= np.where(eager, 12, np.where(willing, 2, 1))
        without = np.where(eager, without_per_10000 * 3 // 10, without_per_10000)
        none = city.draws.chance(f"{stream}/none", people.all, without)
        return np.where(people.aged(youngest) & ~none, weight, 0)

    return weights


def _troubled_people(per_10000: int) -> Callable[[City], Index]:
    def weights(city: City) -> Index:
        conduct = city.people.conduct.astype(np.int64)
        weight = np.where(conduct < per_10000, 1 + (per_10000 - conduct) * 3, 0)
        # Once in a while it happens to anyone.
        return np.where(city.people.aged(23), weight * 20 + 1, 0)

    return weights


def _active_enterprises(city: City) -> Index:
    enterprises = city.enterprises
    weight = city.draws.skewed("enterprises/size", enterprises.all, 0.8)
    return np.where(enterprises.recorded(), weight, 0)


def _troubled_enterprises(city: City) -> Index:
    conduct = city.enterprises.conduct
    weight = np.where(conduct < 2500, 2500 - conduct, 0)
    return np.where(city.enterprises.recorded(), weight * 20 + 100, 0)


def _stretched_enterprises(city: City) -> Index:
    """Those that fall behind with wages and dues: more of them than break the law, and not the same ones."""
    conduct = city.enterprises.conduct
    luck = city.draws.skewed("enterprises/luck", city.enterprises.all, 0.6)
    return np.where(city.enterprises.recorded(), luck * np.where(conduct < 6000, 3, 1), 0)


def _crowd(
    shares: tuple[int, int, int],
    person: Callable[[City], Index] | None = None,
    enterprise: Callable[[City], Index] | None = None,
) -> Callable[[City], Crowd]:
    return lambda city: Crowd(city, shares, person and person(city), enterprise and enterprise(city))


# --- what -----------------------------------------------------------------------------------------------------


def _volunteering(rows: Rows) -> Cells:
    return {
        "FWBH": rows.serial("ZY"),
        "XMMC": rows.pick(
            "project",
            (
                "社区助老服务",
                "交通文明劝导",
                "图书馆文明引导",
                "垃圾分类宣传",
                "河道清洁行动",
                "义务植树",
                "应急救护培训协助",
                "助学支教",
                "大型活动服务",
                "平安巡逻",
            ),
        ),
        "FWRQ": rows.date(rows.day),
        "FWSC": rows.pick("hours", ("1", "1.5", "2", "2", "2", "2.5", "3", "3", "4", "4", "6", "8")),
        "ZZDW": rows.pick(
            "host",
            ("桂城市志愿服务总队", "金桂区志愿者协会", "月湖区社工服务站", "桂城市红十字会", "桂城市图书馆"),
        ),
        "QRZT": constant(rows, "已确认"),
    }


def _blood_donation(rows: Rows) -> Cells:
    return {
        "XXBH": rows.serial("XX"),
        "XXRQ": rows.date(rows.day),
        "XXFS": rows.pick_weighted("how", (("全血", 880), ("成分血", 117), ("造血干细胞", 3))),
    }


def _honour(rows: Rows) -> Cells:
    level = rows.pick_weighted("level", (("国家级", 1), ("省部级", 6), ("市级", 33), ("县区级", 60)))
    of_person = rows.pick(
        "person", ("优秀志愿者", "道德模范", "劳动模范", "见义勇为先进个人", "最美家庭成员", "优秀教师")
    )
    of_enterprise = rows.pick(
        "enterprise", ("诚信示范企业", "质量奖", "专精特新企业", "和谐劳动关系企业", "安全生产先进单位")
    )
    place = map_text(level, {"国家级": "全国", "省部级": "全省", "市级": "桂城市", "县区级": "区级"})
    by = map_text(
        level,
        {
            "国家级": "人力资源和社会保障部",
            "省部级": "省人民政府",
            "市级": "桂城市人民政府",
            "县区级": "区县人民政府",
        },
    )
    lasts = map_text(level, {"国家级": "1826", "省部级": "1096", "市级": "731", "县区级": "365"}).cast(pl.Int64)
    return {
        "RYMC": place + rows.by_party(of_person, of_enterprise),
        "BZWH": rows.document_number("桂表"),
        "RYJB": level,
        "SYJG": by,
        "SYRQ": rows.date(rows.day),
        "YXQZ": rows.date(rows.day + lasts.to_numpy()),
    }


def _contract_performance(rows: Rows) -> Cells:
    broken = np.where(rows.troubled(), 2200, 30)
    outcome = np.where(rows.chance("broken", broken), np.where(rows.chance("wholly", 4500), 2, 1), 0)
    what = rows.by_party(
        rows.pick_weighted(
            "of-person",
            (
                ("公交地铁先乘后付", 55),
                ("公共自行车租还", 15),
                ("公共图书馆借阅协议", 12),
                ("住房租赁合同", 8),
                ("物业服务合同", 6),
                ("体育场馆预约", 4),
            ),
        ),
        rows.pick(
            "of-enterprise", ("政府采购合同", "建设工程施工合同", "货物买卖合同", "物业服务合同", "劳务分包合同")
        ),
    )
    amount = rows.between("amount", 500_000, 90_000_000)
    return {
        "HTBH": rows.serial("HT", 9),
        "HTMC": what,
        "QDRQ": rows.date(rows.day - rows.between("lasts", 1, 90)),
        "RDRQ": rows.date(rows.day),
        "LYZT": pl.Series(["全部履行", "部分履行", "未履行"]).gather(outcome),
        "HTJE": rows.parties.without_persons(money(amount)),
        "BLRQ": rows.past(
            rows.day + rows.between("remedied", 20, 400), (outcome > 0) & rows.chance("remedy", 4000)
        ),
    }


def court_case_number(rows_index: Index, year: pl.Series) -> pl.Series:
    """案号; a listing as 失信被执行人 names the case it rests on."""
    return "（" + year + "）桂9901民初" + pl.Series(rows_index + 1).cast(pl.String) + "号"


def _court_judgment(rows: Rows) -> Cells:
    grade = rows.pick_weighted("grade", (("轻微", 35), ("一般", 45), ("严重", 20)))
    scale = map_text(grade, {"轻微": "1", "一般": "10", "严重": "80"}).cast(pl.Int64).to_numpy()
    performed = rows.chance("performed", 6500)
    return {
        "AH": court_case_number(rows.index, pl.Series(years(rows.day)).cast(pl.String)),
        "AY": rows.pick("cause", ("民间借贷纠纷", "买卖合同纠纷", "租赁合同纠纷", "劳动争议", "物业服务合同纠纷")),
        "CPRQ": rows.date(rows.day),
        "BDJE": money(rows.between("amount", 100_000, 900_000) * scale),
        "YZCD": grade,
        "LXRQ": rows.past(rows.day + rows.between("performed-after", 15, 500), performed),
    }


def _utility_arrears(rows: Rows) -> Cells:
    """Most are paid after a reminder; months count until payment, or until the delivery while it is owed."""
    late = rows.chance("late", np.where(rows.troubled(), 5500, 1200))
    owed = rows.chance("owed", np.where(rows.troubled(), 700, 60))
    paid_after = np.where(late, rows.between("late-by", 70, 420), rows.between("paid-after", 5, 60))
    paid = ~owed & (rows.day + paid_after < rows.known_on)
    overdue = np.where(paid, paid_after, rows.known_on - rows.day)
    monthly = rows.between("amount", 2_000, 16_000) * np.where(rows.parties.is_person, 1, 20)
    months = 1 + overdue // 30
    return {
        "FYZL": rows.pick_weighted(
            "kind",
            (("水费", 25), ("电费", 25), ("燃气费", 20), ("物业服务费", 20), ("供热费", 6), ("有线电视费", 4)),
        ),
        "JFHH": "HH" + pl.Series(rows.parties.who + 10_000_000).cast(pl.String),
        "ZDBH": rows.serial("ZD", 9),
        "ZDRQ": rows.date(rows.day),
        "QFYS": pl.Series(months).cast(pl.String),
        "QFJE": money(monthly * months),
        "JQRQ": rows.date(rows.day + paid_after, keep=paid),
    }


def _social_insurance_arrears(rows: Rows) -> Cells:
    months = rows.between("months", 1, 8)
    return {
        "QJBH": rows.serial("SB"),
        "XZ": rows.pick("kind", ("养老保险", "失业保险", "工伤保险", "职工社会保险")),
        "QJQS": rows.date(rows.day),
        "QJYS": pl.Series(months).cast(pl.String),
        "QJJE": money(months * rows.between("amount", 500_000, 8_000_000)),
        "BJRQ": rows.past(rows.day + months * 30 + rows.between("paid-after", 10, 300), rows.chance("paid", 7000)),
    }


# What the market authority fines persons for, who trade in their own name.
_PERSONAL_ACTS = (
    ("无证无照从事经营活动", "《无证无照经营查处办法》第十三条"),
    ("经营超过保质期的食品", "《中华人民共和国食品安全法》第一百二十四条"),
    ("销售侵犯注册商标专用权的商品", "《中华人民共和国商标法》第六十条"),
    ("使用不合格的计量器具", "《中华人民共和国计量法》第二十六条"),
)
# What the urban management authority fines persons for.
_URBAN_ACTS = (
    ("擅自占用城市道路经营", "《城市道路管理条例》第四十二条"),
    ("擅自占用城市道路堆放物料", "《城市道路管理条例》第四十二条"),
    ("随意倾倒建筑垃圾", "《城市建筑垃圾管理规定》第二十六条"),
)
_BUSINESS_ACTS = (
    ("未按规定公示年度报告", "《企业信息公示暂行条例》第十八条"),
    ("经营标签不符合规定的食品", "《中华人民共和国食品安全法》第一百二十五条"),
    ("未落实安全生产主体责任", "《中华人民共和国安全生产法》第九十七条"),
    ("排放污染物超过标准", "《中华人民共和国水污染防治法》第八十三条"),
    ("发布虚假广告", "《中华人民共和国广告法》第五十五条"),
    ("未按规定明码标价", "《中华人民共和国价格法》第四十二条"),
)


def _standard_parties(rows: Rows, prefix: str) -> Cells:
    """The columns with which both 双公示 templates name the administered party."""
    parties = rows.parties
    identifiers = parties.identifiers()
    representative = constant(rows, "身份证")
    return {
        f"{prefix}_XDR_MC": parties.names(),
        f"{prefix}_XDR_LB": parties.labels(),
        f"{prefix}_XDR_SHXYM": parties.without_persons(identifiers),
        f"{prefix}_FRDB": parties.representative_names(),
        f"{prefix}_FR_ZJLX": parties.without_persons(representative),
        f"{prefix}_FR_ZJHM": parties.representative_numbers(),
        f"{prefix}_XDR_ZJLX": parties.only_persons(representative),
        f"{prefix}_XDR_ZJHM": parties.only_persons(identifiers),
    }


def _admin_penalty(rows: Rows) -> Cells:
    return _penalty(rows, _PERSONAL_ACTS)


def _urban_penalty(rows: Rows) -> Cells:
    return _penalty(rows, _URBAN_ACTS)


def _penalty(rows: Rows, personal_acts: tuple[tuple[str, str], ...]) -> Cells:
    act = rows.by_party(
        rows.pick("personal-act", tuple(act for act, _ in personal_acts)),
        rows.pick("business-act", tuple(act for act, _ in _BUSINESS_ACTS)),
    )
    kinds = rows.by_party(
        rows.pick_weighted("personal-kind", (("罚款", 72), ("警告", 18), ("警告;罚款", 10))),
        rows.pick_weighted(
            "business-kind",
            (
                ("罚款", 52),
                ("警告", 16),
                ("警告;罚款", 12),
                ("没收违法所得;罚款", 12),
                ("责令停产停业;罚款", 5),
                ("吊销许可证;罚款", 3),
            ),
        ),
    )
    fined = kinds.str.contains("罚款").to_numpy()
    confiscated = kinds.str.contains("没收").to_numpy()
    revoked = kinds.str.contains("吊销").to_numpy()
    fine = np.where(
        rows.parties.is_person,
        rows.between("personal-fine", 1, 40) * 5_000,
        # The third power keeps most fines small and lets a few reach 30 万元.
        np.maximum(rows.between("business-fine", 10, 310) ** 3 // 1000 * 1_000, 50_000),
    )
    gain = rows.between("gain", 1_000, 3_000_000)
    severe = kinds.str.contains("停产|吊销").to_numpy() | (fined & (fine >= 10_000_000))
    public_days = np.where(severe, 1095, np.where(fined & (fine > 100_000), 365, 90))
    fine_text = wan_yuan(fine).set(pl.Series(~fined), None)
    return {
        **_standard_parties(rows, "CF"),
        "CF_WSH": rows.document_number("桂执罚"),
        "CF_WFXW": act,
        "CF_SY": "当事人存在" + act + "的行为，有现场检查笔录和询问笔录为证。",
        "CF_YJ": map_text(act, dict(personal_acts + _BUSINESS_ACTS)),
        "CF_CFLB": kinds,
        "CF_NR": "决定给予" + kinds.str.replace_all(";", "、") + "的行政处罚。",
        "CF_NR_FK": fine_text,
        "CF_NR_WFFF": wan_yuan(gain).set(pl.Series(~confiscated), None),
        "CF_NR_ZKDX": ("经营许可证GC" + pl.Series(rows.index + 1).cast(pl.String)).set(pl.Series(~revoked), None),
        "CF_JDRQ": rows.date(rows.day),
        "CF_GSJZQ": rows.date(rows.day + public_days),
        "CF_CFJG": constant(rows, rows.delivery.department),
        "CF_CFJGDM": constant(rows, rows.delivery.department_code),
        "CF_SJLY": constant(rows, rows.delivery.department),
        "CF_SJLYDM": constant(rows, rows.delivery.department_code),
    }


def _admin_licence(rows: Rows) -> Cells:
    what = rows.by_party(
        rows.pick("personal", ("城市户外广告设置许可", "网络预约出租汽车驾驶员许可", "占用城市道路许可")),
        rows.pick(
            "business",
            (
                "食品经营许可",
                "建筑工程施工许可",
                "道路运输经营许可",
                "公共场所卫生许可",
                "排污许可",
                "特种设备使用登记",
                "烟花爆竹零售许可",
            ),
        ),
    )
    endless = rows.chance("endless", 800)
    until = rows.date(rows.day + rows.pick("lasts", ("365", "1096", "1826")).cast(pl.Int64).to_numpy())
    return {
        **_standard_parties(rows, "XK"),
        "XK_XKWS": "准予" + what + "决定书",
        "XK_WSH": rows.document_number("桂审许"),
        "XK_XKLB": rows.pick("kind", ("普通", "普通", "普通", "核准", "登记", "认可")),
        "XK_XKZS": what + "证",
        "XK_XKBH": rows.serial("GC"),
        "XK_NR": "准予" + what + "，请按许可范围依法开展活动。",
        "XK_JDRQ": rows.date(rows.day),
        "XK_YXQZ": rows.date(rows.day),
        "XK_YXQZI": until.set(pl.Series(endless), "2099/12/31"),
        "XK_XKJG": constant(rows, rows.delivery.department),
        "XK_XKJGDM": constant(rows, rows.delivery.department_code),
        "XK_ZT": constant(rows, "1"),
        "XK_LYDW": constant(rows, rows.delivery.department),
        "XK_LYDWDM": constant(rows, rows.delivery.department_code),
    }


def _commitment(rows: Rows) -> Cells:
    broken = rows.chance("broken", np.where(rows.troubled(), 3000, 150))
    status = np.where(broken, np.where(rows.chance("wholly", 4000), 2, 1), 0)
    decided = rows.day + rows.between("decided-after", 20, 170)
    serial = pl.Series(rows.index % 1_000_000).cast(pl.String).str.zfill(6)
    return {
        "code": "990001" + written(rows.day, COMPACT) + serial,
        "subjectName": rows.parties.names(),
        "subjectCategory": rows.parties.labels(),
        "identify": rows.parties.identifiers(),
        "commitmentTypeId": rows.pick(
            "kind", ("审批替代型", "容缺受理型", "证明事项型", "信用修复型", "行业自律型", "主动型")
        ),
        "reason": rows.by_party(
            rows.pick("personal-reason", ("居住证办理证明事项", "公积金提取材料真实性", "职业资格报名条件")),
            rows.pick(
                "business-reason",
                ("食品经营许可告知承诺", "公共场所卫生许可告知承诺", "招标投标诚信承诺", "依法诚信经营"),
            ),
        ),
        "content": constant(rows, "承诺所提交材料真实、合法、有效，按期补齐应当补齐的材料，依法诚信经营。"),
        "liabilityBreachCommitment": constant(rows, "违背承诺的，自愿接受依法撤销决定、计入信用记录等处理。"),
        "commitmentDate": rows.date(rows.day),
        "commitmentValidity": rows.date(rows.day + 365),
        "fulfillmentStatus": pl.Series(["全部履行", "部分履行", "全部未履行"]).gather(status),
        "unperformedCommitmentContent": constant(rows, "未在承诺期限内补齐材料").set(pl.Series(~broken), None),
        "liabilityBreachCommitmentContent": constant(rows, "责令限期改正").set(pl.Series(~broken), None),
        "fulfillmentStatusDate": rows.past(decided),
        "acceptanceConfirmUnit": constant(rows, rows.delivery.department),
        "acceptanceConfirmUnitIdentify": constant(rows, rows.delivery.department_code),
        "acceptanceUnit": constant(rows, rows.delivery.department),
        "acceptanceUnitIdentify": constant(rows, rows.delivery.department_code),
        "publicationType": rows.by_party(constant(rows, "不可公开"), constant(rows, "可向社会公开")),
    }


def _public_service(rows: Rows) -> Cells:
    given = rows.city.draws.skewed("public_service/gift", rows.index, 1.1) // 10 * 1_000
    donated = np.where(rows.parties.is_person, given, given * 100)
    return {
        "SXBH": rows.serial("GY"),
        "SXMC": rows.pick("what", ("慈善一日捐", "助学捐赠", "救灾捐赠", "敬老捐赠", "助残捐赠")),
        "FSRQ": rows.date(rows.day),
        "SL": constant(rows, "1"),
        "JE": money(np.maximum(donated, 1_000)),
    }


def _supplement_education(rows: Rows) -> Cells:
    return {
        "SXBH": rows.serial("XL"),
        "SXMC": rows.pick(
            "what",
            (
                "大学本科学历",
                "大学专科学历",
                "硕士研究生学历",
                "高级工职业资格证书",
                "技师职业资格证书",
                "会计专业技术资格",
            ),
        ),
        "FSRQ": rows.date(rows.day),
        "SL": constant(rows, "1"),
    }


def _tax_rating(rows: Rows) -> Cells:
    """One rating a year for each enterprise, the last years first."""
    which = rows.parties.who
    year = _rated_year(rows.city, rows.index)
    conduct = rows.city.enterprises.conduct[which] + rows.between("swing", -900, 900)
    rating = np.searchsorted([400, 1000, 2200, 6500], conduct, side="right")
    return {
        "SXBH": "NS" + pl.Series(year).cast(pl.String) + pl.Series(rows.index + 1).cast(pl.String).str.zfill(8),
        "SXMC": pl.Series(year).cast(pl.String) + "年度纳税缴费信用评价",
        "FSRQ": rows.date(_rated_on(rows.city, rows.index)),
        "DJ": pl.Series(["D级", "C级", "M级", "B级", "A级"]).gather(rating),
    }


def _rated_year(city: City, index: Index) -> Index:
    return city.as_of.year - 1 - index // (city.enterprises.count - len(ENTERPRISES))


def _rated_on(city: City, index: Index) -> Index:
    announced = np.array([_spring(int(year)) for year in range(1990, 2200)])
    return np.minimum(announced[_rated_year(city, index) + 1 - 1990], city.today - 1)


def _spring(year: int) -> int:
    """The end of April, when ratings for the year before are announced."""
    return int((np.datetime64(f"{year}-04-28") - np.datetime64("1970-01-01")).astype(int))


def _one_after_another(city: City, _crowd: Crowd, index: Index) -> Parties:
    """Every enterprise in turn, but for those whose story says how they were rated."""
    told = len(ENTERPRISES)
    which = told + index % (city.enterprises.count - told)
    return Parties(city, np.full(len(index), ENTERPRISE), which)


_COURT_JUDGMENT_SHARE = 60
_JUDGMENTS_PER_LISTING = 3


def _debtors(_city: City, crowd: Crowd, index: Index) -> Parties:
    """The debtors of every third judgment."""
    return crowd.parties("court_judgment", index * _JUDGMENTS_PER_LISTING)


def _judged_on(city: City, index: Index) -> Index:
    """When the judgments behind the listings were given."""
    total = rows_for_share(city, _COURT_JUDGMENT_SHARE)
    return happened_on(city, "court_judgment", index * _JUDGMENTS_PER_LISTING, total)


def _listed_on(city: City, index: Index) -> Index:
    after = city.draws.between("dishonest_debtor/listed-after", index, 60, 240)
    return decided_on("dishonest_debtor", np.minimum(_judged_on(city, index) + after, city.today - 1), city.today)


def _dishonest_debtor(rows: Rows) -> Cells:
    judged_on, listed_on = _judged_on(rows.city, rows.index), _listed_on(rows.city, rows.index)
    return {
        "SXBH": rows.serial("SX"),
        "SXMC": rows.pick("why", ("有履行能力而拒不履行生效法律文书", "违反财产报告制度", "违反限制消费令")),
        "FSRQ": rows.date(listed_on),
        "JSRQ": rows.past(listed_on + rows.between("removed-after", 90, 730), rows.chance("removed", 6000)),
        "GLBH": court_case_number(
            rows.index * _JUDGMENTS_PER_LISTING, pl.Series(years(judged_on)).cast(pl.String)
        ),
    }


def _listing(prefix: str, reasons: tuple[str, ...]) -> Callable[[Rows], Cells]:
    def make(rows: Rows) -> Cells:
        removed = rows.day + rows.between("removed-after", 60, 700)
        leaves = rows.chance("removed", 7000)
        return {
            "SXBH": rows.serial(prefix),
            "SXMC": rows.pick("reason", reasons),
            "FSRQ": rows.date(rows.day),
            "JSRQ": rows.past(removed, leaves),
            "LXRQ": rows.past(removed, leaves),
        }

    return make


def _arrears(prefix: str, what: tuple[str, ...], low: int, high: int) -> Callable[[Rows], Cells]:
    """Months owed by an enterprise until it paid, or until the delivery; low and high in cents a month."""

    def make(rows: Rows) -> Cells:
        # Most are a matter of weeks; what an inspection finds has often gone on for half a year.
        long = rows.chance("long", np.where(rows.troubled(), 4000, 1500))
        lasted = np.where(long, rows.between("lasted-long", 70, 330), rows.between("lasted", 20, 70))
        paid = rows.chance("paid", 8500) & (rows.day + lasted < rows.known_on)
        months = 1 + np.where(paid, lasted, rows.known_on - rows.day) // 30
        return {
            "SXBH": rows.serial(prefix),
            "SXMC": rows.pick("what", what),
            "FSRQ": rows.date(rows.day),
            "JSRQ": rows.date(rows.day + lasted, keep=paid),
            "LXRQ": rows.date(rows.day + lasted, keep=paid),
            "SL": pl.Series(months).cast(pl.String),
            "JE": money(months * rows.between("amount", low, high)),
        }

    return make


def _violation(prefix: str, what: tuple[str, ...]) -> Callable[[Rows], Cells]:
    def make(rows: Rows) -> Cells:
        return {
            "SXBH": rows.serial(prefix),
            "SXMC": rows.pick("what", what),
            "FSRQ": rows.date(rows.day),
            "LXRQ": rows.past(rows.day + rows.between("mended-after", 15, 240), rows.chance("mended", 8000)),
            "DJ": rows.pick_weighted("grade", (("轻微", 45), ("一般", 42), ("严重", 13))),
        }

    return make


def _safety_accident(rows: Rows) -> Cells:
    return {
        "SXBH": rows.serial("SG"),
        "SXMC": rows.pick("what", ("高处坠落事故", "物体打击事故", "机械伤害事故", "触电事故", "火灾事故")),
        "FSRQ": rows.date(rows.day),
        "LXRQ": rows.past(rows.day + rows.between("mended-after", 30, 200)),
        "DJ": rows.pick_weighted("grade", (("一般事故", 90), ("较大事故", 9), ("重大及以上事故", 1))),
    }


def _fare_evasion(rows: Rows) -> Cells:
    return {
        "SXBH": rows.serial("TP"),
        "SXMC": rows.pick("line", ("地铁1号线逃票", "地铁2号线逃票", "公交逃票")),
        "FSRQ": rows.date(rows.day),
        "LXRQ": rows.past(rows.day + rows.between("paid-after", 1, 60), rows.chance("paid", 7000)),
        "SL": constant(rows, "1"),
        "JE": money(rows.between("fare", 2, 9) * 100),
    }


def _city_parties(rows: Rows) -> Cells:
    """The columns with which the city's own templates name subject and source."""
    return {
        "ZTLB": rows.parties.labels(),
        "ZTMC": rows.parties.names(),
        "ZTDM": rows.parties.identifiers(),
        "SJLYDW": constant(rows, rows.delivery.department),
        "SJLYDWDM": constant(rows, rows.delivery.department_code),
    }


# --- dirt -----------------------------------------------------------------------------------------------------

_COMMON_DIRT = {
    "duplicate": 80,
    "full_width": 50,
    "wrong_check_digit": 30,
    "day_and_month_swapped": 20,
    "impossible_date": 10,
    "missing_required": 25,
    "unknown_value": 20,
    "unknown_subject": 25,
    "old_citizen_number": 30,
    "withdrawn": 10,
}
"""Rows in ten thousand. What each kind is, and what collection makes of it, is in `demo_city.dirt`."""


def deliveries() -> list[Delivery]:
    """Everything the departments hand in about subjects, in order."""
    templates = load_templates()
    catalogue = parse_catalogue(shipped_catalogue())
    codes = {each.source_department: each.source_department_code for each in catalogue.categories.values()}

    def delivery(
        code: str,
        share: int,
        crowd: Callable[[City], Crowd],
        make: Callable[[Rows], Cells],
        *,
        template: str | None = None,
        category: str | None = None,
        department: str | None = None,
        more_dirt: Mapping[str, int] | None = None,
        enum_column: str = "",
        required: str,
        **file: object,
    ) -> Delivery:
        found = templates[template or code]
        dirt = dict(_COMMON_DIRT) | dict(more_dirt or {})
        if not enum_column:
            del dirt["unknown_value"]
        if found.facts and (found.facts.ended_on or found.facts.performed_on):
            dirt["dates_out_of_order"] = 15
        if found.category_column is not None:
            dirt["unknown_category"] = 30
        of = catalogue.categories[category or code]
        stem = str(file.pop("filename", of.name))
        return Delivery(
            code=code,
            template=found,
            category=of,
            department=department or of.source_department,
            department_code=codes[department or of.source_department],
            share=share,
            crowd=crowd,
            make=make,
            enum_column=enum_column,
            required=required,
            filename=stem,
            dirt=dirt,
            **file,  # type: ignore[arg-type]
        )

    generic = "city_catalogue"
    court_crowd = _crowd((60, 38, 2), _troubled_people(500), _troubled_enterprises)
    both_laws = {"withdrawn": 20, "withdrawn_later": 20, "old_registration_number": 80}
    return [
        delivery(
            "volunteering",
            4614,
            _crowd((1, 0, 0), _active_people("volunteering", 1.0, 2500, 19)),
            _volunteering,
            enum_column="QRZT",
            required="FWSC",
            more_dirt={"unconfirmed": 30},
        ),
        delivery(
            "blood_donation",
            380,
            _crowd((1, 0, 0), _active_people("blood_donation", 0.5, 8600)),
            _blood_donation,
            enum_column="XXFS",
            required="XXFS",
            encoding="utf-8-sig",
            date_form=COMPACT,
        ),
        delivery(
            "honour",
            150,
            _crowd((70, 27, 3), _active_people("honour", 0.5, 9500, 19), _active_enterprises),
            _honour,
            enum_column="RYJB",
            required="SYJG",
            file_format="xlsx",
            chinese_headers=True,
        ),
        delivery(
            "contract_performance",
            1700,
            _crowd((72, 26, 2), _active_people("contracts", 0.8, 1200), _active_enterprises),
            _contract_performance,
            enum_column="LYZT",
            required="HTMC",
            encoding="utf-8-sig",
        ),
        delivery(
            "court_judgment",
            _COURT_JUDGMENT_SHARE,
            court_crowd,
            _court_judgment,
            enum_column="YZCD",
            required="AY",
        ),
        delivery(
            "utility_arrears",
            450,
            _crowd((85, 14, 1), _troubled_people(1100), _troubled_enterprises),
            _utility_arrears,
            enum_column="FYZL",
            required="QFJE",
            encoding="gb18030",
            chinese_headers=True,
        ),
        delivery(
            "social_insurance_arrears",
            40,
            _crowd((0, 1, 0), None, _troubled_enterprises),
            _social_insurance_arrears,
            enum_column="XZ",
            required="QJJE",
            encoding="utf-8-sig",
        ),
        delivery(
            "admin_licence",
            470,
            _crowd((8, 88, 4), _active_people("licences", 0.4, 6000), _active_enterprises),
            _admin_licence,
            enum_column="XK_ZT",
            required="XK_NR",
            date_form=SLASHES,
            more_dirt=both_laws,
        ),
        delivery(
            "admin_penalty",
            150,
            _crowd((45, 53, 2), _troubled_people(500), _troubled_enterprises),
            _admin_penalty,
            enum_column="CF_XDR_LB",
            required="CF_YJ",
            date_form=SLASHES,
            more_dirt=both_laws,
        ),
        delivery(
            "commitment",
            700,
            _crowd((50, 48, 2), _active_people("commitments", 0.4, 4000), _active_enterprises),
            _commitment,
            enum_column="fulfillmentStatus",
            required="content",
            more_dirt={"withdrawn_later": 15},
        ),
        delivery(
            "tax_rating",
            300,
            _crowd((0, 1, 0), None, _active_enterprises),
            _tax_rating,
            subjects=_one_after_another,
            happened=_rated_on,
            enum_column="DJ",
            template=generic,
            required="SXMC",
        ),
        delivery(
            "public_service",
            700,
            _crowd((90, 8, 2), _active_people("public_service", 0.7, 5000), _active_enterprises),
            _public_service,
            template=generic,
            required="SXMC",
        ),
        delivery(
            "supplement_education",
            200,
            _crowd((1, 0, 0), _active_people("supplement_education", 0.3, 7000)),
            _supplement_education,
            template=generic,
            required="SXMC",
        ),
        delivery(
            "dishonest_debtor",
            15,
            court_crowd,
            _dishonest_debtor,
            subjects=_debtors,
            happened=_listed_on,
            template=generic,
            required="SXMC",
        ),
        delivery(
            "transport_fare_evasion",
            30,
            _crowd((1, 0, 0), _troubled_people(150)),
            _fare_evasion,
            template=generic,
            required="SXMC",
        ),
        delivery(
            "abnormal_operation",
            8,
            _crowd((0, 1, 0), None, _troubled_enterprises),
            _listing("YC", ("未按规定期限公示年度报告", "通过登记的住所无法联系", "公示信息隐瞒真实情况")),
            template=generic,
            required="SXMC",
        ),
        delivery(
            "safety_accident",
            2,
            _crowd((0, 1, 0), None, _troubled_enterprises),
            _safety_accident,
            enum_column="DJ",
            template=generic,
            required="SXMC",
        ),
        delivery(
            "serious_list",
            1,
            _crowd((0, 1, 0), None, _troubled_enterprises),
            _listing("YZ", ("生产销售不合格产品情节严重", "侵犯知识产权情节严重")),
            template=generic,
            required="SXMC",
        ),
        delivery(
            "wage_arrears",
            12,
            _crowd((0, 1, 0), None, _stretched_enterprises),
            _arrears("GZ", ("拖欠农民工工资", "拖欠职工工资"), 3_000_000, 40_000_000),
            template=generic,
            required="SXMC",
        ),
        delivery(
            "housing_fund_arrears",
            24,
            _crowd((0, 1, 0), None, _stretched_enterprises),
            _arrears("GJ", ("逾期不缴住房公积金", "少缴住房公积金"), 200_000, 6_000_000),
            template=generic,
            required="SXMC",
        ),
        delivery(
            "tax_evasion",
            4,
            _crowd((0, 1, 0), None, _troubled_enterprises),
            _violation("SS", ("进行虚假纳税申报少缴税款", "在帐簿上多列支出少缴税款", "虚开增值税发票")),
            enum_column="DJ",
            template=generic,
            required="SXMC",
        ),
        delivery(
            "ip_infringement",
            5,
            _crowd((0, 1, 0), None, _troubled_enterprises),
            _violation("ZC", ("销售侵犯注册商标专用权的商品", "假冒专利", "擅自使用他人有一定影响的商品装潢")),
            enum_column="DJ",
            template=generic,
            required="SXMC",
        ),
        delivery(
            "bid_violation",
            3,
            _crowd((0, 1, 0), None, _troubled_enterprises),
            _violation("ZB", ("投标人相互串通投标", "以弄虚作假方式投标", "中标后无正当理由不签订合同")),
            enum_column="DJ",
            template=generic,
            required="SXMC",
        ),
        delivery(
            "urban_penalty",
            30,
            _crowd((1, 0, 0), _troubled_people(500)),
            _urban_penalty,
            template="admin_penalty",
            category="admin_penalty",
            department="桂城市城市管理局",
            filename="城市管理行政处罚",
            enum_column="CF_XDR_LB",
            required="CF_YJ",
            date_form=SLASHES,
            more_dirt=both_laws,
        ),
    ]
