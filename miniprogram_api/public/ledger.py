"""The heads of the ledger, for outside witnesses: whoever keeps them can tell later if anything was changed."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.ledger.chain import heads, public_key_of
from backend.web import API_PREFIX
from backend.web.context import reading, services
from backend.web.guards import limited, open_to_all
from backend.web.moments import Moment
from backend.web.pages import PageQuery, page_of, page_schema

blp = Blueprint(
    "public ledger", __name__, url_prefix=f"{API_PREFIX}/public/ledger", description="台账链头（公开）"
)


class HeadsQuery(PageQuery):
    limit = fields.Integer(
        load_default=100, validate=validate.Range(1, 1_000), metadata={"description": "每页段数"}
    )


class HeadResponse(Schema):
    number = fields.Integer(required=True, metadata={"description": "第几段"})
    entry_count = fields.Integer(required=True, metadata={"description": "本段条数"})
    head = fields.String(
        required=True, metadata={"description": "链头：SHA-256(上一段链头 ‖ 各条编号与摘要)，十六进制"}
    )
    signature = fields.String(
        required=True,
        metadata={"description": "对“osmanthus-ledger:段号:条数:封存时刻:”加链头的 Ed25519 签名，十六进制"},
    )
    sealed_at = Moment(required=True, metadata={"description": "封存时刻（UTC）"})


class HeadsPage(page_schema(HeadResponse)):  # type: ignore[misc]
    public_key = fields.String(required=True, metadata={"description": "验签公钥（Ed25519），十六进制"})


@blp.route("/heads")
class Heads(MethodView):
    @open_to_all
    @limited("public_ledger_heads", most=120, window_seconds=60)
    @blp.arguments(HeadsQuery, location="query")
    @blp.response(200, HeadsPage)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """台账各段的链头，新的在前；不含任何个人信息"""
        with reading() as session:
            found = heads(session, before_number=query["cursor"], limit=query["limit"] + 1)
        page = page_of(found, query["limit"], key=lambda head: head.number)
        return {**page, "public_key": public_key_of(services().config.signing_key).hex()}
