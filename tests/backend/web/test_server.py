"""What holds for every route: who may call it, how errors are told, that nothing personal is cached."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from werkzeug.routing import UUIDConverter

from backend.ephemeral import open_store
from backend.web import create_app
from backend.web.guards import GUARD
from backend.web.static_sites import StartLink
from command_line.curl_guide import curl_guide
from command_line.server import openapi_document
from wsgi import SITES, compose

ROOT = Path(__file__).parents[3]
UNGUARDED = {
    # The server's own, without anybody's data.
    "/healthz", "/readyz", "/metrics", "/openapi.json", "/",
    "/m/", "/m/<path:path>", "/m",
    "/admin/", "/admin/<path:path>", "/admin",
    "/counter/", "/counter/<path:path>", "/counter",
    "/docs/", "/docs/<path:path>", "/docs",
}  # fmt: skip


def views(app):
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        for method in sorted(rule.methods - {"OPTIONS", "HEAD"}):
            function = getattr(view.view_class, method.lower()) if hasattr(view, "view_class") else view
            yield rule, method, function


def test_every_route_says_who_may_call_it(city):
    unguarded = {rule.rule for rule, _, function in views(city.app) if not hasattr(function, GUARD)}
    assert unguarded <= UNGUARDED


def test_no_guarded_route_answers_a_stranger(city):
    for rule, method, function in views(city.app):
        if getattr(function, GUARD, "public") == "public":
            continue
        values = {
            name: UUID(int=1) if isinstance(converter, UUIDConverter) else 1
            for name, converter in rule._converters.items()
        }
        path = city.app.url_map.bind("").build(rule.endpoint, values, method)
        answer = city.http.open(path, method=method, headers={"Idempotency-Key": "k", "X-Access-Reason": "x"})
        assert answer.status_code == 401, (method, rule.rule, answer.status_code)
        assert answer.content_type == "application/problem+json"


def test_the_committed_api_document_is_the_servers():
    committed = (ROOT / "docs/openapi.json").read_text(encoding="utf-8")
    assert committed == openapi_document(), "run `make openapi` and commit docs/openapi.json"


def test_the_committed_curl_guide_is_written_from_the_api_document():
    document = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
    committed = (ROOT / "docs/partner-curl.md").read_text(encoding="utf-8")
    assert committed == curl_guide(document), "run `make openapi` and commit docs/partner-curl.md"


def test_the_api_document_is_openapi_3_1_and_documents_errors_as_problems(city):
    document = city.http.get("/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    assert "application/problem+json" in json.dumps(document["components"]["responses"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nowhere", 404, "not_found"),
        ("PUT", "/healthz", 405, "method_not_allowed"),
        ("GET", "/api/v1/me", 401, "not_signed_in"),
    ],
)
def test_errors_are_problem_details_with_a_stable_code(city, method, path, status, code):
    answer = city.http.open(path, method=method)
    problem = answer.get_json()
    assert answer.content_type == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["detail"]


def test_a_refused_method_says_which_are_allowed(city):
    assert "GET" in city.http.put("/healthz").headers["Allow"]


def test_who_is_not_signed_in_is_told_how(city):
    assert city.http.get("/api/v1/me").headers["WWW-Authenticate"].startswith("Bearer")


def test_a_crash_is_a_problem_without_inner_details(city):
    def crash():
        raise RuntimeError("990001199001010015")

    app = create_app(city.services, surfaces=[])
    app.add_url_rule("/crash", "crash", crash)
    answer = app.test_client().get("/crash")
    assert answer.status_code == 500
    assert answer.get_json()["code"] == "internal_error"
    assert b"990001" not in answer.data


def test_answers_are_never_cached_and_cannot_be_sniffed_or_framed(city):
    headers = city.http.get("/api/v1/sign-in/options").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(("front_servers", "then"), [(1, 200), (0, 429)])
def test_each_visitor_behind_the_citys_own_front_server_has_limits_of_their_own(city, front_servers, then):
    """And nobody gets new ones by claiming another address where there is no front server."""
    outside = replace(city.services.config, front_servers=front_servers)
    http = compose(replace(city.services, config=outside, store=open_store(None))).test_client()

    def looks(address: str) -> int:
        return http.get("/api/v1/public/ledger/heads", headers={"X-Forwarded-For": address}).status_code

    statuses = [looks("203.0.113.1") for _ in range(121)]
    assert (statuses[0], statuses[-1]) == (200, 429)
    assert looks("203.0.113.2") == then


def test_a_request_id_is_kept_when_it_is_plain_and_replaced_when_it_is_not(city):
    assert city.http.get("/healthz", headers={"X-Request-ID": "abcd-1234"}).headers["X-Request-ID"] == "abcd-1234"
    assert city.http.get("/healthz", headers={"X-Request-ID": "x<script>"}).headers["X-Request-ID"] != "x<script>"


def test_metrics_count_requests_by_route_pattern_and_never_by_path(city):
    city.http.get("/healthz")
    city.http.get("/api/v1/public/enterprises/91990001MA11264882")
    metrics = city.http.get("/metrics").get_data(as_text=True)
    assert 'route="/healthz"' in metrics
    assert "91990001MA11264882" not in metrics


def test_a_city_without_a_published_run_is_alive_and_not_ready(city):
    assert city.http.get("/healthz").get_json() == {"status": "alive"}
    ready = city.http.get("/readyz")
    assert ready.status_code == 503
    assert ready.get_json()["parts"]["database"]["ok"]
    assert not ready.get_json()["parts"]["published_run"]["ok"]


def test_the_start_page_names_the_city_and_says_of_every_site_and_public_page_what_it_is_for(city):
    page = city.http.get("/").get_data(as_text=True)
    assert "<h1>桂城市信用服务</h1>" in page
    links = [StartLink(site.name, site.purpose, site.url_prefix) for site in SITES]
    links += [replace(one, address=f"/m/{one.address}") for one in SITES[0].for_all]
    assert re.findall('<a href="(.*?)">(.*?)</a><p>(.*?)</p>', page) == [
        (one.address, one.name, one.purpose) for one in links
    ]
