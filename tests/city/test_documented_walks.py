"""The walks in the documentation are carried out as they stand, block after block, against a served demo city."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.city


@pytest.mark.parametrize("document", ["docs/partners.md", "docs/quickstart.md"])
def test_a_newcomer_can_copy_every_step(live_city, document):
    blocks = re.findall(r"^```bash\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"), re.M | re.S)
    assert blocks
    walked = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=ROOT,
        env={
            **os.environ,
            "BASE": live_city.base_url,
            "KEYS": str(live_city.folder / "partners"),
            "OSMANTHUS": str(Path(sys.executable).with_name("osmanthus")),
            "OSMANTHUS_ENV_FILE": str(live_city.folder / "osmanthus.env"),
        },
        capture_output=True,
        text=True,
        timeout=480,
        check=False,
    )
    assert walked.returncode == 0, walked.stdout[-3000:] + walked.stderr[-3000:]
