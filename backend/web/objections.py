"""What officers and departments send and read alike about objections: corrections to a record, evidence files."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

_MOST = 2**53


class CorrectionsRequest(Schema):
    """Only what is named is changed; null takes a date away."""

    title = fields.String(validate=validate.Length(1, 500), metadata={"description": "事项"})
    event_on = fields.Date(metadata={"description": "发生日期"})
    ended_on = fields.Date(allow_none=True, metadata={"description": "终止日期；null 为没有"})
    performed_on = fields.Date(allow_none=True, metadata={"description": "履行日期；null 为没有"})
    quantity = fields.Integer(
        strict=True, validate=validate.Range(0, _MOST), metadata={"description": "数量，单位的百分之一"}
    )
    amount = fields.Integer(strict=True, validate=validate.Range(0, _MOST), metadata={"description": "金额（分）"})
    level = fields.Integer(
        strict=True, validate=validate.Range(0, 50), metadata={"description": "级别在目录中的序号，0 为没有"}
    )
    content = fields.Dict(
        keys=fields.String(validate=validate.Length(1, 200)),
        values=fields.String(allow_none=True, validate=validate.Length(max=2_000)),
        metadata={"description": "报送内容：栏目名和值，整体替换"},
    )

    @validates_schema
    def _names_something(self, data: dict[str, Any], **_: object) -> None:
        if not data:
            raise ValidationError("请至少写明一项更正。")


class WithStatements(Schema):
    """A record that is shown to somebody other than its subject."""

    statements = fields.List(
        fields.String(), required=True, metadata={"description": "异议未获支持后，本人附在记录旁的声明"}
    )


class EvidenceItem(Schema):
    id = fields.UUID(required=True, metadata={"description": "材料编号"})
    filename = fields.String(required=True, metadata={"description": "文件名"})
    media_type = fields.String(required=True, metadata={"description": "image/jpeg 或 application/pdf"})
    size = fields.Integer(required=True, metadata={"description": "大小（字节）"})
    pages = fields.Integer(required=True, metadata={"description": "页数"})


class DepartmentReplyRequest(Schema):
    finding = fields.String(
        required=True,
        validate=validate.OneOf(("right", "wrong", "not_ours")),
        metadata={"description": "right 核查无误，wrong 核查有误，not_ours 不归本单位负责"},
    )
    explanation = fields.String(
        required=True, validate=validate.Length(5, 1_000), metadata={"description": "核查情况"}
    )
    corrections = fields.Nested(
        CorrectionsRequest, load_default=None, allow_none=True, metadata={"description": "有误的，应更正为"}
    )
    remove = fields.Boolean(load_default=False, metadata={"description": "有误的，这条记录应删除"})
    right_department = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(equal=18),
        metadata={"description": "不归本单位的，应由哪个单位负责（统一社会信用代码）；不知道时不填"},
    )


class DepartmentChoice(Schema):
    code = fields.String(required=True, metadata={"description": "统一社会信用代码"})
    name = fields.String(required=True, metadata={"description": "单位名称"})


class DepartmentChoices(Schema):
    items = fields.List(fields.Nested(DepartmentChoice), required=True)
