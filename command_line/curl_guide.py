"""The copy-paste curl guide for partners, written from the OpenAPI document so that it cannot be behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_INTRODUCTION = """# 合作商户 curl 手册

由 `docs/openapi.json` 生成（`make openapi`），请不要手改。
规则和完整的接入流程见 [partners.md](partners.md)。

先准备三个变量：`BASE` 是本市服务的地址，`TOKEN` 是访问令牌，`new_key` 为每次操作生成一个新的
`Idempotency-Key`（重试同一次操作时用同一个值）。

```sh
BASE=${BASE:-http://127.0.0.1:8000}
new_key() { python3 -c 'import uuid; print(uuid.uuid4())'; }
TOKEN=…   # 见 partners.md“在演示城市走一遍”：用私钥签名，POST /oauth/token
```
"""
_METHODS = ("get", "post", "put", "patch", "delete")
_PREFIX = "/api/v1/partner/"


def curl_guide(document: Mapping[str, Any]) -> str:
    """Markdown: one section for each operation that takes a partner's token on its own account."""
    parts = [_INTRODUCTION]
    group = ""
    for path, method, operation, shared in _operations(document):
        [tag, *_] = operation["tags"]
        if tag != group:
            group = tag
            parts.append(f"## {_tag_words(document, tag)}\n")
        parts.append(_section(document, path, method, operation, shared))
    return "\n".join(parts)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any], list[Any]]]:
    found = [
        (path, method, item[method], item.get("parameters", []))
        for path, item in document["paths"].items()
        if path.startswith(_PREFIX)
        for method in _METHODS
        if method in item and any("partner" in one for one in item[method].get("security", []))
    ]
    yield from sorted(found, key=lambda one: (one[2]["tags"][0], one[0], _METHODS.index(one[1])))


def _tag_words(document: Mapping[str, Any], tag: str) -> str:
    words = {one["name"]: one.get("description", "") for one in document.get("tags", [])}
    return str(words.get(tag) or tag)


def _section(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any], shared: list[Any]
) -> str:
    scopes = next(one["partner"] for one in operation["security"] if "partner" in one)
    lines = [f"### {operation['summary']}", "", f"`{method.upper()} {path}`　权限 `{' '.join(scopes)}`", ""]
    if operation.get("description"):
        lines += [operation["description"], ""]
    given = [_resolved(document, one) for one in [*shared, *operation.get("parameters", [])]]
    address = path
    for one in given:
        if one["in"] == "path":
            address = address.replace("{" + one["name"] + "}", f"${one['name'].upper()}")
    required = [one for one in given if one["in"] == "query" and one.get("required")]
    if required:
        address += "?" + "&".join(f"{one['name']}={_example(document, one['schema'])}" for one in required)
    command = [f'curl -sS -X {method.upper()} "$BASE{address}"', '  -H "Authorization: Bearer $TOKEN"']
    if any(one["in"] == "header" and one["name"] == "Idempotency-Key" for one in given):
        command.append('  -H "Idempotency-Key: $(new_key)"')
    schema = _body_schema(operation)
    if schema:
        body = json.dumps(_example(document, schema), ensure_ascii=False)
        command += ["  -H 'Content-Type: application/json'", f"  -d '{body}'"]
    lines += ["```sh", " \\\n".join(command), "```", ""]
    lines += _fields(document, schema, [one for one in given if one["in"] in {"query", "path"}])
    told = [
        f"{status} {words['description']}"
        for status, words in sorted(operation["responses"].items())
        if status.startswith("4") and "（" in words.get("description", "")
    ]
    if told:
        lines += ["出错：" + "；".join(told) + "。", ""]
    return "\n".join(lines)


def _body_schema(operation: Mapping[str, Any]) -> Mapping[str, Any] | None:
    content = operation.get("requestBody", {}).get("content", {})
    schema: Mapping[str, Any] | None = content.get("application/json", {}).get("schema")
    return schema


def _fields(document: Mapping[str, Any], schema: Any, parameters: list[Any]) -> list[str]:
    rows = [
        (one["name"], bool(one.get("required")), one.get("description") or one["schema"].get("description", ""))
        for one in parameters
    ]
    if schema:
        body = _resolved(document, schema)
        needed = set(body.get("required", []))
        for name, value in body.get("properties", {}).items():
            rows.append((name, name in needed, _resolved(document, value).get("description", "")))
    if not rows:
        return []
    table = [f"| `{name}` | {'必填' if must else '可选'} | {words} |" for name, must, words in rows]
    return ["| 名称 | | 说明 |", "|---|---|---|", *table, ""]


def _example(document: Mapping[str, Any], schema: Any) -> Any:
    """A value of the right shape, for the reader to replace."""
    schema = _resolved(document, schema)
    if "enum" in schema:
        return next(one for one in schema["enum"] if one is not None)
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        kind = next(one for one in kind if one != "null")
    if kind == "object":
        needed = schema.get("required", [])
        return {name: _example(document, schema["properties"][name]) for name in needed}
    if kind == "array":
        return [_example(document, schema["items"])]
    if kind in {"integer", "number"}:
        return max(1, int(schema.get("minimum", 1)))
    if kind == "boolean":
        return True
    by_format = {"date": "2026-03-01", "uuid": "00000000-0000-4000-8000-000000000000"}
    return by_format.get(schema.get("format", ""), "…")


def _resolved(document: Mapping[str, Any], schema: Any) -> Any:
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema
