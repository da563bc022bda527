"""HTTP for phones, partners and the public: parses, calls one service, answers."""

from __future__ import annotations

from flask_smorest import Blueprint

from miniprogram_api.citizen import citizen_surfaces
from miniprogram_api.counter import counter_surfaces
from miniprogram_api.department import department_surfaces
from miniprogram_api.partner import partner_surfaces
from miniprogram_api.public import public_surfaces


def miniprogram_surfaces() -> list[Blueprint]:
    """What the server mounts for everyone but officers."""
    return [
        *citizen_surfaces(),
        *partner_surfaces(),
        *counter_surfaces(),
        *department_surfaces(),
        *public_surfaces(),
    ]
