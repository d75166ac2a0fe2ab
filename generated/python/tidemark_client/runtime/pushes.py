"""Passes the server's pushes to the subscriptions and to the client. Unknown types are ignored (ENV-4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, Union

from .errors import ProtocolViolation, TidemarkError
from .feed import Feed
from .subscription_port import ReplayEnd
from .timing import retry_after_of
from .wire import (
    EventPrefix,
    Frame,
    JsonObject,
    Position,
    as_list,
    as_object,
    as_strings,
    as_whole_number,
    read_event_prefix,
    read_position,
)

AnyFeed = Feed[object, Any, Any]


class PushTarget(Protocol):
    """The functions of the client that the handling of pushes calls."""

    @property
    def events_received(self) -> int: ...

    def on_welcome(self, data: JsonObject) -> None: ...

    def on_closing(self, data: JsonObject, code: int, retry_after: Union[float, None]) -> None: ...

    def on_loss(self, sent: int, received: int) -> None: ...

    def report(self, name: str, detail: object) -> None: ...


class Pushes:
    def __init__(self, subscriptions: Mapping[str, AnyFeed], target: PushTarget) -> None:
        self._subscriptions = subscriptions
        self._target = target
        self._handlers: Mapping[str, Callable[[JsonObject], None]] = {
            "welcome": target.on_welcome,
            "event": self._event,
            "heartbeat": self._heartbeat,
            "replay_complete": self._replay_complete,
            "positions": self._positions,
            "gap": self._gap,
            "subscription_closed": self._subscription_closed,
            "closing": self._closing,
            "error": self._refused,
        }

    def receive(self, frame: Frame) -> None:
        handler = self._handlers.get(frame.type)
        if handler is not None:
            handler(frame.data)

    def _event(self, data: JsonObject) -> None:
        prefix: Union[EventPrefix, None] = read_event_prefix(data)
        if prefix is None:
            self._violation('an "event" without subscriptionIds, isReplay, stream or position (EVT-1)')
            return
        for id_ in prefix.subscription_ids:
            subscription = self._attentive(id_)
            if subscription is not None:
                subscription.event(data, prefix)

    def _heartbeat(self, data: JsonObject) -> None:
        delivered, positions = as_whole_number(data.get("delivered")), as_list(data.get("positions"))
        if delivered is None or positions is None:
            self._violation('a "heartbeat" without valid delivered or positions (CON-3)')
            return
        received = self._target.events_received
        if delivered > received:
            for subscription in list(self._subscriptions.values()):
                subscription.loss_found()
            self._target.on_loss(delivered, received)
            return
        if delivered < received:
            self._violation(f'a "heartbeat" that counts {delivered} events when {received} were received (CON-3)')
            return
        by_stream: dict[str, Position] = {}
        for entry in positions:
            position, stream = read_position(entry), (as_object(entry) or {}).get("stream")
            if position is not None and isinstance(stream, str):
                by_stream[stream] = position
        for subscription in list(self._subscriptions.values()):
            if subscription.attentive:
                subscription.heartbeat(by_stream)

    def _replay_complete(self, data: JsonObject) -> None:
        subscription = self._attentive(self._id_of(data))
        count = as_whole_number(data.get("count"))
        if subscription is not None:
            position = read_position(data.get("position"))
            subscription.replay_complete(
                ReplayEnd(position, 0 if count is None else count, data.get("truncated") is True)
            )

    def _positions(self, data: JsonObject) -> None:
        subscription = self._attentive(self._id_of(data))
        if subscription is not None:
            subscription.positions_received(data)

    def _gap(self, data: JsonObject) -> None:
        ids = as_strings(data.get("subscriptionIds"))
        if ids is None:
            self._violation('a "gap" without subscriptionIds (GAP-1)')
            return
        for id_ in ids:
            subscription = self._attentive(id_)
            if subscription is not None:
                subscription.gap(data)

    def _subscription_closed(self, data: JsonObject) -> None:
        reason = data.get("reason")
        subscription = self._subscriptions.get(self._id_of(data))
        if subscription is not None:
            subscription.closed_by_server(reason if isinstance(reason, str) else "unknown")

    def _closing(self, data: JsonObject) -> None:
        code = as_whole_number(data.get("code"))
        if code is None:
            self._violation('a "closing" without a valid code (CON-5)')
            return
        self._target.on_closing(data, code, retry_after_of(data.get("retryAfterMs")))

    def _refused(self, data: JsonObject) -> None:
        # An error without a command id: the server could not read the message of the client that caused the error.
        self._target.report("error", TidemarkError.read(data))

    def _violation(self, what: str) -> None:
        self._target.report("error", ProtocolViolation(f"The server sent {what}. It was ignored."))

    def _attentive(self, id_: str) -> Union[AnyFeed, None]:
        subscription = self._subscriptions.get(id_)
        return subscription if subscription is not None and subscription.attentive else None

    def _id_of(self, data: JsonObject) -> str:
        id_ = data.get("subscriptionId")
        if isinstance(id_, str):
            return id_
        self._violation("a message without subscriptionId")
        return ""
