"""A joint incentive (联合激励) as initiators and asked departments see it, in their own system or the console."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.joint_incentives.models import IncentiveDeed, IncentiveRequest, JointIncentive
from backend.joint_incentives.rules import Measure, incentive_rules_on
from backend.joint_incentives.service import (
    IncentiveState,
    Included,
    Party,
    ask_again,
    events_of,
    feed_back,
    finish,
    get_incentive,
    get_request,
    incentive_of,
    incentives_seen_by,
    included_in,
    initiate,
    is_overdue,
    note_look,
    queue_place,
    request_queue,
    respond,
    state_of,
    withdraw_request,
)
from backend.joint_incentives.states import EVENT_NAMES, STATE_NAMES
from backend.objections.routing import departments
from backend.subjects.service import masked_identifier, masked_name, name_of
from backend.web.cases import CaseEvent, steps_in
from backend.web.clocks import days_left
from backend.web.context import now, reading, services, transaction
from backend.web.guards import View
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.objections import DepartmentChoice
from backend.web.pages import PageQuery, PlaceField, moment_of, page_of, page_schema, place

_MOST_SUBJECTS = 1_000
_Guard = Callable[[View], View]


class MeasureResponse(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "激励措施"})
    basis = fields.String(required=True, metadata={"description": "依据"})
    subject_kinds = fields.List(fields.String(), required=True, metadata={"description": "适用于哪些主体"})


class GroundResponse(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)
    basis = fields.String(required=True, metadata={"description": "法律依据"})
    red_list = fields.String(required=True, metadata={"description": "主体须在这份红名单上"})


class IncentiveOffers(Schema):
    grounds = fields.List(fields.Nested(GroundResponse), required=True)
    measures = fields.List(fields.Nested(MeasureResponse), required=True)
    departments = fields.List(
        fields.Nested(DepartmentChoice), required=True, metadata={"description": "可以请求的单位"}
    )
    most_subjects = fields.Integer(required=True, metadata={"description": "一次最多多少个主体"})
    response_days = fields.Integer(required=True, metadata={"description": "响应期限，工作日"})
    feedback_days = fields.Integer(required=True, metadata={"description": "响应后反馈的期限，工作日"})


class IncentiveForm(Schema):
    ground = fields.String(required=True, validate=validate.Length(1, 64))
    matter = fields.String(
        required=True, validate=validate.Length(2, 100), metadata={"description": "事项，主体会看到"}
    )
    measures = fields.List(fields.String(validate=validate.Length(1, 64)), required=True)
    departments = fields.List(
        fields.String(validate=validate.Length(equal=18)),
        required=True,
        metadata={"description": "请求的单位，统一社会信用代码"},
    )
    subjects = fields.List(
        fields.String(validate=validate.Length(1, 64)),
        required=True,
        validate=validate.Length(max=_MOST_SUBJECTS),
        metadata={"description": "主体的统一社会信用代码或公民身份号码"},
    )


class CaseTitle(Schema):
    name = fields.String(required=True, metadata={"description": "事项"})
    identifier = fields.String(required=True, metadata={"description": "依据与主体数，或发起单位"})


class IncentiveQuery(PageQuery):
    cursor = PlaceField(moment_of)  # type: ignore[assignment]  # a page ordered by moment, not by number
    state = fields.String(
        load_default="open",
        validate=validate.OneOf(("open", "closed")),
        metadata={"description": "open 还有单位待响应或待反馈，closed 已全部办结"},
    )


class IncentiveResponse(Schema):
    id = fields.UUID(required=True)
    subject = fields.Nested(CaseTitle, required=True)
    state = fields.String(required=True, validate=validate.OneOf(("open", "closed")))
    ground_name = fields.String(required=True)
    initiator = fields.String(required=True, metadata={"description": "发起单位"})
    initiated_at = Moment(required=True)
    departments = fields.Integer(required=True, metadata={"description": "请求了几个单位"})
    responded = fields.Integer(required=True, metadata={"description": "几个已响应或说明理由"})
    deeds = fields.Integer(required=True, metadata={"description": "已反馈几项措施"})
    due_on = fields.Date(required=True, allow_none=True, metadata={"description": "最近的期限"})
    overdue = fields.Boolean(required=True, metadata={"description": "有单位逾期"})
    working_days_left = fields.Integer(required=True, allow_none=True)


IncentivePage = page_schema(IncentiveResponse)


class DeedResponse(Schema):
    department = fields.String(required=True)
    measure_name = fields.String(required=True)
    basis = fields.String(required=True)
    text = fields.String(required=True, metadata={"description": "采取了什么措施"})
    done_on = fields.Date(required=True)


class IncludedResponse(Schema):
    row = fields.Integer(required=True, metadata={"description": "名单中的一行，反馈时使用"})
    kind = fields.String(required=True)
    name = fields.String(required=True)
    identifier = fields.String(required=True)
    listed = fields.Boolean(required=True, metadata={"description": "今天仍在红名单上"})
    consent = fields.String(
        required=True,
        validate=validate.OneOf(("not_needed", "waiting", "given", "not_given")),
        metadata={"description": "自然人本人的同意：waiting 等本人决定，given 已同意，not_given 没有或不再同意"},
    )
    deeds = fields.List(fields.Nested(DeedResponse), required=True)


class AskedResponse(Schema):
    id = fields.UUID(required=True)
    department = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(tuple(STATE_NAMES)))
    state_name = fields.String(required=True)
    due_on = fields.Date(required=True, allow_none=True)
    overdue = fields.Boolean(required=True)
    working_days_left = fields.Integer(required=True, allow_none=True)
    measures = fields.List(fields.String(), required=True, metadata={"description": "响应的措施"})
    reply = fields.String(required=True, allow_none=True)
    responded_at = Moment(required=True, allow_none=True)
    events = fields.List(fields.Nested(CaseEvent), required=True)


class IncentiveInFull(IncentiveResponse):
    basis = fields.String(required=True, metadata={"description": "法律依据"})
    initiated_by = fields.String(required=True)
    own = fields.Boolean(required=True, metadata={"description": "由本单位发起，可以撤回或再次请求"})
    measures = fields.List(fields.Nested(MeasureResponse), required=True, metadata={"description": "提出的措施"})
    subjects = fields.List(fields.Nested(IncludedResponse), required=True)
    requests = fields.List(fields.Nested(AskedResponse), required=True)


class RequestQuery(PageQuery):
    cursor = PlaceField(date.fromisoformat)  # type: ignore[assignment]  # a page ordered by day, not by number
    state = fields.String(load_default="asked", validate=validate.OneOf(tuple(STATE_NAMES)))


class IncentiveRequestResponse(Schema):
    id = fields.UUID(required=True)
    subject = fields.Nested(CaseTitle, required=True)
    state = fields.String(required=True, validate=validate.OneOf(tuple(STATE_NAMES)))
    state_name = fields.String(required=True)
    ground_name = fields.String(required=True)
    initiated_at = Moment(required=True)
    due_on = fields.Date(required=True, allow_none=True)
    overdue = fields.Boolean(required=True)
    working_days_left = fields.Integer(required=True, allow_none=True)


IncentiveRequestPage = page_schema(IncentiveRequestResponse)


class IncentiveRequestInFull(IncentiveRequestResponse):
    basis = fields.String(required=True)
    initiator = fields.String(required=True)
    offered = fields.List(fields.Nested(MeasureResponse), required=True, metadata={"description": "提出的措施"})
    measures = fields.List(fields.String(), required=True, metadata={"description": "本单位响应的措施，代码"})
    subjects = fields.List(
        fields.Nested(IncludedResponse),
        required=True,
        metadata={"description": "自然人只有本人同意后才列出；响应以后才有完整姓名和号码"},
    )
    reply = fields.String(required=True, allow_none=True)
    events = fields.List(fields.Nested(CaseEvent), required=True)


class WordsRequest(Schema):
    reason = fields.String(required=True, validate=validate.Length(5, 500), metadata={"description": "对方会看到"})


class ResponseForm(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(("accepted", "declined")))
    measures = fields.List(
        fields.String(validate=validate.Length(1, 64)), load_default=list, metadata={"description": "响应的措施"}
    )
    reply = fields.String(
        load_default="", validate=validate.Length(max=500), metadata={"description": "不采取措施时必填理由"}
    )


class FeedbackForm(Schema):
    row = fields.Integer(required=True, strict=True, validate=validate.Range(1, 2**63 - 1))
    measure = fields.String(required=True, validate=validate.Length(1, 64))
    text = fields.String(
        required=True, validate=validate.Length(5, 500), metadata={"description": "采取了什么措施，主体会看到"}
    )
    done_on = fields.Date(required=True, metadata={"description": "采取措施的日期"})


class FinishForm(Schema):
    explanation = fields.String(
        load_default="",
        validate=validate.Length(max=500),
        metadata={"description": "有主体没有采取措施时必填；发起单位会看到，主体看不到"},
    )


def add_initiator_routes(
    blp: Blueprint,
    *,
    read: _Guard,
    look: _Guard,
    act: _Guard,
    party: Callable[[], Party],
    purpose: Callable[[], str],
) -> None:
    """The routes of one surface for those who initiate and oversee. `look` guards reading subjects, and `purpose`
    is then what their ledger says."""

    @blp.route("/offers")
    class Offers(MethodView):
        @read
        @blp.response(200, IncentiveOffers)
        def get(self) -> dict[str, object]:
            """可以依据什么发起、提出哪些激励措施、请求哪些单位"""
            today = city_date(now())
            rules = incentive_rules_on(today)
            with reading() as session:
                return {
                    "grounds": list(rules.grounds.values()),
                    "measures": list(rules.measures.values()),
                    "departments": [one for one in departments(session, today) if one.code != party().code],
                    "most_subjects": rules.most_subjects,
                    "response_days": rules.response_days,
                    "feedback_days": rules.feedback_days,
                }

    @blp.route("")
    class Incentives(MethodView):
        @read
        @blp.arguments(IncentiveQuery, location="query")
        @blp.response(200, IncentivePage)
        def get(self, query: dict[str, Any]) -> dict[str, object]:
            """发起的联合激励，新的在前；信用办看到全部"""
            with reading() as session:
                found = incentives_seen_by(
                    session,
                    party(),
                    open_ones=query["state"] == "open",
                    after=query["cursor"],
                    limit=query["limit"] + 1,
                )
                page = page_of(
                    found,
                    query["limit"],
                    key=lambda one: place(one.incentive.initiated_at, one.incentive.id),
                )
                return page | {"items": [_incentive(one) for one in found[: query["limit"]]]}

        @act
        @idempotent
        @blp.arguments(IncentiveForm)
        @blp.response(201, IncentiveInFull)
        @blp.alt_response(422, description="有主体不能列入（incentive_subjects_not_eligible），或措施、单位不对")
        def post(self, body: dict[str, Any]) -> dict[str, object]:
            """发起联合激励：只能激励今天在红名单上的主体；自然人须本人同意后单位才能看到"""
            with transaction() as session:
                made = initiate(
                    session,
                    services().keys,
                    party=party(),
                    ground=body["ground"],
                    matter=body["matter"],
                    measures=body["measures"],
                    departments=body["departments"],
                    identifiers=body["subjects"],
                    now=now(),
                    working_days=services().working_days,
                )
                return _in_full(session, made, party())

    @blp.route("/<uuid:incentive_id>")
    class OneIncentive(MethodView):
        @look
        @blp.response(200, IncentiveInFull)
        @blp.alt_response(404, description="没有这件联合激励，或者不由贵单位发起（incentive_not_found）")
        def get(self, incentive_id: UUID) -> dict[str, object]:
            """一件联合激励：各单位的响应和反馈、每个主体得到了什么；查看记入每个主体的台账"""
            with transaction() as session:
                found = get_incentive(session, incentive_id, party())
                _note_all(session, found, party(), purpose())
                return _in_full(session, found, party())

    @blp.route("/<uuid:incentive_id>/requests/<uuid:request_id>/withdrawal")
    class RequestWithdrawal(MethodView):
        @act
        @idempotent
        @blp.arguments(WordsRequest)
        @blp.response(200, IncentiveInFull)
        @blp.alt_response(409, description="已经办结（incentive_state_forbids）")
        def post(self, body: dict[str, Any], incentive_id: UUID, request_id: UUID) -> dict[str, object]:
            """撤回对一个单位的请求"""
            with transaction() as session:
                withdraw_request(
                    session,
                    party=party(),
                    incentive_id=incentive_id,
                    request_id=request_id,
                    reason=body["reason"],
                    now=now(),
                )
                found = get_incentive(session, incentive_id, party())
                _note_all(session, found, party(), "撤回联合激励的请求")
                return _in_full(session, found, party())

    @blp.route("/<uuid:incentive_id>/requests/<uuid:request_id>/asking-again")
    class RequestAskedAgain(MethodView):
        @act
        @idempotent
        @blp.arguments(WordsRequest)
        @blp.response(200, IncentiveInFull)
        @blp.alt_response(409, description="对方没有说明过理由（incentive_state_forbids）")
        def post(self, body: dict[str, Any], incentive_id: UUID, request_id: UUID) -> dict[str, object]:
            """对方说明不采取措施的理由后，再次请求；期限重新计算"""
            with transaction() as session:
                ask_again(
                    session,
                    party=party(),
                    incentive_id=incentive_id,
                    request_id=request_id,
                    reason=body["reason"],
                    now=now(),
                    working_days=services().working_days,
                )
                found = get_incentive(session, incentive_id, party())
                _note_all(session, found, party(), "再次请求联合激励")
                return _in_full(session, found, party())


def add_asked_routes(
    blp: Blueprint, *, read: _Guard, look: _Guard, party: Callable[[], Party], purpose: Callable[[], str]
) -> None:
    """The routes of one surface for the departments that are asked."""

    @blp.route("")
    class Requests(MethodView):
        @read
        @blp.arguments(RequestQuery, location="query")
        @blp.response(200, IncentiveRequestPage)
        def get(self, query: dict[str, Any]) -> dict[str, object]:
            """请求本单位的联合激励，期限最近的在前"""
            with reading() as session:
                found = request_queue(
                    session,
                    department_code=str(party().code),
                    state=query["state"],
                    after=query["cursor"],
                    limit=query["limit"] + 1,
                )
                page = page_of(found, query["limit"], key=lambda one: place(queue_place(one), one.id))
                return page | {"items": [_request(session, one) for one in found[: query["limit"]]]}

    @blp.route("/<uuid:request_id>")
    class OneRequest(MethodView):
        @look
        @blp.response(200, IncentiveRequestInFull)
        @blp.alt_response(404, description="没有这件请求，或者没有请求贵单位（incentive_not_found）")
        def get(self, request_id: UUID) -> dict[str, object]:
            """一件请求：依据、提出的措施和主体；查看记入每个主体的台账"""
            with transaction() as session:
                request = get_request(session, request_id, party())
                incentive = incentive_of(session, request)
                _note_told(session, incentive, party(), purpose())
                return _request_in_full(session, request)

    @blp.route("/<uuid:request_id>/response")
    class RequestResponse(MethodView):
        @read
        @idempotent
        @blp.arguments(ResponseForm)
        @blp.response(200, IncentiveRequestInFull)
        @blp.alt_response(409, description="已经响应或已撤回（incentive_state_forbids）")
        def post(self, body: dict[str, Any], request_id: UUID) -> dict[str, object]:
            """响应并选择采取的措施，或者说明不采取措施的理由"""
            with transaction() as session:
                request = respond(
                    session,
                    party=party(),
                    request_id=request_id,
                    now=now(),
                    working_days=services().working_days,
                    **body,
                )
                _note_told(session, incentive_of(session, request), party(), "响应联合激励")
                return _request_in_full(session, request)

    @blp.route("/<uuid:request_id>/deeds")
    class RequestDeeds(MethodView):
        @read
        @idempotent
        @blp.arguments(FeedbackForm)
        @blp.response(201, IncentiveRequestInFull)
        @blp.alt_response(409, description="还没有响应（incentive_state_forbids）或已经反馈过")
        @blp.alt_response(422, description="主体已不在名单中（incentive_subject_not_included）")
        def post(self, body: dict[str, Any], request_id: UUID) -> dict[str, object]:
            """反馈对一个主体采取的措施；主体立即获知"""
            with transaction() as session:
                feed_back(
                    session,
                    party=party(),
                    request_id=request_id,
                    row_id=body["row"],
                    measure=body["measure"],
                    text=body["text"],
                    done_on=body["done_on"],
                    now=now(),
                )
                request = get_request(session, request_id, party())
                _note_told(session, incentive_of(session, request), party(), "反馈联合激励")
                return _request_in_full(session, request)

    @blp.route("/<uuid:request_id>/finish")
    class RequestFinish(MethodView):
        @read
        @idempotent
        @blp.arguments(FinishForm)
        @blp.response(200, IncentiveRequestInFull)
        @blp.alt_response(409, description="还没有响应（incentive_state_forbids）")
        def post(self, body: dict[str, Any], request_id: UUID) -> dict[str, object]:
            """反馈完毕"""
            with transaction() as session:
                request = finish(
                    session, party=party(), request_id=request_id, explanation=body["explanation"], now=now()
                )
                _note_told(session, incentive_of(session, request), party(), "反馈完毕联合激励")
                return _request_in_full(session, request)


def _note_all(session: Session, incentive: JointIncentive, party: Party, purpose: str) -> None:
    """For the initiator, who is shown everyone it named."""
    for included in included_in(session, incentive, now=now()):
        _note(session, incentive, included, party, purpose)


def _note_told(session: Session, incentive: JointIncentive, party: Party, purpose: str) -> None:
    """For a department that is asked, which is shown those who may be told to it."""
    for included in _told(session, incentive):
        _note(session, incentive, included, party, purpose)


def _note(session: Session, incentive: JointIncentive, included: Included, party: Party, purpose: str) -> None:
    note_look(
        session,
        incentive,
        included.subject.id,
        party.actor,
        action="incentive_viewed",
        purpose=f"联合激励“{incentive.matter}”：{purpose}",
        now=now(),
    )


def _told(session: Session, incentive: JointIncentive) -> Sequence[Included]:
    return [one for one in included_in(session, incentive, now=now()) if one.may_be_told]


def _clock(request: IncentiveRequest) -> dict[str, object]:
    return {
        "due_on": request.due_on,
        "overdue": is_overdue(request, city_date(now())),
        "working_days_left": days_left(request.due_on),
    }


def _measures(incentive: JointIncentive) -> Mapping[str, Measure]:
    """Those offered, by the rules under which it was initiated."""
    known = incentive_rules_on(city_date(incentive.initiated_at)).measures
    return {code: known[code] for code in incentive.measures}


def _incentive(state: IncentiveState) -> dict[str, object]:
    incentive = state.incentive
    today = city_date(now())
    return {
        "id": incentive.id,
        "subject": {
            "name": incentive.matter,
            "identifier": f"{incentive.ground_name} · {state.subjects} 个主体",
        },
        "state": "open" if state.open else "closed",
        "ground_name": incentive.ground_name,
        "initiator": incentive.initiator,
        "initiated_at": incentive.initiated_at,
        "departments": len(state.requests),
        "responded": sum(request.responded_at is not None for request in state.requests),
        "deeds": state.deeds,
        "due_on": state.due_on,
        "overdue": any(is_overdue(request, today) for request in state.requests),
        "working_days_left": days_left(state.due_on),
    }


def _in_full(session: Session, incentive: JointIncentive, party: Party) -> dict[str, object]:
    session.flush()
    state = state_of(session, incentive)
    names = {request.id: request.department for request in state.requests}
    measures = _measures(incentive)
    return {
        **_incentive(state),
        "basis": incentive.basis,
        "initiated_by": incentive.initiated_by,
        "own": incentive.initiator_code == party.code,
        "measures": list(measures.values()),
        "subjects": [_included(one, names, whole=False) for one in included_in(session, incentive, now=now())],
        "requests": [
            {
                "id": request.id,
                "department": request.department,
                "state": request.state,
                "state_name": STATE_NAMES[request.state],  # type: ignore[index]
                **_clock(request),
                "measures": [measures[code].name for code in request.measures],
                "reply": request.reply,
                "responded_at": request.responded_at,
                "events": steps_in(events_of(session, request.id), EVENT_NAMES),
            }
            for request in state.requests
        ],
    }


def _request(session: Session, request: IncentiveRequest) -> dict[str, object]:
    incentive = incentive_of(session, request)
    return {
        "id": request.id,
        "subject": {"name": incentive.matter, "identifier": f"{incentive.initiator}发起"},
        "state": request.state,
        "state_name": STATE_NAMES[request.state],  # type: ignore[index]
        "ground_name": incentive.ground_name,
        "initiated_at": incentive.initiated_at,
        **_clock(request),
    }


def _request_in_full(session: Session, request: IncentiveRequest) -> dict[str, object]:
    session.flush()
    incentive = incentive_of(session, request)
    mine = {request.id: request.department}
    # Whoever is to be helped has to be found; before the department agreed to help it need not know whom.
    whole = request.state == "accepted"
    return {
        **_request(session, request),
        "basis": incentive.basis,
        "initiator": incentive.initiator,
        "offered": list(_measures(incentive).values()),
        "measures": request.measures,
        "subjects": [_included(one, mine, whole=whole) for one in _told(session, incentive)],
        "reply": request.reply,
        "events": steps_in(events_of(session, request.id), EVENT_NAMES),
    }


def _included(one: Included, departments: Mapping[UUID, str], *, whole: bool) -> dict[str, object]:
    keys, subject = services().keys, one.subject
    return {
        "row": one.row.id,
        "kind": subject.kind,
        "name": name_of(keys, subject) if whole else masked_name(keys, subject),
        "identifier": (
            keys.open(subject.identifier_sealed)
            if whole and subject.public_code is None
            else masked_identifier(keys, subject)
        ),
        "listed": one.listed,
        "consent": one.consent,
        "deeds": [_deed(deed, departments) for deed in one.deeds if deed.request_id in departments],
    }


def _deed(deed: IncentiveDeed, departments: Mapping[UUID, str]) -> dict[str, object]:
    return {
        "department": departments[deed.request_id],
        "measure_name": deed.measure_name,
        "basis": deed.basis,
        "text": deed.text,
        "done_on": deed.done_on,
    }
