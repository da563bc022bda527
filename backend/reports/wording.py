"""A report's facts in the words and figures that are printed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from backend.city_calendar import CITY_ZONE
from backend.identifiers.sealing import KeyRing
from backend.reports.errors import ScoreBeingRecomputed
from backend.reports.facts import ReportFacts, ShownRecord
from backend.scores.explanation import ExplainedContribution, explain_current_score
from backend.subjects.models import Subject, SubjectRelation
from backend.subjects.service import get_subject, masked_identifier, masked_name, name_of

STATUS_NAMES = {"active": "存续", "cancelled": "已注销或吊销", "merged": "已合并", "deceased": "已故"}
POLARITY_NAMES = {"positive": "守信", "negative": "失信", "neutral": "登记"}
_ROLE_NAMES = {
    "legal_representative": "法定代表人",
    "shareholder": "股东",
    "supervisor": "监事",
    "branch": "分支机构",
}
_COUNTED_BY_ONE = {"项", "次", "件", "份", "起", "条", "笔"}


def words_of_subject(keys: KeyRing, subject: Subject, *, masked: bool) -> dict[str, object]:
    identifier = masked_identifier(keys, subject) if masked else keys.open(subject.identifier_sealed)
    return {
        "kind": subject.kind,
        "name": masked_name(keys, subject) if masked else name_of(keys, subject),
        "identifier": identifier,
        "status": STATUS_NAMES[subject.status],
        "deceased": subject.status == "deceased",
        "registered_on": day(subject.registered_on),
    }


def words_of_score(session: Session, facts: ReportFacts) -> dict[str, object] | None:
    """With its parts by dimension, as they were computed. Raises ScoreBeingRecomputed."""
    if facts.score is None:
        return None
    explained = explain_current_score(session, facts.subject.id)
    if explained.pending:
        raise ScoreBeingRecomputed
    policy = explained.policy
    shown = {one.record.id for _, records in facts.sections for one in records}
    dimensions: dict[str, dict[str, object]] = {}
    for part in explained.contributions:
        dimension = dimensions.setdefault(part.dimension, {"name": part.dimension_name, "points": 0, "parts": []})
        dimension["points"] += part.points  # type: ignore[operator]
        dimension["parts"].append(  # type: ignore[attr-defined]
            {"name": part.name, "points": signed(part.points), "reason": part.reason + _left_out(part, shown)}
        )
    return {
        "total": points(explained.score.total),
        "base": points(policy.base),
        "minimum": amount(policy.minimum),
        "maximum": amount(policy.maximum),
        "share": (explained.score.total - policy.minimum) / (policy.maximum - policy.minimum),
        "grade": explained.grade.name,
        "grades": [
            {
                "name": grade.name,
                "minimum": amount(max(grade.minimum, policy.minimum)),
                "start": max(0.0, (grade.minimum - policy.minimum) / (policy.maximum - policy.minimum)),
                "mine": grade.code == explained.grade.code,
            }
            for grade in reversed(policy.grades)
        ],
        "policy": f"{policy.name} {policy.version}",
        "as_of": day(explained.score.as_of),
        "dimensions": [
            {**dimension, "points": signed(dimension["points"])}  # type: ignore[arg-type]
            for dimension in dimensions.values()
        ],
    }


def _left_out(part: ExplainedContribution, shown: Collection[int]) -> str:
    """A part of the score may rest on records that are shown no longer: the reader is told why none is listed."""
    missing = len({record.id for record in part.records} - set(shown))
    return f"（依据的记录中有 {missing} 条已过公示期限或者不对外提供，不列明细）" if missing else ""


def words_of_sections(facts: ReportFacts) -> list[dict[str, object]]:
    return [
        {
            "name": category.name,
            "code": category.code,
            "polarity": category.polarity,
            "polarity_name": POLARITY_NAMES[category.polarity],
            "legal_basis": category.legal_basis,
            "records": [_words_of_record(shown) for shown in records],
        }
        for category, records in facts.sections
    ]


def _words_of_record(shown: ShownRecord) -> dict[str, object]:
    record, category = shown.record, shown.category
    quantity = ""
    if record.quantity and not (record.quantity == 100 and category.unit in _COUNTED_BY_ONE):
        quantity = f"{amount(record.quantity)} {category.unit}"
    return {
        "title": record.title,
        "event_on": day(record.event_on),
        "ended_on": day(record.ended_on),
        "performed_on": day(record.performed_on),
        "level": category.level_name(record.level) or "",
        "quantity": quantity,
        "amount": f"{record.amount / 100:,.2f} 元" if record.amount else "",
        "source": record.source_department,
        "disputed": shown.disputed,
        "statements": list(shown.statements),
    }


def words_of_relations(
    session: Session, keys: KeyRing, relations: Sequence[SubjectRelation]
) -> list[dict[str, object]]:
    """Who stands behind an enterprise, as far as the law publishes it.

    A legal representative's name is registered and published (《市场主体登记管理条例》第八条、第三十五条).
    Natural persons in other roles are counted, not named.
    """
    lines: list[dict[str, object]] = []
    unnamed: dict[str, int] = {}
    for relation in relations:
        principal = get_subject(session, relation.principal_id)
        role = _ROLE_NAMES[relation.role]
        if principal.kind == "person" and relation.role != "legal_representative":
            unnamed[role] = unnamed.get(role, 0) + 1
            continue
        lines.append(
            {
                "role": role,
                "name": name_of(keys, principal),
                "code": principal.public_code or "",
                "since": day(relation.valid_from),
            }
        )
    lines += [
        {"role": role, "name": f"自然人 {count} 名（依法不列姓名）", "code": "", "since": ""}
        for role, count in unnamed.items()
    ]
    return lines


def points(hundredths: int) -> str:
    return f"{hundredths / 100:.2f}"


def signed(hundredths: int) -> str:
    """With a true minus sign, which is as wide as the plus."""
    return f"{hundredths / 100:+.2f}".replace("-", "−")


def amount(hundredths: int) -> str:
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".")


def day(value: date | None) -> str:
    return f"{value:%Y-%m-%d}" if value else ""


def minute(moment: datetime) -> str:
    """In the city."""
    return f"{moment.astimezone(CITY_ZONE):%Y-%m-%d %H:%M}"
