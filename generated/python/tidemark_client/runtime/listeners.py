"""Listeners: functions of the application that the client calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

Detail = TypeVar("Detail")


def call_listener(listener: Callable[[Detail], object], detail: Detail) -> None:
    """Calls a function of the application. If it raises an exception, the event loop's exception handler receives it,
    and the client continues."""
    try:
        listener(detail)
    except Exception as error:  # noqa: BLE001 - whatever the application's function raises
        message = "A listener of the Tidemark client raised an exception."
        asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})
