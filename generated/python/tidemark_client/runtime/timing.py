"""Waits: timers, backoff, and the bounds for every number that a server sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Union

#: A server may ask to wait; never so briefly that a loop of refusals becomes a flood, nor so long that the client is parked.
MIN_RETRY = 0.02
MAX_RETRY = 300.0
MIN_HEARTBEAT = 0.02
MAX_HEARTBEAT = 3600.0


def bounded(seconds: float, least: float, most: float) -> float:
    """The nearest number within the bounds; ``least`` for what is not a number."""
    return min(max(seconds, least), most) if seconds == seconds else least


def retry_delay(seconds: float) -> float:
    """A wait that a server asked for, within bounds."""
    return bounded(seconds, MIN_RETRY, MAX_RETRY)


def backoff(attempt: int, random: Callable[[], float], least: float, most: float) -> float:
    """Full jitter: uniform between 0 and ``min(most, least * 2**attempt)``, in seconds. ``attempt`` is 0 for the first wait."""
    return random() * min(most, least * float(2 ** min(max(attempt, 0), 30)))


class Timer:
    """Calls back once, later, unless cancelled."""

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
