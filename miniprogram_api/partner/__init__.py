"""HTTP for partners: a token by their own key, checks and redemptions at the counter."""

from __future__ import annotations

from flask_smorest import Blueprint

from miniprogram_api.partner.checks import blp as checks
from miniprogram_api.partner.deletions import blp as deletions
from miniprogram_api.partner.institution import blp as institution
from miniprogram_api.partner.institution import referrals
from miniprogram_api.partner.keys import blp as keys
from miniprogram_api.partner.notifications import blp as notifications
from miniprogram_api.partner.redemptions import blp as redemptions
from miniprogram_api.partner.schemes import blp as schemes
from miniprogram_api.partner.settlements import blp as settlements
from miniprogram_api.partner.token import blp as token
from miniprogram_api.partner.token import discovery
from miniprogram_api.partner.usage import blp as usage
from miniprogram_api.partner.webhooks import blp as webhooks


def partner_surfaces() -> list[Blueprint]:
    """What the server mounts for partners."""
    return [
        token, discovery, checks, redemptions, schemes, settlements, notifications, institution, referrals, keys,
        webhooks, usage, deletions,
    ]  # fmt: skip
