"""Deliveries, the records they brought, every version of each record, and the rows that wait for correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, cast, get_args
from uuid import UUID, uuid4

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.append_only import keep_append_only
from backend.database import Base, BigId, Digest16, Json, JsonText, UtcDateTime

DELIVERY_STATES = ("receiving", "done", "failed")
RecordState = Literal["active", "disputed", "repaired", "revoked", "expired"]
RECORD_STATES: tuple[RecordState, ...] = get_args(RecordState)
QUARANTINE_STATES = ("open", "resubmitted", "dropped")
WARNING_KINDS = ("silent", "refused_share", "category_mix", "empty_cells")
WARNING_STATES = ("open", "acknowledged")

_STILL_OPEN = text("state = 'open'")
_NOT_DONE = text("done_at IS NULL")
_STILL_LASTS = text("ended_at IS NULL")


class Delivery(Base):
    """One file, or one batch, from a source department (批次).

    Its identity is the department and the content: the same content from the same department is the same
    delivery whatever the file is called, and is taken in once. The counts grow chunk by chunk in the
    transaction that stores the chunk, so `delivered` is also where an interrupted import goes on.

    problem  why the rest could not be taken in, when the state is `failed` and the file itself is to blame
    shape    what the rows look like in numbers, counted while they were taken in (see `measures.Shape`)
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("delivered = accepted + duplicate + corrected + quarantined", name="counts_add_up"),
        Index("ix_deliveries_received_at", "received_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    source_department: Mapped[str]
    template: Mapped[str]
    filename: Mapped[str]
    identity: Mapped[str] = mapped_column(unique=True)
    content_sha256: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[str]  # one of DELIVERY_STATES
    delivered: Mapped[int] = mapped_column(default=0)
    accepted: Mapped[int] = mapped_column(default=0)
    duplicate: Mapped[int] = mapped_column(default=0)
    corrected: Mapped[int] = mapped_column(default=0)
    quarantined: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str | None]
    shape: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, server_default=text("'{}'"))


class DeliveryPart(Base):
    """One part of a batch that a department's system delivers piece by piece: the same part again is known by its
    content, and answered without being taken in twice."""

    __tablename__ = "delivery_parts"

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("deliveries.id"), primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    content_sha256: Mapped[str]
    taken_in_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DeliveredFile(Base):
    """A file that a department's system sent, sealed, until a worker has taken it in; then the row goes."""

    __tablename__ = "delivered_files"

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("deliveries.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class ContentForm(Base):
    """What the contents of many records share. Never changed.

    headings  of their cells, in order
    fixed     by heading, the cells that all of them have in common; null is an empty one
    digest    of both
    """

    __tablename__ = "content_forms"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    headings: Mapped[list[str]] = mapped_column(JSON)
    fixed: Mapped[dict[str, str | None]] = mapped_column(JSON, server_default="{}")
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)

    @property
    def listed_headings(self) -> list[str]:
        """Of the cells that each record has of its own, in the order of its list."""
        return [heading for heading in self.headings if heading not in self.fixed]

    def content(self, cells: Sequence[str | None]) -> dict[str, str]:
        """Filled cells by heading, of a record with this form."""
        said = self.fixed | dict(zip(self.listed_headings, cells, strict=True))
        return {heading: cell for heading in self.headings if (cell := said[heading]) is not None}


class CreditRecord(Base):
    """What the city knows about one subject in one matter (信用记录), as it stands now.

    quantity     hundredths of the category's unit (hours, times, months)
    amount       cents
    level        place of the level in the category's list, from 1; 0 when the category has none
    event_key    equal for records of one and the same act, which counts once; 0 when the act stands alone
    withdrawn    the source department itself took the decision back (撤销)
    natural_key  keyed digest of category, subject and what tells one matter from another
    facts_digest fingerprint of everything delivered about the matter: an equal one is a duplicate
    content      what was delivered, by column label; identity numbers and persons' names are never in it
    cells        how the content is stored: with a form, a list of those that the form has not fixed, in the order
                 of its headings; without, by heading

    Subject, delivery and form are no foreign keys: none is ever deleted, and letting the database look them up
    again for each of a delivery's million rows took a fifth of the collection. The one index by subject and key
    finds a subject's records, recognises what comes again, and is filled in order where a chunk is sorted by it.
    """

    __tablename__ = "credit_records"
    __table_args__ = (UniqueConstraint("subject_id", "natural_key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject_id: Mapped[int] = mapped_column(BigId)
    category: Mapped[str]
    natural_key: Mapped[bytes] = mapped_column(Digest16)
    facts_digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    title: Mapped[str]
    event_on: Mapped[date]
    ended_on: Mapped[date | None]
    performed_on: Mapped[date | None]
    # What almost every record says is left to the database when a million are written.
    quantity: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    amount: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    level: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    event_key: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    state: Mapped[str] = mapped_column(server_default="active")  # one of RECORD_STATES
    withdrawn: Mapped[bool] = mapped_column(default=False, server_default=false())
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    source_department: Mapped[str]
    delivery_id: Mapped[UUID]
    form_id: Mapped[int | None] = mapped_column(BigId)
    cells: Mapped[list[str | None] | dict[str, Any]] = mapped_column("content", JsonText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    form: Mapped[ContentForm | None] = relationship(
        primaryjoin="foreign(CreditRecord.form_id) == ContentForm.id", lazy="immediate"
    )

    @property
    def content(self) -> dict[str, Any]:
        """Filled cells by heading. A copy: what is to change it is set as a whole."""
        if self.form is None:
            return dict(cast(dict[str, Any], self.cells))
        return self.form.content(cast(list[str | None], self.cells))

    @content.setter
    def content(self, content: Mapping[str, Any]) -> None:
        self.form, self.cells = None, dict(content)


class RecordVersion(Base):
    """A record as it stood from `changed_at` until the next version: who changed it, and why.

    `facts` is the whole of it: the columns of CreditRecord that a delivery or a correction can change. The latest
    version's are empty, because the record itself has them; they are written here before it changes. A record
    that never changed has no row here at all: `storing.first_version` reads its one version off the record.
    """

    __tablename__ = "record_versions"
    __table_args__ = (UniqueConstraint("record_id", "version"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    record_id: Mapped[int] = mapped_column(BigId, ForeignKey("credit_records.id"))
    version: Mapped[int]
    state: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(Json)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str]
    reason: Mapped[str]


class CorrectionMark(Base):
    """A source department has put right what a record had said wrongly; whoever was told it is to be told so.

    Written in the transaction of the correction, taken up by a worker.
    """

    __tablename__ = "correction_marks"
    __table_args__ = (Index("ix_correction_marks_open", "id", postgresql_where=_NOT_DONE, sqlite_where=_NOT_DONE),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # No reference: a record's deletion does not wait for this.
    record_id: Mapped[int] = mapped_column(BigId)
    version: Mapped[int]  # of the record, the one that is right
    marked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class QuarantinedRow(Base):
    """A delivered row that could not be taken in (待处理区), with what is wrong in each cell.

    Its deliveries are no foreign keys, as a record's is not.

    sealed_row  the row as delivered, sealed JSON `{column: text}`
    masked_row  the same for the eye: identity numbers and persons' names masked
    reasons     `[{column, code, message}]`; `column` is empty when the row as a whole is meant
    resolution  why an officer dropped it; null when it was corrected and delivered again
    """

    __tablename__ = "quarantined_rows"
    __table_args__ = (
        UniqueConstraint("delivery_id", "row_number"),
        Index("ix_quarantined_rows_open", "id", postgresql_where=_STILL_OPEN, sqlite_where=_STILL_OPEN),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    delivery_id: Mapped[UUID]
    row_number: Mapped[int]
    sealed_row: Mapped[bytes]
    masked_row: Mapped[dict[str, str]] = mapped_column(Json)
    reasons: Mapped[list[dict[str, str]]] = mapped_column(Json)
    state: Mapped[str]  # one of QUARANTINE_STATES
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_by: Mapped[str | None]
    resolution: Mapped[str | None]
    resolved_delivery_id: Mapped[UUID | None]


class RecordDeletion(Base):
    """What remains of a record whose content was deleted after its retention (删除凭证).

    It proves that something was deleted, when and under which rule, and lets whoever holds the content show that
    it was this; it tells nothing of what the content was or whom it was about. Each carries the digest of the one
    before, so that a change, a removal or an insertion is found.

    number              1, 2, 3, … without gaps
    natural_key_digest  SHA-256 of the record's natural key as stored: of 32 bytes before migration 0027, now of 16
    delivered_at        when the record first came in
    state               at the time of deletion
    versions            how many versions were deleted with it
    content_digest      SHA-256 of record and versions; see `backend.records.deletions.content_digest`
    basis               the rule that asked for the deletion
    previous            digest of the deletion before
    """

    __tablename__ = "record_deletions"

    number: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    record_id: Mapped[int] = mapped_column(BigId, index=True)
    natural_key_digest: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    category: Mapped[str]
    delivered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    kept_until: Mapped[date]
    deleted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str]
    versions: Mapped[int]
    content_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    basis: Mapped[str]
    previous: Mapped[bytes] = mapped_column(LargeBinary(32))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))


class SourceWarning(Base):
    """A source that fell silent or changed its shape (数据预警), as the background worker found it.

    detail     the figures that the message speaks of
    ended_at   when the matter was over; until then it is not raised again, acknowledged or not
    note       how the officer who acknowledged it dealt with it
    """

    __tablename__ = "source_warnings"
    __table_args__ = (
        Index(
            "one_lasting_warning_per_matter",
            "source_department",
            "template",
            "kind",
            unique=True,
            postgresql_where=_STILL_LASTS,
            sqlite_where=_STILL_LASTS,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_department: Mapped[str]
    template: Mapped[str]
    kind: Mapped[str]  # one of WARNING_KINDS
    state: Mapped[str]  # one of WARNING_STATES
    message: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_by: Mapped[str | None]
    note: Mapped[str | None]


class WarningExplanation(Base):
    """What a department says itself about a warning (说明原因). Each statement stays; the latest one holds.

    expected_on  the day on which it expects to deliver as usual again; None where it cannot tell
    said_by      the department by name, and which of its officers where one wrote it
    """

    __tablename__ = "warning_explanations"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    warning_id: Mapped[int] = mapped_column(ForeignKey("source_warnings.id"), index=True)
    text: Mapped[str]
    expected_on: Mapped[date | None]
    said_by: Mapped[str]
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)


keep_append_only(cast(Table, WarningExplanation.__table__))
