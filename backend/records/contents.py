"""How the contents of records are laid out: cells in a list, the headings once for all records of a form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import JSON, ColumnElement, case, cast, select, type_coerce
from sqlalchemy.orm import Session

from backend.records.models import ContentForm, CreditRecord


def form_of(session: Session, headings: Sequence[str]) -> ContentForm:
    """The form with just these headings, made when it is new. Only one collection writes at a time."""
    digest = sha256(json.dumps(list(headings), ensure_ascii=False).encode()).digest()
    form = session.scalar(select(ContentForm).where(ContentForm.digest == digest))
    if form is None:
        form = ContentForm(headings=list(headings), digest=digest)
        session.add(form)
        session.flush()
    return form


def content_cell(session: Session, heading: str) -> ColumnElement[str]:
    """SQL for what a record's content has under the heading; NULL where it has nothing there."""
    places = {
        form.id: form.headings.index(heading)
        for form in session.scalars(select(ContentForm))
        if heading in form.headings
    }
    # Plain text in either database, which PostgreSQL only takes for JSON when told so.
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    cells = cast(CreditRecord.cells, JSON) if on_postgresql else type_coerce(CreditRecord.cells, JSON)
    listed = [(CreditRecord.form_id == form, cells[place].as_string()) for form, place in places.items()]
    return case((CreditRecord.form_id.is_(None), cells[heading].as_string()), *listed)
