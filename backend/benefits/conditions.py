"""The closed condition table of a scheme: read from JSON, three-valued, explainable.

A condition is `all`, `any` or `not` over conditions, at most three such levels above a leaf
`{fact, op, value, reason}`. There is no language here to attack and nothing to execute. A fact that is not known
makes its leaf unknown, unknown spreads as in Kleene's logic, and unknown never passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from backend.benefits.fact_catalogue import FACTS, FactDefinition, FactKind, FactSet, FactValue

Op = Literal["ge", "le", "between", "eq", "in", "within_days"]
Truth: TypeAlias = "bool | None"
"""True, False, or None for unknown."""

MOST_LEVELS = 3

OPS: Mapping[FactKind, frozenset[str]] = {
    "points": frozenset({"ge", "le", "between"}),
    "quantity": frozenset({"ge", "le", "between"}),
    "count": frozenset({"ge", "le", "between", "eq"}),
    "flag": frozenset({"eq"}),
    "choice": frozenset({"eq", "in"}),
    "day": frozenset({"within_days"}),
}


class ConditionInvalid(Exception):
    """A condition document cannot be read; `path` says where, for the officer who writes it."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


@dataclass(frozen=True)
class Leaf:
    """One comparison. `value` has the type of the fact: hundredths for points and quantities, codes for choices.

    `between` holds two bounds, both included; `within_days` counts back from the day of the decision.
    """

    fact: str
    op: Op
    value: FactValue | tuple[int, int] | tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class All:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Any:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    part: Condition


Condition: TypeAlias = "Leaf | All | Any | Not"


@dataclass(frozen=True)
class Unmet:
    """One condition that stands in the way, for the citizen: what is asked, what they have, how to get there.

    `leaf` is the condition itself, which has to become `wanted`; None for what is no condition (a used-up quota).
    `known` is False when the fact itself is missing; `shortfall` is how far a number is from passing, in the
    fact's own unit (None where distance means nothing).
    """

    fact: str
    reason: str
    need: str
    have: str
    how: str
    known: bool
    shortfall: int | None
    leaf: Leaf | None = None
    wanted: bool = True

    @property
    def within_reach(self) -> bool:
        """Whether the citizen is close enough to be told "nearly"; never for a fact that is missing."""
        near = FACTS[self.fact].near if self.fact in FACTS else None
        if near is None or not self.known:
            return False
        return self.shortfall is None or self.shortfall <= near


# --- reading -------------------------------------------------------------------------------------------------


def parse_condition(document: object, *, path: str = "conditions", levels: int = MOST_LEVELS) -> Condition:
    """Raises ConditionInvalid."""
    if not isinstance(document, dict):
        raise ConditionInvalid(path, "应为对象")
    if "fact" in document:
        return _parse_leaf(document, path)
    if len(document) != 1:
        raise ConditionInvalid(path, "应当只有 all、any、not 之一，或为 {fact, op, value, reason}")
    if levels == 0:
        raise ConditionInvalid(path, f"条件嵌套超过 {MOST_LEVELS} 层")
    [(word, inner)] = document.items()
    if word == "not":
        return Not(parse_condition(inner, path=f"{path}.not", levels=levels - 1))
    if word not in ("all", "any"):
        raise ConditionInvalid(path, f"不认识的写法 {word!r}")
    if not isinstance(inner, list) or not inner:
        raise ConditionInvalid(f"{path}.{word}", "应为非空列表")
    parts = tuple(
        parse_condition(part, path=f"{path}.{word}[{number}]", levels=levels - 1)
        for number, part in enumerate(inner)
    )
    return All(parts) if word == "all" else Any(parts)


def facts_in(condition: Condition) -> frozenset[str]:
    """The codes of every fact that the condition asks for."""
    match condition:
        case Leaf(fact=fact):
            return frozenset({fact})
        case Not(part=part):
            return facts_in(part)
        case All(parts=parts) | Any(parts=parts):
            return frozenset().union(*(facts_in(part) for part in parts))


def _parse_leaf(document: Mapping[str, object], path: str) -> Leaf:
    if missing := {"fact", "op", "value", "reason"} - document.keys():
        raise ConditionInvalid(path, f"缺少 {'、'.join(sorted(missing))}")
    if extra := document.keys() - {"fact", "op", "value", "reason"}:
        raise ConditionInvalid(path, f"多余的 {'、'.join(sorted(extra))}")
    code, op, reason = document["fact"], document["op"], document["reason"]
    if not isinstance(code, str) or code not in FACTS:
        raise ConditionInvalid(f"{path}.fact", f"事实目录中没有 {code!r}")
    definition = FACTS[code]
    if not isinstance(op, str) or op not in OPS[definition.kind]:
        raise ConditionInvalid(f"{path}.op", f"{code} 可用的比较为 {'、'.join(sorted(OPS[definition.kind]))}")
    if not isinstance(reason, str) or not reason.strip():
        raise ConditionInvalid(f"{path}.reason", "每个条件都要有一句说明理由的话")
    value = _parse_value(definition, op, document["value"], f"{path}.value")
    return Leaf(fact=code, op=op, value=value, reason=reason)  # type: ignore[arg-type]


def _parse_value(
    definition: FactDefinition, op: str, value: object, path: str
) -> FactValue | tuple[int, int] | tuple[str, ...]:
    if op == "between":
        if not isinstance(value, list) or len(value) != 2:
            raise ConditionInvalid(path, "应为两个整数 [下限, 上限]")
        low, high = (_parse_whole(bound, path) for bound in value)
        if low > high:
            raise ConditionInvalid(path, "下限大于上限")
        return (low, high)
    if op == "in":
        if not isinstance(value, list) or not value:
            raise ConditionInvalid(path, "应为非空列表")
        return tuple(_parse_choice(definition, item, path) for item in value)
    if definition.kind == "choice":
        return _parse_choice(definition, value, path)
    if definition.kind == "flag":
        if not isinstance(value, bool):
            raise ConditionInvalid(path, "应为 true 或 false")
        return value
    whole = _parse_whole(value, path)
    if op == "within_days" and whole < 0:
        raise ConditionInvalid(path, "天数不能为负")
    return whole


def _parse_choice(definition: FactDefinition, value: object, path: str) -> str:
    if not isinstance(value, str) or value not in definition.choices:
        raise ConditionInvalid(path, f"应为 {'、'.join(definition.choices)} 之一")
    return value


def _parse_whole(value: object, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConditionInvalid(path, "应为整数（分值与数量以百分之一为单位）")
    return value


# --- deciding ------------------------------------------------------------------------------------------------


def evaluate(condition: Condition, facts: FactSet) -> Truth:
    """Kleene's three values; only True passes."""
    match condition:
        case Leaf():
            return _compare(condition, facts)
        case Not(part=part):
            inner = evaluate(part, facts)
            return None if inner is None else not inner
        case All(parts=parts):
            found = [evaluate(part, facts) for part in parts]
            return False if False in found else None if None in found else True
        case Any(parts=parts):
            found = [evaluate(part, facts) for part in parts]
            return True if True in found else None if None in found else False


def _compare(leaf: Leaf, facts: FactSet) -> Truth:
    have = facts.get(leaf.fact)
    if have is None:
        return None
    match leaf.op:
        case "ge":
            return _number(have) >= _number(leaf.value)
        case "le":
            return _number(have) <= _number(leaf.value)
        case "between":
            low, high = _several(leaf.value)
            return _number(low) <= _number(have) <= _number(high)
        case "in":
            return have in _several(leaf.value)
        case "within_days":
            return isinstance(have, date) and 0 <= (facts.on - have).days <= _number(leaf.value)
        case "eq":
            return have == leaf.value


def _number(value: object) -> int:
    assert isinstance(value, int), value  # noqa: S101 - parsing and fact collection only let integers through
    return value


def _several(value: object) -> tuple[int | str, ...]:
    assert isinstance(value, tuple), value  # noqa: S101 - as above, for `between` and `in`
    return value


# --- explaining ----------------------------------------------------------------------------------------------


def unmet_conditions(condition: Condition, facts: FactSet) -> tuple[Unmet, ...]:
    """What stands between these facts and True; empty exactly when the condition is True.

    Where one of several ways is enough (`any`), the way with the fewest unmet conditions is told, and of those
    the one that is most within reach: naming all of them would ask for more than is needed.
    """
    return tuple(_unmet(condition, facts, wanted=True))


def _unmet(condition: Condition, facts: FactSet, *, wanted: bool) -> Sequence[Unmet]:
    match condition:
        case Leaf():
            return [] if _compare(condition, facts) is wanted else [_explain(condition, facts, wanted=wanted)]
        case Not(part=part):
            return _unmet(part, facts, wanted=not wanted)
        case All(parts=parts) | Any(parts=parts):
            ways = [_unmet(part, facts, wanted=wanted) for part in parts]
            # "Not all" is met by one that fails, "not any" only when every one fails (De Morgan).
            if isinstance(condition, All) is wanted:
                return list(dict.fromkeys(unmet for way in ways for unmet in way))
            return min(ways, key=lambda way: (len(way), sum(not unmet.within_reach for unmet in way)))


def _explain(leaf: Leaf, facts: FactSet, *, wanted: bool) -> Unmet:
    definition = FACTS[leaf.fact]
    have = facts.get(leaf.fact)
    return Unmet(
        fact=leaf.fact,
        reason=leaf.reason,
        need=_need(definition, leaf, wanted=wanted),
        have="暂无数据" if have is None else definition.show(have),
        how=definition.how,
        known=have is not None,
        shortfall=_shortfall(leaf, have) if wanted else None,
        leaf=leaf,
        wanted=wanted,
    )


def plain_words(condition: Condition) -> dict[str, object]:
    """The table as an officer reads it: `{"need", "reason"}`, or `{"all" | "any" | "not": …}` over such."""
    match condition:
        case Leaf():
            return {"need": _need(FACTS[condition.fact], condition, wanted=True), "reason": condition.reason}
        case Not(part=part):
            return {"not": [plain_words(part)]}
        case All(parts=parts):
            return {"all": [plain_words(part) for part in parts]}
        case Any(parts=parts):
            return {"any": [plain_words(part) for part in parts]}


def _need(definition: FactDefinition, leaf: Leaf, *, wanted: bool) -> str:
    show = definition.show
    if definition.kind == "flag":
        return show(leaf.value is wanted)
    if definition.kind == "count" and (leaf.op, leaf.value, wanted) in {("le", 0, True), ("ge", 1, False)}:
        return f"没有{definition.name}"
    match leaf.op:
        case "ge":
            phrase = f"{'不低于' if wanted else '低于'} {show(_number(leaf.value))}"
        case "le":
            phrase = f"{'不超过' if wanted else '超过'} {show(_number(leaf.value))}"
        case "between":
            low, high = _several(leaf.value)
            phrase = f"{'在' if wanted else '不在'} {show(low)} 至 {show(high)} 之间"
        case "in":
            named = "、".join(show(option) for option in _several(leaf.value))
            phrase = f"为 {named} 之一" if wanted else f"不为 {named}"
        case "within_days":
            phrase = f"{'在' if wanted else '不在'}近 {leaf.value} 天内"
        case "eq":
            phrase = f"{'为' if wanted else '不为'} {show(_single(leaf.value))}"
    return f"{definition.name}{phrase}"


def _single(value: FactValue | tuple[int, int] | tuple[str, ...]) -> FactValue:
    assert not isinstance(value, tuple), value  # noqa: S101 - only `between` and `in` hold several
    return value


def _shortfall(leaf: Leaf, have: FactValue | None) -> int | None:
    if isinstance(have, bool) or not isinstance(have, int):
        return None
    match leaf.op:
        case "ge":
            return _number(leaf.value) - have
        case "le":
            return have - _number(leaf.value)
        case "between":
            low, high = _several(leaf.value)
            return max(_number(low) - have, have - _number(high))
        case _:
            return None
