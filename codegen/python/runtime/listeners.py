"""Listeners: functions of the application that the client calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal, TypeVar

Detail = TypeVar("Detail")

#: The events that :meth:`ClientCore.on` accepts.
Lifecycle = Literal[
    "connecting",
    "welcome",
    "contract_mismatch",
    "authenticated",
    "ready",
    "closing",
    "closed",
    "reconnecting",
    "resumed",
    "postponed",
    "parked",
    "gap",
    "loss",
    "error",
]


def call_listener(listener: Callable[[Detail], object], detail: Detail) -> None:
    """Calls a function of the application. If it raises an exception, the event loop's exception handler receives it,
    and the client continues."""
    try:
        listener(detail)
    except Exception as error:  # noqa: BLE001 - whatever the application's function raises
        message = "A listener of the Tidemark client raised an exception."
        asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})


class Listeners:
    """The listeners for events about a client itself."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Callable[[object], object]]] = {}

    def add(self, name: Lifecycle, listener: Callable[[object], object]) -> Callable[[], None]:
        """Returns a function that removes the listener."""
        listeners = self._listeners.setdefault(name, [])
        listeners.append(listener)

        def off() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return off

    def call(self, name: str, detail: object) -> None:
        for listener in list(self._listeners.get(name, ())):
            call_listener(listener, detail)
