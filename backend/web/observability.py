"""Structured logs without personal data, request ids, and metrics for Prometheus."""

from __future__ import annotations

import logging
import re
import sys
import time
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def configure_logging() -> None:
    """JSON lines on standard error. Called by composition roots."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Plain tracebacks: the richer kinds print the values of variables, which could be anybody's data.
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def register_observability(app: Flask) -> None:
    registry = CollectorRegistry()
    requests = Counter(
        "osmanthus_http_requests_total", "Requests answered", ["method", "route", "status"], registry=registry
    )
    seconds = Histogram(
        "osmanthus_http_request_seconds", "Time to answer, in seconds", ["method", "route"], registry=registry
    )
    log = structlog.get_logger("osmanthus.http")

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-ID", "")
        # A caller's own id is kept so that logs of both sides meet; anything odd is replaced, not logged.
        g.request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid4())
        g.began = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        # The route's pattern, never the path: paths hold codes and ids.
        route = request.url_rule.rule if request.url_rule else "unmatched"
        elapsed = time.perf_counter() - g.get("began", time.perf_counter())
        requests.labels(request.method, route, response.status_code).inc()
        seconds.labels(request.method, route).observe(elapsed)
        response.headers["X-Request-ID"] = g.get("request_id", "")
        if not route.startswith(("/healthz", "/readyz", "/metrics")):
            log.info(
                "request",
                method=request.method,
                route=route,
                status=response.status_code,
                milliseconds=round(elapsed * 1000, 1),
                actor=g.get("actor"),
            )
        return response

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
