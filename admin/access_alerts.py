"""Alerts about officers' reading (访问预警): the officer explains, an auditor decides, nobody about themselves."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from admin.ledger import AuditedEntry, audited_entry
from backend.accounts.models import Officer
from backend.oversight.alerts import (
    alerts_about,
    alerts_in,
    check_not_own,
    decide_alert,
    entries_of,
    explain_alert,
    get_alert,
    timeline,
)
from backend.oversight.models import AccessAlert
from backend.oversight.rules import rules_on
from backend.oversight.search import note_search
from backend.oversight.states import ALERT_STATE_NAMES, RULE_NAMES
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import (
    access_reason,
    current_officer,
    officer_as_actor,
    signed_in_officer,
    states_reason,
)
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.pages import PageQuery, page_of, page_schema

blp = Blueprint(
    "officer access alerts", __name__, url_prefix=f"{API_PREFIX}/admin/access-alerts", description="访问预警"
)
own = Blueprint(
    "officer own access alerts",
    __name__,
    url_prefix=f"{API_PREFIX}/admin/own-access-alerts",
    description="对本人查看的预警",
)


class AlertsQuery(PageQuery):
    state = fields.String(
        load_default=None,
        validate=validate.OneOf(tuple(ALERT_STATE_NAMES)),
        metadata={"description": "不填为尚未审计的全部"},
    )


class AccessAlertResponse(Schema):
    id = fields.Integer(required=True)
    officer = fields.String(required=True)
    rule = fields.String(required=True)
    rule_name = fields.String(required=True)
    day = fields.Date(required=True)
    figures = fields.List(fields.String(), required=True, metadata={"description": "触发预警的数字，成句"})
    state = fields.String(required=True, validate=validate.OneOf(tuple(ALERT_STATE_NAMES)))
    raised_at = Moment(required=True)
    explain_due_on = fields.Date(required=True)
    explanation = fields.String(required=True, allow_none=True)
    explained_at = Moment(required=True, allow_none=True)
    decision = fields.String(required=True, allow_none=True)
    decided_at = Moment(required=True, allow_none=True)
    is_own = fields.Boolean(required=True, metadata={"description": "所涉的就是您本人，须由他人审计"})


class ReadingDay(Schema):
    day = fields.Date(required=True)
    count = fields.Integer(required=True)
    late = fields.Integer(required=True, metadata={"description": "其中在规定时间以外的"})


class AccessAlertInFull(AccessAlertResponse):
    basis = fields.String(required=True, metadata={"description": "所依规则的依据"})
    rules_from = fields.Date(required=True, metadata={"description": "所依规则的施行日期"})
    timeline = fields.List(fields.Nested(ReadingDay), required=True, metadata={"description": "此前 30 天"})
    entries = fields.List(
        fields.Nested(AuditedEntry), required=True, metadata={"description": "所涉查看，新的在前"}
    )


class OwnAlertsResponse(Schema):
    items = fields.List(fields.Nested(AccessAlertResponse), required=True)


class AlertDecisionRequest(Schema):
    outcome = fields.String(
        required=True,
        validate=validate.OneOf(("accept", "escalate")),
        metadata={"description": "accept 说明可接受，escalate 移送处理"},
    )
    decision = fields.String(required=True, validate=validate.Length(min=4, max=1_000))


class AlertExplanationRequest(Schema):
    explanation = fields.String(required=True, validate=validate.Length(min=4, max=1_000))


@blp.route("")
class AccessAlerts(MethodView):
    @signed_in_officer("auditor")
    @blp.arguments(AlertsQuery, location="query")
    @blp.response(200, page_schema(AccessAlertResponse))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """访问预警，新的在前；不含被查看人的信息"""
        with reading() as session:
            found = alerts_in(session, state=query["state"], before_id=query["cursor"], limit=query["limit"] + 1)
            page = page_of(found, query["limit"], key=lambda alert: alert.id)
            return page | {"items": [_alert(session, alert) for alert in found[: query["limit"]]]}


@blp.route("/<int:alert_id>")
class OneAccessAlert(MethodView):
    @signed_in_officer("auditor")
    @states_reason
    @blp.response(200, AccessAlertInFull)
    @blp.alt_response(404, description="没有这条预警（alert_not_found）")
    def get(self, alert_id: int) -> dict[str, object]:
        """一条预警的全部内容：所涉查看、此前 30 天的查看量；查看记入台账"""
        with transaction() as session:
            alert = get_alert(session, alert_id)
            check_not_own(alert, current_officer().officer_id)
            return _in_full(session, alert, reason=access_reason())


@blp.route("/<int:alert_id>/decision")
class AccessAlertDecision(MethodView):
    @signed_in_officer("auditor")
    @idempotent
    @blp.arguments(AlertDecisionRequest)
    @blp.response(200, AccessAlertResponse)
    @blp.alt_response(404, description="没有这条预警（alert_not_found）")
    @blp.alt_response(409, description="当前状态不允许（alert_not_in_state）")
    def post(self, body: dict[str, Any], alert_id: int) -> dict[str, object]:
        """审计一条预警；不能审计与自己有关的（self_review）"""
        with transaction() as session:
            alert = decide_alert(
                session,
                alert_id=alert_id,
                auditor_id=current_officer().officer_id,
                event=body["outcome"],
                decision=body["decision"],
                now=now(),
            )
            return _alert(session, alert)


@own.route("")
class OwnAccessAlerts(MethodView):
    @signed_in_officer()
    @own.response(200, OwnAlertsResponse)
    def get(self) -> dict[str, object]:
        """对本人查看的预警，新的在前"""
        with reading() as session:
            alerts = alerts_about(session, current_officer().officer_id)
            return {"items": [_alert(session, alert) for alert in alerts]}


@own.route("/<int:alert_id>/explanation")
class OwnAccessAlertExplanation(MethodView):
    @signed_in_officer()
    @idempotent
    @own.arguments(AlertExplanationRequest)
    @own.response(200, AccessAlertResponse)
    @own.alt_response(404, description="没有这条预警（alert_not_found）")
    @own.alt_response(409, description="已经说明或已经审计（alert_not_in_state）")
    def post(self, body: dict[str, Any], alert_id: int) -> dict[str, object]:
        """说明为什么这样查看；只能由本人说明一次"""
        with transaction() as session:
            alert = explain_alert(
                session, alert_id=alert_id, officer_id=current_officer().officer_id, now=now(), **body
            )
            return _alert(session, alert)


def _in_full(session: Session, alert: AccessAlert, *, reason: str) -> dict[str, object]:
    entries = entries_of(session, alert.id)
    shown = [audited_entry(session, entry) for entry in entries]
    note_search(session, entries, auditor=officer_as_actor(), reason=reason, action="access_audited", now=now())
    return {
        **_alert(session, alert),
        "basis": rules_on(alert.day).basis,
        "rules_from": alert.rules_from,
        "timeline": timeline(session, alert),
        "entries": shown,
    }


def _alert(session: Session, alert: AccessAlert) -> dict[str, object]:
    return {
        "id": alert.id,
        "officer": session.get_one(Officer, alert.officer_id).name,
        "rule": alert.rule,
        "rule_name": RULE_NAMES[alert.rule],
        "day": alert.day,
        "figures": _figures(alert),
        "state": alert.state,
        "raised_at": alert.raised_at,
        "explain_due_on": alert.explain_due_on,
        "explanation": alert.explanation,
        "explained_at": alert.explained_at,
        "decision": alert.decision,
        "decided_at": alert.decided_at,
        "is_own": alert.officer_id == current_officer().officer_id,
    }


def _figures(alert: AccessAlert) -> list[str]:
    figures = alert.figures
    match alert.rule:
        case "volume":
            mean, peers = figures["own_daily_mean"], figures["peer_median"]
            return [
                f"当天查看 {figures['count']} 次",
                f"本人此前日均 {mean} 次" if mean is not None else "本人此前没有查看",
                f"同事当天中位数 {peers:g} 次" if peers is not None else "同事当天没有查看",
            ]
        case "out_of_hours":
            return [f"{figures['count']} 次", "当天是工作日" if figures["working_day"] else "当天不是工作日"]
        case "own_record":
            return [f"查看本人记录 {figures['count']} 次"]
        case "same_surname" | "neighbours":
            return [f"{figures['persons']} 人，占当天所看 {figures['of']} 人"]
        case "repeated":
            return [f"{figures['within_days']} 天内有 {figures['days']} 天查看同一人"]
        case _:
            return [f"{figures['count']} 次查看没有对应的事项"]
