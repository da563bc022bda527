"""Serving the built pages: the citizen client at /m/, the console at /admin/, the API documentation at /docs/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, redirect, send_from_directory
from markupsafe import escape
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as BaseResponse


@dataclass(frozen=True)
class StaticSite:
    """A folder of built files under a prefix such as `/m/`. `name` is what the start page calls it.

    `for_all`: its pages that the start page leads to besides, for anybody may read them: name and address within.
    """

    name: str
    url_prefix: str
    folder: Path
    for_all: Sequence[tuple[str, str]] = ()


def register_static_sites(app: Flask, sites: Sequence[StaticSite]) -> None:
    for site in sites:
        _serve(app, site)

    @app.get("/")
    def start_page() -> str:
        pages = [(site.name, site.url_prefix) for site in sites]
        pages += [(name, site.url_prefix + within) for site in sites for name, within in site.for_all]
        links = "".join(f'<li><a href="{escape(address)}">{escape(name)}</a></li>' for name, address in pages)
        return (
            '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>桂花 Osmanthus</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
            f"<body><h1>桂花 Osmanthus</h1><ul>{links}</ul></body></html>"
        )


def _serve(app: Flask, site: StaticSite) -> None:
    prefix = site.url_prefix.rstrip("/")

    def page(path: str = "index.html") -> BaseResponse:
        found = safe_join(str(site.folder), path)
        if found is None or not Path(found).is_file():
            # Addresses inside a single-page client are its own business: give it its first page.
            path = "index.html"
        if not (site.folder / path).is_file():
            return Response(
                f"{site.name}尚未构建：请安装 Node.js 20 后运行 make setup。\n",
                status=503,
                content_type="text/plain; charset=utf-8",
            )
        response = send_from_directory(site.folder, path)
        # Built assets carry a hash in their name; pages do not and must be fresh after an update.
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if "/assets/" in f"/{path}" else "no-cache"
        )
        return response

    endpoint = f"site_{prefix.strip('/').replace('/', '_')}"
    app.add_url_rule(f"{prefix}/", endpoint, page)
    app.add_url_rule(f"{prefix}/<path:path>", endpoint, page)
    app.add_url_rule(prefix, f"{endpoint}_bare", lambda: redirect(f"{prefix}/"))
