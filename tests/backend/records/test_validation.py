"""What the standards ask of each cell, judged without a database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.catalogue.templates import load_templates
from backend.identifiers import complete_organisation_code
from backend.records.collection import frame_of_rows
from backend.records.validation import (
    CATEGORY,
    DEPARTMENT,
    ENDED_ON,
    IDENTIFIER,
    LEVEL,
    PARTY,
    WITHDRAWN,
    JudgedNumbers,
    ValidatedRows,
    validate_rows,
)
from tests.backend.records.conftest import (
    BAKERY,
    DEPARTMENT_CODE,
    LAN,
    commitment,
    general,
    judgment,
    penalty,
    volunteering,
)
from tests.backend.records.test_formats import licence_2016, penalty_2016

TODAY = date(2026, 3, 3)
CATALOGUE = parse_catalogue(shipped_catalogue())


def licence(**cells: str) -> dict[str, str]:
    """A sound row of the 2018 licence template about an enterprise."""
    return {
        "XK_XDR_MC": "桂城面包有限公司",
        "XK_XDR_LB": "法人及非法人组织",
        "XK_XDR_SHXYM": BAKERY,
        "XK_FRDB": "李大强",
        "XK_XKWS": "食品经营许可证",
        "XK_WSH": "桂审批〔2026〕1号",
        "XK_XKLB": "普通",
        "XK_NR": "热食类食品制售",
        "XK_JDRQ": "2026/01/20",
        "XK_YXQZ": "2026/01/20",
        "XK_YXQZI": "2031/01/19",
        "XK_XKJG": "桂城市行政审批服务局",
        "XK_XKJGDM": DEPARTMENT_CODE,
        "XK_ZT": "1",
        "XK_LYDW": "桂城市行政审批服务局",
        "XK_LYDWDM": DEPARTMENT_CODE,
    } | cells


def judged(code: str, row: Mapping[str, str]) -> ValidatedRows:
    template = load_templates()[code]
    catalogue = None if template.register else CATALOGUE
    frame = frame_of_rows([dict(row)], template, first_row=1)
    return validate_rows(frame, template, catalogue, JudgedNumbers(TODAY), today=TODAY)


def faults(code: str, row: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(reason["column"], reason["code"]) for reason in judged(code, row).reasons.get(0, [])]


def level(code: str, row: Mapping[str, str]) -> str | None:
    [found] = judged(code, row).frame.select(CATEGORY, LEVEL).rows()
    return CATALOGUE.categories[found[0]].level_name(found[1])


def test_each_of_the_20_fields_of_a_commitment_is_required_as_the_standard_says() -> None:
    necessities = {column.header: column.organisation for column in load_templates()["commitment"].columns}
    assert "".join(necessities.values()) == "RRRRRRRRRORCCOOORRRO"
    assert faults("commitment", commitment()) == []
    for header, necessity in necessities.items():
        missing = [(header, "required")] if necessity == "R" else []
        assert faults("commitment", commitment(**{header: ""})) == missing, header


@pytest.mark.parametrize(
    ("status", "needed", "named"),
    [("全部履行", False, "全部履行"), ("部分履行", True, "部分履行"), ("全部未履行", True, "全部未履行")],
)
def test_what_was_not_kept_of_a_commitment_and_what_followed_is_told_unless_all_was_kept(
    status: str, needed: bool, named: str
) -> None:
    row = commitment(承诺履行状态=status)
    told = {"未履行的承诺内容": "未按期整改", "违诺责任追究内容": "撤销许可"}
    assert faults("commitment", row) == [(header, "required") for header in told if needed]
    assert faults("commitment", row | told) == []
    assert level("commitment", row | told) == named


def test_a_row_that_does_not_say_whom_it_is_about_is_told_so_with_all_that_it_lacks_besides() -> None:
    nobody = penalty(CF_XDR_LB="", CF_WSH="", CF_XDR_SHXYM="")
    assert faults("admin_penalty", nobody) == [("行政相对人类别", "required"), ("行政处罚决定书文号", "required")]
    unreadable = penalty(CF_XDR_LB="公司", CF_WSH="")
    assert faults("admin_penalty", unreadable) == [
        ("行政相对人类别", "value_unknown"),
        ("行政处罚决定书文号", "required"),
    ]


@pytest.mark.parametrize("kind", ["可向社会公开", "特定范围内公开", "不可公开"])
def test_a_commitment_says_how_far_it_is_public(kind: str) -> None:
    assert faults("commitment", commitment(公开类型=kind)) == []
    assert faults("commitment", commitment(公开类型="公开")) == [("公开类型", "value_unknown")]


@pytest.mark.parametrize(
    ("remark", "withdrawn"), [("本人撤回", True), ("作废", True), ("撤销", True), ("补正", False)]
)
def test_a_commitment_that_was_taken_back_says_so_in_its_remarks(remark: str, withdrawn: bool) -> None:
    assert judged("commitment", commitment(备注=remark)).frame[WITHDRAWN].to_list() == [withdrawn]


@pytest.mark.parametrize(
    ("code", "row", "header"),
    [
        ("commitment", commitment(承诺作出日期="2025-11-03", 承诺有效期="{}"), "承诺有效期"),
        ("commitment", commitment(承诺作出日期="2025-11-03", 承诺履行状态认定日期="{}"), "承诺履行状态认定日期"),
        ("admin_licence", licence(XK_YXQZ="2025/11/03", XK_YXQZI="{}", XK_JDRQ="2025/11/01"), "有效期至"),
        ("admin_penalty", penalty(CF_JDRQ="2025-11-03", CF_GSJZQ="{}"), "公示截止期"),
        ("admin_penalty", penalty(CF_JDRQ="2025-11-03", CF_YXQ="{}"), "处罚有效期"),
        ("court_judgment", judgment(裁判生效日期="2025-11-03", 履行完毕日期="{}"), "履行完毕日期"),
        (
            "city_catalogue",
            general(**{"发生（列入）日期": "2025-11-03", "履行（改正）日期": "{}"}),
            "履行（改正）日期",
        ),
    ],
)
def test_of_two_dates_the_second_may_be_the_same_day_but_not_the_day_before(
    code: str, row: dict[str, str], header: str
) -> None:
    def on(day: str) -> list[tuple[str, str]]:
        return faults(code, {name: cell.format(day) for name, cell in row.items()})

    assert on("2025-11-03") == []
    assert on("2025-11-02") == [(header, "dates_out_of_order")]


def test_what_happened_today_is_no_future_and_a_performance_tomorrow_is() -> None:
    assert faults("court_judgment", judgment(裁判生效日期="2026-03-03", 履行完毕日期="2026-03-03")) == []
    assert faults("court_judgment", judgment(履行完毕日期="2026-03-04")) == [("履行完毕日期", "date_in_future")]


@pytest.mark.parametrize(
    ("code", "row", "cell"),
    [
        ("commitment", commitment(承诺有效期="2099-12-31"), "commitmentValidity"),
        ("admin_licence", licence(XK_YXQZI="2099/12/31"), "XK_YXQZI"),
        ("admin_licence_2016", licence_2016(XK_JZQ="2099/12/31"), "XK_JZQ"),
    ],
)
def test_the_last_day_of_2099_means_that_there_is_no_end(code: str, row: dict[str, str], cell: str) -> None:
    found = judged(code, row)
    assert found.reasons == {}
    assert found.frame.select(cell, ENDED_ON).rows() == [(None, None)]


@pytest.mark.parametrize(
    ("code", "row", "withdrawn"),
    [
        ("admin_licence", licence(XK_ZT="1"), False),
        ("admin_licence", licence(XK_ZT="2"), True),
        ("admin_licence_2016", licence_2016(XK_ZT="0"), False),
        ("admin_licence_2016", licence_2016(XK_ZT="1"), True),
        ("admin_penalty_2016", penalty_2016(当前状态="正常"), False),
        ("admin_penalty_2016", penalty_2016(当前状态="撤销"), True),
        ("admin_penalty_2016", penalty_2016(备注="变更后废止"), True),
    ],
)
def test_each_form_says_in_its_own_codes_what_is_no_longer_in_force(
    code: str, row: dict[str, str], withdrawn: bool
) -> None:
    found = judged(code, row)
    assert found.reasons == {}
    assert found.frame[WITHDRAWN].to_list() == [withdrawn]


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ("0", "", "轻微"),
        ("0", "1", "一般"),
        ("0", "4", "严重"),
        ("1", "5", "严重"),
        ("4", "", "严重"),
        ("5", "0", "严重"),
        ("6", "", "一般"),
    ],
)
def test_the_graver_of_both_kinds_of_a_penalty_of_2016_decides(first: str, second: str, named: str) -> None:
    assert level("admin_penalty_2016", penalty_2016(处罚类别1=first, 处罚类别2=second)) == named


@pytest.mark.parametrize(
    ("kinds", "header"),
    [
        ("警告、罚款", "罚款金额（万元）"),
        ("没收违法所得", "没收违法所得、没收非法财物的金额（万元）"),
        ("没收非法财物", "没收违法所得、没收非法财物的金额（万元）"),
        ("警告，暂扣执照", "暂扣或吊销证照名称及编号"),
        ("吊销许可证", "暂扣或吊销证照名称及编号"),
    ],
)
def test_what_a_penalty_takes_is_told_where_its_kind_says_that_it_takes_it(kinds: str, header: str) -> None:
    assert faults("admin_penalty", penalty(CF_CFLB=kinds, CF_NR_FK="")) == [(header, "required")]
    assert faults("admin_penalty", penalty(CF_CFLB="警告；通报批评", CF_NR_FK="")) == []


def test_a_representatives_number_and_the_kind_of_paper_need_each_other() -> None:
    number, paper = {"CF_FR_ZJHM": LAN}, {"CF_FR_ZJLX": "身份证"}
    assert faults("admin_penalty", penalty(**number)) == [("法定代表人证件类型", "required")]
    assert faults("admin_penalty", penalty(**paper)) == [("法定代表人证件号码", "required")]
    assert faults("admin_penalty", penalty(**number, **paper)) == []


@pytest.mark.parametrize("code", ["02", "03", "04"])
def test_only_the_first_kind_of_party_is_a_person(code: str) -> None:
    assert judged("admin_licence", licence(XK_XDR_LB=code)).frame[PARTY].to_list() == ["organisation"]
    person = licence(XK_XDR_LB="01", XK_XDR_SHXYM="", XK_FRDB="", XK_XDR_ZJLX="身份证", XK_XDR_ZJHM=LAN)
    found = judged("admin_licence", person)
    assert found.reasons == {}
    assert found.frame.select(PARTY, IDENTIFIER).rows() == [("person", LAN)]


def test_cells_that_a_party_has_no_use_for_are_not_kept() -> None:
    about_a_person = penalty(
        CF_XDR_LB="自然人", CF_XDR_SHXYM=BAKERY, CF_FRDB="李大强", CF_XDR_ZJLX="身份证", CF_XDR_ZJHM=LAN
    )
    about_an_enterprise = penalty(CF_XDR_ZJHM=LAN)
    of_person = judged("admin_penalty", about_a_person).frame
    assert of_person.select("CF_XDR_SHXYM", "CF_FRDB", "CF_XDR_ZJHM").rows() == [(None, None, LAN)]
    of_enterprise = judged("admin_penalty", about_an_enterprise).frame
    assert of_enterprise.select("CF_XDR_SHXYM", "CF_FRDB", "CF_XDR_ZJHM").rows() == [(BAKERY, "李大强", None)]


def test_a_code_of_any_kind_makes_up_for_the_credit_code_and_the_credit_code_goes_before_it() -> None:
    organisation_code = complete_organisation_code("MA000000")
    by_old_code = judged("admin_penalty", penalty(CF_XDR_SHXYM="", CF_XDR_ZZJG=organisation_code))
    assert by_old_code.reasons == {}
    assert by_old_code.frame[IDENTIFIER].to_list() == [organisation_code]
    both = judged("admin_penalty", penalty(CF_XDR_ZZJG=organisation_code))
    assert both.frame[IDENTIFIER].to_list() == [BAKERY]
    assert faults("admin_penalty", penalty(CF_XDR_SHXYM="")) == [
        ("行政相对人代码_1（统一社会信用代码）", "required")
    ]


def test_a_text_of_just_the_length_and_an_amount_of_nothing_are_sound() -> None:
    assert faults("volunteering", volunteering(服务项目="长" * 200)) == []
    assert faults("admin_penalty", penalty(CF_NR_FK="0")) == []


def test_a_category_may_be_named_and_its_levels_are_its_own() -> None:
    found = judged("city_catalogue", general(目录类别代码=CATALOGUE.categories["tax_rating"].name))
    assert (found.reasons, found.frame[CATEGORY].to_list()) == ({}, ["tax_rating"])
    assert level("city_catalogue", general(等级="B级")) == "B级"


def test_a_kind_that_the_list_leaves_open_is_kept_as_it_is_written() -> None:
    assert judged("admin_licence", licence(XK_XKLB="备案")).frame["XK_XKLB"].to_list() == ["备案"]
    assert judged("admin_licence", licence(XK_XKLB="02")).frame["XK_XKLB"].to_list() == ["特许"]


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("不适用简易程序", False),
        ("不适用简易程序，由简易程序转为普通程序", False),
        ("不适用简易程序的说法有误，本案依简易程序作出", True),
    ],
)
def test_one_word_that_lets_off_does_not_let_off_the_rest_of_the_cell(text: str, refused: bool) -> None:
    for column, header in (("CF_SY", "违法事实"), ("CF_NR", "处罚内容")):
        expected = [(header, "simple_procedure")] if refused else []
        assert faults("admin_penalty", penalty(**{column: text})) == expected


def test_the_department_is_called_by_its_name_where_a_row_names_it() -> None:
    assert judged("admin_penalty", penalty()).frame[DEPARTMENT].to_list() == ["桂城市市场监督管理局"]
    assert judged("admin_penalty", penalty(CF_SJLY="")).frame[DEPARTMENT].to_list() == [DEPARTMENT_CODE]


def resident(**cells: str) -> dict[str, str]:
    return {
        "公民身份号码": LAN,
        "姓名": "王小兰",
        "出生日期": "1990-01-01",
        "区划代码": "990001",
        "区划名称": "桂城区",
        "登记日期": "2026-03-03",
        "状态": "正常",
    } | cells


def test_the_register_knows_nothing_of_tomorrow_and_no_end_before_the_beginning() -> None:
    assert faults("resident_register", resident(死亡或注销日期="2026-03-03", 状态="死亡")) == []
    assert faults("resident_register", resident(登记日期="2026-03-04")) == [("登记日期", "date_in_future")]
    born_tomorrow = resident(出生日期="2026-03-04", 登记日期="2026-03-04")
    assert faults("resident_register", born_tomorrow) == [
        ("登记日期", "date_in_future"),
        ("出生日期", "date_in_future"),
    ]
    ended_before = resident(死亡或注销日期="2026-03-02", 状态="死亡")
    assert faults("resident_register", ended_before) == [("死亡或注销日期", "dates_out_of_order")]


def test_an_old_number_of_a_person_is_no_code_of_an_enterprise() -> None:
    assert faults("resident_register", resident(变更前公民身份号码=BAKERY)) == [
        ("变更前公民身份号码", "identifier_character")
    ]
