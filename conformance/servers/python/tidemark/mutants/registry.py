"""The registry of mutants, and helpers that several of them share."""

from __future__ import annotations

from ..variants import Registry

mutant = Registry()

REPLIES = frozenset(
    {"subscribed", "unsubscribed", "subscriptions", "broadcasted", "authenticated", "synced", "pong", "error"}
)
