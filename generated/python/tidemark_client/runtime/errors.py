"""The errors that a caller can receive.

``TidemarkError``: the server answered with an error. ``ConnectionLost``: there was no answer. ``SubscriptionEnded``:
the server or a full buffer ended a subscription. ``WaitFailed``: no matching event arrived in time, or events were
lost. ``ProtocolViolation``: the server sent something that the contract does not allow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Union

from .timing import retry_after_of
from .wire import CloseClass, JsonObject, Position, as_object

ConnectionReason = Literal["connection_lost", "timeout", "refused", "unreachable", "client_closed"]


class TidemarkError(Exception):
    """The server refused a command (ERR-1). The connection stays open."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        retry_after: Union[float, None] = None,
        pointer: Union[str, None] = None,
        details: Union[Mapping[str, object], None] = None,
    ) -> None:
        super().__init__(message)
        #: One of the error codes of the contract. A newer server may send other codes.
        self.code = code
        self.message = message
        #: Whether the command may succeed if it is sent again later without a change.
        self.retryable = retryable
        #: How long to wait before a retry, in seconds.
        self.retry_after = retry_after
        #: JSON pointer (RFC 6901) to the invalid value in the command.
        self.pointer = pointer
        self.details = details

    @staticmethod
    def read(data: JsonObject) -> "TidemarkError":
        """Reads ``data`` of an ``error``; missing members get defaults."""
        code, message, pointer, details = (data.get(name) for name in ("code", "message", "pointer", "details"))
        return TidemarkError(
            code if isinstance(code, str) else "internal",
            message if isinstance(message, str) else "The server refused the command and gave no reason.",
            retryable=data.get("retryable") is True,
            retry_after=retry_after_of(data.get("retryAfterMs")),
            pointer=pointer if isinstance(pointer, str) else None,
            details=as_object(details),
        )


class ConnectionLost(Exception):
    """A command or a subscription failed because of its connection. ``reason`` is one of:

    ``connection_lost``: the connection ended after the command was sent, so the server may have executed it;
    ``timeout``: no reply in time, or no connection in time on which to send the command; ``refused``: the server will not
    accept this client again without a change, or the credential cannot be renewed; ``unreachable``: ``max_attempts``
    consecutive attempts failed; ``client_closed``: this client was closed.
    """

    def __init__(
        self,
        reason: ConnectionReason,
        message: str,
        *,
        close_code: Union[int, None] = None,
        close_class: Union[CloseClass, None] = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.close_code = close_code
        self.close_class = close_class

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later, on this client."""
        return self.reason in ("connection_lost", "timeout")


class SubscriptionEnded(Exception):
    """The server or a full buffer ended a subscription. Events that were received before its end have been yielded.

    After ``unsubscribe()``, only ``ready()`` and ``caught_up()`` raise this error.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        subscription_id: str,
        position: Union[Position, None],
        positions: Union[Mapping[str, Position], None] = None,
    ) -> None:
        super().__init__(message)
        #: ``buffer_overflow``, ``unsubscribed``, or the reason of the server's ``subscription_closed`` (for example ``forbidden``).
        self.reason = reason
        self.subscription_id = subscription_id
        #: Where a new subscription can resume without loss; None before the first warm replay is complete.
        self.position = position
        #: The positions of a subscription to several streams, instead of ``position``.
        self.positions = positions


class WaitFailed(Exception):
    """``wait_for`` ended without an event. ``reason``: ``timeout``, or ``gap`` (events were lost, perhaps the awaited one)."""

    def __init__(
        self,
        reason: Literal["timeout", "gap"],
        message: str,
        *,
        position: Union[Position, None] = None,
        positions: Union[Mapping[str, Position], None] = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        #: Where to continue: pass the position as ``since`` to a new wait. None if no position is known, because there was no connection.
        self.position = position
        #: The positions of a wait on several streams, instead of ``position``.
        self.positions = positions


class ProtocolViolation(Exception):
    """The server sent something that the contract does not allow."""
