"""Who is connected with whom on a day, and nothing of natural persons for the public."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.subjects.graph import relation_graph
from backend.subjects.models import SubjectRelation
from tests.factories import add_enterprise, add_person

DAY = date(2026, 3, 3)
two_units = st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda pair: pair[0] != pair[1])


@pytest.fixture
def relate(session):
    def relate(enterprise, principal, role="shareholder", since=date(2020, 1, 1), until=None):
        session.add(
            SubjectRelation(
                enterprise_id=enterprise.id, principal_id=principal.id, role=role, valid_from=since, valid_to=until
            )
        )
        session.flush()

    return relate


def names(graph):
    return {node.subject.public_name or "person": node.depth for node in graph.nodes}


@pytest.fixture
def chain(session, keys, relate):
    """甲 ← 王小兰 → 乙 → 丙 (branch), and 丁 owns 甲."""
    a, b, c, d = (add_enterprise(session, keys, name=name) for name in "甲乙丙丁")
    lan = add_person(session, keys)
    relate(a, lan, "legal_representative")
    relate(b, lan)
    relate(b, c, "branch")
    relate(a, d)
    return a, b, c, d, lan


def test_a_graph_reaches_as_deep_as_asked(session, chain):
    a = chain[0]

    def reached(depth):
        return names(relation_graph(session, a, depth=depth, on=DAY, with_persons=True))

    assert reached(1) == {"甲": 0, "person": 1, "丁": 1}
    assert reached(2) == {"甲": 0, "person": 1, "丁": 1, "乙": 2}
    assert reached(3) == {"甲": 0, "person": 1, "丁": 1, "乙": 2, "丙": 3}


def test_without_persons_nobody_is_reached_through_one(session, chain):
    graph = relation_graph(session, chain[0], depth=4, on=DAY, with_persons=False)

    assert names(graph) == {"甲": 0, "丁": 1}
    assert graph.persons == []
    assert [edge.role for edge in graph.edges] == ["shareholder"]


def test_a_relation_counts_from_its_first_to_its_last_day(session, keys, relate):
    a, b = add_enterprise(session, keys), add_enterprise(session, keys)
    relate(a, b, since=date(2021, 1, 1), until=date(2025, 12, 31))

    def others(on):
        return len(relation_graph(session, a, depth=1, on=on, with_persons=True).nodes) - 1

    assert [
        others(day) for day in (date(2020, 12, 31), date(2021, 1, 1), date(2025, 12, 31), date(2026, 1, 1))
    ] == [
        0,
        1,
        1,
        0,
    ]


def test_a_graph_that_would_be_too_large_says_that_it_was_cut(session, keys, relate):
    root = add_enterprise(session, keys)
    for _ in range(5):
        relate(root, add_enterprise(session, keys))

    graph = relation_graph(session, root, depth=2, on=DAY, with_persons=True, most_nodes=4)

    assert (len(graph.nodes), len(graph.edges), graph.cut_off) == (4, 3, True)


@pytest.mark.parametrize("depth", [0, 5])
def test_a_depth_outside_its_bounds_is_refused(session, chain, depth):
    with pytest.raises(ValueError, match="steps deep"):
        relation_graph(session, chain[0], depth=depth, on=DAY, with_persons=True)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda pair: pair[0] != pair[1]), max_size=10)
)
def test_depths_are_the_shortest_ways_and_edges_join_what_is_shown(session, keys, pairs):
    with session.begin_nested() as sandbox:
        units = [add_enterprise(session, keys) for _ in range(6)]
        for one, other in pairs:
            session.add(
                SubjectRelation(
                    enterprise_id=units[one].id,
                    principal_id=units[other].id,
                    role="shareholder",
                    valid_from=date(2020, 1, 1),
                )
            )
        session.flush()
        graph = relation_graph(session, units[0], depth=3, on=DAY, with_persons=True)
        sandbox.rollback()

    steps = {0: 0}
    for step in (1, 2, 3):
        for one, other in [*pairs, *[(b, a) for a, b in pairs]]:
            if steps.get(one) == step - 1:
                steps.setdefault(other, step)
    places = {unit.id: place for place, unit in enumerate(units)}
    assert {places[node.subject.id]: node.depth for node in graph.nodes} == steps
    assert {(places[edge.enterprise_id], places[edge.principal_id]) for edge in graph.edges} == {
        pair for pair in pairs if set(pair) <= set(steps)
    }
