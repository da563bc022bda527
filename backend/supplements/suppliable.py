"""What may be supplied, by date: see `shipped/suppliable.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from backend.catalogue.document import Category
from backend.catalogue.forbidden import ONLY_WITH_WRITTEN_CONSENT, find_forbidden
from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "suppliable.yaml"


@dataclass(frozen=True)
class Field:
    """One thing asked; `column` is the template's."""

    column: str
    label: str
    kind: Literal["text", "date", "number", "choice"]
    required: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class SuppliableCategory:
    template: str
    evidence: bool
    hint: str
    fields: Sequence[Field]
    fixed: Mapping[str, str]

    def needs_written_consent(self, category: Category) -> bool:
        """Income, deposits, securities, insurance, property and tax amounts (《征信业管理条例》第十四条)."""
        words = (category.name, *category.contents, *(field.label for field in self.fields))
        return category.written_consent or any(find_forbidden(word, ONLY_WITH_WRITTEN_CONSENT) for word in words)


@dataclass(frozen=True)
class Suppliable:
    """One version of the configuration."""

    effective_from: date
    basis: str
    verification_days: int
    categories: Mapping[str, SuppliableCategory]


def suppliable_on(day: date) -> Suppliable | None:
    """None before the first version took effect: nothing could be supplied then."""
    return max((one for one in _shipped() if one.effective_from <= day), default=None, key=_effect)


def parse_suppliable(text: str) -> Sequence[Suppliable]:
    """Read a configuration of this form."""
    return [
        Suppliable(
            stated["effective_from"],
            stated["basis"],
            stated["verification_days"],
            {
                code: SuppliableCategory(
                    one["template"],
                    one["evidence"],
                    one["hint"],
                    [Field(**{**field, "choices": tuple(field.get("choices", ()))}) for field in one["fields"]],
                    one["fixed"],
                )
                for code, one in stated["categories"].items()
            },
        )
        for stated in read_yaml(text)
    ]


def _effect(one: Suppliable) -> date:
    return one.effective_from


@cache
def _shipped() -> Sequence[Suppliable]:
    return parse_suppliable(_SHIPPED.read_text(encoding="utf-8"))
