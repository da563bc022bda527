"""Corrections that officers and departments write by hand, checked before they reach a record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from backend.catalogue.service import category_in_force
from backend.city_calendar import city_date
from backend.objections.errors import CorrectionContradicts
from backend.records.masking import mask_identity_numbers, mask_values
from backend.records.models import CreditRecord


def checked_corrections(
    session: Session, record: CreditRecord, corrections: Mapping[str, Any], *, today: date
) -> dict[str, Any]:
    """The corrections as they may be stored: no identity number in them, a level that exists, dates in order, and
    nothing dated ahead that has happened, as little as in a delivery. `today` is the city's date.

    Raises CorrectionContradicts.
    """
    checked = dict(corrections)
    if "title" in checked:
        checked["title"] = mask_identity_numbers(checked["title"])
    if "content" in checked:
        checked["content"] = mask_values(checked["content"])
    if checked.get("level"):
        category = category_in_force(session, record.category, city_date(record.created_at))
        if category.level_name(checked["level"]) is None:
            raise CorrectionContradicts("目录中没有这个级别，请从列表中选择。")
    for name, says in (("event_on", "发生日期"), ("performed_on", "履行日期")):
        if (happened := checked.get(name)) is not None and happened > today:
            raise CorrectionContradicts(f"{says}晚于今天，请核对后重新填写。")
    event_on = checked.get("event_on", record.event_on)
    for name, says in (("ended_on", "终止日期"), ("performed_on", "履行日期")):
        day = checked.get(name, getattr(record, name))
        if checked.keys() & {name, "event_on"} and day is not None and day < event_on:
            raise CorrectionContradicts(f"{says}早于发生日期，请核对后重新填写。")
    return checked
