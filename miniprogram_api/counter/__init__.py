"""HTTP for a store's counter: the scanner page (in `page/`) and what it asks for."""

from __future__ import annotations

from flask_smorest import Blueprint

from miniprogram_api.counter.affairs import blp as affairs
from miniprogram_api.counter.sign_in import blp as sign_in
from miniprogram_api.counter.staff import blp as staff
from miniprogram_api.counter.uses import blp as uses


def counter_surfaces() -> list[Blueprint]:
    """What the server mounts for the scanner page."""
    return [sign_in, uses, staff, affairs]
