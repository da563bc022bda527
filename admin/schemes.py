"""信易+ schemes for officers: every version, its conditions in plain words, its effect, and its approval."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.benefits.conditions import plain_words
from backend.benefits.models import BenefitScheme
from backend.benefits.quota import PERIOD_NAMES, Quota
from backend.benefits.scheme_document import read_document
from backend.benefits.schemes import (
    all_versions,
    approve_scheme,
    get_version,
    import_scheme,
    provider_names,
    return_scheme,
    schemes_in_force,
    simulate_scheme,
    submit_scheme,
)
from backend.city_calendar import city_date
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import current_officer, signed_in_officer
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint("officer schemes", __name__, url_prefix=f"{API_PREFIX}/admin/schemes", description="权益方案")

_MAY_DRAFT = ("score_officer",)
_MAY_APPROVE = ("reviewer",)


class SchemeVersion(Schema):
    code = fields.String(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    scene_name = fields.String(required=True)
    audience = fields.String(required=True)
    state = fields.String(required=True, metadata={"description": "draft、simulated、submitted、approved"})
    in_force = fields.Boolean(required=True, metadata={"description": "今天有效的版本"})
    effective_from = fields.Date(required=True)
    effective_to = fields.Date(required=True, allow_none=True)
    drafted_by = fields.String(required=True)
    submitted_by = fields.String(required=True, allow_none=True)
    approved_by = fields.String(required=True, allow_none=True)
    providers = fields.List(fields.String(), required=True)


class SchemeVersions(Schema):
    items = fields.List(fields.Nested(SchemeVersion), required=True)


class OfficerSchemeTier(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)
    summary = fields.String(required=True)
    conditions = fields.Dict(
        required=True, allow_none=True, metadata={"description": "白话条件；null 表示没有更多条件"}
    )
    quota = fields.String(required=True, allow_none=True)


class ShiftResponse(Schema):
    group = fields.String(required=True)
    size = fields.Integer(required=True)
    before = fields.Integer(required=True)
    after = fields.Integer(required=True)
    gained = fields.Integer(required=True)
    lost = fields.Integer(required=True)


class TierShiftResponse(Schema):
    tier = fields.String(required=True)
    name = fields.String(required=True)
    before = fields.Integer(required=True)
    after = fields.Integer(required=True)


class SimulationResponse(Schema):
    as_of = fields.String(required=True)
    compared_with = fields.Integer(required=True, allow_none=True, metadata={"description": "与哪一版相比"})
    total = fields.Nested(ShiftResponse, required=True)
    tiers = fields.List(fields.Nested(TierShiftResponse), required=True)
    by_district = fields.List(fields.Nested(ShiftResponse), required=True)
    by_grade = fields.List(fields.Nested(ShiftResponse), required=True)


class SchemeInFull(SchemeVersion):
    summary = fields.String(required=True)
    basis = fields.String(required=True)
    conditions = fields.Dict(required=True, metadata={"description": "白话条件：need、reason，或 all、any、not"})
    tiers = fields.List(fields.Nested(OfficerSchemeTier), required=True)
    quota = fields.String(required=True, allow_none=True)
    budget_cents = fields.Integer(required=True, allow_none=True)
    total_uses = fields.Integer(required=True, allow_none=True)
    settlement = fields.String(required=True)
    documents = fields.List(fields.String(), required=True)
    drafted_at = Moment(required=True)
    submitted_at = Moment(required=True, allow_none=True)
    approved_at = Moment(required=True, allow_none=True)
    returned_because = fields.String(required=True, allow_none=True)
    simulation = fields.Nested(SimulationResponse, required=True, allow_none=True)
    document = fields.Dict(required=True, metadata={"description": "方案文件，可下载、修改版本号后再导入"})


class SchemeImport(Schema):
    document = fields.Dict(required=True, metadata={"description": "方案文件（JSON）"})


class SchemeReturn(Schema):
    reason = fields.String(required=True, validate=validate.Length(min=5, max=500))


@blp.route("")
class Schemes(MethodView):
    @signed_in_officer()
    @blp.response(200, SchemeVersions)
    def get(self) -> dict[str, object]:
        """所有方案的所有版本"""
        with reading() as session:
            versions = all_versions(session)
            names = provider_names(session, {scheme.code for scheme in versions})
            in_force = {scheme.id for scheme in schemes_in_force(session, city_date(now()))}
            return {
                "items": [_version(one, providers=names[one.code], is_now=one.id in in_force) for one in versions]
            }

    @signed_in_officer(*_MAY_DRAFT)
    @idempotent
    @blp.arguments(SchemeImport)
    @blp.response(201, SchemeInFull)
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """导入方案，成为草稿；同一文件再次导入不会有变化"""
        with transaction() as session:
            scheme = import_scheme(session, body["document"], drafted_by=current_officer().name, now=now())
            return _in_full(session, scheme)


@blp.route("/<string:code>/<int(max=2147483647):version>")
class OneScheme(MethodView):
    @signed_in_officer()
    @blp.response(200, SchemeInFull)
    def get(self, code: str, version: int) -> dict[str, object]:
        """一个版本的全部内容"""
        with reading() as session:
            return _in_full(session, get_version(session, code=code, version=version))


@blp.route("/<string:code>/<int(max=2147483647):version>/simulation")
class Simulation(MethodView):
    @signed_in_officer(*_MAY_DRAFT)
    @idempotent
    @blp.response(200, SchemeInFull)
    def post(self, code: str, version: int) -> dict[str, object]:
        """测算：对全市逐一判定，谁会得到、谁会失去"""
        with transaction() as session:
            return _in_full(session, simulate_scheme(session, code=code, version=version, now=now()))


@blp.route("/<string:code>/<int(max=2147483647):version>/submission")
class Submission(MethodView):
    @signed_in_officer(*_MAY_DRAFT)
    @idempotent
    @blp.response(200, SchemeInFull)
    def post(self, code: str, version: int) -> dict[str, object]:
        """提交复核"""
        with transaction() as session:
            named = current_officer().name
            return _in_full(
                session, submit_scheme(session, code=code, version=version, submitted_by=named, now=now())
            )


@blp.route("/<string:code>/<int(max=2147483647):version>/approval")
class Approval(MethodView):
    @signed_in_officer(*_MAY_APPROVE)
    @idempotent
    @blp.response(200, SchemeInFull)
    def post(self, code: str, version: int) -> dict[str, object]:
        """批准，自方案写明的日期起生效；不能由起草人、提交人批准"""
        with transaction() as session:
            named = current_officer().name
            return _in_full(
                session, approve_scheme(session, code=code, version=version, approved_by=named, now=now())
            )


@blp.route("/<string:code>/<int(max=2147483647):version>/return")
class Return(MethodView):
    @signed_in_officer(*_MAY_APPROVE)
    @idempotent
    @blp.arguments(SchemeReturn)
    @blp.response(200, SchemeInFull)
    def post(self, body: dict[str, Any], code: str, version: int) -> dict[str, object]:
        """退回起草人，说明原因"""
        with transaction() as session:
            named = current_officer().name
            returned = return_scheme(
                session, code=code, version=version, returned_by=named, reason=body["reason"], now=now()
            )
            return _in_full(session, returned)


def _version(scheme: BenefitScheme, *, providers: Any, is_now: bool) -> dict[str, object]:
    return {
        "code": scheme.code,
        "version": scheme.version,
        "name": scheme.name,
        "scene_name": scheme.document["scene"]["name"],
        "audience": scheme.audience,
        "state": scheme.state,
        "in_force": is_now,
        "effective_from": scheme.effective_from,
        "effective_to": scheme.effective_to,
        "drafted_by": scheme.drafted_by,
        "submitted_by": scheme.submitted_by,
        "approved_by": scheme.approved_by,
        "providers": providers,
    }


def _in_full(session: Any, scheme: BenefitScheme) -> dict[str, object]:
    rules = read_document(scheme.document)
    in_force = {one.id for one in schemes_in_force(session, city_date(now()))}
    providers = provider_names(session, {scheme.code})[scheme.code]
    return {
        **_version(scheme, providers=providers, is_now=scheme.id in in_force),
        "summary": rules.summary,
        "basis": rules.basis,
        "conditions": plain_words(rules.condition),
        "tiers": [
            {
                "code": tier.code,
                "name": tier.name,
                "summary": tier.terms["summary"],
                "conditions": plain_words(tier.condition) if tier.condition else None,
                "quota": _quota(tier.quota),
            }
            for tier in rules.tiers
        ],
        "quota": _quota(rules.quota),
        "budget_cents": rules.budget_cents,
        "total_uses": rules.total_uses,
        "settlement": rules.settlement,
        "documents": rules.documents,
        "drafted_at": scheme.drafted_at,
        "submitted_at": scheme.submitted_at,
        "approved_at": scheme.approved_at,
        "returned_because": scheme.returned_because,
        "simulation": scheme.simulation,
        "document": scheme.document,
    }


def _quota(quota: Quota | None) -> str | None:
    return f"{PERIOD_NAMES[quota.period]} {quota.limit} 次" if quota else None
