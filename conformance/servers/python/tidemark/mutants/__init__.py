"""Servers that are wrong on purpose, each in one way. If the suite passes such a server, it does not test the clause
that the server breaks.

Each mutant is a subclass of one part, with one wrong method. The rest of the server is unchanged.
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
    many_streams,
    name_hints,
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
    "many_streams",
    "mutant",
    "name_hints",
    "order",
    "replay",
    "standstill",
    "streams",
    "subscriptions",
]
