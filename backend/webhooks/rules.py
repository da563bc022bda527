"""The dated terms of delivery in `shipped/delivery.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from scoring.reading_yaml import read_yaml


@dataclass(frozen=True)
class DeliveryRules:
    """`waits[n]` follows the failed attempt number n + 1."""

    waits: tuple[timedelta, ...]
    timeout_seconds: int
    old_secret_lasts: timedelta
    most_endpoints: int
    kept_for: timedelta


def delivery_rules(on: date) -> DeliveryRules:
    """Those in force on a day. Raises ValueError before the first."""
    in_force = [day for day in _versions() if day <= on]
    if not in_force:
        raise ValueError(f"no delivery rules are in force on {on}")
    return _versions()[max(in_force)]


@cache
def _versions() -> dict[date, DeliveryRules]:
    text = files("backend.webhooks").joinpath("shipped/delivery.yaml").read_text("utf-8")
    return {day: _read(values) for day, values in read_yaml(text).items()}


def _read(values: dict[str, Any]) -> DeliveryRules:
    return DeliveryRules(
        waits=tuple(timedelta(seconds=seconds) for seconds in values["waits_seconds"]),
        timeout_seconds=values["timeout_seconds"],
        old_secret_lasts=timedelta(hours=values["old_secret_hours"]),
        most_endpoints=values["most_endpoints"],
        kept_for=timedelta(days=values["kept_days"]),
    )
