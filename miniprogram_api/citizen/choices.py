"""What the citizen does not want to have recorded (数据选择)."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.choices.service import declinable, decline, declined_by, take_back
from backend.records.service import records_of
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import current_subject_id, signed_in_citizen
from backend.web.idempotency import idempotent

blp = Blueprint(
    "citizen data choices", __name__, url_prefix=f"{API_PREFIX}/me/data-choices", description="数据选择"
)


class DataChoice(Schema):
    category = fields.String(required=True, metadata={"description": "类别代码"})
    name = fields.String(required=True, metadata={"description": "类别名称"})
    source_department = fields.String(required=True, metadata={"description": "数源单位"})
    legal_basis = fields.String(required=True, metadata={"description": "归集的法律依据"})
    declined = fields.Boolean(required=True, metadata={"description": "您选择不记录"})
    records = fields.Integer(required=True, metadata={"description": "此前已有的记录条数"})


class DataChoices(Schema):
    items = fields.List(fields.Nested(DataChoice), required=True)


class DataChoiceRequest(Schema):
    category = fields.String(required=True, validate=validate.Length(1, 64), metadata={"description": "类别代码"})
    declined = fields.Boolean(
        required=True, truthy={True}, falsy={False}, metadata={"description": "true 不记录，false 恢复记录"}
    )


@blp.route("")
class MyDataChoices(MethodView):
    @signed_in_citizen
    @blp.response(200, DataChoices)
    def get(self) -> dict[str, object]:
        """可以选择不记录的信息类别，以及现在的选择"""
        with reading() as session:
            return _answer(session)

    @signed_in_citizen
    @idempotent
    @blp.arguments(DataChoiceRequest)
    @blp.response(200, DataChoices)
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """选择不记录一类信息，或者恢复记录；立即生效，不影响其他任何事项（不能选择的类别：not_declinable）"""
        with transaction() as session:
            change = decline if body["declined"] else take_back
            change(session, subject_id=current_subject_id(), category=body["category"], now=now())
            return _answer(session)


def _answer(session: Session) -> dict[str, object]:
    subject_id = current_subject_id()
    declined = declined_by(session, subject_id)
    return {
        "items": [
            {
                "category": category.code,
                "name": category.name,
                "source_department": category.source_department,
                "legal_basis": category.legal_basis,
                "declined": category.code in declined,
                "records": len(records_of(session, subject_id, category=category.code)),
            }
            for category in declinable(session, now=now())
        ]
    }
