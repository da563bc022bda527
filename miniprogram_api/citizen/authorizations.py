"""The citizen's consents: who may use what, what for, how long; deciding, pausing, withdrawing in one step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.authorizations.end_reasons import end_reasons_of
from backend.authorizations.models import Consent, RecipientDeletion
from backend.authorizations.notices import DATA_NAMES
from backend.authorizations.receipts import receipt_of
from backend.authorizations.recipient_deletions import deletions_for, state_of
from backend.authorizations.service import (
    can_withdraw,
    consents_of,
    decide_request,
    frequency_in_words,
    owner_of,
    pause_consent,
    reconfirm_consent,
    reconfirm_due_at,
    resume_consent,
)
from backend.city_calendar import city_date
from backend.ledger.service import last_uses
from backend.scores.activation import withdraw_authorization
from backend.subjects.acting import subjects_of
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import current_subject_id, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from miniprogram_api.citizen.acting import ActingQuery, acting

blp = Blueprint(
    "citizen authorizations", __name__, url_prefix=f"{API_PREFIX}/me/authorizations", description="授权管理"
)


class RecipientDeletionResponse(Schema):
    due_on = fields.Date(required=True, metadata={"description": "对方最迟删除并确认的日期"})
    state = fields.String(
        required=True,
        validate=validate.OneOf(("waiting", "overdue", "confirmed")),
        metadata={"description": "waiting 期限内，overdue 逾期未确认（信用办已收到提醒），confirmed 对方已确认"},
    )
    confirmed_at = Moment(required=True, allow_none=True, metadata={"description": "对方确认的时刻（UTC）"})
    statement = fields.String(required=True, allow_none=True, metadata={"description": "对方说明删除了什么"})


class AuthorizationResponse(Schema):
    id = fields.UUID(required=True, metadata={"description": "同意的编号"})
    kind = fields.String(required=True, metadata={"description": "activation 开通信用分，sharing 单独授权"})
    on_behalf_of = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "法定代表人代哪家企业授权（名称和统一社会信用代码）；本人的为 null"},
    )
    recipient = fields.String(required=True, metadata={"description": "给谁使用"})
    purpose = fields.String(required=True, metadata={"description": "用于什么"})
    data = fields.List(fields.String(), required=True, metadata={"description": "使用哪些信息"})
    output = fields.String(required=True, metadata={"description": "对方最终得知什么"})
    mode = fields.String(required=True, metadata={"description": "once 只用一次，until_expiry 期限内可多次"})
    frequency = fields.String(
        required=True, allow_none=True, metadata={"description": "约定的次数；没有另外约定时为 null"}
    )
    longest_days = fields.Integer(
        required=True, allow_none=True, metadata={"description": "对方请求的最长期限（天）；等您决定时可改短"}
    )
    state = fields.String(
        required=True,
        metadata={
            "description": "requested 等您决定，given 生效中，refused 已拒绝，paused 已暂停，"
            "withdrawn 已撤回，expired 已到期"
        },
    )
    requested_at = Moment(required=True, metadata={"description": "提出时刻（UTC）"})
    given_at = Moment(required=True, allow_none=True, metadata={"description": "同意时刻（UTC）"})
    expires_at = Moment(
        required=True, allow_none=True, metadata={"description": "到期时刻（UTC）；直到撤回为止时为 null"}
    )
    ended_at = Moment(required=True, allow_none=True, metadata={"description": "结束时刻（UTC）"})
    end_reason = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "不是由您撤回、也不是到期而结束时，结束的原因；其他情形为 null"},
    )
    last_used_at = Moment(
        required=True, allow_none=True, metadata={"description": "最近一次使用（取自台账）；没有用过时为 null"}
    )
    reconfirm_due_at = Moment(
        required=True, allow_none=True, metadata={"description": "到这一时刻会提醒您再确认一次；不需要时为 null"}
    )
    recipient_deletion = fields.Nested(
        RecipientDeletionResponse,
        required=True,
        allow_none=True,
        metadata={"description": "终止后对方删除所得信息的情况；没有终止或没有对方时为 null"},
    )
    can_withdraw = fields.Boolean(required=True, metadata={"description": "现在可以撤回"})
    can_pause = fields.Boolean(required=True, metadata={"description": "现在可以暂停"})


class AuthorizationsResponse(Schema):
    items = fields.List(fields.Nested(AuthorizationResponse), required=True, metadata={"description": "新的在前"})


class AuthorizationDecisionRequest(Schema):
    agreed = fields.Boolean(
        required=True, truthy={True}, falsy={False}, metadata={"description": "同意或不同意；不同意无需理由"}
    )
    days = fields.Integer(
        load_default=None,
        strict=True,
        validate=validate.Range(1, 3_660),
        metadata={"description": "同意多少天，不超过 longest_days；不同意时不填"},
    )


class ReceiptConsent(Schema):
    id = fields.String(required=True)
    kind = fields.String(required=True)
    on_behalf_of = fields.String(metadata={"description": "代哪家企业授权；本人的没有这个成员"})
    recipient = fields.String(required=True)
    purpose = fields.String(required=True)
    data = fields.List(fields.String(), required=True)
    output = fields.String(required=True)
    mode = fields.String(required=True)
    frequency_most = fields.Integer(required=True, allow_none=True)
    frequency_days = fields.Integer(required=True, allow_none=True)
    notice_version = fields.String(required=True)
    requested_at = fields.String(required=True)
    expires_at = fields.String(required=True, allow_none=True)


class ReceiptEvent(Schema):
    event = fields.String(required=True)
    at = fields.String(required=True)
    actor = fields.String(required=True)
    reason = fields.String(
        metadata={"description": "不是由您撤回、也不是到期而结束时，结束的原因；其他情形没有这个成员"}
    )


class ReceiptResponse(Schema):
    """摘要是去掉 digest、signature、public_key 后的规范 JSON（键排序、无空格、UTF-8）的 SHA-256。"""

    format = fields.String(required=True)
    issuer = fields.String(required=True, metadata={"description": "出具机构"})
    issued_at = fields.String(required=True, metadata={"description": "出具时刻（UTC）"})
    consent = fields.Nested(ReceiptConsent, required=True, metadata={"description": "同意的全部内容"})
    state = fields.String(required=True, metadata={"description": "出具时的状态"})
    events = fields.List(fields.Nested(ReceiptEvent), required=True, metadata={"description": "由早到晚"})
    digest = fields.String(required=True, metadata={"description": "内容摘要，十六进制"})
    signature = fields.String(required=True, metadata={"description": "Ed25519 签名，十六进制"})
    public_key = fields.String(required=True, metadata={"description": "验签公钥，十六进制"})


@blp.route("")
class MyAuthorizations(MethodView):
    @signed_in_citizen
    @blp.arguments(ActingQuery, location="query")
    @blp.response(200, AuthorizationsResponse)
    @blp.alt_response(403, description="不是该企业的现任法定代表人（not_legal_representative）")
    def get(self, query: dict[str, str | None]) -> dict[str, object]:
        """谁可以知道什么、为什么、到什么时候、最近一次使用；含已结束的"""
        with reading() as session:
            mine = acting(session, query["enterprise"]).subject.id
            uses, deletions, reasons = _about_consents_of(session, mine)
            return {"items": [_answer(one, uses, deletions, reasons) for one in consents_of(session, mine)]}


@blp.route("/<uuid:consent_id>")
class MyAuthorization(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.response(200, AuthorizationResponse)
    @blp.alt_response(404, description="没有这项授权，或者它不属于您（consent_not_found）")
    @blp.alt_response(409, description="当前状态不能撤回（consent_not_in_state）")
    def delete(self, consent_id: UUID) -> dict[str, object]:
        """撤回一项同意，立即生效；撤回开通的同意会同时删除分数"""
        with transaction() as session:
            return _changed(
                session,
                withdraw_authorization(
                    session, subject_id=_owner(session, consent_id), consent_id=consent_id, now=now()
                ),
            )


@blp.route("/<uuid:consent_id>/decision")
class MyAuthorizationDecision(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.arguments(AuthorizationDecisionRequest)
    @blp.response(200, AuthorizationResponse)
    @blp.alt_response(404, description="没有这项请求，或者它不属于您（consent_not_found）")
    @blp.alt_response(409, description="已经决定过或已过期（consent_not_in_state）")
    def post(self, body: dict[str, Any], consent_id: UUID) -> dict[str, object]:
        """决定一项授权请求：同意并选择期限，或者不同意；不同意没有任何其他后果"""
        with transaction() as session:
            consent = decide_request(
                session,
                subject_id=current_subject_id(),
                consent_id=consent_id,
                agreed=body["agreed"],
                expires_at=now() + timedelta(days=body["days"]) if body["days"] else None,
                evidence={"agreed": body["agreed"], "client": request.headers.get("User-Agent", "")[:200]},
                now=now(),
            )
            return _changed(session, consent)


@blp.route("/<uuid:consent_id>/pause")
class MyAuthorizationPause(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.response(200, AuthorizationResponse)
    @blp.alt_response(404, description="没有这项授权，或者它不属于您（consent_not_found）")
    @blp.alt_response(409, description="当前状态不能暂停（consent_not_in_state）")
    def post(self, consent_id: UUID) -> dict[str, object]:
        """暂停一项授权，立即生效；开通信用分的同意不能暂停（pause_not_offered）"""
        with transaction() as session:
            return _changed(
                session,
                pause_consent(session, subject_id=_owner(session, consent_id), consent_id=consent_id, now=now()),
            )


@blp.route("/<uuid:consent_id>/resumption")
class MyAuthorizationResumption(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.response(200, AuthorizationResponse)
    @blp.alt_response(404, description="没有这项授权，或者它不属于您（consent_not_found）")
    @blp.alt_response(409, description="当前状态不能恢复（consent_not_in_state）")
    def post(self, consent_id: UUID) -> dict[str, object]:
        """恢复一项暂停的授权，期限不变"""
        with transaction() as session:
            return _changed(
                session,
                resume_consent(session, subject_id=_owner(session, consent_id), consent_id=consent_id, now=now()),
            )


@blp.route("/<uuid:consent_id>/reconfirmation")
class MyAuthorizationReconfirmation(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.response(200, AuthorizationResponse)
    @blp.alt_response(404, description="没有这项授权，或者它不属于您（consent_not_found）")
    @blp.alt_response(409, description="当前状态不能确认（consent_not_in_state）")
    def post(self, consent_id: UUID) -> dict[str, object]:
        """再次确认一项授权仍然需要；期限不变"""
        with transaction() as session:
            return _changed(
                session,
                reconfirm_consent(
                    session, subject_id=_owner(session, consent_id), consent_id=consent_id, now=now()
                ),
            )


@blp.route("/<uuid:consent_id>/receipt")
class MyAuthorizationReceipt(MethodView):
    @signed_in_citizen
    @blp.response(200, ReceiptResponse)
    @blp.alt_response(404, description="没有这项授权，或者它不属于您（consent_not_found）")
    def get(self, consent_id: UUID) -> dict[str, object]:
        """同意的凭证，由本人留存：含全部内容、经过、摘要和签名"""
        config = services().config
        with reading() as session:
            return receipt_of(
                session,
                subject_id=_owner(session, consent_id),
                consent_id=consent_id,
                issuer=f"{config.city_name}公共信用信息中心",
                signing_key=config.signing_key,
                now=now(),
            )


def _owner(session: Session, consent_id: UUID) -> int:
    """The citizen, or an enterprise that they legally represent today. Raises ConsentNotFound."""
    mine = subjects_of(session, current_subject_id(), city_date(now()))
    return owner_of(session, consent_id, among=mine)


def _changed(session: Session, consent: Consent) -> dict[str, object]:
    session.flush()
    return _answer(consent, *_about_consents_of(session, consent.subject_id))


def _about_consents_of(
    session: Session, subject_id: int
) -> tuple[Mapping[str, datetime], Mapping[UUID, RecipientDeletion], Mapping[UUID, str]]:
    """When each was last used, what its recipient is to delete, and why it ended."""
    return (
        last_uses(session, subject_id),
        deletions_for(session, subject_id),
        end_reasons_of(session, subject_id),
    )


def _answer(
    consent: Consent,
    uses: Mapping[str, datetime],
    deletions: Mapping[UUID, RecipientDeletion],
    reasons: Mapping[UUID, str],
) -> dict[str, object]:
    return {
        "id": consent.id,
        "kind": consent.kind,
        "on_behalf_of": consent.on_behalf_of,
        "recipient": consent.recipient_name,
        "purpose": consent.purpose,
        "data": [DATA_NAMES.get(category, category) for category in consent.data_categories],
        "output": consent.output,
        "mode": consent.mode,
        "frequency": frequency_in_words(consent.frequency_most, consent.frequency_days),
        "longest_days": consent.longest_days,
        "state": consent.state,
        "requested_at": consent.requested_at,
        "given_at": consent.given_at,
        "expires_at": consent.expires_at,
        "ended_at": consent.ended_at,
        "end_reason": reasons.get(consent.id),
        "last_used_at": uses.get("counter" if consent.kind == "activation" else str(consent.id)),
        "reconfirm_due_at": reconfirm_due_at(consent),
        "recipient_deletion": _deletion(deletions.get(consent.id)),
        "can_withdraw": can_withdraw(consent),
        "can_pause": consent.kind == "sharing" and consent.state == "given",
    }


def _deletion(asked: RecipientDeletion | None) -> dict[str, object] | None:
    if asked is None:
        return None
    return {
        "due_on": asked.due_on,
        "state": state_of(asked, city_date(now())),
        "confirmed_at": asked.confirmed_at,
        "statement": asked.statement,
    }
