"""What may be lost at any moment and rebuilt: one-time codes, rate limits, short locks, cached answers."""

from backend.ephemeral.changes import change_announcer
from backend.ephemeral.store import EphemeralStore, StoreUnavailable, open_store

__all__ = ["EphemeralStore", "StoreUnavailable", "change_announcer", "open_store"]
