"""When a register reports a death: nothing that concerns the person is used any more.

What a service may do is refused from the moment the register says so, because every use looks at the status
(signing in, tokens, codes, scores). What is left over is cleared away here, when the worker takes up the mark that
the report left, that is within seconds.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from backend.accounts.service import end_citizen_sign_ins
from backend.authorizations.service import end_consents
from backend.scores.models import Score


def end_use_of(session: Session, subject_id: int, *, now: datetime) -> None:
    """Sign-ins, consents with their tokens, and every score; records stay under their own retention."""
    end_citizen_sign_ins(session, subject_id, now=now)
    end_consents(session, subject_id, because="departed", now=now)
    session.execute(delete(Score).where(Score.subject_id == subject_id))
