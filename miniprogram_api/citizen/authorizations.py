"""The citizen's consents: who may use what, what for and how long, and withdrawing each in one step."""

from __future__ import annotations

from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from backend.authorizations.models import Consent
from backend.authorizations.notices import DATA_NAMES
from backend.authorizations.service import can_withdraw, consents_of
from backend.scores.activation import withdraw_authorization
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import current_subject_id, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint(
    "citizen authorizations", __name__, url_prefix=f"{API_PREFIX}/me/authorizations", description="授权管理"
)


class AuthorizationResponse(Schema):
    id = fields.UUID(required=True, metadata={"description": "同意的编号"})
    kind = fields.String(required=True, metadata={"description": "activation 开通信用分，sharing 单独授权"})
    recipient = fields.String(required=True, metadata={"description": "给谁使用"})
    purpose = fields.String(required=True, metadata={"description": "用于什么"})
    data = fields.List(fields.String(), required=True, metadata={"description": "使用哪些信息"})
    state = fields.String(
        required=True,
        metadata={
            "description": "requested 等您决定，given 生效中，refused 已拒绝，paused 已暂停，"
            "withdrawn 已撤回，expired 已到期"
        },
    )
    given_at = Moment(required=True, allow_none=True, metadata={"description": "同意时刻（UTC）"})
    expires_at = Moment(
        required=True, allow_none=True, metadata={"description": "到期时刻（UTC）；直到撤回为止时为 null"}
    )
    ended_at = Moment(required=True, allow_none=True, metadata={"description": "结束时刻（UTC）"})
    can_withdraw = fields.Boolean(required=True, metadata={"description": "现在可以撤回"})


class AuthorizationsResponse(Schema):
    items = fields.List(fields.Nested(AuthorizationResponse), required=True, metadata={"description": "新的在前"})


@blp.route("")
class MyAuthorizations(MethodView):
    @signed_in_citizen
    @blp.response(200, AuthorizationsResponse)
    def get(self) -> dict[str, object]:
        """本人给出的全部同意，含已结束的"""
        with reading() as session:
            return {"items": [_answer(consent) for consent in consents_of(session, current_subject_id())]}


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
            return _answer(
                withdraw_authorization(session, subject_id=current_subject_id(), consent_id=consent_id, now=now())
            )


def _answer(consent: Consent) -> dict[str, object]:
    return {
        "id": consent.id,
        "kind": consent.kind,
        "recipient": consent.recipient_name,
        "purpose": consent.purpose,
        "data": [DATA_NAMES.get(category, category) for category in consent.data_categories],
        "state": consent.state,
        "given_at": consent.given_at,
        "expires_at": consent.expires_at,
        "ended_at": consent.ended_at,
        "can_withdraw": can_withdraw(consent),
    }
