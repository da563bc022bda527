"""Declining a category and taking that back; asking what is declined, for one person and for many rows at once.

A declined category stops at once (深圳经济特区社会信用条例第二十九条起): its records neither count in the score
nor for a benefit nor show to others, and new deliveries of it are not taken in. What was taken in before is kept,
so that taking the choice back brings it back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from backend.catalogue.document import Category
from backend.catalogue.service import catalogue_in_force
from backend.choices.errors import NotDeclinable
from backend.choices.models import DeclinedCategory
from backend.city_calendar import city_date
from backend.database import insert_into, is_one_of, note_change
from backend.subjects.rescoring import mark_for_rescoring

_Value = TypeVar("_Value")
_Column = ColumnElement[_Value] | InstrumentedAttribute[_Value]


def declinable(session: Session, *, now: datetime) -> Sequence[Category]:
    """What a person may decline by the catalogue in force, in its order."""
    catalogue = catalogue_in_force(session, city_date(now))
    return [
        category
        for category in catalogue.categories.values()
        if category.may_decline and "person" in category.subject_kinds
    ]


def decline(session: Session, *, subject_id: int, category: str, now: datetime) -> None:
    """From now on it is as if the person had no such records. Declining twice changes nothing.

    Raises NotDeclinable.
    """
    if category not in {one.code for one in declinable(session, now=now)}:
        raise NotDeclinable
    made = session.execute(
        insert_into(session, DeclinedCategory)
        .values(subject_id=subject_id, category=category, declined_at=now)
        .on_conflict_do_nothing()
        .returning(DeclinedCategory.id)
    ).first()
    if made is not None:
        _changed(session, subject_id, "category_declined", now)


def take_back(session: Session, *, subject_id: int, category: str, now: datetime) -> None:
    """The records that are there count again; without a choice in force nothing changes."""
    ended = session.execute(
        update(DeclinedCategory)
        .where(
            DeclinedCategory.subject_id == subject_id,
            DeclinedCategory.category == category,
            DeclinedCategory.ended_at.is_(None),
        )
        .values(ended_at=now)
        .returning(DeclinedCategory.id)
        .execution_options(synchronize_session=False)
    ).first()
    if ended is not None:
        _changed(session, subject_id, "category_accepted", now)


def ended_choices(session: Session, subject_id: int) -> Sequence[DeclinedCategory]:
    """Choices that were taken back, oldest first: what is left of them is history."""
    return session.scalars(
        select(DeclinedCategory)
        .where(DeclinedCategory.subject_id == subject_id, DeclinedCategory.ended_at.is_not(None))
        .order_by(DeclinedCategory.id)
    ).all()


def declined_by(session: Session, subject_id: int) -> frozenset[str]:
    """The categories that the person declines now."""
    return frozenset(
        session.scalars(
            select(DeclinedCategory.category).where(
                DeclinedCategory.subject_id == subject_id, DeclinedCategory.ended_at.is_(None)
            )
        )
    )


def anyone_declines(session: Session, category: str) -> bool:
    """Whether some person declines it now."""
    declining = exists().where(DeclinedCategory.category == category, DeclinedCategory.ended_at.is_(None))
    return bool(session.scalar(select(declining)))


def declined_pairs(session: Session, subject_ids: Collection[int]) -> frozenset[tuple[int, str]]:
    """(subject, category) of all choices in force among these subjects."""
    found = session.execute(
        select(DeclinedCategory.subject_id, DeclinedCategory.category).where(
            is_one_of(session, DeclinedCategory.subject_id, set(subject_ids)), DeclinedCategory.ended_at.is_(None)
        )
    )
    return frozenset((subject_id, category) for subject_id, category in found)


def not_declined(subject_id: _Column[int], category: _Column[str]) -> ColumnElement[bool]:
    """For queries over many records: those whose owner does not decline them."""
    return ~exists(
        select(DeclinedCategory.id)
        .where(
            DeclinedCategory.subject_id == subject_id,
            DeclinedCategory.category == category,
            DeclinedCategory.ended_at.is_(None),
        )
        .correlate_except(DeclinedCategory)
    )


def _changed(session: Session, subject_id: int, cause: str, now: datetime) -> None:
    note_change(session, f"subject:{subject_id}")
    mark_for_rescoring(session, [subject_id], cause, now)
