"""The composition root of the server that `osmanthus server serve` runs."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask

from admin import admin_surfaces
from backend.accounts.demo_sign_in import DemoSignIn
from backend.background import build_worker, open_check_stream
from backend.benefits.swift_desk import SwiftDesk
from backend.catalogue.templates import use_city_adjustments
from backend.city_calendar import WorkingDays, utc_now
from backend.config import load_config
from backend.database import Database
from backend.ephemeral import change_announcer, open_store
from backend.web import Services, create_app
from backend.web.context import services as services_of_app
from backend.web.observability import configure_logging
from backend.web.static_sites import StartLink, StaticSite
from miniprogram_api import miniprogram_surfaces
from scoring.engine import warm_up

HERE = Path(__file__).parent
SITES = [
    StaticSite(
        "市民端（手机网页）",
        "看信用分和每一分的来由、用信易+ 权益、授权和异议",
        "/m/",
        HERE / "miniprogram/dist/build/h5",
        for_all=(
            StartLink("查企业", "行政许可、行政处罚、信用承诺和名单", "#/pages/enterprises/search"),
            StartLink("红名单公示", "今天列入的守信企业和单位，及其依据", "#/pages/red-list/red-list"),
            StartLink("核验信用报告", "凭报告编号或文件，看真伪和是否仍有效", "#/pages/reports/verify"),
        ),
    ),
    StaticSite("信用办工作台", "归集、评分、异议、权益和审计", "/admin/", HERE / "admin/web/dist"),
    StaticSite(
        "合作商户扫码核销", "扫市民的凭码，核验并核销权益", "/counter/", HERE / "miniprogram_api/counter/page"
    ),
    StaticSite("接口文档", "每个接口由谁调用、要带什么、会得到什么", "/docs/", HERE / "admin/web/dist/docs"),
]


def create_server() -> Flask:
    """Read the environment and put together what the server needs. Nothing runs yet: see `start_background`."""
    configure_logging()
    warm_up()
    config = load_config(os.environ)
    use_city_adjustments(config.template_adjustments_file)
    database = Database(config.database_url, on_change=change_announcer(config.redis_url))
    worker = None
    if config.is_embedded:
        worker = build_worker(config, database, clock=utc_now)
    services = Services(
        config=config,
        database=database,
        store=open_store(config.redis_url),
        sign_in=DemoSignIn(config.data_dir / "city" / "city.json", config.keys),
        working_days=WorkingDays.from_file(config.working_days_file),
        clock=utc_now,
        worker=worker,
        desk=SwiftDesk(config.redis_url, database) if config.redis_url else None,
        check_stream=open_check_stream(config, database),
    )
    return compose(services)


def start_background(app: Flask) -> None:
    """In the embedded default: the worker's threads, which only the process that serves may start."""
    with app.app_context():
        if (worker := services_of_app().worker) is not None:
            worker.start()


def compose(services: Services) -> Flask:
    """The server as the city runs it, over whatever outside it is given."""
    return create_app(services, surfaces=[*miniprogram_surfaces(), *admin_surfaces()], sites=SITES)
