"""Citizens signing in through the city's adapter, and out again."""

from __future__ import annotations

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.accounts.errors import SignInFailed
from backend.accounts.service import sign_in_citizen, sign_out
from backend.subjects.service import get_subject, mask_person_name, masked_identifier, masked_name
from backend.web import API_PREFIX
from backend.web.context import now, services, transaction
from backend.web.guards import bearer_token, limited, open_to_all, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint("citizen sign-in", __name__, url_prefix=f"{API_PREFIX}/sign-in", description="市民登录")


class DemoCitizen(Schema):
    credential = fields.String(required=True, metadata={"description": "登录时作为 credential 提交"})
    name = fields.String(required=True, metadata={"description": "姓名（已脱敏）"})
    story = fields.String(required=True, metadata={"description": "这位虚构市民的信用故事"})


class SignInOptions(Schema):
    adapter = fields.String(required=True, metadata={"description": "本市使用的登录方式"})
    city_name = fields.String(required=True, metadata={"description": "城市名称"})
    demo_citizens = fields.List(
        fields.Nested(DemoCitizen), required=True, metadata={"description": "演示城市可供登录的虚构市民"}
    )


class SignInRequest(Schema):
    adapter = fields.String(
        required=True, validate=validate.Length(1, 32), metadata={"description": "登录方式，见 /sign-in/options"}
    )
    credential = fields.String(
        required=True, validate=validate.Length(1, 2_048), metadata={"description": "登录方式给出的凭证"}
    )


class SignedInCitizen(Schema):
    name = fields.String(required=True, metadata={"description": "姓名（已脱敏）"})
    identifier = fields.String(required=True, metadata={"description": "公民身份号码（已脱敏）"})


class SignedInResponse(Schema):
    token = fields.String(required=True, metadata={"description": "放入 Authorization: Bearer"})
    expires_at = Moment(required=True, metadata={"description": "到期时刻（UTC）"})
    citizen = fields.Nested(SignedInCitizen, required=True)


@blp.route("/options")
class Options(MethodView):
    @open_to_all
    @blp.response(200, SignInOptions)
    def get(self) -> dict[str, object]:
        """本市的登录方式"""
        sign_in = services().sign_in
        return {
            "adapter": sign_in.adapter,
            "city_name": services().config.city_name,
            "demo_citizens": [
                {
                    "credential": option.credential,
                    "name": mask_person_name(option.name),
                    "story": option.story,
                }
                for option in sign_in.options()
            ],
        }


@blp.route("")
class SignIn(MethodView):
    @open_to_all
    @limited("citizen_sign_in", most=60, window_seconds=300)
    @blp.arguments(SignInRequest)
    @blp.response(201, SignedInResponse)
    def post(self, body: dict[str, str]) -> dict[str, object]:
        """登录"""
        sign_in = services().sign_in
        if body["adapter"] != sign_in.adapter:
            raise SignInFailed
        with transaction() as session:
            subject_id = sign_in.authenticate(session, body["credential"])
            signed_in = sign_in_citizen(session, subject_id=subject_id, now=now())
            subject = get_subject(session, subject_id)
            return {
                "token": signed_in.token,
                "expires_at": signed_in.expires_at,
                "citizen": {
                    "name": masked_name(services().keys, subject),
                    "identifier": masked_identifier(services().keys, subject),
                },
            }

    @signed_in_citizen
    @idempotent
    @blp.response(204)
    def delete(self) -> None:
        """退出登录，令牌立即失效"""
        with transaction() as session:
            sign_out(session, bearer_token(), now=now())
