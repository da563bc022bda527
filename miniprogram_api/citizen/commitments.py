"""Credit commitments (信用承诺): reading a letter, signing it, and the one list of what was promised."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.commitments.models import Commitment
from backend.commitments.one_list import all_commitments_of, listed_signed
from backend.commitments.service import (
    events_of,
    get_own_commitment,
    is_published,
    record_of,
    sign_commitment,
    types_offered_to,
)
from backend.commitments.states import EVENT_NAMES
from backend.commitments.types import letter_for
from backend.subjects.service import get_subject
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import current_citizen, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from miniprogram_api.citizen.acting import ActingQuery, acting
from miniprogram_api.citizen.repairs import LetterResponse, RepairStep

blp = Blueprint("citizen commitments", __name__, url_prefix=f"{API_PREFIX}/me/commitments", description="信用承诺")

_MATTER = fields.String(
    required=True,
    validate=[validate.Length(2, 200), validate.Regexp(r"\s*\S.*\S", error="请写明承诺的事项。")],
    metadata={"description": "就什么事承诺"},
)


class CommitmentTypeResponse(Schema):
    code = fields.String(required=True, metadata={"description": "承诺类型代码"})
    name = fields.String(required=True, metadata={"description": "承诺类型"})
    published = fields.Boolean(required=True, metadata={"description": "签署后按规定公开（仅企业）"})
    needs_due_on = fields.Boolean(required=True, metadata={"description": "须写明履行期限"})


class CommitmentTypesResponse(Schema):
    items = fields.List(fields.Nested(CommitmentTypeResponse), required=True)


class LetterQuery(ActingQuery):
    type = fields.String(required=True, validate=validate.Length(1, 64), metadata={"description": "承诺类型代码"})
    matter = _MATTER


class SigningRequest(ActingQuery):
    type = fields.String(required=True, validate=validate.Length(1, 64), metadata={"description": "承诺类型代码"})
    matter = _MATTER
    letter_sha256 = fields.String(
        required=True,
        validate=validate.Regexp(r"[0-9a-f]{64}$"),
        metadata={"description": "已阅读的承诺书的摘要（sha256）"},
    )
    agreed = fields.Boolean(
        required=True,
        validate=validate.Equal(True, error="请阅读承诺书并勾选同意后再签署。"),
        metadata={"description": "本人已阅读并签署"},
    )
    due_on = fields.Date(load_default=None, allow_none=True, metadata={"description": "最迟履行日期"})


class ListedCommitmentResponse(Schema):
    commitment_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "在本平台签署的编号；由单位报送的为 null"}
    )
    record_id = fields.Integer(required=True, allow_none=True, metadata={"description": "履行结果的记录编号"})
    type_name = fields.String(required=True, metadata={"description": "承诺类型"})
    matter = fields.String(required=True, metadata={"description": "承诺事由"})
    accepted_by = fields.String(required=True, metadata={"description": "受理单位"})
    signed_on = fields.Date(required=True, metadata={"description": "作出日期"})
    due_on = fields.Date(required=True, allow_none=True, metadata={"description": "履行期限"})
    state = fields.String(
        required=True,
        metadata={
            "description": "signed 履行中，fulfilled 已履行，partly_fulfilled 部分履行，broken 未履行，"
            "cancelled 已终止"
        },
    )
    state_name = fields.String(required=True, metadata={"description": "状态名称"})
    record_state = fields.String(
        required=True, allow_none=True, metadata={"description": "结果记录的状态，如 repaired 已修复"}
    )


class CommitmentsResponse(Schema):
    items = fields.List(
        fields.Nested(ListedCommitmentResponse), required=True, metadata={"description": "新的在前"}
    )


class CommitmentInFull(ListedCommitmentResponse):
    code = fields.String(required=True, metadata={"description": "承诺编码"})
    text = fields.String(required=True, metadata={"description": "承诺内容"})
    liability = fields.String(required=True, metadata={"description": "违诺责任"})
    text_sha256 = fields.String(required=True, metadata={"description": "承诺书摘要"})
    signed_by = fields.String(required=True, metadata={"description": "本人，或法定代表人"})
    signed_at = Moment(required=True, metadata={"description": "签署时刻（UTC）"})
    published = fields.Boolean(required=True, metadata={"description": "向社会公开"})
    finding = fields.String(required=True, allow_none=True, metadata={"description": "履行情况的核实结论"})
    steps = fields.List(fields.Nested(RepairStep), required=True, metadata={"description": "由早到晚"})


@blp.route("/types")
class CommitmentTypes(MethodView):
    @signed_in_citizen
    @blp.arguments(ActingQuery, location="query")
    @blp.response(200, CommitmentTypesResponse)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """可以签署的承诺类型"""
        with reading() as session:
            subject = acting(session, query["enterprise"]).subject
            return {
                "items": [
                    {
                        "code": kind.code,
                        "name": kind.name,
                        "published": kind.published and subject.kind == "enterprise",
                        "needs_due_on": kind.needs_due_on,
                    }
                    for kind in types_offered_to(subject)
                ]
            }


@blp.route("/letter")
class CommitmentLetter(MethodView):
    @signed_in_citizen
    @blp.arguments(LetterQuery, location="query")
    @blp.response(200, LetterResponse)
    @blp.alt_response(404, description="没有这种承诺（commitment_type_unknown）")
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """承诺书全文，阅读后签署"""
        letter = letter_for(query["type"], matter=query["matter"].strip(), on=city_date(now()))
        return {
            "title": letter.type.name,
            "text": letter.text,
            "liability": letter.liability,
            "basis": letter.basis,
            "sha256": letter.sha256,
        }


@blp.route("")
class MyCommitments(MethodView):
    @signed_in_citizen
    @blp.arguments(ActingQuery, location="query")
    @blp.response(200, CommitmentsResponse)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本人（或所代表企业）的全部承诺：在本平台签署的和由单位报送的"""
        with reading() as session:
            subject = acting(session, query["enterprise"]).subject
            return {"items": all_commitments_of(session, subject.id)}

    @signed_in_citizen
    @idempotent
    @blp.arguments(SigningRequest)
    @blp.response(201, CommitmentInFull)
    @blp.alt_response(409, description="承诺书内容已变化（letter_changed）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """签署一份承诺"""
        with transaction() as session:
            commitment = sign_commitment(
                session,
                acting=acting(session, body["enterprise"]),
                account_id=current_citizen().account_id,
                type_code=body["type"],
                matter=body["matter"],
                text_sha256=body["letter_sha256"],
                due_on=body["due_on"],
                now=now(),
            )
            return _in_full(session, commitment)


@blp.route("/<uuid:commitment_id>")
class MyCommitment(MethodView):
    @signed_in_citizen
    @blp.arguments(ActingQuery, location="query")
    @blp.response(200, CommitmentInFull)
    @blp.alt_response(404, description="没有这份承诺，或者它不属于您（commitment_not_found）")
    def get(self, query: dict[str, Any], commitment_id: UUID) -> dict[str, object]:
        """一份在本平台签署的承诺：内容、期限和履行情况"""
        with reading() as session:
            subject = acting(session, query["enterprise"]).subject
            return _in_full(session, get_own_commitment(session, commitment_id, [subject.id]))


def _in_full(session: Session, commitment: Commitment) -> dict[str, object]:
    listed = listed_signed(commitment, record_of(session, commitment))
    session.flush()
    return {
        **{name: getattr(listed, name) for name in ListedCommitmentResponse().fields},
        "code": commitment.code,
        "text": commitment.text,
        "liability": commitment.liability,
        "text_sha256": commitment.text_sha256,
        "signed_by": commitment.signed_by,
        "signed_at": commitment.signed_at,
        "published": is_published(commitment, get_subject(session, commitment.subject_id)),
        "finding": commitment.finding,
        "steps": [
            {"event": step.event, "name": EVENT_NAMES[step.event], "at": step.at, "actor": step.actor}  # type: ignore[index]
            for step in events_of(session, commitment.id)
        ],
    }
