"""Timers, backoff, and limits for every delay that a server sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Union

#: The limits of a delay that a server asks for, in seconds (CLI-4).
MIN_RETRY = 0.1
MAX_RETRY = 300.0
#: The range of the limit ``heartbeatIntervalMs`` in the contract, in seconds (CLI-11).
MIN_HEARTBEAT = 0.1
MAX_HEARTBEAT = 600.0


def _within(milliseconds: object, least: float, most: float) -> Union[float, None]:
    """Converts milliseconds to seconds between ``least`` and ``most``. None if the value is negative or not a number."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float)) or not milliseconds >= 0:
        return None
    # Apply the maximum before dividing, because an integer in JSON may be too large for a float.
    return min(max(min(milliseconds, most * 1000) / 1000, least), most)


def retry_after_of(milliseconds: object) -> Union[float, None]:
    """A server's ``retryAfterMs`` in seconds; None when it is missing or invalid (CLI-4)."""
    return _within(milliseconds, MIN_RETRY, MAX_RETRY)


def heartbeat_interval_of(milliseconds: object) -> Union[float, None]:
    """A server's ``heartbeatIntervalMs`` in seconds; None when it is missing or invalid (CLI-11)."""
    return None if milliseconds == 0 else _within(milliseconds, MIN_HEARTBEAT, MAX_HEARTBEAT)


def backoff(attempt: int, random: Callable[[], float], least: float, most: float) -> float:
    """The delay before an attempt, with full jitter: a random time between 0 and ``min(most, least * 2**attempt)``, in
    seconds. ``attempt`` is 0 for the first delay."""
    return random() * min(most, least * float(2 ** min(max(attempt, 0), 30)))


class Timer:
    """Calls a function once after a delay, unless the timer is cancelled before."""

    def __init__(self) -> None:
        self._handle: Union[asyncio.TimerHandle, None] = None

    @property
    def running(self) -> bool:
        return self._handle is not None

    def start(self, seconds: float, callback: Callable[[], object]) -> None:
        self.cancel()

        def run() -> None:
            self._handle = None
            callback()

        self._handle = asyncio.get_running_loop().call_later(max(seconds, 0), run)

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
