"""What an institution may ask citizens for, where it is answered and with which keys: proposed, then reviewed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields, validate, validates_schema
from sqlalchemy.orm import Session

from backend.authorizations.clients import (
    approved_scopes_of,
    end_scope,
    redirect_uris_of,
    remove_redirect_uri,
)
from backend.authorizations.consent_scopes import CONSENT_SCOPES
from backend.authorizations.models import AccessProposal
from backend.authorizations.proposals import (
    KIND_NAMES,
    ByOfficer,
    decide_proposal,
    describe,
    proposals_of,
    propose_key,
    propose_redirect_uri,
    propose_scope,
    waiting_proposals,
    withdraw_proposal,
)
from backend.authorizations.service import frequency_in_words
from backend.partners.keys import read_public_key
from backend.partners.models import Partner
from backend.partners.service import find_partner, get_partner
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import current_officer, signed_in_officer
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint(
    "officer institutions",
    __name__,
    url_prefix=f"{API_PREFIX}/admin",
    description="机构的授权范围、回调地址和公钥",
)

_MAY_READ = ("score_officer", "reviewer", "auditor")
_PROPOSES = ("score_officer",)
_DECIDES = ("reviewer",)
_GROUNDS = {"description": "依据的机构申请，如来函日期和文号"}


class ScopeInForce(Schema):
    scope = fields.String(required=True)
    name = fields.String(required=True)
    purpose = fields.String(required=True, metadata={"description": "市民在授权页面上读到的用途"})
    longest_days = fields.Integer(required=True)
    frequency = fields.String(required=True, allow_none=True)
    approved_by = fields.String(required=True)
    approved_at = Moment(required=True)


class ScopeOffered(Schema):
    scope = fields.String(required=True)
    name = fields.String(required=True)


class ProposalLine(Schema):
    id = fields.UUID(required=True)
    partner = fields.String(required=True, metadata={"description": "机构代码"})
    partner_name = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(tuple(KIND_NAMES)))
    kind_name = fields.String(required=True)
    what = fields.String(required=True, metadata={"description": "拟办什么，一句话"})
    purpose = fields.String(
        required=True, allow_none=True, metadata={"description": "授权范围的用途；其他为 null"}
    )
    frequency = fields.String(required=True, allow_none=True)
    grounds = fields.String(required=True, metadata=_GROUNDS)
    state = fields.String(
        required=True,
        validate=validate.OneOf(("proposed", "approved", "returned", "withdrawn")),
        metadata={"description": "proposed 待复核，approved 已通过，returned 已退回，withdrawn 已撤回"},
    )
    proposer_name = fields.String(required=True)
    proposed_at = Moment(required=True)
    own = fields.Boolean(required=True, metadata={"description": "由您提出：可以撤回，不能复核"})
    decider_name = fields.String(required=True, allow_none=True)
    decided_at = Moment(required=True, allow_none=True)
    decision_reason = fields.String(required=True, allow_none=True)


class ProposalLines(Schema):
    items = fields.List(fields.Nested(ProposalLine), required=True, metadata={"description": "先提出的在前"})


class InstitutionAccess(Schema):
    scopes = fields.List(fields.Nested(ScopeInForce), required=True)
    offered = fields.List(fields.Nested(ScopeOffered), required=True, metadata={"description": "可以核定的范围"})
    redirect_uris = fields.List(fields.String(), required=True)
    proposals = fields.List(fields.Nested(ProposalLine), required=True, metadata={"description": "新的在前"})


class ScopeProposal(Schema):
    scope = fields.String(required=True, validate=validate.OneOf(tuple(CONSENT_SCOPES)))
    purpose = fields.String(required=True, validate=validate.Length(2, 100))
    longest_days = fields.Integer(required=True, strict=True, validate=validate.Range(1, 3_660))
    frequency_most = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 10_000)
    )
    frequency_days = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 366)
    )
    grounds = fields.String(required=True, validate=validate.Length(4, 200), metadata=_GROUNDS)

    @validates_schema
    def check_frequency(self, data: dict[str, Any], **_: object) -> None:
        if (data["frequency_most"] is None) != (data["frequency_days"] is None):
            raise ValidationError("次数和周期要么都填，要么都不填。", "frequency_days")


class RedirectUriProposal(Schema):
    uri = fields.String(required=True, validate=validate.Length(1, 500))
    grounds = fields.String(required=True, validate=validate.Length(4, 200), metadata=_GROUNDS)


class KeyProposal(Schema):
    public_key = fields.String(required=True, validate=validate.Length(1, 4000))
    grounds = fields.String(required=True, validate=validate.Length(4, 200), metadata=_GROUNDS)


class ProposalDecision(Schema):
    decision = fields.String(required=True, validate=validate.OneOf(("approved", "returned")))
    reason = fields.String(required=True, validate=validate.Length(2, 300))


class UriQuery(Schema):
    uri = fields.String(required=True, validate=validate.Length(1, 500))


@blp.route("/partners/<string:code>/access")
class OneInstitutionAccess(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.response(200, InstitutionAccess)
    def get(self, code: str) -> dict[str, object]:
        """机构现在可以请市民授权什么、在哪里收到回答，以及拟办事项"""
        with reading() as session:
            return _access(session, find_partner(session, code))


@blp.route("/partners/<string:code>/access/scopes")
class ScopeProposals(MethodView):
    @signed_in_officer(*_PROPOSES)
    @idempotent
    @blp.arguments(ScopeProposal)
    @blp.response(201, InstitutionAccess)
    @blp.alt_response(422, description="不是机构（only_institutions_ask），或期限不对（term_required）")
    def post(self, body: dict[str, Any], code: str) -> dict[str, object]:
        """提出核定一项授权范围；由另一位工作人员复核后生效"""
        with transaction() as session:
            partner = find_partner(session, code)
            propose_scope(session, partner, by=_me(), now=now(), **body)
            return _access(session, partner)


@blp.route("/partners/<string:code>/access/scopes/<string:scope>")
class OneScope(MethodView):
    @signed_in_officer(*_PROPOSES)
    @idempotent
    @blp.response(200, InstitutionAccess)
    @blp.alt_response(422, description="没有核定过（scope_unknown）")
    def delete(self, code: str, scope: str) -> dict[str, object]:
        """停止一项授权范围，立即生效；市民据此给的授权同时终止，机构须删除所得信息"""
        with transaction() as session:
            partner = find_partner(session, code)
            end_scope(session, partner, scope=scope, now=now())
            return _access(session, partner)


@blp.route("/partners/<string:code>/access/redirect-uris")
class RedirectUriProposals(MethodView):
    @signed_in_officer(*_PROPOSES)
    @idempotent
    @blp.arguments(RedirectUriProposal)
    @blp.response(201, InstitutionAccess)
    @blp.alt_response(422, description="地址不合格（redirect_uri_not_acceptable）")
    def post(self, body: dict[str, str], code: str) -> dict[str, object]:
        """提出登记一个回调地址；由另一位工作人员复核后生效"""
        with transaction() as session:
            partner = find_partner(session, code)
            propose_redirect_uri(session, partner, by=_me(), now=now(), **body)
            return _access(session, partner)

    @signed_in_officer(*_PROPOSES)
    @idempotent
    @blp.arguments(UriQuery, location="query")
    @blp.response(200, InstitutionAccess)
    @blp.alt_response(404, description="没有登记这个地址（redirect_uri_unknown）")
    def delete(self, query: dict[str, str], code: str) -> dict[str, object]:
        """移除一个回调地址，立即生效；正在进行的授权请求一并停止"""
        with transaction() as session:
            partner = find_partner(session, code)
            remove_redirect_uri(session, partner, query["uri"], now=now())
            return _access(session, partner)


@blp.route("/partners/<string:code>/access/keys")
class KeyProposals(MethodView):
    @signed_in_officer(*_PROPOSES)
    @idempotent
    @blp.arguments(KeyProposal)
    @blp.response(201, InstitutionAccess)
    @blp.alt_response(422, description="公钥不能登记（key_not_acceptable）")
    def post(self, body: dict[str, str], code: str) -> dict[str, object]:
        """提出登记机构的一个新公钥；由另一位工作人员复核后与旧的并存"""
        with transaction() as session:
            partner = find_partner(session, code)
            public_jwk = read_public_key(body["public_key"])
            propose_key(session, partner, public_jwk=public_jwk, grounds=body["grounds"], by=_me(), now=now())
            return _access(session, partner)


@blp.route("/access-proposals")
class WaitingProposals(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.response(200, ProposalLines)
    def get(self) -> dict[str, object]:
        """待复核的拟办事项，先提出的在前"""
        with reading() as session:
            return {"items": [_proposal(session, one) for one in waiting_proposals(session)]}


@blp.route("/access-proposals/<uuid:proposal_id>/decision")
class ProposalDecisions(MethodView):
    @signed_in_officer(*_DECIDES)
    @idempotent
    @blp.arguments(ProposalDecision)
    @blp.response(200, ProposalLine)
    @blp.alt_response(409, description="已经办结（access_proposal_decided）")
    @blp.alt_response(422, description="不能复核自己提出的（proposer_may_not_decide）")
    def post(self, body: dict[str, Any], proposal_id: UUID) -> dict[str, object]:
        """复核：通过立即生效，退回写明原因"""
        with transaction() as session:
            return _proposal(session, decide_proposal(session, proposal_id, by=_me(), now=now(), **body))


@blp.route("/access-proposals/<uuid:proposal_id>/withdrawal")
class ProposalWithdrawal(MethodView):
    @signed_in_officer(*_PROPOSES)
    @idempotent
    @blp.response(200, ProposalLine)
    @blp.alt_response(403, description="不是提出人（only_proposer_withdraws）")
    @blp.alt_response(409, description="已经办结（access_proposal_decided）")
    def post(self, proposal_id: UUID) -> dict[str, object]:
        """撤回自己提出的拟办事项"""
        with transaction() as session:
            return _proposal(session, withdraw_proposal(session, proposal_id, by=_me(), now=now()))


def _me() -> ByOfficer:
    officer = current_officer()
    return ByOfficer(str(officer.officer_id), officer.name)


def _access(session: Session, partner: Partner) -> dict[str, object]:
    session.flush()
    return {
        "scopes": [
            {
                "scope": scope,
                "name": CONSENT_SCOPES[scope].name,
                "purpose": terms.purpose,
                "longest_days": terms.longest_days,
                "frequency": frequency_in_words(terms.frequency_most, terms.frequency_days),
                "approved_by": terms.approved_by,
                "approved_at": terms.approved_at,
            }
            for scope, terms in sorted(approved_scopes_of(session, partner).items())
        ],
        "offered": [{"scope": scope, "name": one.name} for scope, one in CONSENT_SCOPES.items()],
        "redirect_uris": redirect_uris_of(session, partner),
        "proposals": [_proposal(session, one) for one in proposals_of(session, partner.id)],
    }


def _proposal(session: Session, one: AccessProposal) -> dict[str, object]:
    partner = get_partner(session, one.partner_id)
    content = one.content
    return {
        "id": one.id,
        "partner": partner.code,
        "partner_name": partner.name,
        "kind": one.kind,
        "kind_name": KIND_NAMES[one.kind],  # type: ignore[index]
        "what": describe(one),
        "purpose": content.get("purpose"),
        "frequency": frequency_in_words(content.get("frequency_most"), content.get("frequency_days")),
        "grounds": one.grounds,
        "state": one.state,
        "proposer_name": one.proposer_name,
        "proposed_at": one.proposed_at,
        "own": one.proposed_by == str(current_officer().officer_id),
        "decider_name": one.decider_name,
        "decided_at": one.decided_at,
        "decision_reason": one.decision_reason,
    }
