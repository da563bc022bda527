"""Who the caller is to the city: which department, and what it may deliver."""

from __future__ import annotations

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from backend.catalogue.templates import Column, Template
from backend.web import API_PREFIX
from miniprogram_api.department.access import current_department, department_token

blp = Blueprint("department profile", __name__, url_prefix=f"{API_PREFIX}/department", description="数源单位")


class DepartmentCategory(Schema):
    code = fields.String(required=True, metadata={"description": "目录类别代码"})
    name = fields.String(required=True, metadata={"description": "类别名称"})
    legal_basis = fields.String(required=True, metadata={"description": "归集依据"})
    templates = fields.List(fields.String(), required=True, metadata={"description": "报送所用模板的代码"})


class TemplateColumn(Schema):
    code = fields.String(required=True, metadata={"description": "字段代码，可用作表头或 JSON 的键"})
    header = fields.String(required=True, metadata={"description": "中文名称，同样可用"})
    kind = fields.String(required=True, metadata={"description": "C 文本，D 日期，N 数值，E 枚举"})
    length = fields.Integer(required=True, allow_none=True, metadata={"description": "最大长度；数值为总位数"})
    decimals = fields.Integer(required=True, metadata={"description": "数值的小数位数"})
    organisation = fields.String(
        required=True, metadata={"description": "单位的行：R 必填，O 选填，C 条件必填，- 不填"}
    )
    person = fields.String(required=True, metadata={"description": "自然人的行：同上"})
    values = fields.List(fields.String(), required=True, metadata={"description": "允许的取值；空为不限"})


class DepartmentTemplate(Schema):
    code = fields.String(required=True, metadata={"description": "模板代码"})
    name = fields.String(required=True, metadata={"description": "模板名称"})
    standard = fields.String(required=True, metadata={"description": "依据的标准"})
    columns = fields.List(fields.Nested(TemplateColumn), required=True)


class DepartmentResponse(Schema):
    code = fields.String(required=True, metadata={"description": "统一社会信用代码"})
    name = fields.String(required=True, metadata={"description": "目录中的单位名称"})
    categories = fields.List(
        fields.Nested(DepartmentCategory), required=True, metadata={"description": "由本单位报送的类别"}
    )
    templates = fields.List(
        fields.Nested(DepartmentTemplate), required=True, metadata={"description": "本单位可用的模板"}
    )


@blp.route("")
class Profile(MethodView):
    @department_token("records:deliver")
    @blp.response(200, DepartmentResponse)
    def get(self) -> dict[str, object]:
        """本单位在现行目录中负责的类别，以及报送所用的模板"""
        department = current_department()
        return {
            "code": department.code,
            "name": department.name,
            "categories": list(department.categories.values()),
            "templates": [_template(template) for template in department.templates()],
        }


def _template(template: Template) -> dict[str, object]:
    return {
        "code": template.code,
        "name": template.name,
        "standard": template.standard,
        "columns": [_column(column) for column in template.columns],
    }


def _column(column: Column) -> dict[str, object]:
    return {
        "code": column.code,
        "header": column.header,
        "kind": column.kind,
        "length": column.length,
        "decimals": column.decimals,
        "organisation": column.organisation,
        "person": column.person,
        "values": list(column.values),
    }
