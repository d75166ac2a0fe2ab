"""Publishing: one operation for both the `broadcast` command and `POST /ws/broadcast` (BRD-1, BRD-2)."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Mapping

from .envelope import CommandReader
from .errors import ProtocolError
from .principals import Principal
from .streams import Event
from .strict_json import encode, values_at

if TYPE_CHECKING:
    from .node import Node

Key = tuple[str, str, str]

LONGEST_LABEL = 128
MOST_KEYS = 100_000


class Idempotency:
    """Remembers, for the length of the window, which event was published with each idempotency key."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._known: OrderedDict[Key, tuple[float, Event]] = OrderedDict()

    def find(self, key: Key) -> Event | None:
        oldest = time.monotonic() - self._window
        while self._known:
            first, (at, _) = next(iter(self._known.items()))
            if at >= oldest and len(self._known) <= MOST_KEYS:
                break
            del self._known[first]
        known = self._known.get(key)
        return None if known is None else known[1]

    def remember(self, key: Key, event: Event) -> None:
        self._known[key] = (time.monotonic(), event)


class Publisher:
    def __init__(self, node: Node) -> None:
        self.node = node
        self._reader = CommandReader(node.contract, node.limits["jsonDepth"])
        self._idempotency = Idempotency(node.limits.seconds("idempotencyWindowMs"))

    def broadcast(self, principal: Principal, data: dict[str, Any], pointer: str) -> dict[str, Any]:
        """Publishes the `data` of a command or the body of a request, after validation by its schema. `pointer` leads
        to `data` in the message, for errors.

        :raises ProtocolError: forbidden, payload_too_large, payload_invalid, stream_invalid
        """
        data = {**data, "stream": self.stream_of(data)}
        self.check(principal, data, pointer)
        self.check_stream(data, f"{pointer}/stream")
        key = (principal.id, data["stream"], data.get("idempotencyKey", ""))
        known = self.find_duplicate(key) if key[2] else None
        event = known or self.node.publish(data["stream"], data["event"], self.source(principal, data), data["payload"])
        if known is None and key[2]:
            self._idempotency.remember(key, event)
        return {
            "stream": event.stream,
            **event.position.wire(),
            "eventId": event.event_id,
            "duplicate": known is not None,
            **self.node.hints.member([(data["event"], f"{pointer}/event")]),
        }

    def home_of(self, data: Mapping[str, Any]) -> str | None:
        """The stream to which the event belongs, if the contract names one for it (STR-5)."""
        place = self.node.contract.event(data["event"]).stream
        if place is None:
            return None
        kind, pointer = place
        return next((f"{kind}:{name}" for name in values_at({"payload": data["payload"]}, pointer)), None)

    def stream_of(self, data: Mapping[str, Any]) -> str:
        """The stream on which to publish the event."""
        stream: str = data.get("stream") or self.home_of(data) or "main"
        return stream

    def check_stream(self, data: Mapping[str, Any], pointer: str) -> None:
        """:raises ProtocolError: stream_invalid, for a stream to which the event does not belong"""
        home = self.home_of(data)
        if home is not None and home != data["stream"]:
            raise ProtocolError(
                "stream_invalid", f"This event belongs to {home}.", pointer=pointer, details={"stream": home}
            )

    def find_duplicate(self, key: Key) -> Event | None:
        return self._idempotency.find(key)

    def check(self, principal: Principal, data: dict[str, Any], pointer: str) -> None:
        name, stream = data["event"], data["stream"]
        if not principal.may("publish", name, stream):
            raise ProtocolError(
                "forbidden", f"The scope publish:{name}@{stream} is required.", pointer=f"{pointer}/event"
            )
        self.check_payload(name, data["payload"], f"{pointer}/payload")

    def check_payload(self, name: str, payload: dict[str, Any], pointer: str) -> None:
        most = self.node.limits["payloadBytes"]
        if len(encode(payload).encode()) > most:
            raise ProtocolError("payload_too_large", f"A payload may have at most {most} bytes as JSON.", pointer=pointer)
        self._reader.check_payload(name, payload, pointer)

    def source(self, principal: Principal, data: dict[str, Any]) -> dict[str, Any]:
        """The `source` of an event. The client chooses the label but not the principal."""
        return {"name": data.get("source", principal.id[:LONGEST_LABEL]), "principal": principal.id}
