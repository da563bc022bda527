"""The console of a source department's officer: credit checks by file (批量信用核查)."""

from __future__ import annotations

from flask_smorest import Blueprint

from backend.web import API_PREFIX
from backend.web.credit_checks import add_credit_check_routes
from backend.web.guards import current_officer, signed_in_officer

blp = Blueprint(
    "admin credit checks", __name__, url_prefix=f"{API_PREFIX}/admin/credit-checks", description="批量信用核查"
)

add_credit_check_routes(
    blp,
    signed_in_officer("department_officer"),
    # Accounts of this role always name a department.
    department_code=lambda: str(current_officer().department_code),
    asked_by=lambda: current_officer().name,
)
