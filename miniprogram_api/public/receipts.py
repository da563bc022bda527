"""Checking a receipt that a citizen kept: is it ours, and is it still what we have?"""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import INCLUDE, Schema, fields

from backend.authorizations.receipts import check_receipt
from backend.web import API_PREFIX
from backend.web.context import reading, services
from backend.web.guards import limited, open_to_all

blp = Blueprint(
    "public receipts", __name__, url_prefix=f"{API_PREFIX}/public/receipts", description="授权凭证查验（公开）"
)


class ReceiptToCheck(Schema):
    """The receipt as it was downloaded, whole."""

    class Meta:
        unknown = INCLUDE

    digest = fields.String(required=True, metadata={"description": "凭证中的摘要"})
    signature = fields.String(required=True, metadata={"description": "凭证中的签名"})


class ReceiptVerdict(Schema):
    verdict = fields.String(
        required=True,
        metadata={
            "description": "current 真实且是最新，superseded 真实但此后又有变化，"
            "differs 真实但与本市现存内容不一致，forged 不是本市出具或被改动过"
        },
    )


@blp.route("/check")
class ReceiptCheck(MethodView):
    @open_to_all
    @limited("public_receipt_check", most=60, window_seconds=60)
    @blp.arguments(ReceiptToCheck)
    @blp.response(200, ReceiptVerdict)
    def post(self, body: dict[str, Any]) -> dict[str, str]:
        """查验凭证；提交完整凭证内容，只回答真伪和是否最新

        不需要 Idempotency-Key：只查看，不改变任何内容。
        """
        with reading() as session:
            return {"verdict": check_receipt(session, body, signing_key=services().config.signing_key)}
