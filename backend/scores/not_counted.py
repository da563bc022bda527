"""Which of a citizen's records bring nothing to the score, and why: the other half of an explanation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from backend.choices.service import declined_by
from backend.records.models import CreditRecord
from backend.records.service import records_of
from backend.scores.explanation import ScoreExplanation

_WHY_BY_STATE = {
    "disputed": "异议核查期间，不降低信用分",
    "revoked": "已撤销，不再使用",
    "repaired": "已修复，不再使用",
    "expired": "已过保留期限，不再使用",
}


@dataclass(frozen=True)
class NotCounted:
    record_id: int
    why: str


def records_not_counted(session: Session, explanation: ScoreExplanation) -> Sequence[NotCounted]:
    """Newest record first. While a recomputation is pending, only what is certain from the record's own state."""
    counted = {share.id for part in explanation.contributions for share in part.records}
    read_by_policy = set(explanation.policy.category_codes)
    listed = {
        record.id
        for record in records_of(session, explanation.score.subject_id, listed_on=explanation.score.as_of)
    }
    declined = declined_by(session, explanation.score.subject_id)
    return [
        NotCounted(record.id, why)
        for record in records_of(session, explanation.score.subject_id)
        if record.id not in counted
        and (why := _why(record, explanation, read_by_policy, declined, record.id in listed)) is not None
    ]


def _why(
    record: CreditRecord,
    explanation: ScoreExplanation,
    read_by_policy: set[str],
    declined: frozenset[str],
    listed: bool,
) -> str | None:
    if record.category in declined:
        return "您选择不记录这类信息，可在“数据选择”中恢复"
    if record.state in _WHY_BY_STATE:
        return _WHY_BY_STATE[record.state]
    if not listed:
        return "现行公共信用信息目录已不含这类信息，不再使用"
    if record.category not in read_by_policy:
        return "现行评分方案不使用这类信息"
    if explanation.pending:
        return None
    if record.event_on > explanation.score.as_of:
        return "发生日期晚于计分日，下次计算时计入"
    return "不在计分期限内，或同类、同一事项已按其他记录计分"
