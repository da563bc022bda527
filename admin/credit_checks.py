"""Credit checks by file in the console (批量信用核查): of a department's officer, and of the office itself."""

from __future__ import annotations

from flask_smorest import Blueprint
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.credit_checks.service import OFFICE_CODE
from backend.records.departments import department_by_code
from backend.web import API_PREFIX
from backend.web.context import now, services
from backend.web.credit_checks import add_credit_check_routes
from backend.web.guards import current_officer, signed_in_officer

blp = Blueprint(
    "admin credit checks", __name__, url_prefix=f"{API_PREFIX}/admin/credit-checks", description="批量信用核查"
)


def _code() -> str:
    """Accounts of a department's officer always name the department; every other acts for the office."""
    return current_officer().department_code or OFFICE_CODE


def _name(session: Session) -> str:
    if _code() == OFFICE_CODE:
        return f"{services().config.city_name}公共信用信息中心"
    return department_by_code(session, _code(), city_date(now())).name


add_credit_check_routes(
    blp,
    signed_in_officer("department_officer", "score_officer", "window_officer"),
    code=_code,
    name=_name,
    by=lambda: current_officer().name,
)
