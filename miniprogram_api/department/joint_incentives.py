"""Joint incentives (联合激励) by a department's own system: initiate, respond, feed back."""

from __future__ import annotations

from flask_smorest import Blueprint

from backend.joint_incentives.service import Party
from backend.ledger.service import Actor
from backend.web import API_PREFIX
from backend.web.joint_incentives import add_asked_routes, add_initiator_routes
from miniprogram_api.department.access import current_department, department_token

blp = Blueprint(
    "department joint incentives",
    __name__,
    url_prefix=f"{API_PREFIX}/department/joint-incentives",
    description="发起联合激励",
)
requests = Blueprint(
    "department incentive requests",
    __name__,
    url_prefix=f"{API_PREFIX}/department/incentive-requests",
    description="响应联合激励并反馈",
)

_GUARD = department_token("incentives:take_part")


def _party() -> Party:
    department = current_department()
    return Party(department, f"{department.name}的系统", Actor("department", department.code, department.name))


add_initiator_routes(blp, read=_GUARD, look=_GUARD, act=_GUARD, party=_party, purpose=lambda: "查看进展")
add_asked_routes(requests, read=_GUARD, look=_GUARD, party=_party, purpose=lambda: "办理请求")
