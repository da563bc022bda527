"""The types of commitment and their texts by date: see `shipped/types.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path

from backend.commitments.errors import CommitmentTypeUnknown
from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "types.yaml"


@dataclass(frozen=True)
class Wording:
    """One version of a text, in force from its date."""

    effective_from: date
    basis: str
    text: str
    liability: str


@dataclass(frozen=True)
class CommitmentType:
    code: str
    name: str
    collected_as: str
    offered: bool
    subject_kinds: tuple[str, ...]
    published: bool
    due_months: int
    needs_due_on: bool
    wordings: Sequence[Wording]
    public_matter: str | None = None

    def wording_on(self, day: date) -> Wording:
        """The latest in force; before the first took effect, the first."""
        return max(
            (wording for wording in self.wordings if wording.effective_from <= day),
            default=self.wordings[0],
            key=_effect,
        )


@dataclass(frozen=True)
class Letter:
    """What is put before the signer. `sha256` stands for the whole of it: signing names it, so that nobody signs
    other words than they read."""

    type: CommitmentType
    matter: str
    text: str
    liability: str
    basis: str

    @property
    def sha256(self) -> str:
        return sha256("\n".join((self.type.code, self.text, self.liability, self.basis)).encode()).hexdigest()


def commitment_types() -> Mapping[str, CommitmentType]:
    return _shipped()


def commitment_type(code: str) -> CommitmentType:
    """Raises CommitmentTypeUnknown."""
    try:
        return _shipped()[code]
    except KeyError:
        raise CommitmentTypeUnknown from None


def public_matters() -> Mapping[str, str]:
    """By the type's name: what the public reads in place of the matter, where that would tell too much."""
    return {kind.name: kind.public_matter for kind in _shipped().values() if kind.public_matter is not None}


def letter_for(code: str, *, matter: str, on: date) -> Letter:
    """The text as it is signed on that day. Raises CommitmentTypeUnknown."""
    kind = commitment_type(code)
    wording = kind.wording_on(on)
    return Letter(kind, matter, wording.text.replace("{matter}", matter), wording.liability, wording.basis)


def _effect(wording: Wording) -> date:
    return wording.effective_from


@cache
def _shipped() -> Mapping[str, CommitmentType]:
    document = read_yaml(_SHIPPED.read_text(encoding="utf-8"))
    return {
        stated["code"]: CommitmentType(
            **{name: value for name, value in stated.items() if name not in ("versions", "subject_kinds")},
            subject_kinds=tuple(stated["subject_kinds"]),
            wordings=tuple(sorted((Wording(**wording) for wording in stated["versions"]), key=_effect)),
        )
        for stated in document
    }
