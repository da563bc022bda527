"""A department's system asks about a list of subjects (批量信用核查)."""

from __future__ import annotations

from flask_smorest import Blueprint

from backend.web import API_PREFIX
from backend.web.credit_checks import add_credit_check_routes
from miniprogram_api.department.access import current_department, department_token

blp = Blueprint(
    "department credit checks",
    __name__,
    url_prefix=f"{API_PREFIX}/department/credit-checks",
    description="批量信用核查",
)

add_credit_check_routes(
    blp,
    department_token("credit:check"),
    code=lambda: current_department().code,
    name=lambda _session: current_department().name,
    by=lambda: f"{current_department().name}的系统",
)
