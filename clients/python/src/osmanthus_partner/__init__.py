"""Client for partners of a city's 信易+ benefits: checks, redemptions, settlements, keys and webhooks."""

from osmanthus_partner.client import (
    Check,
    KeyInfo,
    Partner,
    Problem,
    QueuedCheck,
    Redemption,
    Scheme,
    Settlement,
    SettlementLine,
    Unreachable,
    UsageLine,
    Webhook,
)
from osmanthus_partner.keys import generate_private_key, public_key_of, read_private_key

__all__ = [
    "Check",
    "KeyInfo",
    "Partner",
    "Problem",
    "QueuedCheck",
    "Redemption",
    "Scheme",
    "Settlement",
    "SettlementLine",
    "Unreachable",
    "UsageLine",
    "Webhook",
    "generate_private_key",
    "public_key_of",
    "read_private_key",
]
