"""Which routes show somebody a subject's data, and a watch over every test that calls one of them.

`LOOKS` write a ledger row in the transaction of each successful answer. `ELSEWHERE` carry such data too and need
no row of their own, each with its reason. A new route must be put into one of the two.
"""

from __future__ import annotations

from flask import Flask, Response, g, has_request_context, request
from sqlalchemy import event

from backend.ledger.models import LedgerEntry

PERSONAL = {
    *(
        "identifier",
        "subject",
        "subjects",
        "record",
        "records",
        "record_id",
        "content",
        "cells",
        "row",
        "sections",
    ),
    *("reasons", "entries", "evidence"),
}
"""Fields by which an answer is recognised that says something about a subject."""

_CASES = "/api/v1/admin"
_SURFACES = (_CASES, "/api/v1/department")
_DESKS = ("/api/v1/admin/department", "/api/v1/department")

LOOKS = {
    f"GET {_CASES}/access-alerts/<uuid:alert_id>",
    *(f"GET {_CASES}/commitments/<uuid:commitment_id>", f"POST {_CASES}/commitments/<uuid:commitment_id>/outcome"),
    f"POST {_CASES}/commitments/<uuid:commitment_id>/reminder",
    f"GET {_CASES}/deletion-requests/<uuid:request_id>",
    f"POST {_CASES}/deletion-requests/<uuid:request_id>/decision",
    *(f"GET {_CASES}/enterprises/<string:code>/portrait", f"GET {_CASES}/enterprises/<string:code>/relations"),
    f"GET {_CASES}/merchant-complaints/<uuid:complaint_id>",
    *(f"POST {_CASES}/merchant-complaints/<uuid:complaint_id>/{step}" for step in ("answer", "taking-up")),
    f"GET {_CASES}/objections/<uuid:objection_id>",
    f"GET {_CASES}/objections/<uuid:objection_id>/evidence/<uuid:evidence_id>",
    *(
        f"POST {_CASES}/objections/<uuid:objection_id>/{step}"
        for step in ("decision", "extension", "forwarding", "redirection")
    ),
    f"GET {_CASES}/quarantine/<int:row_id>/conflict",
    *(f"POST {surface}/credit-checks/<uuid:check_id>/reviews" for surface in _SURFACES),
    *(f"POST {_CASES}/records/known", f"GET {_CASES}/records/<int:record_id>/life"),
    f"GET {_CASES}/repairs/<uuid:repair_id>",
    f"GET {_CASES}/repairs/<uuid:repair_id>/evidence/<uuid:evidence_id>",
    *(
        f"POST {_CASES}/repairs/<uuid:repair_id>/{step}"
        for step in ("acceptance", "decision", "return", "revocation")
    ),
    *(f"POST {_CASES}/reports", f"GET {_CASES}/reports/<string:number>/file"),
    f"GET {_CASES}/supplements/<uuid:supplement_id>",
    f"GET {_CASES}/supplements/<uuid:supplement_id>/evidence/<uuid:evidence_id>",
    *(f"POST {_CASES}/supplements/<uuid:supplement_id>/{step}" for step in ("decision", "return")),
    *(
        f"{method} {objections}/<uuid:objection_id>{rest}"
        for objections in (f"{_CASES}/department-inbox", "/api/v1/department/objections")
        for method, rest in (("GET", ""), ("GET", "/evidence/<uuid:evidence_id>"), ("POST", "/reply"))
    ),
    *(
        f"{method} {desk}/{cases}/<uuid:{case}_id>{rest}"
        for desk in _DESKS
        for cases, case in (("repairs", "repair"), ("supplements", "supplement"))
        for method, rest in (("GET", ""), ("GET", "/evidence/<uuid:evidence_id>"), ("POST", "/decision"))
    ),
    *(f"GET /api/v1/institution/{what}" for what in ("grade", "report", "score", "referrals/<string:number>")),
    "POST /api/v1/institution/referrals/<string:number>/answers",
    *(
        f"{method} {surface}/joint-incentives{rest}"
        for surface in _SURFACES
        for method, rest in (
            ("POST", ""),
            ("GET", "/<uuid:incentive_id>"),
            ("POST", "/<uuid:incentive_id>/requests/<uuid:request_id>/asking-again"),
            ("POST", "/<uuid:incentive_id>/requests/<uuid:request_id>/withdrawal"),
        )
    ),
    *(
        f"{method} {surface}/incentive-requests/<uuid:request_id>{rest}"
        for surface in _SURFACES
        for method, rest in (("GET", ""), ("POST", "/deeds"), ("POST", "/finish"), ("POST", "/response"))
    ),
}

_QUEUE = "a queue of cases, names and numbers masked; opening one of them is the look"
_CHECK = "each subject's row was written when the check was made; it names the department and its purpose"
_OWN = "rows that the department delivered itself"
_MASKED = "rows that are in no record yet, names and numbers masked"
_FIGURES = "counts and shares over a city, about nobody"
_AS_NEEDED = "writes a row for each subject that it finds, and there may be none"
_NO_SUBJECT = "about no subject"

ELSEWHERE = {
    **{
        f"GET {surface}/{queue}": _QUEUE
        for surface in _SURFACES
        for queue in ("incentive-requests", "joint-incentives")
    },
    **{
        f"GET {_CASES}/{queue}": _QUEUE
        for queue in (
            "commitments",
            "deletion-requests",
            "department-inbox",
            "objections",
            "repairs",
            "supplements",
        )
    },
    "GET /api/v1/department/objections": _QUEUE,
    **{
        f"{surface}/credit-checks/<uuid:check_id>/{rest}": _CHECK
        for surface in (f"GET {_CASES}", "GET /api/v1/department")
        for rest in ("file", "results")
    },
    f"POST {_CASES}/ledger/search": _AS_NEEDED,
    f"GET {_CASES}/access-complaints": _AS_NEEDED,
    f"POST {_CASES}/quarantine/<int:row_id>/resubmission": _AS_NEEDED,
    **{f"GET {_CASES}/quarantine/export.{kind}": _AS_NEEDED for kind in ("csv", "xlsx")},
    **{f"GET {_CASES}/quarantine/masked-export.{kind}": _MASKED for kind in ("csv", "xlsx")},
    f"GET {_CASES}/quarantine": _MASKED,
    f"POST {_CASES}/quarantine/<int:row_id>/drop": _NO_SUBJECT,
    **{f"GET {desk}/quarantine": _OWN for desk in _DESKS},
    f"POST {_CASES}/department/quarantine/<int:row_id>/resubmission": _AS_NEEDED,
    "POST /api/v1/department/quarantine/corrections": _OWN,
    **{f"GET {_CASES}/{page}": _FIGURES for page in ("overview", "policy-trials/result")},
    **dict.fromkeys(
        (
            *(f"GET {_CASES}/catalogue/template.xlsx", f"GET {_CASES}/settlements/file"),
            *(
                f"DELETE {_CASES}/sign-in",
                "DELETE /api/v1/counter/sign-in",
                "GET /api/v1/partner/settlements/file",
            ),
            *("DELETE /api/v1/partner/keys/<string:kid>", "DELETE /api/v1/partner/webhooks/<uuid:webhook_id>"),
            *(
                f"DELETE {objections}/<uuid:objection_id>/evidence/<uuid:evidence_id>"
                for objections in (f"{_CASES}/department-inbox", "/api/v1/department/objections")
            ),
        ),
        _NO_SUBJECT,
    ),
}
"""Operations with such fields, or that answer a file or nothing, and why they write no row each time."""


def watch(app: Flask) -> None:
    """From now on no test gets an answer about a subject out of this server without a row in the ledger."""

    @event.listens_for(LedgerEntry, "after_insert")
    def written(*_: object) -> None:
        if has_request_context():
            g.looked = True

    @app.after_request
    def check(response: Response) -> Response:
        operation = f"{request.method} {request.url_rule}"
        if operation in LOOKS and response.status_code < 300 and "Idempotent-Replayed" not in response.headers:
            answer = response.get_json(silent=True) or {}
            shows_nobody = answer.get("subjects") == []
            assert g.get("looked") or shows_nobody, f"{operation} answered without a row in the ledger"
        return response
