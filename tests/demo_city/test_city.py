from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.identifiers import check_citizen_number, check_social_credit_code
from demo_city import generate as generation
from demo_city.dirt import OUTCOMES, UNKNOWN_CATEGORIES, UNKNOWN_VALUE
from demo_city.generate import generate_city
from demo_city.population import CitySize, CityTooSmall
from demo_city.stories import CITIZENS
from scoring.policy import shipped_policy, shipped_policy_names
from tests.demo_city.conftest import AS_OF, SEED, SIZE, DeliveredCity, DeliveredFile

FULL_WIDTH = "０１２３４５６７８９"


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def records(delivered: DeliveredCity) -> list[DeliveredFile]:
    return [file for file in delivered.files if file.template.subject]


def identifier(file: DeliveredFile, row: dict[str, str]) -> str:
    """The cell that should name the subject."""
    assert file.template.subject is not None
    for columns in file.template.subject.identifiers.values():
        for column in columns:
            if row[column]:
                return row[column]
    return ""


def old_codes(row: dict[str, str]) -> set[str]:
    """Old registration numbers have 15 digits too."""
    return {row.get("XK_XDR_GSZC", ""), row.get("CF_XDR_GSZC", "")}


def test_the_same_seed_makes_the_same_bytes(delivered: DeliveredCity, tmp_path: Path) -> None:
    generate_city(tmp_path, seed=SEED, as_of=AS_OF, size=SIZE)
    assert digests(tmp_path) == digests(delivered.folder)


def test_the_size_of_the_chunks_does_not_show(
    delivered: DeliveredCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "_CHUNK", 700)
    generate_city(tmp_path, seed=SEED, as_of=AS_OF, size=SIZE)
    assert digests(tmp_path) == digests(delivered.folder)


def test_another_seed_makes_another_city(delivered: DeliveredCity, tmp_path: Path) -> None:
    manifest = generate_city(tmp_path, seed=SEED + 1, as_of=AS_OF, size=SIZE)
    other = {file["file"]: file["sha256"] for file in manifest["files"]}
    both = [file for file in delivered.manifest["files"] if file["file"] in other]
    assert len(both) > len(delivered.files) // 2
    assert all(other[file["file"]] != file["sha256"] for file in both)


def test_the_manifest_counts_the_rows_and_fingerprints_the_files(delivered: DeliveredCity) -> None:
    found = digests(delivered.folder)
    for file in delivered.files:
        assert file.stated["rows"] == len(file.rows) == sum(file.stated["kinds"].values())
        assert file.stated["sha256"] == found[file.stated["file"]]
    assert sum(len(file.rows) for file in records(delivered)) == pytest.approx(SIZE.records, rel=0.05)


def test_expected_outcomes_follow_from_the_kinds(delivered: DeliveredCity) -> None:
    for file in delivered.files:
        outcomes: Counter[str] = Counter()
        for kind, count in file.stated["kinds"].items():
            outcomes[OUTCOMES[kind]] += count
        assert {key: count for key, count in file.stated["expected"].items() if count} == dict(outcomes)


def test_about_three_rows_in_a_hundred_are_dirty(delivered: DeliveredCity) -> None:
    kinds: Counter[str] = Counter()
    for file in records(delivered):
        kinds.update(file.stated["kinds"])
    assert 0.02 < 1 - (kinds["clean"] + kinds["continued"]) / kinds.total() < 0.04
    # Every kind the collection has to withstand is there.
    assert set(kinds) == set(OUTCOMES)


def test_exact_duplicates_are_as_many_as_the_manifest_says(delivered: DeliveredCity) -> None:
    for file in delivered.files:
        distinct = {tuple(row.values()) for row in file.rows}
        assert len(file.rows) - len(distinct) == file.stated["kinds"].get("duplicate", 0), file.stated["file"]


def test_numbers_that_fail_their_check_are_as_many_as_the_manifest_says(delivered: DeliveredCity) -> None:
    for file in records(delivered):
        mistyped = full_width = strangers = old_citizens = 0
        for row in file.rows:
            number = identifier(file, row)
            full_width += any(digit in number for digit in FULL_WIDTH)
            check = check_citizen_number if number.startswith(("9900", "９９００")) else check_social_credit_code
            mistyped += len(number) == 18 and not check(number).valid
            strangers += "990007" in number[:8]
            old_citizens += (
                len(number) == 15 and check_citizen_number(number).valid and number not in old_codes(row)
            )
        kinds = file.stated["kinds"]
        assert mistyped == kinds.get("wrong_check_digit", 0)
        assert full_width == kinds.get("full_width", 0)
        assert old_citizens == kinds.get("old_citizen_number", 0)
        assert strangers == kinds.get("unknown_subject", 0)


def test_odd_values_are_as_many_as_the_manifest_says(delivered: DeliveredCity) -> None:
    for file in records(delivered):
        kinds = file.stated["kinds"]
        cells = Counter(cell for row in file.rows for cell in row.values())
        assert cells[UNKNOWN_VALUE] == kinds.get("unknown_value", 0)
        assert sum(cells[code] for code in UNKNOWN_CATEGORIES) == kinds.get("unknown_category", 0)
        assert cells["未确认"] == kinds.get("unconfirmed", 0)


def test_impossible_dates_are_as_many_as_the_manifest_says(delivered: DeliveredCity) -> None:
    for file in records(delivered):
        assert file.template.facts is not None
        impossible = 0
        for row in file.rows:
            digits = "".join(filter(str.isdigit, row[file.template.facts.event_on]))
            try:
                date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
            except ValueError:
                impossible += 1
        kinds = file.stated["kinds"]
        assert impossible == kinds.get("day_and_month_swapped", 0) + kinds.get("impossible_date", 0)


def test_every_identity_number_stands_in_a_region_that_was_never_assigned(delivered: DeliveredCity) -> None:
    for file in delivered.files:
        for row in file.rows:
            for cell in row.values():
                for check in (check_citizen_number(cell), check_social_credit_code(cell)):
                    if check.normalised is not None:
                        assert "region_unknown" in {note.code for note in check.notes}, cell
                        assert "99000" in check.normalised[:7], cell


def test_no_two_residents_share_a_number(delivered: DeliveredCity) -> None:
    file = delivered.register("resident_register")
    numbers = Counter(row["GMSFHM"] for row in file.rows)
    assert sum(count - 1 for count in numbers.values()) == file.stated["kinds"].get("duplicate", 0)
    assert all(row["GMSFHM"][6:14] == row["CSRQ"].replace("-", "") for row in file.rows)


def test_the_registers_have_minors_and_the_deceased(delivered: DeliveredCity) -> None:
    residents = delivered.register("resident_register").rows
    assert any(row["ZT"] == "死亡" and row["ZXRQ"] for row in residents)
    assert any(row["CSRQ"] > "2008-11-22" for row in residents)


def test_every_enterprise_has_a_legal_representative_from_the_register(delivered: DeliveredCity) -> None:
    residents = {row["GMSFHM"]: row["XM"] for row in delivered.register("resident_register").rows}
    represented = {}
    for row in delivered.register("principal_register").rows:
        if row["JS"] == "法定代表人" and row["RYZJHM"] in residents:
            assert residents[row["RYZJHM"]] == row["RYXM"]
            represented[row["QYXYDM"]] = row["RYXM"]
    enterprises = {row["QYXYDM"] for row in delivered.register("enterprise_register").rows}
    known = {code for code in enterprises if check_social_credit_code(code).valid}
    assert known == set(represented)


def test_a_listing_of_a_debtor_names_a_judgment_about_the_same_subject(delivered: DeliveredCity) -> None:
    judgments = {row["AH"]: row["ZTMC"] for row in delivered.of("court_judgment").rows}
    for row in delivered.of("dishonest_debtor").rows:
        assert judgments[row["GLBH"]] == row["ZTMC"]


def test_storied_citizens_are_in_the_register_and_have_their_records(delivered: DeliveredCity) -> None:
    residents = {row["GMSFHM"]: row for row in delivered.register("resident_register").rows}
    for story, stated in zip(CITIZENS, delivered.manifest["demo_citizens"], strict=True):
        assert residents[stated["identifier"]]["XM"] == story.name == stated["name"]
        for source in {told.delivery for told in story.records}:
            told = [told for told in story.records if told.delivery == source]
            file = delivered.handed_in(source)
            assert sum(identifier(file, row) == stated["identifier"] for row in file.rows) == len(told) + sum(
                each.withdrawn_days_ago is not None for each in told
            )


def test_a_penalty_is_decided_by_the_authority_that_acts_under_the_law_it_names(delivered: DeliveredCity) -> None:
    for source, authority in (("admin_penalty", "桂城市市场监督管理局"), ("urban_penalty", "桂城市城市管理局")):
        file = delivered.handed_in(source)
        assert {row["CF_CFJG"] for row in file.rows} == {row["CF_SJLY"] for row in file.rows} == {authority}
        assert any("占用城市道路" in row["CF_WFXW"] for row in file.rows) == (source == "urban_penalty")


def test_amounts_are_written_as_an_office_writes_them(delivered: DeliveredCity) -> None:
    for file in records(delivered):
        numbers = [column.code for column in file.template.columns if column.kind == "N"]
        for row in file.rows:
            for cell in [row[code] for code in numbers if row[code]]:
                assert re.fullmatch(r"\D*\d[\d,]*(\.\d{2}|\.\d*[1-9])?\D*", cell), (file.stated["file"], cell)
    told = [row for row in delivered.handed_in("urban_penalty").rows if "堆放装修材料" in row["CF_SY"]]
    assert {(row["CF_NR"], row["CF_NR_FK"]) for row in told} == {("罚款600元", "0.06")}


def test_no_delivery_tells_of_what_had_not_happened_yet(delivered: DeliveredCity) -> None:
    for file in records(delivered):
        facts = file.template.facts
        assert facts is not None
        delivered_on = file.stated["delivered_on"].replace("-", "")
        # When a licence ends is known beforehand; that is where two dates were typed into each other's cell.
        for column in {facts.event_on, facts.performed_on or facts.event_on}:
            days = ["".join(filter(str.isdigit, row[column])) for row in file.rows]
            early = sum(day >= delivered_on for day in days if day[4:6] <= "12")
            assert early <= file.stated["kinds"].get("dates_out_of_order", 0), file.stated["file"]


def test_nothing_is_delivered_before_there_is_a_catalogue(tmp_path: Path) -> None:
    small = replace(SIZE, residents=100, records=1_500)
    manifest = generate_city(tmp_path, seed=SEED, as_of=date(2026, 1, 15), size=small)
    assert {file["delivered_on"] for file in manifest["files"]} <= {"2026-01-06", "2026-01-15"}
    assert sum(file["rows"] for file in manifest["files"]) > 1_500


def test_deliveries_come_in_order_and_the_registers_before_them(delivered: DeliveredCity) -> None:
    assert all(file.template.subject is None for file in delivered.files[:4])
    days = [file.stated["delivered_on"] for file in delivered.files[4:]]
    assert days == sorted(days)
    assert days[-1] == AS_OF.isoformat()


def test_the_storied_minor_is_seventeen(delivered: DeliveredCity) -> None:
    (minor,) = (citizen for citizen in delivered.manifest["demo_citizens"] if citizen["key"] == "minor")
    born = check_citizen_number(minor["identifier"]).normalised
    assert born is not None
    assert "20081122" < born[6:14] <= "20091122"


def test_the_storied_representative_represents_the_storied_enterprise(delivered: DeliveredCity) -> None:
    people = {citizen["key"]: citizen["identifier"] for citizen in delivered.manifest["demo_citizens"]}
    codes = {enterprise["key"]: enterprise["identifier"] for enterprise in delivered.manifest["demo_enterprises"]}
    assert any(
        (row["QYXYDM"], row["RYZJHM"], row["JS"])
        == (codes["model_enterprise"], people["representative"], "法定代表人")
        for row in delivered.register("principal_register").rows
    )


def test_a_storied_enterprise_has_its_branch_and_another_had_one_that_is_closed(delivered: DeliveredCity) -> None:
    codes = {enterprise["key"]: enterprise["identifier"] for enterprise in delivered.manifest["demo_enterprises"]}
    branches = {
        row["QYXYDM"]: row for row in delivered.register("principal_register").rows if row["JS"] == "分支机构"
    }
    model, troubled = branches[codes["model_enterprise"]], branches[codes["troubled_enterprise"]]
    assert (model["RYZJHM"], model["ZZRQ"]) == (codes["model_branch"], "")
    assert troubled["RYZJHM"] == codes["closed_branch"]
    assert AS_OF.isoformat() > troubled["ZZRQ"] > troubled["QSRQ"]
    assert codes["returning_enterprise"] not in branches
    (closed,) = (
        row for row in delivered.register("enterprise_register").rows if row["QYXYDM"] == codes["closed_branch"]
    )
    assert (closed["ZT"], closed["ZXRQ"]) == ("注销", troubled["ZZRQ"])


def test_nothing_happens_after_the_as_of_date_or_before_its_five_years(delivered: DeliveredCity) -> None:
    for file in records(delivered):
        assert file.template.facts is not None
        days = ["".join(filter(str.isdigit, row[file.template.facts.event_on])) for row in file.rows]
        # Where two dates were typed into each other's cell, the later one stands first.
        late = sum(day > "20261122" for day in days if day[4:6] <= "12")
        assert late <= file.stated["kinds"].get("dates_out_of_order", 0)
        assert min(days) >= "20211120"


@pytest.mark.parametrize("too_small", [{"residents": 50}, {"enterprises": 3}, {"records": 10}])
def test_a_city_too_small_for_its_stories_is_refused(too_small: dict[str, int]) -> None:
    with pytest.raises(CityTooSmall):
        replace(SIZE, **too_small)


def test_the_default_city_is_the_one_of_the_demo() -> None:
    assert CitySize() == CitySize(residents=20_000, enterprises=2_000, organisations=100, records=300_000)


def test_whatever_the_shipped_policies_count_is_delivered_at_every_grade(delivered: DeliveredCity) -> None:
    """Else an indicator of the demo would stand empty for everyone."""
    delivered_of = {file.stated["category"]: delivered.of(file.stated["category"]) for file in records(delivered)}
    catalogue = parse_catalogue(shipped_catalogue()).categories
    for name in shipped_policy_names():
        for code in shipped_policy(name).category_codes:
            assert delivered_of[code].rows, code
    for code in ("tax_evasion", "ip_infringement", "bid_violation"):
        grades = {level.name for level in catalogue[code].levels}
        assert {row["DJ"] for row in delivered_of[code].rows} <= grades | {UNKNOWN_VALUE}


def test_few_enterprises_fall_behind_with_wages_or_dues_or_break_grave_laws(delivered: DeliveredCity) -> None:
    for code, at_most in (
        ("wage_arrears", 0.35),
        ("housing_fund_arrears", 0.5),
        ("tax_evasion", 0.15),
        ("ip_infringement", 0.15),
        ("bid_violation", 0.15),
    ):
        codes = {identifier(delivered.of(code), row) for row in delivered.of(code).rows}
        assert 0 < len(codes) <= at_most * SIZE.enterprises, code
