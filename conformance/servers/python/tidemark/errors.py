"""The two kinds of error: one answers a command, the other ends the connection."""

from __future__ import annotations

from typing import Any, Mapping

LONGEST_TEXT = 2048
LONGEST_POINTER = 1024


class ProtocolError(Exception):
    """The rejection of a command. The text is for the user of the client and reveals nothing of the server."""

    def __init__(
        self,
        code: str,
        text: str,
        *,
        pointer: str | None = None,
        retry_after_ms: int | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.pointer = pointer
        self.retry_after_ms = retry_after_ms
        self.details = details
        self.command_id: str | None = None

    def data(self, retryable: bool) -> dict[str, Any]:
        """`data` of the `error` message."""
        data: dict[str, Any] = {"code": self.code, "message": self.text[:LONGEST_TEXT], "retryable": retryable}
        if self.retry_after_ms is not None:
            data["retryAfterMs"] = self.retry_after_ms
        if self.pointer is not None:
            data["pointer"] = shorten_pointer(self.pointer)
        if self.details is not None:
            data["details"] = dict(self.details)
        return data


class Disconnect(Exception):
    """Ends the connection, with the close code of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def shorten_pointer(pointer: str) -> str:
    """Shortens a pointer to its nearest parent within the limit. Names of unknown fields may have any length."""
    while len(pointer) > LONGEST_POINTER:
        pointer = pointer.rpartition("/")[0]
    return pointer
