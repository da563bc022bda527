"""Why a consent ended that its giver did not end themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.authorizations.models import Consent, ConsentEvent

EndReason = Literal[
    "renewed",
    "activation_withdrawn",
    "departed",
    "no_longer_representative",
    "approval_ended",
    "used_once",
    "supplement_refused",
]

# Receipts that were signed carry these words: another text is another reason.
_IN_WORDS: Mapping[str, str] = {
    "renewed": "同一项授权已重新作出，以新的为准",
    "activation_withdrawn": "信用分已停用，以它为基础的授权随之终止",
    "departed": "登记状态已变更（如去世、注销），授权随之终止",
    "no_longer_representative": "作出授权的人不再是法定代表人，授权随之终止",
    "approval_ended": "对方不再获准取得这类信息，授权随之终止",
    "used_once": "约定只用一次，已经用过",
    "supplement_refused": "自主申报未通过核验，收集这些信息的目的不能再实现，同意随之终止",
}


def end_reason_in_words(event: ConsentEvent) -> str | None:
    """None for what the giver did, and for a term that ran out."""
    return _IN_WORDS.get(event.detail.get("because", ""))


def end_reasons_of(session: Session, subject_id: int) -> Mapping[UUID, str]:
    """Why consents of this subject ended, in words, for those whose giver did not end them."""
    events = session.scalars(
        select(ConsentEvent)
        .join(Consent, Consent.id == ConsentEvent.consent_id)
        .where(Consent.subject_id == subject_id, ConsentEvent.event.in_(("withdraw", "expire")))
    )
    reasons = ((event.consent_id, end_reason_in_words(event)) for event in events)
    return {consent_id: reason for consent_id, reason in reasons if reason is not None}
