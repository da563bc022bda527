"""HTTP for anyone: enterprises and the benefit schemes; never a natural person."""

from __future__ import annotations

from flask_smorest import Blueprint

from miniprogram_api.public.enterprises import blp as enterprises
from miniprogram_api.public.ledger import blp as ledger
from miniprogram_api.public.partners import blp as partners
from miniprogram_api.public.portraits import blp as portraits
from miniprogram_api.public.receipts import blp as receipts
from miniprogram_api.public.red_list import blp as red_list
from miniprogram_api.public.reports import blp as reports
from miniprogram_api.public.schemes import blp as schemes


def public_surfaces() -> list[Blueprint]:
    """What the server mounts for the public."""
    return [enterprises, portraits, schemes, red_list, ledger, reports, receipts, partners]
