"""Servers that are wrong on purpose, each in one way. A suite that passes one of them does not test the clause that it
breaks.

Each is a subclass of one part, with one wrong method; the rest of the server is unchanged.
"""

from . import (
    access,
    answers,
    connection,
    degenerate,
    envelope,
    errors,
    event_stream,
    filters,
    gaps,
    http,
    leaks,
    many,
    near,
    order,
    replay,
    standstill,
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
    "event_stream",
    "filters",
    "gaps",
    "http",
    "leaks",
    "many",
    "mutant",
    "near",
    "order",
    "replay",
    "standstill",
    "streams",
    "subscriptions",
]
