"""The library works where nothing else of the product, and none of what only the product needs, is installed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest

import scoring

ROOT = Path(scoring.__file__).parents[1]
OF_THE_PRODUCT = {"admin", "backend", "command_line", "demo_city", "miniprogram_api", "wsgi"}
ITSELF = {"scoring"}
BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r} (not a dependency of scoring)", name=name)
sys.meta_path.insert(0, Blocked())
from scoring.cli import app
app(sys.argv[1:])
"""


def declared() -> set[str]:
    """The distributions that `scoring/pyproject.toml` names, and all that those need."""
    project = tomllib.loads((ROOT / "scoring" / "pyproject.toml").read_text())["project"]
    found: set[str] = set()
    waiting = [name(text) for text in project["dependencies"]]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        try:
            needed = requires(one) or []
        except PackageNotFoundError:  # for another platform
            continue
        waiting += [name(text) for text in needed if "extra ==" not in text]
    return found


def name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    needed = declared()
    blocked = OF_THE_PRODUCT | {
        module
        for module, distributions in packages_distributions().items()
        if not {name(distribution) for distribution in distributions} & needed and module not in ITSELF
    }
    program = BLOCK.replace("BLOCKED", repr(blocked), 1)
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, check=False, cwd="/", env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
    )  # fmt: skip


@pytest.mark.parametrize("module", ["flask", "sqlalchemy", "lightgbm", "backend"])
def test_what_only_the_product_needs_is_out_of_reach(module: str) -> None:
    assert module in OF_THE_PRODUCT or module not in declared()


def test_a_policy_is_checked_and_a_citizen_scored_and_told_why(tmp_path: Path) -> None:
    records = tmp_path / "记录.csv"
    records.write_text(
        "subject,record,category,event_day,quantity\n17,1,volunteering,2026-03-01,2550\n", encoding="utf-8"
    )
    assert "合格" in run("check", "guihua").stdout
    told = run("explain", "guihua", str(records), "--subject", "17", "--as-of", "2026-06-30")
    assert told.returncode == 0, told.stderr
    assert "106.28" in told.stdout


def test_learning_without_its_parts_says_what_to_install(tmp_path: Path) -> None:
    table = tmp_path / "表.csv"
    table.write_text("x,y\n" + "".join(f"{n},{n % 2}\n" for n in range(200)), encoding="utf-8")
    told = run("fit", "--table", str(table), "--target", "y")
    assert told.returncode == 2
    assert "scikit-learn" in told.stderr
    assert "Traceback" not in told.stderr
