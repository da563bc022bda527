"""Every table of every feature, for migrations and tests: each feature keeps its own in `models.py`."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from sqlalchemy import MetaData

import backend
from backend.database import Base


def all_tables() -> MetaData:
    """Import `models.py` of every feature and return the metadata they filled."""
    for feature in iter_modules(backend.__path__, prefix="backend."):
        if feature.ispkg and find_spec(f"{feature.name}.models"):
            import_module(f"{feature.name}.models")
    return Base.metadata
