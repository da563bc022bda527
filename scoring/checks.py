"""The rules a policy document must keep, checked on the document itself so that every problem has its line.

`check_shape` is the JSON Schema, told in Chinese. `check_meaning` is what a schema cannot say: that numbers
fit together, that every indicator only ever moves the score in its declared direction, and that nothing
forbidden is scored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import jsonschema

from scoring.days import Span, add_span
from scoring.document import Document, Path, path_text
from scoring.forbidden import ONLY_UPWARD, forbidden_attribute
from scoring.problems import Problem, did_you_mean

PER_RECORD: frozenset[str] = frozenset({"each", "highest", "latest"})
"""Measures that price every record by itself; the others measure first and price the measured value."""

PRICED_BY: Mapping[str, frozenset[str]] = {
    "count": frozenset({"tiers", "per_unit"}),
    "sum": frozenset({"tiers", "per_unit"}),
    "amount": frozenset({"tiers", "per_unit"}),
    "exists": frozenset({"flat"}),
    "months_since": frozenset({"tiers"}),
    "value_of": frozenset({"tiers"}),
    "each": frozenset({"each", "by_level", "by_amount", "by_quantity"}),
    "highest": frozenset({"each", "by_level", "by_amount", "by_quantity"}),
    "latest": frozenset({"each", "by_level", "by_amount", "by_quantity"}),
}

MAX_INDICATORS = 200
MAX_THRESHOLD = 10_000_000_000
"""Largest threshold in natural units, the kernel's LARGEST in hundredths; negative, it is below every value."""
MAX_YEARS_UNDER_A_YEARLY_CAP = 50


# --- shape ------------------------------------------------------------------------------------------------


@cache
def policy_schema() -> dict[str, Any]:
    """The published JSON Schema of a policy."""
    schema: dict[str, Any] = json.loads((files("scoring") / "policy.schema.json").read_text(encoding="utf-8"))
    return schema


@cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(
        policy_schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def check_shape(document: Document) -> list[Problem]:
    """Everything the schema finds, each as one Chinese sentence with its line."""
    problems: dict[tuple[Path, str, str], Problem] = {}
    for error in _shape_errors(document):
        for problem in _told(error, document):
            problems.setdefault(((problem.path,), problem.rule, problem.message), problem)
    return list(problems.values())


def misshapen(document: Document) -> frozenset[Path]:
    """The places whose shape is wrong: rules that read them have nothing to hold on to."""
    return frozenset(place for error in _shape_errors(document) for place in _places(error))


def is_sound(path: Path, broken: frozenset[Path]) -> bool:
    """Whether nothing at this place, around it or in it is misshapen."""
    return not any(place[: len(path)] == path or path[: len(place)] == place for place in broken)


def _shape_errors(document: Document) -> Iterator[Any]:
    errors: Iterator[Any] = _validator().iter_errors(_dates_as_text(document.data))
    return errors


def _places(error: Any) -> Iterator[Path]:
    path: Path = tuple(error.absolute_path)
    if error.validator == "required":
        yield from ((*path, key) for key in error.validator_value if key not in error.instance)
    elif error.validator == "additionalProperties" and not path:
        yield from ((key,) for key in error.instance if key not in error.schema.get("properties", {}))
    else:
        yield path


def _dates_as_text(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _dates_as_text(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_dates_as_text(value) for value in data]
    return data.isoformat() if isinstance(data, date) else data


_TYPES = {
    "object": "一组字段", "array": "一个列表", "string": "文字（数字请加引号）", "number": "数字",
    "integer": "整数", "boolean": "true 或 false",
}  # fmt: skip


def _told(error: Any, document: Document) -> Iterator[Problem]:
    path: Path = tuple(error.absolute_path)
    value, limit = error.instance, error.validator_value

    def problem(message: str, rule: str, at: Path = path) -> Problem:
        return Problem(document.line(at), path_text(at), message, rule)

    match error.validator:
        case "additionalProperties":
            known = error.schema.get("properties", {})
            for key in value:
                if key not in known:
                    yield problem(f"不认识的字段“{key}”{did_you_mean(key, known)}", "unknown_field", (*path, key))
        case "required":
            unknown = [given for given in value if given not in error.schema.get("properties", {})]
            for key in limit:
                # A misspelt field is told once, where it stands, with the word it should have been.
                if key not in value and not did_you_mean(key, unknown):
                    yield problem(f"缺少字段“{key}”", "missing_field")
        case "enum":
            choices = "、".join(str(choice) for choice in limit)
            hint = did_you_mean(str(value), [str(choice) for choice in limit])
            yield problem(f"“{value}”不在可选值之中（{choices}）{hint}", "not_a_choice")
        case "type":
            kinds = limit if isinstance(limit, list) else [limit]
            wanted = "或".join(_TYPES[kind] for kind in kinds)
            quoted = isinstance(value, str) and {"number", "integer"} & set(kinds)
            given = f"文字“{value}”（请去掉引号）" if quoted else f"“{value}”"
            yield problem(f"这里应当是{wanted}，现在是{given}", "wrong_type")
        case "format":
            yield problem(f"“{value}”不是日期，请写成 2026-01-01 的样子", "bad_date")
        case "pattern":
            yield problem(f"“{value}”的写法不对，应符合 {limit}", "bad_format")
        case "minimum" | "exclusiveMinimum":
            word = "不小于" if error.validator == "minimum" else "大于"
            yield problem(f"{value} 太小，应当{word} {limit}", "out_of_range")
        case "maximum":
            yield problem(f"{value} 太大，应当不大于 {limit}", "out_of_range")
        case "minItems" | "minLength" | "minProperties":
            yield problem("这里不能为空" if limit == 1 else f"这里应当有 {limit} 项", "too_few")
        case "maxItems" | "maxLength" | "maxProperties":
            yield problem(f"这里最多 {limit} 项（或字）", "too_many")
        case _:
            yield problem(f"不符合格式要求：{error.message}", "bad_format")


# --- meaning ----------------------------------------------------------------------------------------------


def check_meaning(document: Document, broken: frozenset[Path] = frozenset()) -> list[Problem]:
    """The rules beyond the schema, wherever the shape is right; `broken` are the places where it is not.

    What may never be scored is looked for in misshapen parts too: nobody should have to mend a spelling first to
    learn that an indicator will be refused.
    """
    return _Checker(document, broken).run()


class _Checker:
    def __init__(self, document: Document, broken: frozenset[Path]) -> None:
        self.document = document
        self.broken = broken
        self.data: dict[str, Any] = document.data if isinstance(document.data, dict) else {}
        self.problems: list[Problem] = []
        self.measures: dict[str, dict[str, Any]] = {}
        self.unread: set[str] = set()

    def run(self) -> list[Problem]:
        self._decimals(self.data, ())
        dimensions = mappings(self.data.get("dimensions"))
        if self._sound("range"):
            self._score_range()
        if self._sound("effective_from", "effective_until"):
            self._dates()
        if self._sound("grades"):
            self._grades()
        if self._sound("base", "dimensions"):
            self._base_shares()
        if self._sound("fading"):
            self._fading()
        if self._sound("deduction_validity"):
            self._validity()
        if self._sound("dimensions", "direct_grades", "grades"):
            self._codes()
        for d, dimension in dimensions:
            self._never_scored(dimension, ("dimensions", d))
            if self._sound(("dimensions", d)):
                self._dimension(dimension, ("dimensions", d))
            for i, indicator in mappings(dimension.get("indicators")):
                path: Path = ("dimensions", d, "indicators", i)
                self._never_scored(indicator, path)
                if self._sound(path):
                    self._indicator(indicator, path)
                    self.measures[indicator["code"]] = indicator
                else:
                    self.unread.add(str(indicator.get("code")))
        for i, direct in mappings(self.data.get("direct_grades")):
            self._never_scored(direct, ("direct_grades", i))
            if self._sound(("direct_grades", i)):
                self._direct_grade(direct, ("direct_grades", i))
        return self.problems

    def _sound(self, *places: str | Path) -> bool:
        return all(is_sound((place,) if isinstance(place, str) else place, self.broken) for place in places)

    def problem(self, path: Path, message: str, rule: str) -> None:
        self.problems.append(Problem(self.document.line(path), path_text(path), message, rule))

    # The whole document

    def _decimals(self, value: Any, path: Path) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                self._decimals(item, (*path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self._decimals(item, (*path, index))
        elif isinstance(value, Decimal) and value * 100 != (value * 100).to_integral_value():
            self.problem(path, f"{value} 的小数超过两位", "too_many_decimals")

    def _score_range(self) -> None:
        low, high = self.data["range"]
        if low >= high:
            self.problem(("range",), f"下限 {low} 应当小于上限 {high}", "range_order")
        elif self._sound("base") and not low <= self.data["base"] <= high:
            self.problem(("base",), f"基础分 {self.data['base']} 不在 {low} 至 {high} 之间", "base_outside_range")

    def _dates(self) -> None:
        until = self.data.get("effective_until")
        if until is not None and _day(until) < _day(self.data["effective_from"]):
            self.problem(("effective_until",), "失效日早于生效日", "dates_order")

    def _grades(self) -> None:
        grades = self.data["grades"]
        for i, (better, worse) in enumerate(pairwise(grades)):
            if better["minimum"] <= worse["minimum"]:
                self.problem(("grades", i + 1, "minimum"), "等级应从高到低排列，分数线逐级降低", "grades_order")
        if not self._sound("range"):
            return
        low, high = self.data["range"]
        if grades[-1]["minimum"] != low:
            self.problem(
                ("grades", len(grades) - 1, "minimum"),
                f"最低一级应从下限 {low} 起，否则有的分数没有等级",
                "grades_cover_range",
            )
        if grades[0]["minimum"] > high:
            self.problem(("grades", 0, "minimum"), f"最高一级的分数线超过上限 {high}", "grades_cover_range")

    def _base_shares(self) -> None:
        shares = [d["base"] for d in self.data["dimensions"] if "base" in d]
        if shares and (len(shares) < len(self.data["dimensions"]) or sum(shares) != self.data["base"]):
            self.problem(("base",), "各维度的基础分应当都写明，合计等于总的基础分", "base_shares")

    def _fading(self) -> None:
        for code, table in self.data.get("fading", {}).items():
            path: Path = ("fading", code, "steps")
            for i, (young, old) in enumerate(pairwise(table["steps"])):
                if _length(young["until"]) >= _length(old["until"]):
                    self.problem((*path, i + 1), "衰减阶段应按时间由短到长排列", "fading_order")
                if young["ppm"] < old["ppm"]:
                    self.problem((*path, i + 1, "ppm"), "权重只能随时间降低", "fading_order")

    def _validity(self) -> None:
        entries = self.data.get("deduction_validity", [])
        for i, entry in enumerate(entries):
            last = i == len(entries) - 1
            if last == ("up_to" in entry):
                self.problem(
                    ("deduction_validity", i),
                    "最后一档不写 up_to（没有上限），其余各档都要写",
                    "validity_order",
                )
            elif i and not last and entry["up_to"] <= entries[i - 1].get("up_to", 0):
                self.problem(("deduction_validity", i, "up_to"), "各档应由小到大排列", "validity_order")
            if i and _length(entry["valid_for"]) < _length(entries[i - 1]["valid_for"]):
                self.problem(("deduction_validity", i, "valid_for"), "扣分越重，有效期不能越短", "validity_order")

    def _codes(self) -> None:
        seen: dict[str, Path] = {}
        places: list[tuple[str, Path]] = [
            (d["code"], ("dimensions", i, "code")) for i, d in enumerate(self.data["dimensions"])
        ]
        self._unique(places, seen, "维度")
        seen = {}
        places = [
            (indicator["code"], ("dimensions", d, "indicators", i, "code"))
            for d, dimension in enumerate(self.data["dimensions"])
            for i, indicator in enumerate(dimension["indicators"])
        ]
        places += [
            (g["code"], ("direct_grades", i, "code")) for i, g in enumerate(self.data.get("direct_grades", []))
        ]
        if len(places) > MAX_INDICATORS:
            self.problem(("dimensions",), f"指标不能超过 {MAX_INDICATORS} 个", "too_many")
        self._unique(places, seen, "指标")
        self._unique(
            [(str(g["code"]), ("grades", i, "code")) for i, g in enumerate(self.data["grades"])], {}, "等级"
        )

    def _unique(self, places: Sequence[tuple[str, Path]], seen: dict[str, Path], what: str) -> None:
        for code, path in places:
            if code in seen:
                first = self.document.line(seen[code])
                self.problem(path, f"{what}代码“{code}”与第 {first} 行重复", "duplicate_code")
            seen.setdefault(code, path)

    def _dimension(self, dimension: Mapping[str, Any], path: Path) -> None:
        if "range" not in dimension:
            return
        low, high = dimension["range"]
        if not low <= 0 <= high or low == high:
            self.problem((*path, "range"), "维度的范围应包含 0，且下限小于上限", "range_order")
        if self._one_act and any(i["direction"] == "down" for i in dimension["indicators"]):
            self._one_act_limit((*path, "range"), "维度的范围（range）")

    # One indicator

    @property
    def _one_act(self) -> bool:
        return bool(self.data.get("one_act", "each") == "highest")

    def _one_act_limit(self, path: Path, what: str) -> None:
        """Without the heaviest record of an act (removed, disputed) the next one of the act takes its place.

        That lowers the total by less only while every deduction reaches it as it stands: behind a bound, a cap
        or a rounding of its own, the heavier one may have taken less than the next one then does.
        """
        self.problem(
            path,
            f"“同一行为只计一次”（one_act: highest）时，扣分项不能再设{what}：否则去掉一条失信记录反而可能降分",
            "one_act_with_limit",
        )

    def _indicator(self, indicator: Mapping[str, Any], path: Path) -> None:
        self._categories(indicator, path)
        self._measure(indicator, path)
        self._window(indicator, path)
        self._rules(indicator, path)
        versions = indicator["points"] if isinstance(indicator["points"], list) else [indicator["points"]]
        for i, points in enumerate(versions):
            at: Path = (*path, "points", i) if isinstance(indicator["points"], list) else (*path, "points")
            self._points(indicator, points, at)
            if i and _day(points["from"]) <= _day(versions[i - 1]["from"]):
                self.problem((*at, "from"), "各版本应按生效日由早到晚排列", "dates_order")

    def _forbidden(self, code: str, name: str, path: Path) -> None:
        attribute = forbidden_attribute(code, name)
        if attribute:
            said = f"“{name}”（{code}）" if name else f"“{code}”"
            self.problem(path, f"{said}涉及{attribute.name}，不得评分（{attribute.basis}）", "forbidden_attribute")

    def _never_scored(self, reader: Mapping[str, Any], path: Path) -> None:
        """What no dimension, indicator or direct grade may be about, in whatever shape it is written."""
        code, name = (word if isinstance(word, str) else "" for word in (reader.get("code"), reader.get("name")))
        self._forbidden(code, name, path)
        # A direct grade has no direction, and can only harm.
        only_up = reader.get("direction") == "up" if "direct_grades" not in path else False
        for at, category in category_codes(reader, path):
            self._forbidden(category, "", at)
            if category in ONLY_UPWARD and not only_up:
                message = f"“{category}”（志愿服务、无偿献血）只能加分，不能用于扣分或直接定级"
                self.problem(at, message, "only_upward")

    def _categories(self, indicator: Mapping[str, Any], path: Path) -> None:
        if (indicator["measure"] == "value_of") == ("categories" in indicator):
            self.problem(path, "value_of 指标写 of、不写 categories；其他指标必须写 categories", "missing_field")
        used: set[str] = set()
        for i, use in enumerate(indicator.get("categories", [])):
            code = use["code"] if isinstance(use, dict) else use
            at: Path = (*path, "categories", i)
            if code in used:
                self.problem(at, f"类别“{code}”写了两次", "duplicate_code")
            used.add(code)
        if self.data.get("subject_kind") == "person" and indicator.get("relations", ["own"]) != ["own"]:
            self.problem((*path, "relations"), "自然人只按本人的记录评分", "person_own_records")

    def _measure(self, indicator: Mapping[str, Any], path: Path) -> None:
        measure, direction = indicator["measure"], indicator["direction"]
        if direction == "both" and measure not in ("each", "latest"):
            self.problem(
                (*path, "direction"),
                "可加可减（both）只用于 each 或 latest 按等级计分的指标",
                "direction_both",
            )
        if measure == "latest" and direction != "both":
            message = "最近一次（latest）只用于可加可减（both）的指标：新的一次会取代旧的，不能保证只加或只减"
            self.problem((*path, "measure"), message, "latest_direction")
        if measure != "value_of":
            if "of" in indicator:
                self.problem((*path, "of"), "of 只用于 measure: value_of", "value_of")
            return
        source = self.measures.get(indicator.get("of", ""))
        if source is None and indicator.get("of") in self.unread:
            return
        if source is None:
            hint = did_you_mean(indicator.get("of", ""), self.measures)
            self.problem((*path, "of"), f"of 应当是前面已写出的指标代码{hint}", "value_of")
        elif source["measure"] == "value_of":
            self.problem((*path, "of"), "不能再引用一个 value_of 指标", "value_of")
        elif source["direction"] != direction:
            self.problem((*path, "direction"), "方向应与所引用的指标一致", "value_of")
        for key in (
            "window",
            "fading",
            "per_event",
            "repeat",
            "count_from",
            "relations",
            "yearly_cap",
            "advice",
        ):
            if key in indicator:
                self.problem((*path, key), f"value_of 指标不能写 {key}，它沿用所引用的指标", "value_of")

    def _window(self, indicator: Mapping[str, Any], path: Path) -> None:
        if indicator.get("window") == "by_size":
            if "deduction_validity" not in self.data:
                self.problem((*path, "window"), "by_size 需要在方案里写 deduction_validity", "missing_field")
            if indicator["measure"] not in PER_RECORD:
                self.problem((*path, "window"), "by_size 只用于逐条计分的指标（each、highest、latest）", "by_size")
        fading = indicator.get("fading")
        if fading is not None and self._sound("fading") and fading not in self.data.get("fading", {}):
            hint = did_you_mean(fading, self.data.get("fading", {}))
            self.problem((*path, "fading"), f"没有名为“{fading}”的衰减表{hint}", "unknown_fading")
        if fading is not None and indicator["measure"] in ("exists", "months_since", "latest", "value_of"):
            self.problem((*path, "fading"), f"{indicator['measure']} 不能与衰减同用", "fading_measure")

    def _rules(self, indicator: Mapping[str, Any], path: Path) -> None:
        measure, direction = indicator["measure"], indicator["direction"]
        per_event = indicator.get("per_event", "each") == "highest"
        if per_event and measure not in ("count", "sum", "amount", "each"):
            self.problem((*path, "per_event"), f"per_event 对 {measure} 没有意义", "per_event_measure")
        if "repeat" in indicator and (direction != "down" or measure != "each"):
            self.problem(
                (*path, "repeat"), "加倍（repeat）只用于逐条扣分（measure: each）的指标", "repeat_measure"
            )
        if "yearly_cap" in indicator and (direction != "up" or measure != "each" or per_event):
            self.problem(
                (*path, "yearly_cap"), "每年上限只用于逐条加分、不按事件取最高的指标", "yearly_cap_measure"
            )
        if "advice" in indicator and (direction != "up" or measure not in ("count", "sum", "amount", "each")):
            self.problem((*path, "advice"), "advice 只用于可以再做一些就加分的指标", "advice_measure")
        if self._one_act and direction == "down":
            if measure != "each":
                self.problem(
                    (*path, "measure"),
                    "one_act: highest 时，扣分项都应逐条计分（measure: each）",
                    "one_act_measure",
                )
            for key, what in (("cap", "上限（cap）"), ("fading", "衰减（fading）")):
                if key in indicator:
                    self._one_act_limit((*path, key), what)

    # The points of one indicator

    def _points(self, indicator: Mapping[str, Any], points: Mapping[str, Any], path: Path) -> None:
        kinds = [key for key in points if key not in ("from", "basis")]
        fitting = PRICED_BY[indicator["measure"]]
        if len(kinds) != 1 or kinds[0] not in fitting:
            self.problem(
                path,
                f"measure: {indicator['measure']} 的 points 应写且只写 {'、'.join(sorted(fitting))} 之一",
                "points_kind",
            )
            return
        kind, body = kinds[0], points[kinds[0]]
        at: Path = (*path, kind)
        match kind:
            case "flat":
                self._sign(indicator, body, at)
            case "each":
                self._priced(indicator, body, at)
            case "per_unit":
                self._sign(indicator, body["points"], (*at, "points"))
                if "cap" not in indicator:
                    self.problem(path, "按量计分必须写上限 cap", "missing_cap")
            case "by_level":
                if len({row["level"] for row in body}) < len(body):
                    self.problem(at, "同一等级写了两次", "duplicate_code")
                for i, row in enumerate(body):
                    self._priced(indicator, row, (*at, i))
            case "tiers":
                self._thresholds(indicator, body, at)
                for i, row in enumerate(body):
                    self._sign(indicator, row["points"], (*at, i, "points"))
            case _:
                self._thresholds(indicator, body, at)
                for i, row in enumerate(body):
                    self._priced(indicator, row, (*at, i))
        if indicator["direction"] == "both" and kind != "by_level":
            self.problem(at, "可加可减（both）的指标只能按等级计分（by_level）", "direction_both")
        if "yearly_cap" in indicator:
            self._bounded_years(indicator, body if isinstance(body, list) else [body], at)

    def _sign(self, indicator: Mapping[str, Any], points: Any, path: Path) -> None:
        if indicator["direction"] == "up" and points < 0:
            self.problem(path, f"加分项（direction: up）不能扣分，现在是 {points}", "direction_sign")
        if indicator["direction"] == "down" and points > 0:
            self.problem(path, f"扣分项（direction: down）不能加分，现在是 {points}", "direction_sign")

    def _priced(self, indicator: Mapping[str, Any], row: Mapping[str, Any], path: Path) -> None:
        self._sign(indicator, row["points"], (*path, "points"))
        performed = row.get("performed_points")
        if performed is not None and not row["points"] < performed <= 0:
            self.problem((*path, "performed_points"), "履行后的扣分应当比原扣分轻，且不为正", "performed_points")

    def _thresholds(self, indicator: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], path: Path) -> None:
        first = rows[0]["at_least"]
        if self._prices_points(indicator) and indicator["direction"] == "down":
            if first != -MAX_THRESHOLD:
                message = f"引用逐条扣分的指标时，第一档应从 {-MAX_THRESHOLD} 起，否则扣分最重的反而不计"
                self.problem((*path, 0, "at_least"), message, "points_from_lowest")
        elif first < 0:
            self.problem((*path, 0, "at_least"), "门槛不能是负数", "thresholds_order")
        if self._measured(indicator) == "months_since" and first != 0:
            message = "距今月数的第一档应从 0 起，否则刚发生的反而不计"
            self.problem((*path, 0, "at_least"), message, "months_from_zero")
        for i, (less, more) in enumerate(pairwise(rows), start=1):
            at: Path = (*path, i)
            if less["at_least"] >= more["at_least"]:
                self.problem((*at, "at_least"), "门槛应由小到大排列", "thresholds_order")
            if self._grows(indicator) and more["points"] < less["points"]:
                self.problem((*at, "points"), "数值越大，分数不能越低（否则多做善事反而降分）", "not_monotone")
            if not self._grows(indicator) and more["points"] > less["points"]:
                self.problem((*at, "points"), "数值越大，扣分不能越少", "not_monotone")
            if _validity_of(more, indicator) < _validity_of(less, indicator):
                self.problem((*at, "valid_for"), "门槛越高，有效期不能越短", "not_monotone")

    def _grows(self, indicator: Mapping[str, Any]) -> bool:
        """Whether points must rise with the measured value for the declared direction to hold."""
        measured = self._measured(indicator)
        if self._prices_points(indicator):
            return True  # points already: more is better
        # A newer good deed (fewer months ago) must not be worth less, a newer breach not cost less.
        return bool((indicator["direction"] != "down") != (measured == "months_since"))

    def _measured(self, indicator: Mapping[str, Any]) -> str:
        """The measure whose value is priced: the referred indicator's for value_of."""
        source = self.measures.get(indicator.get("of", ""), indicator)
        return str(source["measure"])

    def _prices_points(self, indicator: Mapping[str, Any]) -> bool:
        """Whether the priced value is itself points: of an indicator that prices each record."""
        return indicator["measure"] == "value_of" and self._measured(indicator) in PER_RECORD

    def _bounded_years(self, indicator: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], path: Path) -> None:
        for row in rows:
            if _validity_of(row, indicator) > _length({"years": MAX_YEARS_UNDER_A_YEARLY_CAP}):
                self.problem(
                    path,
                    f"有每年上限的指标，有效期须写明且不超过 {MAX_YEARS_UNDER_A_YEARLY_CAP} 年",
                    "yearly_cap_window",
                )
                return

    # Listings that set the grade

    def _direct_grade(self, direct: Mapping[str, Any], path: Path) -> None:
        if self.data.get("subject_kind") == "person":
            self.problem(path, "直接定级只用于企业；自然人的评分只作激励", "direct_grade_person")
        grades = [str(grade.get("code")) for _, grade in mappings(self.data.get("grades"))]
        if self._sound("grades") and direct["grade"] not in grades:
            self.problem(
                (*path, "grade"),
                f"没有等级“{direct['grade']}”{did_you_mean(direct['grade'], grades)}",
                "unknown_grade",
            )


def mappings(value: Any) -> list[tuple[int, dict[str, Any]]]:
    """The groups of fields in a list, with their places; nothing where the document holds something else."""
    items = value if isinstance(value, list) else []
    return [(place, item) for place, item in enumerate(items) if isinstance(item, dict)]


def category_codes(reader: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    """Place and code of each category that an indicator or a direct grade names, in whatever shape."""
    uses = reader.get("categories")
    for i, use in enumerate(uses if isinstance(uses, list) else []):
        code = use.get("code") if isinstance(use, dict) else use
        if isinstance(code, str):
            yield (*path, "categories", i), code


_UNLIMITED = 10**9


def _length(span: Mapping[str, int]) -> int:
    """Length in days from 1 January 1970, good enough to order spans."""
    months = span.get("months", 0) + 12 * span.get("years", 0)
    return span["days"] if "days" in span else add_span(0, Span(months=months))


def _validity_of(row: Mapping[str, Any], indicator: Mapping[str, Any]) -> int:
    if "valid_for" in row:
        return _length(row["valid_for"])
    window = indicator.get("window")
    return _length(window) if isinstance(window, dict) else _UNLIMITED


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)
