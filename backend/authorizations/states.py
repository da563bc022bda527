"""What may happen to a consent in which state. Every pair that is not listed is refused."""

from __future__ import annotations

from collections.abc import Mapping

from backend.authorizations.errors import ConsentNotInState
from backend.authorizations.models import ConsentEventName, ConsentState

TRANSITIONS: Mapping[tuple[ConsentState, ConsentEventName], ConsentState] = {
    ("requested", "give"): "given",
    ("requested", "refuse"): "refused",
    ("requested", "expire"): "expired",
    ("given", "pause"): "paused",
    ("given", "withdraw"): "withdrawn",
    ("given", "reconfirm"): "given",
    ("given", "expire"): "expired",
    ("paused", "resume"): "given",
    ("paused", "withdraw"): "withdrawn",
    ("paused", "expire"): "expired",
}

HELD: frozenset[ConsentState] = frozenset({"given", "paused"})
ENDED: frozenset[ConsentState] = frozenset({"refused", "withdrawn", "expired"})


def state_after(state: ConsentState, event: ConsentEventName) -> ConsentState:
    """Raises ConsentNotInState."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ConsentNotInState(state) from None
