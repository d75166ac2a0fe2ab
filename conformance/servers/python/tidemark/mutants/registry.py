"""Where mutants are listed, and what several of them need."""

from __future__ import annotations

from ..variants import Registry

mutant = Registry()

REPLIES = frozenset(
    {"subscribed", "unsubscribed", "subscriptions", "broadcasted", "authenticated", "synced", "pong", "error"}
)
