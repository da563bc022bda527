"""Every route that shows an outsider or an officer something about a subject is known, and writes it down.

`tests/looks.py` watches the routes in LOOKS in every test of the suite; here no route is left out of it.
"""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask

from command_line.access_matrix import access_rows
from command_line.server import openapi_document
from tests.looks import ELSEWHERE, LOOKS, PERSONAL, watch

ROWS = [
    row
    for row in access_rows(json.loads(openapi_document()))
    if row.who in ("officer", "partner", "staff", "department")
]


def as_documented(operation: str) -> str:
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", operation)


def test_whatever_shows_a_subjects_data_writes_a_row_or_says_why_it_need_not():
    known = {as_documented(operation) for operation in (*LOOKS, *ELSEWHERE)}
    showing = {row.operation for row in ROWS if PERSONAL & set(row.fields) or not row.objects}
    assert showing - known == set(), "put a new route into LOOKS or ELSEWHERE of tests/looks.py"


def test_no_route_is_watched_that_does_not_exist_and_none_is_in_both():
    assert {as_documented(operation) for operation in (*LOOKS, *ELSEWHERE)} <= {row.operation for row in ROWS}
    assert not LOOKS & set(ELSEWHERE)
    assert all(ELSEWHERE.values())


def test_an_answer_without_its_row_does_not_get_past_the_watch():
    app = Flask(__name__)
    app.testing = True
    app.add_url_rule(
        "/api/v1/admin/objections/<uuid:objection_id>", view_func=lambda objection_id: {"grounds": "x"}
    )
    watch(app)
    with pytest.raises(AssertionError, match="without a row in the ledger"):
        app.test_client().get("/api/v1/admin/objections/00000000-0000-0000-0000-000000000000")
