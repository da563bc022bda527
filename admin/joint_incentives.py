"""The console's joint incentives (联合激励): the office initiates and oversees, departments take part."""

from __future__ import annotations

from collections.abc import Callable

from flask_smorest import Blueprint

from backend.city_calendar import city_date
from backend.joint_incentives.service import Party
from backend.ledger.service import Actor
from backend.records.departments import department_by_code
from backend.web import API_PREFIX
from backend.web.context import now, reading
from backend.web.guards import (
    View,
    access_reason,
    current_officer,
    officer_as_actor,
    signed_in_officer,
    states_reason,
)
from backend.web.joint_incentives import add_asked_routes, add_initiator_routes

blp = Blueprint(
    "admin joint incentives", __name__, url_prefix=f"{API_PREFIX}/admin/joint-incentives", description="联合激励"
)
requests = Blueprint(
    "admin incentive requests",
    __name__,
    url_prefix=f"{API_PREFIX}/admin/incentive-requests",
    description="响应联合激励",
)

_MAY_READ = ("data_officer", "reviewer", "auditor", "department_officer")
_MAY_ACT = ("data_officer", "department_officer")


def _party() -> Party:
    officer = current_officer()
    if officer.department_code is None:
        return Party(None, officer.name, officer_as_actor())
    with reading() as session:
        department = department_by_code(session, officer.department_code, city_date(now()))
    return Party(
        department, officer.name, Actor("department", str(officer.officer_id), f"{department.name} {officer.name}")
    )


def _with_reason(*roles: str) -> Callable[[View], View]:
    def guard(view: View) -> View:
        return signed_in_officer(*roles)(states_reason(view))

    return guard


add_initiator_routes(
    blp,
    read=signed_in_officer(*_MAY_READ),
    look=_with_reason(*_MAY_READ),
    act=signed_in_officer(*_MAY_ACT),
    party=_party,
    purpose=access_reason,
)
add_asked_routes(
    requests,
    read=signed_in_officer("department_officer"),
    look=_with_reason("department_officer"),
    party=_party,
    purpose=access_reason,
)
