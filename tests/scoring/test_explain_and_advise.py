"""What a citizen reads: the exact parts of the score, and advice that keeps its promise."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.compiled import compile_policy
from scoring.days import to_date, to_day
from scoring.engine import score_one
from scoring.explain import (
    Explanation,
    advise,
    apply_advice,
    explain,
    format_number,
    format_points,
)
from scoring.policy import shipped_policy
from tests.scoring.builders import TODAY, indicator, policy, score
from tests.scoring.oracle import Rec
from tests.scoring.strategies import columns_of, drawn_records

GUIHUA = shipped_policy("guihua")


def told(*records: Rec, name: str = "guihua", as_of: date = TODAY) -> Explanation:
    of = shipped_policy(name)
    return explain(of, score(of, *records, as_of=as_of))


def test_points_are_written_with_their_sign_and_two_decimals() -> None:
    assert [format_points(p) for p in (300, -1250, 5, 0)] == ["+3.00", "-12.50", "+0.05", "0.00"]
    assert [format_number(n) for n in (1250, 1200, 5, -250)] == ["12.5", "12", "0.05", "-2.5"]


def test_the_explanation_names_base_parts_and_records_and_adds_up() -> None:
    explanation = told(
        Rec(1, "volunteering", date(2026, 3, 1), quantity=2550),
        Rec(2, "admin_penalty", date(2026, 4, 15), level=2),
    )
    assert explanation.total == explanation.base + sum(c.points for c in explanation.contributions)
    assert explanation.summary == "桂花分 101.28 分（银桂）：基础分 100.00，加分 +6.28，扣分 -5.00"
    reasons = [(c.indicator, c.reason, c.records) for c in explanation.contributions]
    assert reasons == [
        ("volunteer_hours", "近 2 年志愿服务时长计 25.5 小时（1 条记录），达到“20 小时”一档：+5.00", (1,)),
        (
            "recent_volunteering",
            "近年志愿服务积累按时间递减后计 25.5 小时（1 条记录），每 10 小时 +0.50，最多 8 分：+1.28",
            (1,),
        ),
        ("admin_penalties", "行政处罚（1 条记录）逐条计分：-5.00", (2,)),
    ]


def test_at_most_four_key_factors_stand_in_front_the_heaviest_first() -> None:
    explanation = told(
        Rec(1, "volunteering", date(2026, 3, 1), quantity=12000),
        Rec(2, "blood_donation", date(2026, 3, 1), level=1),
        Rec(3, "honour", date(2026, 3, 1), level=3),
        Rec(4, "supplement_education", date(2026, 3, 1)),
        Rec(5, "admin_penalty", date(2026, 4, 15), level=3),
    )
    assert [f.points for f in explanation.key_factors] == [-2000, 1600, 1200, 600]
    assert len(explanation.contributions) == 6


def test_it_says_when_each_record_begins_to_count_less_and_when_it_stops() -> None:
    explanation = told(Rec(1, "volunteering", date(2026, 3, 1), quantity=2550))
    tiers, fading = explanation.contributions
    assert [(to_date(f.day), f.stops) for f in tiers.fades] == [(date(2028, 3, 1), True)]
    assert [(to_date(f.day), f.stops) for f in fading.fades] == [(date(2027, 3, 1), False)]


def test_a_record_that_still_continues_has_no_end_yet() -> None:
    result = score(GUIHUA, Rec(1, "court_judgment", date(2020, 1, 1), level=2))
    assert result.contributions[0].records[0].counts_until_day is None


def test_the_last_day_a_record_counts_is_exact() -> None:
    record = Rec(1, "admin_penalty", date(2026, 4, 15), level=2)
    part = score(GUIHUA, record).contributions[0].records[0]
    assert part.counts_until_day is not None
    last = to_date(part.counts_until_day)
    assert score(GUIHUA, record, as_of=last).total == 9500
    assert score(GUIHUA, record, as_of=date.fromordinal(last.toordinal() + 1)).total == 10000


def test_limits_and_listings_are_told_in_words() -> None:
    enterprise = told(Rec(1, "serious_list", date(2026, 5, 1)), name="enterprise")
    assert enterprise.grade.name == "差"
    assert enterprise.limits == ("列入严重失信主体名单，直接评为“差”（国办发〔2020〕49号（严重失信主体名单））",)
    floor = explain(policy(), score(policy(), *[Rec(n, "breach", date(2026, 5, 1)) for n in range(1, 13)]))
    assert floor.limits == ("评分以最低 0 分为限，调整 +20.00",)


def test_advice_names_hours_and_gain() -> None:
    compiled = compile_policy(GUIHUA)
    columns = columns_of({1: [Rec(1, "volunteering", date(2026, 3, 1), quantity=2550)]}, compiled)
    sentences = [advice.sentence for advice in advise(GUIHUA, compiled, columns, to_day(TODAY))]
    assert sentences == ["再参加 25 小时志愿服务：+6.25", "再取得 1 项职业资格：+3.00"]


def test_advice_tells_what_performing_and_waiting_would_bring() -> None:
    compiled = compile_policy(GUIHUA)
    records = [
        Rec(1, "court_judgment", date(2025, 1, 1), level=2),
        Rec(2, "admin_penalty", date(2026, 4, 15), level=2),
    ]
    advice = advise(GUIHUA, compiled, columns_of({1: records}, compiled), to_day(TODAY))
    told = {(a.kind, a.record): a.sentence for a in advice if a.kind != "act"}
    assert told == {
        ("perform", 1): "履行“未履行生效裁判”所涉的义务：+15.00",
        ("wait", 2): "2027-04-15 起，“行政处罚”的一条记录不再计入：+5.00",
    }


def test_blood_donation_is_never_advised() -> None:
    for name in ("guihua", "haibei", "oujiang"):
        of = shipped_policy(name)
        donating = [i for i in of.indicators if any(use.code == "blood_donation" for use in i.categories)]
        assert donating
        assert all(i.advice is None for i in donating)


def test_nothing_is_advised_where_nothing_would_raise_the_score() -> None:
    capped = policy(indicator(), base=200)
    compiled = compile_policy(capped)
    assert advise(capped, compiled, columns_of({1: []}, compiled), to_day(TODAY)) == []


@pytest.mark.parametrize("name", ["guihua", "haibei", "oujiang", "enterprise"])
@settings(max_examples=25)
@given(data=st.data())
def test_whoever_follows_advice_gets_the_promised_points(name: str, data: st.DataObject) -> None:
    of = shipped_policy(name)
    compiled, columns, as_of = drawn_records(data, of)
    now = score_one(compiled, columns, to_day(as_of)).total
    advice = advise(of, compiled, columns, to_day(as_of), limit=20)
    assert [a.gain for a in advice] == sorted((a.gain for a in advice), reverse=True)
    for one in advice:
        followed = apply_advice(one, of.on(as_of), compiled, columns, to_day(as_of))
        assert one.gain > 0
        assert score_one(compiled, followed, to_day(as_of)).total == now + one.gain
        assert one.sentence.endswith(format_points(one.gain))
