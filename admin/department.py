"""The console of a source department's officer: objections to what the department delivered, repairs of what it
found, supplements that it verifies, and nothing else of anybody; how well the department itself delivers,
and which of its rows are to be corrected."""

from __future__ import annotations

from typing import Any, cast

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from admin.quarantine import (
    QuarantinedRowPage,
    QuarantineQuery,
    ResubmissionRequest,
    ResubmissionResponse,
    page_of_rows,
    resubmit,
)
from backend.city_calendar import city_date
from backend.ledger.service import Actor
from backend.objections.inbox import count_waiting as count_objections
from backend.objections.routing import departments
from backend.records.departments import department_by_code
from backend.records.early_warning import count_lasting
from backend.records.quarantine import count_open
from backend.repairs.service import count_waiting as count_repairs
from backend.supplements.service import count_waiting as count_supplements
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.department_cases import add_repair_routes, add_supplement_routes
from backend.web.department_desk import Desk
from backend.web.department_objections import add_objection_routes
from backend.web.department_quality import add_quality_routes
from backend.web.guards import access_reason, current_officer, signed_in_officer, states_reason
from backend.web.idempotency import idempotent
from backend.web.objections import DepartmentChoices

inbox = Blueprint(
    "department inbox",
    __name__,
    url_prefix=f"{API_PREFIX}/admin/department-inbox",
    description="数源单位的异议待办",
)
cases = Blueprint(
    "department officer cases",
    __name__,
    url_prefix=f"{API_PREFIX}/admin/department",
    description="数源单位经办办理修复与核验申报",
)
quality = Blueprint(
    "department officer quality",
    __name__,
    url_prefix=f"{API_PREFIX}/admin/department",
    description="数源单位经办查看本单位的数据质量和预警",
)
rows = Blueprint(
    "department officer rows",
    __name__,
    url_prefix=f"{API_PREFIX}/admin/department/quarantine",
    description="数源单位经办更正本单位没有入库的行",
)
_ROLE = "department_officer"


class WaitingCases(Schema):
    open = fields.Integer(required=True)
    overdue = fields.Integer(required=True)


class DepartmentWaiting(Schema):
    objections = fields.Nested(WaitingCases, required=True)
    repairs = fields.Nested(WaitingCases, required=True)
    supplements = fields.Nested(WaitingCases, required=True)
    rows = fields.Integer(required=True, metadata={"description": "没有入库、等待更正的行"})
    warnings = fields.Integer(required=True, metadata={"description": "还没有结束的数据预警有几条"})


@inbox.route("/departments")
class DepartmentInboxDepartments(MethodView):
    @signed_in_officer(_ROLE)
    @inbox.response(200, DepartmentChoices)
    def get(self) -> dict[str, object]:
        """目录中的数源单位，供说明应由谁负责"""
        with reading() as session:
            return {"items": departments(session, city_date(now()))}


@cases.route("/waiting")
class DepartmentCasesWaiting(MethodView):
    @signed_in_officer(_ROLE)
    @cases.response(200, DepartmentWaiting)
    def get(self) -> dict[str, object]:
        """等本单位办理的各有几件，其中几件已逾期"""
        with reading() as session:
            today = city_date(now())
            counted = {
                "objections": count_objections(session, _mine(), today),
                "repairs": count_repairs(session, _mine(), today),
                "supplements": count_supplements(session, _mine(), today),
            }
            cases_waiting = {kind: {"open": waiting, "overdue": late} for kind, (waiting, late) in counted.items()}
            name = _my_name(session)
            return {
                **cases_waiting,
                "rows": count_open(session, source_department=name),
                "warnings": count_lasting(session, name),
            }


@rows.route("")
class DepartmentRows(MethodView):
    @signed_in_officer(_ROLE)
    @rows.arguments(QuarantineQuery, location="query")
    @rows.response(200, QuarantinedRowPage)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本单位报送、没有入库的行，先到的在前；证件号码和姓名已脱敏"""
        with reading() as session:
            return page_of_rows(session, query, source_department=_my_name(session))


@rows.route("/<int:row_id>/resubmission")
class DepartmentResubmission(MethodView):
    @signed_in_officer(_ROLE)
    @idempotent
    @rows.arguments(ResubmissionRequest)
    @rows.response(200, ResubmissionResponse)
    @rows.alt_response(404, description="没有这一行，或者不是本单位的（quarantined_row_not_found）")
    @rows.alt_response(409, description="这一行已经处理过（quarantined_row_already_resolved）")
    def post(self, body: dict[str, dict[str, str]], row_id: int) -> dict[str, object]:
        """更正本单位的一行并重新提交；仍有问题时原样保留并说明"""
        with transaction() as session:
            department = department_by_code(session, _mine(), city_date(now()))
            actor = _who(session)
            return resubmit(session, row_id, body["corrections"], by=actor.name, actor=actor, owner=department)


def _mine() -> str:
    # An officer with this role always has a department: adding one without is refused.
    return cast(str, current_officer().department_code)


def _my_name(session: Session) -> str:
    return department_by_code(session, _mine(), city_date(now())).name


def _who(session: Session) -> Actor:
    """The department by its name, for whoever reads who looked, and which of its officers it was."""
    officer = current_officer()
    return Actor(kind="department", id=str(officer.officer_id), name=f"{_my_name(session)}（经办 {officer.name}）")


_DESK = Desk(
    guard=signed_in_officer(_ROLE),
    reads=states_reason,
    department_code=_mine,
    actor=_who,
    purpose=lambda usual: access_reason(),
    channel="console",
)
add_objection_routes(inbox, _DESK)
add_repair_routes(cases, _DESK)
add_supplement_routes(cases, _DESK)
add_quality_routes(
    quality,
    guard=signed_in_officer(_ROLE),
    department_name=_my_name,
    speaker=lambda session: _who(session).name,
)
