"""The catalogue 目录 for officers: its versions, what differs between two, and new ones with four eyes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields, validate
from sqlalchemy.orm import Session

from backend.catalogue.document import Category, Change, compare_catalogues
from backend.catalogue.drafts import (
    Proposer,
    changes_of_draft,
    decide_draft,
    drafts,
    get_draft,
    propose_catalogue,
)
from backend.catalogue.models import CatalogueDraft
from backend.catalogue.service import catalogue_in_force, catalogue_version, catalogue_versions
from backend.catalogue.spreadsheet import read_spreadsheet, write_spreadsheet
from backend.catalogue.wording import FIELD_NAMES, change_sentence, said
from backend.city_calendar import city_date
from backend.errors import NotFound
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import current_officer, signed_in_officer
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint(
    "officer catalogue", __name__, url_prefix=f"{API_PREFIX}/admin/catalogue", description="公共信用信息目录"
)

_MAY_PROPOSE = ("data_officer",)
_MAY_DECIDE = ("reviewer",)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_LARGEST_SPREADSHEET = 4 * 1024 * 1024
DRAFT_STATES = ("proposed", "approved", "rejected")


class VersionResponse(Schema):
    version = fields.String(required=True)
    name = fields.String(required=True)
    effective_from = fields.Date(required=True)
    imported_at = Moment(required=True)
    categories = fields.Integer(required=True)
    in_force = fields.Boolean(required=True, metadata={"description": "今天施行的版本"})


class VersionsResponse(Schema):
    items = fields.List(fields.Nested(VersionResponse), required=True)


class CategoryResponse(Schema):
    """A category with its values in words."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    facts = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class VersionInFullResponse(Schema):
    version = fields.String(required=True)
    name = fields.String(required=True)
    effective_from = fields.Date(required=True)
    categories = fields.List(fields.Nested(CategoryResponse), required=True)


class ComparisonQuery(Schema):
    before = fields.String(required=True, metadata={"description": "较早的版本号"})
    after = fields.String(required=True, metadata={"description": "较晚的版本号"})


class CatalogueChangeResponse(Schema):
    """One difference, field by field; for added and removed categories `field` is null."""

    category = fields.String(required=True)
    category_name = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(("added", "removed", "changed")))
    field = fields.String(required=True, allow_none=True)
    field_name = fields.String(required=True, allow_none=True)
    before = fields.String(required=True, allow_none=True)
    after = fields.String(required=True, allow_none=True)
    sentence = fields.String(required=True)


class ComparisonResponse(Schema):
    items = fields.List(fields.Nested(CatalogueChangeResponse), required=True)


class Spreadsheet(fields.String):
    """The bytes of a file, as base64."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            content = base64.b64decode(super()._deserialize(value, attr, data, **kwargs), validate=True)
        except (binascii.Error, ValueError):
            raise ValidationError("文件内容应为 base64。") from None
        if len(content) > _LARGEST_SPREADSHEET:
            raise ValidationError("文件太大，目录表格不应超过 4 MB。")
        return content


class DraftRequest(Schema):
    filename = fields.String(
        required=True, validate=validate.Regexp(r"(?i).+\.(xlsx|csv)$", error="请选择 XLSX 或 CSV 文件。")
    )
    content = Spreadsheet(required=True, metadata={"description": "文件内容，base64"})
    version = fields.String(required=True, validate=validate.Length(1, 32))
    name = fields.String(required=True, validate=validate.Length(2, 100))
    effective_from = fields.Date(required=True)


class DraftDecisionRequest(Schema):
    decision = fields.String(required=True, validate=validate.OneOf(("approved", "rejected")))
    reason = fields.String(required=True, validate=validate.Length(2, 500))


class DraftResponse(Schema):
    id = fields.String(required=True)
    version = fields.String(required=True)
    name = fields.String(required=True)
    effective_from = fields.Date(required=True)
    state = fields.String(required=True, validate=validate.OneOf(DRAFT_STATES))
    proposer_name = fields.String(required=True)
    proposed_at = Moment(required=True)
    decider_name = fields.String(required=True, allow_none=True)
    decided_at = Moment(required=True, allow_none=True)
    decision_reason = fields.String(required=True, allow_none=True)
    is_own = fields.Boolean(required=True, metadata={"description": "本人提交的，须由他人审核"})


class DraftInFullResponse(DraftResponse):
    changes = fields.List(
        fields.Nested(CatalogueChangeResponse), required=True, metadata={"description": "与今天施行的版本相比"}
    )


class DraftsResponse(Schema):
    items = fields.List(fields.Nested(DraftResponse), required=True)


@blp.route("/versions")
class Versions(MethodView):
    @signed_in_officer()
    @blp.response(200, VersionsResponse)
    def get(self) -> dict[str, object]:
        """全部版本，生效晚的在前"""
        today = city_date(now())
        with reading() as session:
            versions = catalogue_versions(session)
            current = next((version for version in versions if version.effective_from <= today), None)
            return {
                "items": [
                    {
                        "version": version.version,
                        "name": version.name,
                        "effective_from": version.effective_from,
                        "imported_at": version.imported_at,
                        "categories": len(version.categories),
                        "in_force": version is current,
                    }
                    for version in versions
                ]
            }


@blp.route("/versions/<string:version>")
class OneVersion(MethodView):
    @signed_in_officer()
    @blp.response(200, VersionInFullResponse)
    @blp.alt_response(404, description="没有这个版本（catalogue_version_not_found）")
    def get(self, version: str) -> dict[str, object]:
        """一个版本的全部类别"""
        with reading() as session:
            catalogue = catalogue_version(session, version)
        return {
            "version": catalogue.version,
            "name": catalogue.name,
            "effective_from": catalogue.effective_from,
            "categories": [_category(category) for category in catalogue.categories.values()],
        }


@blp.route("/comparison")
class Comparison(MethodView):
    @signed_in_officer()
    @blp.arguments(ComparisonQuery, location="query")
    @blp.response(200, ComparisonResponse)
    @blp.alt_response(404, description="没有这个版本（catalogue_version_not_found）")
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """两个版本逐项比较：新增、取消、改了哪一项"""
        with reading() as session:
            before, after = catalogue_version(session, query["before"]), catalogue_version(session, query["after"])
        names = _names([*before.categories.values(), *after.categories.values()])
        return {"items": [_change(change, names) for change in compare_catalogues(before, after)]}


@blp.route("/template.xlsx")
class SpreadsheetTemplate(MethodView):
    @signed_in_officer()
    @blp.response(200, {"type": "string", "format": "binary"}, content_type=_XLSX)
    def get(self) -> Response:
        """下载目录表格模板，已填好今天施行的各类别"""
        with reading() as session:
            try:
                catalogue = catalogue_in_force(session, city_date(now()))
            except NotFound:
                catalogue = None
        response = Response(write_spreadsheet(catalogue), content_type=_XLSX)
        response.headers["Content-Disposition"] = 'attachment; filename="catalogue.xlsx"'
        response.headers["Cache-Control"] = "no-store"
        return response


@blp.route("/drafts")
class Drafts(MethodView):
    @signed_in_officer()
    @blp.response(200, DraftsResponse)
    def get(self) -> dict[str, object]:
        """目录草案，新的在前"""
        with reading() as session:
            return {"items": [_draft(draft) for draft in drafts(session)]}

    @signed_in_officer(*_MAY_PROPOSE)
    @idempotent
    @blp.arguments(DraftRequest)
    @blp.response(201, DraftInFullResponse)
    @blp.alt_response(409, description="版本号已经用过（catalogue_version_exists）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """提交新版目录表格；每一格的问题和违反的规定逐一列出，合规的交由另一人审核"""
        text, _ = read_spreadsheet(
            body["content"],
            body["filename"],
            version=body["version"],
            name=body["name"],
            effective_from=body["effective_from"],
        )
        with transaction() as session:
            return _draft_in_full(session, propose_catalogue(session, text, by=_who(), now=now()))


@blp.route("/drafts/<uuid:draft_id>")
class OneDraft(MethodView):
    @signed_in_officer()
    @blp.response(200, DraftInFullResponse)
    @blp.alt_response(404, description="没有这份草案（catalogue_draft_not_found）")
    def get(self, draft_id: UUID) -> dict[str, object]:
        """一份草案及其与现行目录的差别"""
        with reading() as session:
            return _draft_in_full(session, get_draft(session, draft_id))


@blp.route("/drafts/<uuid:draft_id>/decision")
class DraftDecisionView(MethodView):
    @signed_in_officer(*_MAY_DECIDE)
    @idempotent
    @blp.arguments(DraftDecisionRequest)
    @blp.response(200, DraftInFullResponse)
    @blp.alt_response(409, description="已经办结（catalogue_draft_decided）")
    def post(self, body: dict[str, Any], draft_id: UUID) -> dict[str, object]:
        """审核草案：须由提交人以外的复核员办理；通过的自生效日期起施行"""
        with transaction() as session:
            draft = decide_draft(session, draft_id, by=_who(), now=now(), **body)
            return _draft_in_full(session, draft)


def _who() -> Proposer:
    officer = current_officer()
    return Proposer(str(officer.officer_id), officer.name)


def _category(category: Category) -> dict[str, object]:
    facts = {
        name: said(field, getattr(category, field))
        for field, name in FIELD_NAMES.items()
        if field not in ("code", "name")
    }
    return {"code": category.code, "name": category.name, "facts": facts}


def _names(categories: Iterable[Category]) -> dict[str, str]:
    return {category.code: category.name for category in categories}


def _change(change: Change, names: dict[str, str]) -> dict[str, object]:
    kind = "changed" if change.field is not None else "added" if change.before is None else "removed"
    return {
        "category": change.category,
        "category_name": names[change.category],
        "kind": kind,
        "field": change.field,
        "field_name": FIELD_NAMES[change.field] if change.field else None,
        "before": said(change.field, change.before) if change.field else None,
        "after": said(change.field, change.after) if change.field else None,
        "sentence": change_sentence(change),
    }


def _draft(draft: CatalogueDraft) -> dict[str, object]:
    return {
        "id": draft.id,
        "version": draft.version,
        "name": draft.name,
        "effective_from": draft.effective_from,
        "state": draft.state,
        "proposer_name": draft.proposer_name,
        "proposed_at": draft.proposed_at,
        "decider_name": draft.decider_name,
        "decided_at": draft.decided_at,
        "decision_reason": draft.decision_reason,
        "is_own": draft.proposed_by == str(current_officer().officer_id),
    }


def _draft_in_full(session: Session, draft: CatalogueDraft) -> dict[str, object]:
    changes = changes_of_draft(session, draft, city_date(now()))
    names = {change.category: change.category for change in changes}
    for version in catalogue_versions(session):
        names |= {row.code: row.name for row in version.categories if row.code in names}
    names |= {change.category: change.after.name for change in changes if isinstance(change.after, Category)}
    return {**_draft(draft), "changes": [_change(change, names) for change in changes]}
