"""How to meet a condition that stands in the way: concrete steps from the policy in force, or the day it is met.

Nothing is promised that was not computed: a score by scoring again, any other condition by reading its fact as it
will be on that day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from backend.benefits.conditions import Leaf, Unmet, evaluate
from backend.benefits.fact_catalogue import FACTS, RECORD_FACTS, FactSet, FactValue
from backend.benefits.facts import collect_facts
from backend.months import add_months
from backend.records.service import records_of
from backend.scores.ways import ScoreOutlook, ScoreThen
from backend.subjects.models import Subject

LONGEST_WAIT = timedelta(days=5 * 366)


@dataclass(frozen=True)
class Way:
    """`on` is the day from which the condition is met; None: once the steps are done and recorded."""

    steps: Sequence[str]
    result: str
    on: date | None


class Ways:
    """Of one citizen, and the enterprise they act for, on one day; the same condition is worked out once."""

    def __init__(self, session: Session, *, holder: Subject, enterprise: Subject | None, today: date) -> None:
        self._session, self._holder, self._enterprise, self._today = session, holder, enterprise, today
        self._found: dict[tuple[object, ...], Sequence[Way]] = {}
        self._outlooks: dict[int, ScoreOutlook] = {}

    def to_meet(self, unmet: Unmet) -> Sequence[Way]:
        """What to do first, then waiting; empty where neither is known to lead there."""
        if unmet.leaf is None:
            return []
        # Schemes ask for the same, each with a reason of its own.
        asked = (unmet.leaf.fact, unmet.leaf.op, unmet.leaf.value, unmet.wanted)
        if asked not in self._found:
            self._found[asked] = self._work_out(unmet, unmet.leaf)
        return self._found[asked]

    def _work_out(self, unmet: Unmet, leaf: Leaf) -> Sequence[Way]:
        subject = self._holder if FACTS[leaf.fact].about == "holder" else self._enterprise
        if subject is None:
            return []
        match leaf.fact:
            case "score.total":
                return self._by_score(subject, unmet, lambda then: {leaf.fact: then.total})
            case "enterprise.evaluation":
                return self._by_score(subject, unmet, lambda then: {leaf.fact: then.grade})
        day = next((day for day in self._turns(subject, leaf) if self._is_met(unmet, leaf, day)), None)
        if day is None:
            return []
        return [Way([f"不需要做什么：{day:%Y-%m-%d} 起满足这一条件"], f"届时{unmet.need}", day)]

    def _by_score(
        self, subject: Subject, unmet: Unmet, as_fact: Callable[[ScoreThen], Mapping[str, FactValue | None]]
    ) -> Sequence[Way]:
        leaf = unmet.leaf
        assert leaf is not None  # noqa: S101 - asked by `to_meet` before

        def wanted(then: ScoreThen) -> bool:
            return evaluate(leaf, FactSet(on=self._today, values=as_fact(then))) is unmet.wanted

        outlook = self._outlooks.get(subject.id)
        if outlook is None:
            outlook = self._outlooks[subject.id] = ScoreOutlook(self._session, subject, today=self._today)
        return [Way(way.steps, way.result, way.on) for way in outlook.ways_to(wanted)]

    def _turns(self, subject: Subject, leaf: Leaf) -> Sequence[date]:
        """Days after today on which this fact changes by itself."""
        last = self._today + LONGEST_WAIT
        return sorted({day for day in self._perhaps(subject, leaf) if self._today < day <= last})

    def _perhaps(self, subject: Subject, leaf: Leaf) -> Iterator[date]:
        if measure := RECORD_FACTS.get(leaf.fact):
            for record in records_of(self._session, subject.id, category=measure.category):
                if measure.window_days is not None:
                    yield record.event_on + timedelta(days=measure.window_days)
                yield from (day for day in (record.ended_on, record.performed_on) if day is not None)
        elif isinstance(leaf.value, int) and leaf.fact == "person.age" and subject.born_on:
            birthday = add_months(subject.born_on, 12 * leaf.value)
            # Someone born on 29 February is a year older on 1 March of a common year.
            yield from (birthday, birthday + timedelta(days=1))
        elif isinstance(leaf.value, int) and leaf.fact == "enterprise.registered_days" and subject.registered_on:
            yield subject.registered_on + timedelta(days=leaf.value)

    def _is_met(self, unmet: Unmet, leaf: Leaf, day: date) -> bool:
        facts = collect_facts(
            self._session, holder=self._holder, enterprise=self._enterprise, wanted=[leaf.fact], on=day
        )
        return evaluate(leaf, facts) is unmet.wanted
