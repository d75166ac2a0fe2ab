"""Timestamps, and ids that contain timestamps."""

from __future__ import annotations

import secrets
import time
from datetime import datetime, timezone

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80


def now_ms() -> int:
    """Milliseconds since the Unix epoch, from the system clock."""
    return time.time_ns() // 1_000_000


def timestamp(milliseconds: int) -> str:
    """Formats a time as RFC 3339 in UTC with milliseconds (ENV-5)."""
    moment = datetime.fromtimestamp(milliseconds // 1000, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def parse_timestamp(text: str) -> int:
    """:raises ValueError: if the text is not an RFC 3339 timestamp"""
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


class UlidMaker:
    """Makes ULIDs that ascend, even within one millisecond."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> str:
        fresh = now_ms() << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        self._last = max(fresh, self._last + 1)
        return "".join(_CROCKFORD[self._last >> shift & 31] for shift in range(125, -5, -5))


make_ulid = UlidMaker()
