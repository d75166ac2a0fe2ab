"""Servers that are wrong on purpose, each in one way. A suite that lets one pass does not judge the clause it breaks.

Each is a subclass of one part, with one method that does the wrong thing; the rest of the server stays right.
"""

from . import (
    access,
    answers,
    connection,
    degenerate,
    envelope,
    errors,
    filters,
    gaps,
    http,
    order,
    replay,
    streams,
    subscriptions,
)
from .registry import mutant

__all__ = [
    "access",
    "answers",
    "connection",
    "degenerate",
    "envelope",
    "errors",
    "filters",
    "gaps",
    "http",
    "mutant",
    "order",
    "replay",
    "streams",
    "subscriptions",
]
