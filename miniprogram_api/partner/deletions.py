"""A recipient deletes what it received once the consent has ended, and confirms it (PIPL art. 47)."""

from __future__ import annotations

from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.authorizations.models import Consent, RecipientDeletion
from backend.authorizations.notices import DATA_NAMES
from backend.authorizations.recipient_deletions import confirm_deletion, deletions_asked_of, state_of
from backend.city_calendar import city_date
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from miniprogram_api.partner.access import current_partner, partner_token

blp = Blueprint(
    "partner deletions",
    __name__,
    url_prefix=f"{API_PREFIX}/partner/deletions",
    description="授权终止后的删除与确认",
)
SCOPE = "deletions:confirm"


class AskedDeletion(Schema):
    consent_id = fields.UUID(required=True, metadata={"description": "授权编号"})
    purpose = fields.String(required=True, metadata={"description": "原授权用于什么"})
    data = fields.List(fields.String(), required=True, metadata={"description": "原授权涉及哪些信息"})
    ended_at = Moment(required=True, metadata={"description": "授权终止时刻（UTC）"})
    due_on = fields.Date(required=True, metadata={"description": "最迟删除并确认的日期"})
    overdue = fields.Boolean(required=True, metadata={"description": "已逾期；信用办和本人都已知道"})


class AskedDeletions(Schema):
    items = fields.List(
        fields.Nested(AskedDeletion), required=True, metadata={"description": "期限最近的在前；确认后不再列出"}
    )


class DeletionConfirmation(Schema):
    statement = fields.String(
        required=True,
        validate=validate.Length(5, 500),
        metadata={"description": "删除了什么、怎样删除的，含由此产生的数据；本人会看到"},
    )


class ConfirmedDeletion(Schema):
    consent_id = fields.UUID(required=True)
    confirmed_at = Moment(required=True)


@blp.route("")
class Deletions(MethodView):
    @partner_token(SCOPE)
    @blp.response(200, AskedDeletions)
    def get(self) -> dict[str, object]:
        """授权已经终止、等待本单位删除并确认的"""
        with reading() as session:
            asked = deletions_asked_of(session, current_partner().partner_id)
            return {"items": [_asked(one, consent) for one, consent in asked]}


@blp.route("/<uuid:consent_id>/confirmation")
class Confirmation(MethodView):
    @partner_token(SCOPE)
    @idempotent
    @blp.arguments(DeletionConfirmation)
    @blp.response(200, ConfirmedDeletion)
    @blp.alt_response(404, description="没有等待本单位确认的这项删除（deletion_not_asked）")
    @blp.alt_response(409, description="已经确认过（deletion_already_confirmed）")
    def post(self, body: dict[str, str], consent_id: UUID) -> RecipientDeletion:
        """确认已经删除依这项授权取得的信息；本人会收到通知"""
        with transaction() as session:
            return confirm_deletion(
                session, partner_id=current_partner().partner_id, consent_id=consent_id, now=now(), **body
            )


def _asked(asked: RecipientDeletion, consent: Consent) -> dict[str, object]:
    return {
        "consent_id": consent.id,
        "purpose": consent.purpose,
        "data": [DATA_NAMES.get(category, category) for category in consent.data_categories],
        "ended_at": asked.asked_at,
        "due_on": asked.due_on,
        "overdue": state_of(asked, city_date(now())) == "overdue",
    }
