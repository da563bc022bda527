"""What `bench_check` serves: the check built up layer by layer from a bare Flask view, and the naive way to do it.

gunicorn -k gthread 'benchmarks.check_layers:create_layers()'     /bare /smorest /auth /limit /snapshot /naive
gunicorn -k gthread 'benchmarks.check_layers:create_product()'    the product, as `osmanthus server serve` does
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

import redis
from flask import Flask, Response, request
from flask.views import MethodView
from flask_smorest import Api, Blueprint
from joserfc import jwt
from joserfc.jwk import ECKey
from marshmallow import Schema, fields

from backend.accounts.demo_sign_in import DemoSignIn
from backend.authorizations.tokens import authenticate_partner
from backend.background import open_check_stream
from backend.benefits.checks import check_benefit
from backend.benefits.codes import key_of_code
from backend.benefits.swift_desk import SwiftDesk
from backend.city_calendar import WorkingDays, utc_now
from backend.config import Config, load_config
from backend.database import Database
from backend.ephemeral import change_announcer, open_store
from backend.ephemeral.changes import PREFIX
from backend.web import Services
from backend.web.observability import configure_logging
from wsgi import compose

CONSTANT: dict[str, Any] = {
    "check_id": "3f2b7f7e-0c1d-4a52-9d0e-6f1c4f3a2b10",
    "eligible": True,
    "scheme": {"code": "bench", "name": "门票优惠"},
    "terms": {"summary": "门票 5 折", "percent_off": 50},
    "expires_at": "2026-03-03T02:10:00Z",
}


class Asked(Schema):
    code = fields.String(required=True)
    scheme = fields.String(required=True)


class Answered(Schema):
    check_id = fields.UUID(required=True)
    eligible = fields.Boolean(required=True)
    scheme = fields.Dict(required=True)
    terms = fields.Dict(required=True)
    expires_at = fields.String(required=True)


def open_outside() -> tuple[Config, Database]:
    config = load_config(os.environ)
    return config, Database(config.database_url, on_change=change_announcer(config.redis_url))


def create_product() -> Flask:
    configure_logging()
    config, database = open_outside()
    assert config.redis_url
    return compose(
        Services(
            config=config,
            database=database,
            store=open_store(config.redis_url),
            sign_in=DemoSignIn(Path(), config.keys),
            working_days=WorkingDays(),
            clock=utc_now,
            desk=SwiftDesk(config.redis_url, database) if "BENCH_FULL_PATH" not in os.environ else None,
            check_stream=open_check_stream(config, database),
        )
    )


def create_layers() -> Flask:
    config, database = open_outside()
    assert config.redis_url
    store = open_store(config.redis_url)
    client = redis.Redis.from_url(config.redis_url)
    desk = SwiftDesk(config.redis_url, database)
    public = ECKey.import_key(json.loads(os.environ["BENCH_PUBLIC_JWK"]))

    app = Flask("layers")
    app.config.update(API_TITLE="layers", API_VERSION="1", OPENAPI_VERSION="3.1.0")
    blp = Blueprint("layers", __name__)

    @app.post("/bare")
    def bare() -> Response:
        return cast(Response, app.json.response(CONSTANT))

    def token() -> str:
        return request.headers["Authorization"].removeprefix("Bearer ")

    def identify() -> str:
        known = desk.identify(token(), now=utc_now())
        assert known is not None
        return str(known.partner_id)

    @app.post("/auth")
    def auth() -> Response:
        """Bare, and the token known from memory."""
        identify()
        return cast(Response, app.json.response(CONSTANT))

    @app.post("/limit")
    def limit() -> Response:
        """And counted against the partner's limit: the first round trip to Redis."""
        store.count(f"limit:bench:{identify()}", window_seconds=60)
        return cast(Response, app.json.response(CONSTANT))

    @app.post("/snapshot")
    def snapshot() -> Response:
        """And the code taken with what it carries, in the same round trip."""
        with client.pipeline(transaction=False) as pipeline:
            pipeline.incr(f"{PREFIX}limit:bench:{identify()}")
            pipeline.getdel(PREFIX + key_of_code(request.get_json()["code"]))
            _, taken = pipeline.execute()
        assert taken
        return cast(Response, app.json.response(CONSTANT))

    class Smorest(MethodView):
        @blp.arguments(Asked)
        @blp.response(201, Answered)
        def post(self, _asked: dict[str, str]) -> dict[str, Any]:
            return CONSTANT

    class Naive(MethodView):
        """A signed token verified each time, a limiter, the rows through the ORM, and the ledger's INSERT."""

        @blp.arguments(Asked)
        @blp.response(201, Answered)
        def post(self, asked: dict[str, str]) -> dict[str, object]:
            jwt.decode(request.headers["X-Signed"], public, algorithms=["ES256"])
            with database.reading() as session:
                partner = authenticate_partner(session, token(), utc_now())
            store.count(f"limit:bench:{partner.partner_id}", window_seconds=60)
            with database.transaction() as session:
                return check_benefit(
                    session, store, partner=partner, code=asked["code"], scheme_code=asked["scheme"], now=utc_now()
                ).body()

    blp.add_url_rule("/smorest", view_func=Smorest.as_view("smorest"))
    blp.add_url_rule("/naive", view_func=Naive.as_view("naive"))
    Api(app).register_blueprint(blp)
    return app
