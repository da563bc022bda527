"""Whoever applies at the window in somebody's matter: who may, and what every such request says about them."""

from __future__ import annotations

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.subjects.applicants import applicants
from backend.web import API_PREFIX
from backend.web.guards import signed_in_officer

blp = Blueprint("applicants", __name__, url_prefix=f"{API_PREFIX}/admin/applicants", description="窗口申请人")


class WindowRequest(Schema):
    """In whose matter, who applies, and that the officer has checked it."""

    identifier = fields.String(
        required=True,
        validate=validate.Length(15, 32),
        metadata={"description": "当事人的公民身份号码或统一社会信用代码"},
    )
    applicant = fields.String(
        required=True,
        validate=validate.OneOf(applicants()),
        metadata={"description": "谁到窗口申请，见 GET /admin/applicants"},
    )
    applicant_checked = fields.Boolean(
        required=True,
        truthy={True},
        falsy={False},
        validate=validate.Equal(True, error="须先核对申请人应当出示的证件和材料。"),
        metadata={"description": "已核对申请人应当出示的证件和材料，必须为 true"},
    )


class ApplicantResponse(Schema):
    code = fields.String(required=True, validate=validate.OneOf(applicants()))
    name = fields.String(required=True)
    papers = fields.String(required=True, metadata={"description": "窗口应当核对的证件和材料"})
    basis = fields.String(required=True, metadata={"description": "申请的依据"})


class ApplicantsResponse(Schema):
    items = fields.List(fields.Nested(ApplicantResponse), required=True)


@blp.route("")
class Applicants(MethodView):
    @signed_in_officer("window_officer")
    @blp.response(200, ApplicantsResponse)
    def get(self) -> dict[str, object]:
        """谁可以到窗口申请信用报告、提出异议，应当核对哪些材料"""
        return {"items": list(applicants().values())}
