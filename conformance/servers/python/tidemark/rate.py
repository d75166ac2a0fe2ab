"""Rate limits."""

from __future__ import annotations

import time
from collections import deque


class TokenBucket:
    """Limits a rate, but allows bursts."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._rate = per_second
        self._burst = burst
        self._tokens = burst
        self._at = time.monotonic()

    def take(self) -> int:
        """Returns 0 if the action is allowed now, otherwise how many milliseconds to wait."""
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return max(1, int((1 - self._tokens) / self._rate * 1000))


class MinuteCount:
    """Counts occurrences within the last minute."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def add(self) -> int:
        now = time.monotonic()
        self._times.append(now)
        while self._times[0] < now - 60:
            self._times.popleft()
        return len(self._times)
