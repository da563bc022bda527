"""Alive (`/healthz`) and ready to serve (`/readyz`)."""

from __future__ import annotations

from flask import Flask, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from backend.ephemeral import StoreUnavailable
from backend.scores.service import published_run_ids
from backend.web.context import services


def register_health(app: Flask) -> None:
    @app.get("/healthz")
    def alive() -> Response:
        return jsonify({"status": "alive"})

    @app.get("/readyz")
    def ready() -> tuple[Response, int]:
        parts = {
            "database": _database(),
            "store": _store(),
            "jobs": _jobs(),
            "published_run": _published_run(),
        }
        is_ready = all(part["ok"] for part in parts.values())
        return jsonify({"status": "ready" if is_ready else "not_ready", "parts": parts}), 200 if is_ready else 503


def _database() -> dict[str, object]:
    try:
        with services().database.reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return {"ok": False, "detail": type(error).__name__}
    return {"ok": True, "detail": services().database.url.get_backend_name()}


def _store() -> dict[str, object]:
    try:
        services().store.ping()
    except StoreUnavailable:
        return {"ok": False, "detail": "redis does not answer: codes and limits are refused meanwhile"}
    return {"ok": True, "detail": "in process" if services().config.is_embedded else "redis"}


def _jobs() -> dict[str, object]:
    worker = services().worker
    if worker is None:
        return {"ok": True, "detail": "worker processes of their own"}
    return {"ok": worker.is_alive(), "detail": "in process"}


def _published_run() -> dict[str, object]:
    try:
        with services().database.reading() as session:
            runs = published_run_ids(session)
    except SQLAlchemyError as error:
        return {"ok": False, "detail": type(error).__name__}
    if not runs:
        return {"ok": False, "detail": "no score run has been published: run `osmanthus scores run`"}
    return {"ok": True, "detail": {kind: str(run) for kind, run in sorted(runs.items())}}
