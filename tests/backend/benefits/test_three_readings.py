"""A condition table read for one subject, over a city's columns and in SQL: the same of three values each time."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, Date, Integer, String, cast, literal, select

from backend.benefits.city_facts import facts_of_city
from backend.benefits.city_readings import as_sql, city_facts, truth_over_city
from backend.benefits.conditions import MOST_LEVELS, OPS, All, Any, Leaf, Not, evaluate, plain_words
from backend.benefits.fact_catalogue import FACTS, FactSet

TODAY = date(2026, 3, 3)
SQL_TYPES = {
    "points": Integer,
    "quantity": Integer,
    "count": Integer,
    "flag": Boolean,
    "choice": String,
    "day": Date,
}
small = st.integers(-3, 3)


def leaves():
    return st.sampled_from(sorted(FACTS)).flatmap(
        lambda code: st.sampled_from(sorted(OPS[FACTS[code].kind])).flatmap(
            lambda op: st.builds(Leaf, st.just(code), st.just(op), compared_with(FACTS[code], op), st.just("理由"))
        )
    )


def compared_with(definition, op):
    if op == "between":
        return st.tuples(small, small).map(lambda bounds: tuple(sorted(bounds)))
    if op == "in":
        return st.lists(st.sampled_from(sorted(definition.choices)), min_size=1, max_size=3).map(tuple)
    if op == "within_days":
        return st.integers(0, 3)
    return known_values(definition)


def known_values(definition):
    match definition.kind:
        case "flag":
            return st.booleans()
        case "choice":
            return st.sampled_from(sorted(definition.choices))
        case _:
            return small


def values(definition):
    if definition.kind == "day":
        return st.none() | st.integers(-4, 2).map(lambda days: TODAY + timedelta(days=days))
    return st.none() | known_values(definition)


def conditions(levels=MOST_LEVELS):
    if levels == 0:
        return leaves()
    inner = conditions(levels - 1)
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return leaves() | st.builds(Not, inner) | st.builds(All, several) | st.builds(Any, several)


cities = st.lists(st.fixed_dictionaries({code: values(FACTS[code]) for code in FACTS}), min_size=1, max_size=6)


@given(conditions(), cities)
def test_one_subject_and_the_city_read_the_same(condition, rows):
    true, false = truth_over_city(condition, city_facts(rows, FACTS, on=TODAY))
    for place, row in enumerate(rows):
        expected = evaluate(condition, FactSet(on=TODAY, values=row))
        assert (bool(true[place]), bool(false[place])) == (expected is True, expected is False)


def leaves_in(condition):
    match condition:
        case Leaf():
            return [condition]
        case Not(part=part):
            return leaves_in(part)
        case All(parts=parts) | Any(parts=parts):
            return [leaf for part in parts for leaf in leaves_in(part)]


def truth_of_words(words, meaning, facts):
    """What the sentences alone say: a sentence stands for every leaf that is told by it."""
    [(word, parts)] = [(key, value) for key, value in words.items() if key != "reason"]
    if word == "need":
        [truth] = {evaluate(leaf, facts) for leaf in meaning[parts]}
        return truth
    found = [truth_of_words(part, meaning, facts) for part in parts]
    if word == "not":
        [inner] = found
        return None if inner is None else not inner
    decides = word == "any"
    return decides if decides in found else None if None in found else not decides


@given(conditions(), cities.map(lambda rows: rows[0]))
def test_the_plain_words_say_what_the_table_says(condition, row):
    meaning = {}
    for leaf in leaves_in(condition):
        meaning.setdefault(plain_words(leaf)["need"], []).append(leaf)
    facts = FactSet(on=TODAY, values=row)
    assert truth_of_words(plain_words(condition), meaning, facts) is evaluate(condition, facts)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(condition=conditions(), row=cities.map(lambda rows: rows[0]))
def test_one_subject_and_sql_read_the_same(session, condition, row):
    def column_of(code):
        return cast(literal(row[code], SQL_TYPES[FACTS[code].kind]), SQL_TYPES[FACTS[code].kind])

    def column_in_sqlite(code):
        # SQLite's CAST AS DATE would turn the text of a date into its year.
        return literal(row[code], SQL_TYPES[FACTS[code].kind])

    on_sqlite = session.get_bind().dialect.name == "sqlite"
    found = session.scalar(select(as_sql(condition, column_in_sqlite if on_sqlite else column_of, on=TODAY)))
    assert (None if found is None else bool(found)) is evaluate(condition, FactSet(on=TODAY, values=row))


def test_a_fact_without_a_column_is_unknown_to_everyone():
    leaf = Leaf("score.total", "ge", 100, "理由")
    true, false = truth_over_city(Not(leaf), city_facts([{}, {}], [], on=TODAY))
    assert not true.any()
    assert not false.any()


@pytest.mark.parametrize("code", sorted(FACTS))
def test_every_fact_can_be_read_over_the_city(session, code):

    audience = "enterprise" if FACTS[code].about == "enterprise" else "person"
    facts, _, _ = facts_of_city(session, [code], audience=audience, on=TODAY)
    assert facts.size == 0
