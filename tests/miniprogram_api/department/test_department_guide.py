"""docs/departments.md is what a department's programmer has: its commands are run as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from backend.background import build_worker
from backend.city_calendar import utc_now
from tests.backend.records.conftest import LAN
from tests.conftest import City
from tests.servers import free_port, listening

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/departments.md").read_text(encoding="utf-8")


@pytest.fixture
def live(city: City, serve, department):
    """A real server on a real port, with the worker that takes files in."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    services = replace(city.services, config=replace(city.services.config, public_url=url), clock=utc_now)
    worker = build_worker(services.config, services.database, clock=utc_now)
    with listening(make_server("127.0.0.1", port, serve(services), threaded=True)):
        worker.start()
        yield services, url
        worker.stop()


def test_every_step_of_the_walk_can_be_copied(live, tmp_path):
    services, url = live
    settings = {
        "OSMANTHUS_DATABASE_URL": services.database.url.render_as_string(hide_password=False),
        "OSMANTHUS_SEALING_KEYS": "test:" + "a2tr" * 10 + "a2s=",
        "OSMANTHUS_INDEX_KEY": "aWlp" * 10 + "aWk=",
        "OSMANTHUS_SIGNING_KEY": "c3Nz" * 10 + "c3M=",
        "OSMANTHUS_SIGN_IN": "demo",
        "OSMANTHUS_PUBLIC_URL": url,
    }
    walk = "set -euo pipefail\n" + "\n".join(re.findall(r"^```bash\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE))
    done = subprocess.run(
        ["bash", "-c", walk],
        env={**os.environ, "BASE": url, "KEYS": str(tmp_path / "partners"), "NUMBER": LAN, **settings},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    profile, delivery, again, waiting, corrected, file, quality, warnings = answers
    assert [category["code"] for category in profile["categories"]] == ["volunteering"]
    assert (delivery["accepted"], delivery["quarantined"]) == (1, 1)
    assert again == delivery
    assert [reason["column"] for reason in waiting["items"][0]["reasons"]] == ["服务日期"]
    assert [item["outcome"] for item in corrected["items"]] == ["accepted"]
    assert (file["state"], file["delivered"], file["accepted"]) == ("done", 1, 1)
    # Two rows, one of them corrected afterwards as a delivery of its own, and the file with one.
    assert (quality["whole_period"]["delivered"], quality["whole_period"]["quarantined"]) == (4, 1)
    assert warnings["items"] == []


def test_every_code_named_in_the_guide_is_one_the_server_uses():
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", GUIDE.split("## 出错时")[1]))
    source = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("backend", "miniprogram_api")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert {code for code in named - {"expected_part", "right_department"} if f'"{code}"' not in source} == set()
