"""How the contents of records are laid out: what many records share once, in a form, and each one's own cells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import JSON, ColumnElement, case, cast, select, type_coerce
from sqlalchemy.orm import Session

from backend.database import insert_into, is_one_of
from backend.records.models import ContentForm, CreditRecord


@dataclass(frozen=True)
class Layout:
    """What a form says of contents.

    headings  of all their cells, in order
    fixed     by heading, the cells that are the same in all of them; None is an empty one
    """

    headings: tuple[str, ...]
    fixed: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def digest(self) -> bytes:
        # Forms without fixed cells were there first, and keep the digest they have.
        said = [self.headings, self.fixed] if self.fixed else self.headings
        return sha256(json.dumps(said, ensure_ascii=False).encode()).digest()


def form_of(session: Session, layout: Layout) -> ContentForm:
    """The form with just this layout, made when it is new."""
    found = select(ContentForm).where(ContentForm.digest == layout.digest)
    form = session.scalar(found)
    if form is None:
        # Another collection may be making the same one at this moment.
        made = insert_into(session, ContentForm).values(
            headings=list(layout.headings), fixed=dict(layout.fixed), digest=layout.digest
        )
        session.execute(made.on_conflict_do_nothing())
        form = session.scalars(found).one()
    return form


def content_cell(session: Session, heading: str) -> ColumnElement[str]:
    """SQL for what a record's content has under the heading; NULL where it has nothing there."""
    forms = [form for form in session.scalars(select(ContentForm)) if heading in form.headings]
    # Plain text in either database, which PostgreSQL only takes for JSON when told so.
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    cells = cast(CreditRecord.cells, JSON) if on_postgresql else type_coerce(CreditRecord.cells, JSON)

    def of(forms: Iterable[ContentForm]) -> ColumnElement[bool]:
        return is_one_of(session, CreditRecord.form_id, [form.id for form in forms])

    listed: dict[int, list[ContentForm]] = {}
    for form in forms:
        if heading not in form.fixed:
            listed.setdefault(form.listed_headings.index(heading), []).append(form)
    fixed = select(ContentForm.fixed[heading].as_string()).where(ContentForm.id == CreditRecord.form_id)
    return case(
        (CreditRecord.form_id.is_(None), cells[heading].as_string()),
        *((of(alike), cells[place].as_string()) for place, alike in listed.items()),
        else_=fixed.correlate(CreditRecord).scalar_subquery(),
    )
