"""Officers signing in and out, and who is signed in."""

from __future__ import annotations

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.accounts.errors import ROLE_NAMES
from backend.accounts.service import sign_in_officer, sign_out
from backend.web import API_PREFIX
from backend.web.context import now, services, transaction
from backend.web.guards import bearer_token, current_officer, limited, open_to_all, signed_in_officer
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint("officer sign-in", __name__, url_prefix=f"{API_PREFIX}/admin", description="工作人员登录")


class OfficerSignInRequest(Schema):
    username = fields.String(required=True, validate=validate.Length(min=1, max=64))
    password = fields.String(required=True, validate=validate.Length(min=1, max=256), load_only=True)


class OfficerResponse(Schema):
    name = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)
    city_name = fields.String(required=True)


class OfficerSignInResponse(Schema):
    token = fields.String(required=True, metadata={"description": "放入 Authorization: Bearer"})
    officer = fields.Nested(OfficerResponse, required=True)
    expires_at = Moment(required=True)


@blp.route("/sign-in")
class OfficerSignIn(MethodView):
    @open_to_all
    @limited("officer_sign_in", most=60, window_seconds=900)
    @blp.arguments(OfficerSignInRequest)
    @blp.response(201, OfficerSignInResponse)
    def post(self, body: dict[str, str]) -> dict[str, object]:
        """工作人员登录"""
        with transaction() as session:
            signed_in, officer = sign_in_officer(session, **body, now=now())
            return {
                "token": signed_in.token,
                "expires_at": signed_in.expires_at,
                "officer": _answer(officer.name, officer.roles),
            }

    @signed_in_officer(*ROLE_NAMES)
    @idempotent
    @blp.response(204)
    def delete(self) -> None:
        """退出登录，令牌立即失效"""
        with transaction() as session:
            sign_out(session, bearer_token(), now=now())


@blp.route("/me")
class CurrentOfficer(MethodView):
    @signed_in_officer(*ROLE_NAMES)
    @blp.response(200, OfficerResponse)
    def get(self) -> dict[str, object]:
        """当前登录的工作人员"""
        officer = current_officer()
        return _answer(officer.name, sorted(officer.roles))


def _answer(name: str, roles: list[str]) -> dict[str, object]:
    return {"name": name, "roles": roles, "city_name": services().config.city_name}
