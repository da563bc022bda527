"""What a department's own system has to answer: objections to what it delivered, repairs, supplements."""

from __future__ import annotations

from flask_smorest import Blueprint
from sqlalchemy.orm import Session

from backend.ledger.service import Actor
from backend.web import API_PREFIX
from backend.web.department_cases import add_repair_routes, add_supplement_routes
from backend.web.department_desk import Desk
from backend.web.department_objections import add_objection_routes
from backend.web.guards import View
from miniprogram_api.department.access import current_department, department_token

OBJECTIONS, CASES = "objections:answer", "cases:decide"

objections = Blueprint(
    "department objections",
    __name__,
    url_prefix=f"{API_PREFIX}/department/objections",
    description="对本单位报送信息的异议",
)
cases = Blueprint(
    "department cases", __name__, url_prefix=f"{API_PREFIX}/department", description="数源单位办理修复与核验申报"
)


def _desk(scope: str) -> Desk:
    return Desk(
        guard=department_token(scope),
        reads=_as_it_is,
        department_code=lambda: current_department().code,
        actor=_the_department,
        # A system has no person behind it who could state a reason of their own.
        purpose=lambda usual: usual,
        channel="department_api",
    )


def _as_it_is(view: View) -> View:
    return view


def _the_department(session: Session) -> Actor:
    department = current_department()
    return Actor(kind="department", id=department.code, name=department.name)


add_objection_routes(objections, _desk(OBJECTIONS))
add_repair_routes(cases, _desk(CASES))
add_supplement_routes(cases, _desk(CASES))
