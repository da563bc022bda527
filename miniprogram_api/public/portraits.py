"""The public portrait of an enterprise and what became of its codes; never a natural person."""

from __future__ import annotations

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from backend.city_calendar import city_date
from backend.portraits.service import PublicPortrait, public_portrait
from backend.subjects.history import SCHEME_NAMES, CodeHistory, code_history
from backend.subjects.models import ROLE_NAMES, Subject
from backend.subjects.service import get_public_subject
from backend.web import API_PREFIX
from backend.web.context import now, reading, services
from backend.web.guards import limited, open_to_all
from miniprogram_api.public.caching import cacheable

blp = Blueprint(
    "public portraits", __name__, url_prefix=f"{API_PREFIX}/public/enterprises", description="企业公示画像"
)


class PublicName(Schema):
    code = fields.String(required=True, metadata={"description": "统一社会信用代码"})
    name = fields.String(required=True, metadata={"description": "名称"})
    status = fields.String(required=True, metadata={"description": "active 存续，cancelled 注销，merged 已合并"})


class PublicCode(Schema):
    scheme = fields.String(required=True, metadata={"description": "代码种类"})
    scheme_name = fields.String(required=True, metadata={"description": "代码种类，中文"})
    code = fields.String(required=True, metadata={"description": "代码"})
    valid_from = fields.Date(required=True, allow_none=True, metadata={"description": "启用日期"})
    valid_to = fields.Date(required=True, allow_none=True, metadata={"description": "停用日期"})
    is_present = fields.Boolean(required=True, metadata={"description": "是否现用"})


class PublicHistoryEvent(Schema):
    on = fields.Date(required=True, allow_none=True, metadata={"description": "日期；登记册没有写明时为 null"})
    event = fields.String(required=True, metadata={"description": "registered、renamed、merged 等"})
    event_name = fields.String(required=True, metadata={"description": "登记、更名、合并等"})
    before = fields.String(required=True, allow_none=True, metadata={"description": "变更前"})
    after = fields.String(required=True, allow_none=True, metadata={"description": "变更后"})
    other = fields.Nested(
        PublicName, required=True, allow_none=True, metadata={"description": "承继单位，或被吸收合并的单位"}
    )


class PublicCodeHistory(PublicName):
    codes = fields.List(fields.Nested(PublicCode), required=True, metadata={"description": "现用和曾用的代码"})
    events = fields.List(fields.Nested(PublicHistoryEvent), required=True, metadata={"description": "由早到晚"})
    successors = fields.List(
        fields.Nested(PublicName),
        required=True,
        metadata={"description": "已合并的，由其承继单位起到现存单位止；未合并的为空"},
    )
    former_names = fields.List(fields.String(), required=True, metadata={"description": "曾用名"})


class PublicRelation(Schema):
    enterprise = fields.String(required=True, metadata={"description": "企业的统一社会信用代码"})
    principal = fields.String(required=True, metadata={"description": "关联单位的统一社会信用代码"})
    role = fields.String(required=True, metadata={"description": "shareholder、branch 等"})
    role_name = fields.String(required=True, metadata={"description": "股东、分支机构等"})
    valid_from = fields.Date(required=True, metadata={"description": "起始日期"})


class PublicPortraitResponse(Schema):
    history = fields.Nested(PublicCodeHistory, required=True)
    licences = fields.Integer(required=True, metadata={"description": "公示中的行政许可数"})
    penalties = fields.Integer(required=True, metadata={"description": "公示期内的行政处罚数"})
    commitments = fields.Integer(required=True, metadata={"description": "公示中的信用承诺数"})
    red_list = fields.Integer(required=True, metadata={"description": "现在列入的红名单条数"})
    units = fields.List(
        fields.Nested(PublicName), required=True, metadata={"description": "关联的企业和组织；不含自然人"}
    )
    relations = fields.List(fields.Nested(PublicRelation), required=True)


@blp.route("/<string:code>/codes")
class PublicCodes(MethodView):
    @open_to_all
    @limited("public_page", most=240, window_seconds=60)
    @cacheable
    @blp.response(200, PublicCodeHistory)
    @blp.alt_response(404, description="没有这家单位（enterprise_not_found）")
    def get(self, code: str) -> dict[str, object]:
        """现用代码和旧代码互查，附更名、换码、合并、注销的经过"""
        with reading() as session:
            return _history(code_history(session, services().keys, get_public_subject(session, code)))


@blp.route("/<string:code>/portrait")
class PublicPortraitView(MethodView):
    @open_to_all
    @limited("public_page", most=240, window_seconds=60)
    @cacheable
    @blp.response(200, PublicPortraitResponse)
    @blp.alt_response(404, description="没有这家单位（enterprise_not_found）")
    def get(self, code: str) -> dict[str, object]:
        """依法公开的企业画像：代码和名称的沿革、公示数量、与其他单位的关系"""
        with reading() as session:
            portrait = public_portrait(session, services().keys, code, today=city_date(now()))
            return _portrait(portrait)


def _portrait(portrait: PublicPortrait) -> dict[str, object]:
    page = portrait.page
    units = {node.subject.id: node.subject for node in portrait.graph.nodes}
    return {
        "history": _history(portrait.history),
        "licences": len(page.licences),
        "penalties": len(page.penalties),
        "commitments": len(page.commitments),
        "red_list": len(page.red_list),
        "units": [named(subject) for subject in units.values() if subject is not page.subject],
        "relations": [
            {
                "enterprise": units[edge.enterprise_id].public_code,
                "principal": units[edge.principal_id].public_code,
                "role": edge.role,
                "role_name": ROLE_NAMES[edge.role],
                "valid_from": edge.valid_from,
            }
            for edge in portrait.graph.edges
        ],
    }


def _history(history: CodeHistory) -> dict[str, object]:
    return {
        **named(history.subject),
        "codes": [
            {
                "scheme": code.scheme,
                "scheme_name": SCHEME_NAMES[code.scheme],
                "code": code.code,
                "valid_from": code.valid_from,
                "valid_to": code.valid_to,
                "is_present": code.is_present,
            }
            for code in history.codes
        ],
        "events": [
            {
                "on": event.on,
                "event": event.event,
                "event_name": event.event_name,
                "before": event.before,
                "after": event.after,
                "other": named(event.other) if event.other else None,
            }
            for event in history.events
        ],
        "successors": [named(subject) for subject in history.successors],
        "former_names": history.former_names,
    }


def named(subject: Subject) -> dict[str, object]:
    return {"code": subject.public_code, "name": subject.public_name, "status": subject.status}
