"""A scheme's document: the JSON that officers write and exchange, checked and read into rules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Literal

from jsonschema import Draft202012Validator, FormatChecker

from backend.benefits.conditions import (
    All,
    Condition,
    ConditionInvalid,
    Leaf,
    Not,
    facts_in,
    parse_condition,
)
from backend.benefits.conditions import Any as AnyOf
from backend.benefits.errors import SchemeInvalid
from backend.benefits.fact_catalogue import FACTS, RECORD_FACTS
from backend.benefits.quota import Ceiling, Quota
from scoring.forbidden import ONLY_UPWARD

Audience = Literal["person", "enterprise"]
Settlement = Literal["none", "per_use", "discount", "amount"]

REGISTERED = Leaf(fact="enterprise.active", op="eq", value=True, reason="企业登记状态正常。")
ACTIVATED = Leaf(
    fact="consent.activated", op="eq", value=True, reason="信用分由本人自愿开通，开通后才能用于享受权益。"
)


@dataclass(frozen=True)
class Tier:
    """Terms for those who meet `condition` on top of the scheme's own; None asks for nothing more.

    terms   what the merchant is told: `summary`, `details`, and by settlement `amount_cents` or `percent_off`
            with `maximum_cents`
    quota   instead of the scheme's own
    """

    code: str
    name: str
    condition: Condition | None
    terms: Mapping[str, Any]
    quota: Quota | None


@dataclass(frozen=True)
class Scheme:
    """The rules of one version. Tiers stand best first; the last is the easiest to reach."""

    code: str
    version: int
    scene: str
    scene_name: str
    name: str
    summary: str
    audience: Audience
    basis: str
    condition: Condition
    tiers: tuple[Tier, ...]
    quota: Quota | None
    budget_cents: int | None
    total_uses: int | None
    settlement: Settlement
    documents: tuple[str, ...]
    effective_from: date
    effective_to: date | None

    @property
    def facts(self) -> frozenset[str]:
        """Every fact that a decision on this scheme needs."""
        tiers = (facts_in(tier.condition) for tier in self.tiers if tier.condition)
        return facts_in(self.condition).union(*tiers)

    @property
    def ceiling(self) -> Ceiling:
        return Ceiling(budget_cents=self.budget_cents, total_uses=self.total_uses)

    @property
    def needs_bill(self) -> bool:
        """Whether a redemption must say what the customer's bill was."""
        return self.settlement in ("discount", "amount")

    def terms_of(self, tier_code: str | None) -> dict[str, Any] | None:
        """What the merchant is told on yes; None on no."""
        return next((dict(tier.terms) for tier in self.tiers if tier.code == tier_code), None)

    def quota_of(self, tier: Tier) -> Quota | None:
        return tier.quota or self.quota


def check_document(document: object) -> Scheme:
    """Read a document from outside. Raises SchemeInvalid with every problem found."""
    problems = [
        f"{error.json_path}：{error.message}"
        for error in sorted(_validator().iter_errors(document), key=lambda error: error.json_path)
    ]
    if problems:
        raise SchemeInvalid(problems)
    assert isinstance(document, dict)  # noqa: S101 - the schema has just said so
    try:
        scheme = read_document(document)
    except ConditionInvalid as invalid:
        raise SchemeInvalid([f"$.{invalid.path}：{invalid.problem}"]) from None
    if problems := _contradictions(scheme):
        raise SchemeInvalid(problems)
    return scheme


def read_document(document: Mapping[str, Any]) -> Scheme:
    """Read a document that has been checked before. Raises ConditionInvalid on a broken condition."""
    condition = parse_condition(document["conditions"])
    tiers = tuple(
        Tier(
            code=tier["code"],
            name=tier["name"],
            condition=(
                parse_condition(tier["conditions"], path=f"tiers[{number}].conditions")
                if tier.get("conditions")
                else None
            ),
            terms=tier["terms"],
            quota=_quota(tier.get("quota")),
        )
        for number, tier in enumerate(document["tiers"])
    )
    if _uses_a_score([condition, *(tier.condition for tier in tiers if tier.condition)]) or (
        document["audience"] == "person"
    ):
        # No document can leave this out: nothing is told about a citizen who has not opted in (PIPL art. 23).
        condition = All((ACTIVATED, condition))
    if document["audience"] == "enterprise":
        # Nor this: without an enterprise there is nobody to have the benefit.
        condition = All((REGISTERED, condition))
    return Scheme(
        code=document["code"],
        version=document["version"],
        scene=document["scene"]["code"],
        scene_name=document["scene"]["name"],
        name=document["name"],
        summary=document["summary"],
        audience=document["audience"],
        basis=document["basis"],
        condition=condition,
        tiers=tiers,
        quota=_quota(document.get("quota")),
        budget_cents=document.get("budget_cents"),
        total_uses=document.get("total_uses"),
        settlement=document["settlement"],
        documents=tuple(document.get("documents", ())),
        effective_from=date.fromisoformat(document["effective_from"]),
        effective_to=date.fromisoformat(document["effective_to"]) if document.get("effective_to") else None,
    )


def digest_of(document: Mapping[str, Any]) -> bytes:
    """SHA-256 of the document, independent of the order and spacing of its JSON."""
    return sha256(json.dumps(document, ensure_ascii=False, sort_keys=True).encode()).digest()


def shipped_documents(folder_name: str = "shipped") -> list[dict[str, Any]]:
    """The schemes that come with the product, by file name: the made-up city's own, or those of real cities in
    `shipped/cities`, on their own scales, to import and change.
    """
    folder = files("backend.benefits").joinpath(folder_name)
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".json"))
    return [json.loads(folder.joinpath(name).read_text("utf-8")) for name in names]


def _contradictions(scheme: Scheme) -> list[str]:
    problems = []
    if scheme.effective_to and scheme.effective_to < scheme.effective_from:
        problems.append("$.effective_to：早于 effective_from")
    for number, tier in enumerate(scheme.tiers):
        if scheme.settlement in ("per_use", "amount") and "amount_cents" not in tier.terms:
            problems.append(f"$.tiers[{number}].terms：按次或按金额结算的方案须写明 amount_cents")
        if scheme.settlement == "discount" and "percent_off" not in tier.terms:
            problems.append(f"$.tiers[{number}].terms：按折扣结算的方案须写明 percent_off")
    codes = [tier.code for tier in scheme.tiers]
    if len(set(codes)) < len(codes):
        problems.append("$.tiers：档位代码重复")
    if scheme.audience == "person" and any(FACTS[fact].about == "enterprise" for fact in scheme.facts):
        problems.append("$.conditions：面向个人的方案不能使用企业的事实")
    conditions = [scheme.condition, *(tier.condition for tier in scheme.tiers if tier.condition)]
    problems += [
        f"$.conditions：{FACTS[fact].name}只能用于放宽，即“达到多少”或“多少天以内”，不能要求没有、更少或取反"
        for fact in dict.fromkeys(fact for condition in conditions for fact in _used_downward(condition))
    ]
    if scheme.budget_cents is not None and scheme.settlement == "none":
        problems.append("$.budget_cents：不结算的方案没有预算")
    return problems


def _used_downward(condition: Condition) -> Iterator[str]:
    """Facts on donating blood and volunteering that a condition would hold against someone: they count only upward
    (《深圳经济特区社会信用条例》), so having more of them never loses a benefit."""
    match condition:
        case Leaf(fact=fact, op=op):
            if _counts_only_upward(fact) and op not in ("ge", "within_days"):
                yield fact
        case Not(part=part):
            yield from filter(_counts_only_upward, sorted(facts_in(part)))
        case All(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from _used_downward(part)


def _counts_only_upward(fact: str) -> bool:
    return fact in RECORD_FACTS and RECORD_FACTS[fact].category in ONLY_UPWARD


def _uses_a_score(conditions: Sequence[Condition]) -> bool:
    return any(fact.startswith("score.") for condition in conditions for fact in facts_in(condition))


def _quota(document: Mapping[str, Any] | None) -> Quota | None:
    return Quota(limit=document["limit"], period=document["period"]) if document else None


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(files("backend.benefits").joinpath("scheme.schema.json").read_text("utf-8"))
    return Draft202012Validator(schema, format_checker=FormatChecker())
