"""Whatever comes in whatever order (deliveries, corrections, withdrawals, objections, repairs, their revocation,
the end of retention), about a person or an enterprise: counts, states and score stay exact.

A plain model in Python follows what succeeded. The subject's score is then held against that of a twin who was
given, from scratch, just the records that the model says are left.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from backend.catalogue.templates import load_templates
from backend.city_calendar import WorkingDays
from backend.errors import DomainError
from backend.objections.deadlines import load_deadlines
from backend.objections.models import Objection
from backend.objections.service import decide_objection, file_objection, withdraw_objection
from backend.objections.states import OPEN_STATES
from backend.records.models import CreditRecord, Delivery
from backend.records.service import expire_records, records_of, versions_of
from backend.records.single_row import take_in_row
from backend.repairs.models import Repair, RepairItem
from backend.repairs.service import (
    Clock,
    accept_repair,
    decide_repair,
    draft_repair,
    file_repair,
    letter_of,
    revoke_repair,
)
from backend.scores.policies import adopt_policy
from backend.scores.service import compute_subject
from backend.subjects.acting import ActingFor
from backend.subjects.models import RescoreMark
from scoring.policy import shipped_policy
from tests.backend.beside import beside
from tests.backend.records.conftest import judgment
from tests.factories import add_enterprise, add_person, add_record, add_relation, intake_of
from tests.rules_in_force import put_rules_in_force

NOW = datetime(2026, 6, 30, 2, tzinfo=UTC)
TODAY = date(2026, 6, 30)
DEADLINES = load_deadlines(WorkingDays())
CLOCK = Clock(WorkingDays(), "shandong")
BEFORE = datetime(2026, 1, 2, tzinfo=UTC)

matters = st.integers(1, 2)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("deliver"),
            matters,
            st.sampled_from(["轻微", "一般", "严重"]),
            st.sampled_from(["2026-05-01", ""]),
            st.sampled_from(["", "", "", "撤销"]),
        ),
        st.tuples(st.sampled_from(["object", "withdraw_objection", "repair", "revoke_repair", "expire"]), matters),
        st.tuples(
            st.just("decide_objection"),
            matters,
            st.sampled_from(["upheld", "upheld_corrected", "corrected", "rejected", "redirected"]),
        ),
    ),
    min_size=3,
    max_size=12,
)
# So that there is something to exercise rights on from the first step.
BEGINNING = [("deliver", 1, "轻微", "2026-05-01", ""), ("deliver", 2, "一般", "2026-05-01", "")]


@dataclass
class Known:
    """What the model knows of one matter."""

    state: str
    level: int
    performed_on: date | None
    withdrawn: bool
    # An objection was upheld that says there should be no such record.
    removed: bool = False
    # As the department last had it: an officer's correction does not make what was sent before news again.
    sent: tuple[int, date | None, bool] = (0, None, False)


@dataclass
class World:
    """A person or an enterprise, and the model of what the city should know about them."""

    session: object
    keys: object
    acting: ActingFor
    number: str
    matters: dict[int, Known] = field(default_factory=dict)
    broken: int = 0
    delivered: int = 0
    counted: Counter[str] = field(default_factory=Counter)

    @property
    def id(self) -> int:
        return self.acting.subject.id

    def record(self, matter: int) -> CreditRecord | None:
        self.session.flush()
        for record in records_of(self.session, self.id, category="court_judgment"):
            if f"第{matter}号" in str(record.content):
                return record
        return None

    def deliver(self, matter: int, level: str, performed: str, note: str) -> None:
        enterprise = {"主体类别": "法人及非法人组织", "主体名称": "桂城示例有限公司"}
        cells = judgment(
            **(enterprise if self.acting.on_behalf else {}),
            主体代码=self.number,
            案号=f"（2026）桂0001执第{matter}号",
            裁判生效日期="2026-02-03",
            严重程度=level,
            履行完毕日期=performed,
            备注=note,
        )
        row = {column.code: cells[column.header] for column in load_templates()["court_judgment"].columns}
        self.delivered += 1
        taken = take_in_row(
            self.session,
            intake_of(self.keys),
            template="court_judgment",
            row=row,
            source_department="桂城市中级人民法院",
            origin=f"{self.delivered}.csv",
            now=NOW,
        )
        said = Known(
            "revoked" if note else "active",
            ["轻微", "一般", "严重"].index(level) + 1,
            date.fromisoformat(performed) if performed else None,
            bool(note),
        )
        said.sent = (said.level, said.performed_on, said.withdrawn)
        known = self.matters.get(matter)
        if known is not None:
            said.removed = known.removed
            # A correction keeps what others decided; only the department's own withdrawal is undone by it.
            if not note and known.withdrawn and known.state == "revoked":
                said.state = self.in_force_again(matter)
            elif not note or known.state == "expired":
                said.state = known.state
        same = known is not None and known.sent == said.sent
        assert taken.outcome == ("accepted" if known is None else "duplicate" if same else "corrected")
        self.counted[taken.outcome] += 1
        if not same:
            self.matters[matter] = said

    def in_force_again(self, matter: int) -> str:
        """Whatever brought it back, what others decided about it holds."""
        objection = self.objection(matter)
        if self.matters[matter].removed:
            return "revoked"
        if self.repair_done(matter) is not None:
            return "repaired"
        return "disputed" if objection is not None and objection.state in OPEN_STATES else "active"

    def expire(self, matter: int) -> None:
        """What the sweep does once retention is over: it counts no more, whatever is decided about it later."""
        if self.matters[matter].state in ("active", "disputed"):
            expire_records(self.session, [self.record(matter)], reason="期满", now=NOW)
            self.matters[matter].state = "expired"

    def object(self, matter: int) -> None:
        file_objection(
            self.session,
            subject_id=self.id,
            record_id=self.record(matter).id,
            grounds="已经履行",
            now=NOW,
            deadlines=DEADLINES,
        )
        if self.matters[matter].state == "active":
            self.matters[matter].state = "disputed"

    def objection(self, matter: int) -> Objection | None:
        """The open one before those that are over."""
        return self.session.scalars(
            select(Objection)
            .where(Objection.record_id == self.record(matter).id)
            .order_by(Objection.state.not_in(OPEN_STATES))
        ).first()

    def withdraw_objection(self, matter: int) -> None:
        objection = self.objection(matter)
        if objection is not None:
            withdraw_objection(self.session, subject_id=self.id, objection_id=objection.id, now=NOW)
            if self.matters[matter].state == "disputed":
                self.matters[matter].state = "active"

    def decide_objection(self, matter: int, outcome: str) -> None:
        objection, known = self.objection(matter), self.matters[matter]
        if objection is None or objection.state not in OPEN_STATES:
            self.object(matter)
            objection = self.objection(matter)
        level, corrects = known.level % 3 + 1, outcome.endswith("corrected")
        decide_objection(
            self.session,
            objection_id=objection.id,
            outcome={"corrected": "partly_upheld", "upheld_corrected": "upheld"}.get(outcome, outcome),
            corrections={"level": level} if corrects else None,
            redirected_to="省级信用平台",
            reply="经核查，答复如下。",
            officer="甲",
            now=NOW,
        )
        if outcome == "upheld":
            known.state, known.removed = "revoked", True
        elif known.state == "disputed":
            known.state = "active"
        if corrects:
            known.level = level

    def repair(self, matter: int) -> None:
        repair = draft_repair(
            self.session,
            acting=self.acting,
            record_ids=[self.record(matter).id],
            explanation="",
            evidence_ids=[],
            now=NOW,
        )
        file_repair(
            self.session,
            repair_id=repair.id,
            acting=self.acting,
            account_id=uuid4(),
            letter_sha256=letter_of(self.session, repair, today=TODAY).sha256,
            now=NOW,
            clock=CLOCK,
        )
        accept_repair(self.session, repair_id=repair.id, officer="甲", now=NOW, clock=CLOCK)
        decide_repair(
            self.session,
            repair_id=repair.id,
            outcome="approved",
            reply="同意修复该记录",
            decided_by="法院",
            now=NOW,
        )
        self.matters[matter].state = "repaired"

    def repair_done(self, matter: int) -> Repair | None:
        return self.session.scalars(
            select(Repair)
            .join(RepairItem)
            .where(RepairItem.record_id == self.record(matter).id, Repair.state == "done")
        ).first()

    def revoke_repair(self, matter: int) -> None:
        repair = self.repair_done(matter)
        if repair is not None:
            revoke_repair(
                self.session,
                intake_of(self.keys),
                repair_id=repair.id,
                finding="材料系伪造",
                officer="甲",
                now=NOW,
            )
            self.broken += 1
            if self.matters[matter].state == "repaired":
                self.matters[matter].state = self.in_force_again(matter)


@pytest.fixture
def city(session, keys):
    put_rules_in_force(session, BEFORE, policies=("guihua",))
    adopted = {
        kind: adopt_policy(session, shipped_policy(name), adopted_by="测试", now=BEFORE, on=date(2026, 6, 1)).hash
        for kind, name in (("person", "haibei"), ("enterprise", "enterprise"))
    }
    return adopted


BEFORE_AND_WHILE_IT_IS_WITHDRAWN = [
    (["object"], [], "disputed"),
    (["object"], ["withdraw_objection"], "active"),
    (["object"], [("decide_objection", "rejected")], "active"),
    (["object"], [("decide_objection", "upheld_corrected")], "active"),
    (["object"], [("decide_objection", "upheld")], "revoked"),
    ([("decide_objection", "upheld")], [], "revoked"),
    (["repair"], [], "repaired"),
    (["repair"], ["revoke_repair"], "active"),
    (["repair", "object"], ["revoke_repair"], "disputed"),
    (["expire"], [], "expired"),
]


def test_what_others_decided_holds_from_the_moment_in_which_a_withdrawn_record_comes_back(session, keys, city):
    in_force = ("deliver", "轻微", "2026-05-01", "")
    withdrawn = (*in_force[:3], "撤销")
    for before, meanwhile, state in BEFORE_AND_WHILE_IT_IS_WITHDRAWN:
        subject, acting = new_subject(session, keys, "person")
        world = World(session, keys, acting, keys.open(subject.identifier_sealed))
        for step in [in_force, *before, withdrawn, *meanwhile, in_force]:
            name, *facts = [step] if isinstance(step, str) else step
            getattr(world, name)(1, *facts)

        record = world.record(1)
        assert (record.state, record.withdrawn) == (state, False), (before, meanwhile)
        assert world.matters[1].state == state
        versions = versions_of(session, record.id)
        [withdrawal] = [one.version for one in versions if one.reason == "数源单位撤销"]
        assert {one.state for one in versions[withdrawal - 1 :]} <= {"revoked", state}, (before, meanwhile)


def test_a_decision_in_the_making_holds_for_a_record_that_comes_back_at_that_moment(postgresql_database, keys):
    in_force = (1, "轻微", "2026-05-01", "")
    with postgresql_database.transaction() as session:
        put_rules_in_force(session, BEFORE)
        subject, acting = new_subject(session, keys, "person")
        world = World(session, keys, acting, keys.open(subject.identifier_sealed))
        world.deliver(*in_force)
        world.object(1)
        world.deliver(*in_force[:3], "撤销")

    with postgresql_database.transaction() as session:
        world.session = session
        world.decide_objection(1, "upheld")
        delivery = beside(
            session, postgresql_database, lambda other: replace(world, session=other).deliver(*in_force)
        )

    delivery.result()
    with postgresql_database.reading() as session:
        world.session = session
        record = world.record(1)
        assert (record.state, record.withdrawn) == (world.matters[1].state, False) == ("revoked", False)


@pytest.mark.parametrize("kind", ["person", "enterprise"])
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_counts_states_and_score_are_those_of_a_recomputation_from_scratch(session, keys, city, kind, steps):
    with session.begin_nested() as example:
        policy = city[kind]
        subject, acting = new_subject(session, keys, kind)
        world = World(session, keys, acting, keys.open(subject.identifier_sealed))
        before = score(session, subject, policy)
        for name, matter, *facts in [*BEGINNING, *steps]:
            if name != "deliver" and matter not in world.matters:
                continue
            marks = session.scalar(select(func.count()).select_from(RescoreMark))
            try:
                with session.begin_nested():
                    getattr(world, name)(matter, *facts)
            except DomainError:
                pass  # refused: nothing of it may have stayed, which is what is checked below
            after = score(session, subject, policy)
            if after != before:
                assert session.scalar(select(func.count()).select_from(RescoreMark)) > marks
            before = after

            assert {m: world.record(m).state for m in world.matters} == {
                m: known.state for m, known in world.matters.items()
            }
            assert after == score(session, twin(session, keys, world, kind), policy)
        records = records_of(session, subject.id)
        assert len(records) == len(world.matters) + world.broken
        for record in records:
            assert [version.version for version in versions_of(session, record.id)] == [
                *range(1, record.version + 1)
            ]
        names = ("delivered", "accepted", "duplicate", "corrected", "quarantined")
        sums = [func.coalesce(func.sum(getattr(Delivery, name)), 0) for name in names]
        counts = session.execute(select(*sums).where(Delivery.template == "court_judgment")).one()
        assert tuple(counts) == (world.counted.total(), *(world.counted[name] for name in names[1:]))
        example.rollback()


def score(session, subject, policy_hash):
    session.flush()
    result = compute_subject(session, subject, policy_hash=policy_hash, as_of=TODAY)
    return result.total, {part.indicator: part.points for part in result.contributions}


def new_subject(session, keys, kind):
    """And who acts for them: an enterprise's legal representative has no records of their own."""
    person = add_person(session, keys)
    if kind == "person":
        return person, ActingFor(person, person.id, "本人")
    enterprise = add_enterprise(session, keys)
    add_relation(session, enterprise=enterprise, principal=person, role="legal_representative")
    return enterprise, ActingFor(enterprise, person.id, "法定代表人")


def twin(session, keys, world, kind):
    """Somebody with just the records that the model says are left, and no history."""
    subject, _ = new_subject(session, keys, kind)
    for known in world.matters.values():
        add_record(
            session,
            subject,
            "court_judgment",
            level=known.level,
            event_on=date(2026, 2, 3),
            performed_on=known.performed_on,
            amount=1_200_050,
            state=known.state,
        )
    for _ in range(world.broken):
        add_record(
            session, subject, "commitment", level=3, event_on=TODAY, performed_on=TODAY, ended_on=date(2027, 6, 30)
        )
    return subject
