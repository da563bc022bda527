"""What lies ahead of one subject's score: what there is to do, and what time alone brings.

Nothing is estimated: every score on the way is computed from the records as they would be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scoring.columns import RecordColumns
from scoring.compiled import CompiledPolicy
from scoring.engine import SubjectResult, score_one
from scoring.explain import Advice, advise, apply_advice
from scoring.policy import Policy

MOST_STEPS = 4
"""More things to do at once than that are no way but a wish."""
_ALL = 50
"""More hints than any policy gives: a plan chooses among all of them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to a score that is wanted: what to do, in order, or nothing at all but to wait.

    `result` is the score on `day` once every step was followed; `rising` names the indicators that bring more then
    than now.
    """

    steps: tuple[Advice, ...]
    day: int
    result: SubjectResult
    rising: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Offer:
    """A thing to do after the steps before it, and the records and the score that come of it."""

    advice: Advice
    columns: RecordColumns
    result: SubjectResult


class Outlook:
    """Of one subject on one day. However many scores are asked for, each step and each day is computed once, and
    only as far as one of the questions goes.

    `columns` as for `advise`.
    """

    def __init__(self, policy: Policy, compiled: CompiledPolicy, columns: RecordColumns, as_of_day: int) -> None:
        self._policy, self._compiled, self._columns, self._today = policy, compiled, columns, as_of_day
        self.now = score_one(compiled, columns, as_of_day)
        self._rounds: list[list[_Offer]] = []
        self._days: list[tuple[int, SubjectResult]] = []
        self._coming = self._turns()

    def by_acting(self, reached: Callable[[SubjectResult], bool]) -> Plan | None:
        """A few things to do that are enough together: each the smallest that is, else the one that brings most.

        None when at most MOST_STEPS of them do not lead there.
        """
        steps: list[Advice] = []
        for place in range(MOST_STEPS):
            offers = self._offers(place)
            enough = [offer for offer in offers if reached(offer.result)]
            if enough:
                return self._plan((*steps, enough[-1].advice), self._today, enough[-1].result)
            if not offers:
                return None
            steps.append(offers[0].advice)
        return None

    def by_waiting(self, reached: Callable[[SubjectResult], bool], longest_days: int = 5 * 365) -> Plan | None:
        """The first day on which the records that there are give what is wanted, by fading and ending alone.

        Good records fade on the way as well. None when that is not so within `longest_days`.
        """
        for day, result in self._days_ahead():
            if day > self._today + longest_days:
                return None
            if reached(result):
                return self._plan((), day, result)
        return None

    def _offers(self, place: int) -> list[_Offer]:
        """The largest gain first, where the largest of each round before was taken."""
        while len(self._rounds) <= place:
            before = self._rounds[-1][0].columns if self._rounds else self._columns
            self._rounds.append(list(self._offers_after(before)))
        return self._rounds[place]

    def _offers_after(self, columns: RecordColumns) -> Iterator[_Offer]:
        in_force = self._compiled.on(self._today)
        for advice in advise(self._policy, self._compiled, columns, self._today, limit=_ALL):
            if advice.kind != "wait":
                changed = apply_advice(advice, in_force, self._compiled, columns, self._today)
                yield _Offer(advice, changed, score_one(self._compiled, changed, self._today))

    def _days_ahead(self) -> Iterator[tuple[int, SubjectResult]]:
        yield from self._days
        for turn in self._coming:
            self._days.append(turn)
            yield turn

    def _turns(self) -> Iterator[tuple[int, SubjectResult]]:
        """Each day on which the score can change by itself, and what it is then."""
        columns, day, result = self._columns, self._today, self.now
        dated = {int(one) for days in (columns.event_day, columns.end_day, columns.performed_day) for one in days}
        while True:
            changes = [turn for turn in dated if turn > day] + [
                turn
                for contribution in result.contributions
                for part in contribution.records
                for turn in (
                    part.fades_on_day,
                    None if part.counts_until_day is None else part.counts_until_day + 1,
                )
                if turn is not None and turn > day
            ]
            if not changes:
                return
            day = min(changes)
            result = score_one(self._compiled, columns, day)
            yield day, result

    def _plan(self, steps: tuple[Advice, ...], day: int, result: SubjectResult) -> Plan:
        before = {contribution.indicator: contribution.points for contribution in self.now.contributions}
        after = {contribution.indicator: contribution.points for contribution in result.contributions}
        rising = (
            self._policy.indicator(code).name
            for code in dict.fromkeys([*before, *after])
            if after.get(code, 0) > before.get(code, 0)
        )
        return Plan(steps, day, result, tuple(rising))
