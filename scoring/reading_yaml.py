"""Reading YAML the one way: safe, and with the C reader where PyYAML was built with it (ten times as fast)."""

from __future__ import annotations

from typing import Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Any:
    """Plain data (dict, list, str, int, float, bool, date, None). Raises yaml.YAMLError."""
    return yaml.load(text, Loader=LOADER)  # noqa: S506 - both are safe loaders
