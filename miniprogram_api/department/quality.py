"""How well the caller's own department delivers (数据质量): what the credit office sees, for it alone."""

from __future__ import annotations

from flask_smorest import Blueprint

from backend.web import API_PREFIX
from backend.web.department_quality import add_quality_routes
from miniprogram_api.department.access import current_department, department_token

blp = Blueprint(
    "department quality", __name__, url_prefix=f"{API_PREFIX}/department", description="本单位的数据质量"
)
add_quality_routes(
    blp,
    guard=department_token("records:deliver"),
    department_name=lambda _session: current_department().name,
    speaker=lambda _session: current_department().name,
)
