"""Who may call what, and which fields they are answered with: role × object × field, read off the API document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")
_WHO = {
    "citizen": "市民本人",
    "officer": "工作人员",
    "partner": "合作商户",
    "staff": "门店员工",
    "department": "数源单位",
}
_HEAD = """# 谁能看到什么

由 `osmanthus server openapi` 与接口文档一起生成：每个接口谁可以调用（工作人员的岗位、令牌的权限），
成功时答复的对象和全部字段。测试逐条核对：没有列出的接口不通过；合作商户和门店员工的接口，没有相应权限就不得出现分数、等级和记录。

| 接口 | 谁 | 岗位或权限 | 答复的对象 | 字段 |
| --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class AccessRow:
    """One operation. `needs` are roles of officers, or the scope of a token; empty: any of that kind.

    who      `public`, or the security scheme of the API document
    objects  names of the answered schemas
    fields   every property below them, by its own name
    """

    method: str
    path: str
    who: str
    needs: tuple[str, ...]
    objects: tuple[str, ...]
    fields: tuple[str, ...]

    @property
    def operation(self) -> str:
        return f"{self.method} {self.path}"


def access_rows(document: Mapping[str, Any]) -> list[AccessRow]:
    """Of every operation, by address and method."""
    rows = []
    for path, operations in sorted(document["paths"].items()):
        for method in _METHODS:
            if method not in operations:
                continue
            operation = operations[method]
            who, needs = _who_and_needs(operation)
            found = list(_answered(document, operation))
            rows.append(
                AccessRow(
                    method=method.upper(),
                    path=path,
                    who=who,
                    needs=tuple(needs),
                    objects=tuple(sorted({name for name, _ in found})),
                    fields=tuple(sorted({field for _, field in found if field})),
                )
            )
    return rows


def _who_and_needs(operation: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Several requirements are alternatives: a token with any one of the scopes will do."""
    alternatives = operation.get("security") or [{"public": []}]
    ((who, _),) = alternatives[0].items()
    return who, [need for alternative in alternatives for need in alternative[who]]


def matrix_text(document: Mapping[str, Any]) -> str:
    """As it is committed."""
    return _HEAD + "".join(
        f"| `{row.operation}` | {_WHO.get(row.who, '任何人')} | {'、'.join(row.needs) or '—'} "
        f"| {'、'.join(row.objects) or '—'} | {'、'.join(row.fields) or '—'} |\n"
        for row in access_rows(document)
    )


def _answered(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(schema, field) of everything in the successful answers."""
    for status, response in operation["responses"].items():
        if not status.startswith("2"):
            continue
        for content in response.get("content", {}).values():
            yield from _below(document, content.get("schema", {}), "", frozenset())


def _below(
    document: Mapping[str, Any], schema: Mapping[str, Any], inside: str, seen: frozenset[str]
) -> Iterator[tuple[str, str]]:
    if reference := schema.get("$ref"):
        name = reference.rsplit("/", 1)[1]
        if name not in seen:
            yield name, ""
            yield from _below(document, document["components"]["schemas"][name], name, seen | {name})
        return
    for part in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(part, []):
            yield from _below(document, one, inside, seen)
    if items := schema.get("items"):
        yield from _below(document, items, inside, seen)
    for field, below in schema.get("properties", {}).items():
        yield inside, field
        yield from _below(document, below, inside, seen)
