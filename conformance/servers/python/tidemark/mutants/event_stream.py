"""Faults of server-sent events (SSE)."""

from __future__ import annotations

from typing import Any, Mapping

from ..commands import Commands
from ..connection import Connection
from ..envelope import Command
from ..event_stream import PENDING, EventStreams, EventStreamWire, ManyStreamsWire
from ..http import Head
from ..outbox import Outgoing
from ..principals import EVERYONE
from ..streams import Position
from .registry import mutant


@mutant("sse-all-types-named", "event messages have the type event, so that a page does not receive them in onmessage", clause="SSE-1")
class AllTypesNamed(EventStreamWire):
    def fields(self, message: Mapping[str, Any]) -> dict[str, str]:
        return {"event": message["type"], **super().fields(message)}


@mutant("sse-filter-ignored", "the filter parameters of a request for events are ignored", clause="SSE-1")
class FilterIgnored(EventStreams):
    def filter(self, lists: dict[str, list[str]]) -> dict[str, list[str]]:
        return {}


@mutant("sse-id-before-event", "the id of an event is the position before the event, so that a resume repeats the event", clause="SSE-2")
class IdBeforeEvent(EventStreams):
    def position_id(self, stream: str, epoch: str, sequence_id: int) -> str:
        return super().position_id(stream, epoch, max(0, sequence_id - 1))


@mutant("sse-id-without-epoch", "a position of an earlier epoch is applied to the present epoch, so the loss is not reported", clause="SSE-2")
class IdWithoutEpoch(EventStreams):
    def read_position(self, text: str) -> tuple[str, Position]:
        stream, position = super().read_position(text)
        head = self.node.streams.get(stream).head
        return stream, Position(head.epoch, min(position.sequence_id, head.sequence_id))


@mutant("sse-id-without-stream", "an id is applied to the requested stream, even if it belongs to another stream", clause="SSE-2")
class IdWithoutStream(EventStreams):
    def _replay(self, head: Head, single: Mapping[str, str]) -> dict[str, Any]:
        text = self.position_text(head, single)
        if not text:
            return super()._replay(head, single)
        return {"mode": "resume", "after": self.read_position(text)[1].wire()}


@mutant("sse-parameter-first", "the parameter after has precedence over Last-Event-ID", clause="SSE-2")
class ParameterFirst(EventStreams):
    def position_text(self, head: Head, single: Mapping[str, str]) -> str | None:
        return single.get("after") or head.get("last-event-id")


@mutant("sse-parameter-ignored", "the parameter after is ignored", clause="SSE-2")
class ParameterIgnored(EventStreams):
    def position_text(self, head: Head, single: Mapping[str, str]) -> str | None:
        return head.get("last-event-id")


@mutant("sse-resumed-without-id", "events of a resume have no id", clause="SSE-2")
class ResumedWithoutId(EventStreamWire):
    def place(self, kind: str, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None if data.get("isReplay") else super().place(kind, data)


@mutant("sse-id-in-picture", "events of a warm replay have an id: a client that reconnects during the replay misses the rest", clause="SSE-2")
class IdInPicture(EventStreamWire):
    def place(self, kind: str, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return data if kind == "event" else super().place(kind, data)


@mutant("sse-picture-without-id", "the subscribed of a first warm picture has no id: a client that reconnects during the picture misses deletions", clause="SSE-2")
class PictureWithoutId(EventStreamWire):
    def place(self, kind: str, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None if kind == "subscribed" and self._picture_pending else super().place(kind, data)


@mutant("sse-picture-skipped", "a client that reconnects during its first warm picture does not get the picture again", clause="SSE-2")
class PictureSkipped(EventStreams):
    def position_text(self, head: Head, single: Mapping[str, str]) -> str | None:
        text = super().position_text(head, single)
        return text and text.removeprefix(PENDING)


@mutant("sse-gap-hidden", "the gap of a failed resume is not sent as a server-sent event", clause="SSE-2")
class GapHidden(Connection):
    def messages(self, outgoing: Outgoing) -> list[dict[str, Any]]:
        return [
            each
            for each in super().messages(outgoing)
            if each["type"] != "gap" or not isinstance(self.wire, EventStreamWire)
        ]


@mutant("sse-no-heartbeat", "a connection by server-sent events gets no heartbeat", clause="CON-3")
class NoHeartbeat(Connection):
    def beat(self) -> None:
        if not isinstance(self.wire, EventStreamWire):
            super().beat()


@mutant("sse-heartbeat-without-id", "heartbeats have no id: the position of a client whose filter matches nothing becomes too old for a resume", clause="SSE-2")
class HeartbeatWithoutId(EventStreamWire):
    def place(self, kind: str, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None if kind == "heartbeat" else super().place(kind, data)


@mutant("sse-unknown-parameter", "an unknown parameter of a request for events is ignored", clause="SSE-3")
class UnknownParameter(EventStreams):
    def filter(self, lists: dict[str, list[str]]) -> dict[str, list[str]]:
        known = self.node.contract.schemas["SubscriptionFilter"]["properties"]
        return {name: values for name, values in lists.items() if name in known}


class WithoutScope(Commands):
    """On connections of one kind, subscribes with all scopes, whatever scopes the client has."""

    kind: type[EventStreamWire]

    def subscribe(self, connection: Connection, command: Command) -> None:
        principal = connection.principal
        if isinstance(connection.wire, self.kind):
            connection.principal = EVERYONE
        try:
            super().subscribe(connection, command)
        finally:
            connection.principal = principal


@mutant("sse-scope-ignored", "a request for events needs no scope", clause="SSE-3")
class ScopeIgnored(WithoutScope):
    kind = EventStreamWire


@mutant("sse-no-retry", "closing has no retry field: all clients of a node reconnect at the same time", clause="SSE-4")
class NoRetry(EventStreamWire):
    def fields(self, message: Mapping[str, Any]) -> dict[str, str]:
        fields = super().fields(message)
        if message["type"] == "closing":
            fields.pop("retry", None)
        return fields


@mutant("sse-many-one-position", "the id of an event of many streams has only the position of its own stream", clause="SSE-5")
class ManyOnePosition(ManyStreamsWire):
    def take_note(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind == "event":
            self._places.clear()
        super().take_note(kind, data)


@mutant("sse-many-picture-without-id", "the subscribed of many streams has no id: a client that reconnects during the picture misses deletions", clause="SSE-5")
class ManyPictureWithoutId(ManyStreamsWire):
    def fields(self, message: Mapping[str, Any]) -> dict[str, str]:
        fields = super().fields(message)
        if message["type"] == "subscribed":
            fields.pop("id", None)
        return fields


@mutant("sse-many-warm-again", "a position of many streams is ignored: the reply is a warm picture", clause="SSE-5")
class ManyWarmAgain(EventStreams):
    def replay_of_many(self, head: Head, single: Mapping[str, str]) -> dict[str, Any]:
        return {"mode": "warm"}


@mutant("sse-many-scope-ignored", "a request for events of many streams needs no scope", clause="SSE-5")
class ManyScopeIgnored(WithoutScope):
    kind = ManyStreamsWire


@mutant("sse-many-beside-one", "a request with both stream and streams is accepted, and stream is ignored", clause="SSE-5")
class ManyBesideOne(EventStreams):
    def read(self, head: Head) -> Command:
        command = super().read(head)
        if "streams" in command.data:
            command.data.pop("stream", None)
        return command


@mutant("sse-buffered", "proxies may buffer the events", clause="SSE-4")
class Buffered(EventStreamWire):
    def open(self, headers: list[tuple[str, str]]) -> None:
        super().open(headers)
        self._waiting[-1] = self._waiting[-1].replace(b"X-Accel-Buffering: no\r\n", b"")
