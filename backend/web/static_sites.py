"""Serving the built pages: the citizen client at /m/, the console at /admin/, the API documentation at /docs/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flask import Flask, Response, redirect, render_template_string, send_from_directory
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as BaseResponse

from backend.web.context import services

_START_PAGE = Path(__file__).parent / "page/start.html"


@dataclass(frozen=True)
class StartLink:
    """Where the start page leads: what it is called, what one does there, and its address."""

    name: str
    purpose: str
    address: str


@dataclass(frozen=True)
class StaticSite:
    """A folder of built files under a prefix such as `/m/`; the start page tells its name and purpose.

    `for_all`: its pages that the start page leads to besides, as anybody may read them; addresses within the site.
    """

    name: str
    purpose: str
    url_prefix: str
    folder: Path
    for_all: Sequence[StartLink] = ()


def register_static_sites(app: Flask, sites: Sequence[StaticSite]) -> None:
    for site in sites:
        _serve(app, site)
    published = [replace(page, address=site.url_prefix + page.address) for site in sites for page in site.for_all]
    groups = [
        ("办事", [StartLink(site.name, site.purpose, site.url_prefix) for site in sites]),
        ("公开查询，不用登录", published),
    ]
    page = _START_PAGE.read_text(encoding="utf-8")

    @app.get("/")
    def start_page() -> str:
        return render_template_string(page, groups=groups, city=services().config.city_name)


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
