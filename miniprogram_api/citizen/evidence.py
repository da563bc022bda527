"""Handing in a photo or a PDF before filing what it proves; the file then goes into the case by its id."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from backend.evidence.service import BY_SUBJECT, get_own_evidence, keep_evidence
from backend.web import API_PREFIX
from backend.web.attachments import EvidenceUpload, attachment
from backend.web.context import now, reading, services, transaction
from backend.web.guards import current_subject_id, limited, signed_in_citizen
from backend.web.idempotency import idempotent

blp = Blueprint("citizen evidence", __name__, url_prefix=f"{API_PREFIX}/me/evidence", description="证明材料")


class EvidenceResponse(Schema):
    id = fields.UUID(required=True, metadata={"description": "材料编号，提交申请时填写"})
    filename = fields.String(required=True, metadata={"description": "文件名"})
    media_type = fields.String(
        required=True, metadata={"description": "保存的格式：照片一律转为 JPEG，PDF 逐页重绘"}
    )
    size = fields.Integer(required=True, metadata={"description": "保存的大小（字节）"})
    pages = fields.Integer(required=True, metadata={"description": "页数"})


@blp.route("")
class MyEvidence(MethodView):
    @signed_in_citizen
    @limited("evidence", most=60, window_seconds=3600)
    @idempotent
    @blp.arguments(EvidenceUpload, location="files")
    @blp.response(201, EvidenceResponse)
    def post(self, files: dict[str, Any]) -> object:
        """上传一份证明材料；24 小时内没有用于任何申请的材料会自动删除"""
        upload = files["file"]
        with transaction() as session:
            return keep_evidence(
                session,
                services().evidence,
                subject_id=current_subject_id(),
                filename=upload.filename or "",
                content=upload.read(),
                uploaded_by=BY_SUBJECT,
                now=now(),
            )


@blp.route("/<uuid:evidence_id>")
class OneEvidence(MethodView):
    @signed_in_citizen
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
    @blp.alt_response(404, description="没有这份材料，或者它不属于您（evidence_not_found）")
    def get(self, evidence_id: UUID) -> Response:
        """下载自己上传的材料"""
        with reading() as session:
            file = get_own_evidence(session, evidence_id, subject_id=current_subject_id())
            return attachment(
                services().evidence.get(file.storage_name), filename=file.filename, media_type=file.media_type
            )
