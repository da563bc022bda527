"""The chain of proofs of what requests deleted: adding to it, and finding any change in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from backend.database import Base
from backend.deletion_requests.models import DeletionProof
from backend.records.deletions import DeletionFault, DeletionVerdict, digest_of_content

GENESIS = sha256(b"osmanthus deletion requests").digest()


def prove(
    session: Session, *, request_id: UUID, part: str, things: int, content: Any, basis: str, now: datetime
) -> DeletionProof:
    """Add the proof that this content was deleted: anything JSON can say, of which only the digest stays."""
    # The last proof is the tip of the chain: locking it makes a second request wait for the first.
    tip = session.scalars(
        select(DeletionProof).order_by(DeletionProof.number.desc()).limit(1).with_for_update()
    ).first()
    proof = DeletionProof(
        number=tip.number + 1 if tip else 1,
        request_id=request_id,
        part=part,
        things=things,
        content_digest=digest_of_content(content),
        deleted_at=now,
        basis=basis,
        previous=tip.digest if tip else GENESIS,
    )
    proof.digest = proof_digest(proof)
    session.add(proof)
    session.flush()
    return proof


def content_of(rows: Sequence[Base]) -> list[dict[str, str]]:
    """Every column of every row as text, so that whoever holds the content can show that it was this."""
    return [
        {
            column.key: value.hex() if isinstance(value, bytes) else str(value)
            for column in inspect(row).mapper.column_attrs
            if (value := getattr(row, column.key)) is not None
        }
        for row in rows
    ]


def proof_digest(proof: DeletionProof) -> bytes:
    """SHA-256 over all that a proof says, the digest of the one before included."""
    return digest_of_content(
        [
            proof.number,
            str(proof.request_id),
            proof.part,
            proof.things,
            proof.content_digest.hex(),
            proof.deleted_at.isoformat(),
            proof.basis,
            proof.previous.hex(),
        ]
    )


def proofs_of(session: Session, request_id: UUID) -> Sequence[DeletionProof]:
    """In the order of the chain."""
    return session.scalars(
        select(DeletionProof).where(DeletionProof.request_id == request_id).order_by(DeletionProof.number)
    ).all()


def verify_proofs(session: Session) -> DeletionVerdict:
    """Recompute the whole chain."""
    faults: list[DeletionFault] = []
    expected, previous = 1, GENESIS
    for proof in session.scalars(
        select(DeletionProof).order_by(DeletionProof.number).execution_options(yield_per=1_000)
    ):
        if proof.number != expected:
            faults.append(DeletionFault(expected, "缺少凭证"))
        if proof.previous != previous:
            faults.append(DeletionFault(proof.number, "与前一份凭证的衔接不符"))
        if proof_digest(proof) != proof.digest:
            faults.append(DeletionFault(proof.number, "凭证内容被改动"))
        expected, previous = proof.number + 1, proof.digest
    return DeletionVerdict(expected - 1, previous, faults)
