"""The published terms that an applicant accepts and a contract rests on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from scoring.reading_yaml import read_yaml


@dataclass(frozen=True)
class Terms:
    """One dated version (合作条款). `digest` is the SHA-256 of its canonical text, as the contract keeps it."""

    effective_from: date
    title: str
    clauses: tuple[dict[str, str], ...]
    digest: str


def terms_on(day: date) -> Terms:
    """Those in force on a day. Raises ValueError before the first."""
    in_force = [since for since in _versions() if since <= day]
    if not in_force:
        raise ValueError(f"no partner terms are in force on {day}")
    return _versions()[max(in_force)]


@cache
def _versions() -> dict[date, Terms]:
    text = files("backend.onboarding").joinpath("shipped/terms.yaml").read_text("utf-8")
    return {since: _read(since, values) for since, values in read_yaml(text).items()}


def _read(since: date, values: dict[str, Any]) -> Terms:
    canonical = json.dumps({"since": since.isoformat(), **values}, ensure_ascii=False, sort_keys=True)
    return Terms(
        effective_from=since,
        title=values["title"],
        clauses=tuple(values["clauses"]),
        digest=sha256(canonical.encode()).hexdigest(),
    )
