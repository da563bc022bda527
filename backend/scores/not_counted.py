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
    if (least := _too_small_for(record, explanation)) is not None:
        return f"没有达到计分的起点（{least}）"
    return "不在计分期限内，或同类、同一事项已按其他记录计分"


def _too_small_for(record: CreditRecord, explanation: ScoreExplanation) -> str | None:
    """The name of the lowest step that the record does not reach; None where some indicator reads it that has no
    such step, or one that it reaches."""
    least: list[tuple[int, str]] = []
    for indicator in explanation.policy.indicators:
        if not any(use.code == record.category for use in indicator.categories):
            continue
        points = indicator.points_on(explanation.score.as_of)
        if points.kind not in ("by_quantity", "by_amount"):
            return None
        size = record.quantity if points.kind == "by_quantity" else record.amount
        lowest = min(points.rows, key=lambda row: row.key)
        if size >= lowest.key:
            return None
        least.append((lowest.key, lowest.name))
    return min(least)[1] if least else None
