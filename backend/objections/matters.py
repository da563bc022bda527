"""What an objection is about, in words: the record, the list, the score or the benefit."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.benefits.models import BenefitScheme
from backend.catalogue.document import Category
from backend.catalogue.service import category_in_force
from backend.city_calendar import city_date
from backend.lists.statutory import statutory_lists
from backend.objections.models import Objection
from backend.records.models import CreditRecord
from backend.subjects.service import get_subject


@dataclass(frozen=True)
class Matter:
    """`record` and its `category` for objections to a record or list entry."""

    title: str
    category_name: str
    record: CreditRecord | None = None
    category: Category | None = None


def matter_of(session: Session, objection: Objection) -> Matter:
    if objection.record_id is not None:
        record = session.get_one(CreditRecord, objection.record_id)
        # As the catalogue said when the record was collected, which is what it rests on.
        category = category_in_force(session, record.category, city_date(record.created_at))
        listed = statutory_lists().get(record.category) if objection.kind == "list_entry" else None
        return Matter(record.title, listed.name if listed else category.name, record, category)
    if objection.scheme_code is not None:
        name = session.scalar(
            select(BenefitScheme.name)
            .where(BenefitScheme.code == objection.scheme_code)
            .order_by(BenefitScheme.version.desc())
            .limit(1)
        )
        return Matter(name or objection.scheme_code, "信易+ 权益资格")
    kind = get_subject(session, objection.subject_id).kind
    return Matter("信用分" if kind == "person" else "公共信用综合评价", "自动计算的结果")
