"""Server-sent events: the connection of a client that cannot use a WebSocket (SSE-1 to SSE-4)."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Mapping
from urllib.parse import quote, unquote

from .envelope import Command, CommandReader
from .errors import ProtocolError
from .http import Head
from .streams import Position
from .wire import Wire

if TYPE_CHECKING:
    from .node import Node

NOWHERE = "-"
"""The id of a message after which a client has no position in any stream."""

SEPARATOR = "|"
"""Separates the positions in the id of many streams."""

MOST_STREAMS = 32
"""The maximum number of streams in an id. A resume replays every stream that the id does not name from its first event."""

EVENTS_PATH = "/ws/events"

SINGLE = frozenset({"stream", "replay", "after"})
"""Parameters that may occur only once. Every other parameter is a list."""

RETRY_MS = 1000

PENDING = "*"
"""The first character of an id that is sent during the first warm picture. A client that resumes from such an id may lack
a part of the picture (RPL-7)."""

OPENING = (
    "HTTP/1.1 200 OK",
    "Content-Type: text/event-stream",
    "Cache-Control: no-store",
    "X-Accel-Buffering: no",
    "Connection: close",
)


class EventStreams:
    """Converts requests for events to `subscribe` commands, and positions to the ids of server-sent events and back."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._reader = CommandReader(node.contract, node.limits["jsonDepth"])

    def read(self, head: Head) -> Command:
        """The `subscribe` command that a request stands for.

        :raises ProtocolError: with a pointer into the query
        """
        lists: dict[str, list[str]] = {}
        for name, value in head.parameters:
            lists.setdefault(name, []).append(value)
        single = {name: self._single(name, lists.pop(name)) for name in SINGLE & lists.keys()}
        many = "streams" in lists
        replay = self.replay_of_many(head, single) if many else self._replay(head, single)
        data: dict[str, Any] = {"events": lists.pop("events", []), "replay": replay}
        if "stream" in single:
            data["stream"] = single["stream"]
        if "streams" in lists:
            data["streams"] = lists.pop("streams")
        wanted = self.filter(lists)
        if wanted:
            data["filter"] = wanted
        try:
            self._reader.check("subscribe", {"type": "subscribe", "data": data})
        except ProtocolError as error:
            raise self.in_query(error) from error
        return Command("subscribe", None, data)

    def filter(self, lists: dict[str, list[str]]) -> dict[str, list[str]]:
        return lists

    def _single(self, name: str, values: list[str]) -> str:
        if len(values) > 1:
            raise ProtocolError("invalid_message", f"The query parameter {name} is repeated.", pointer=f"/{name}")
        return values[0]

    def _replay(self, head: Head, single: Mapping[str, str]) -> dict[str, Any]:
        mode = single.get("replay", "warm")
        if mode not in ("none", "warm"):
            raise ProtocolError("invalid_message", "replay must be none or warm.", pointer="/replay")
        text = self.position_text(head, single)
        if not text:
            return {"mode": mode}
        stream, position = self.read_position(text.removeprefix(PENDING))
        if stream != single.get("stream", "main"):
            raise ProtocolError("invalid_message", "The position belongs to another stream.", pointer="/after")
        again = {"withPicture": True} if text.startswith(PENDING) else {}
        return {"mode": "resume", "after": position.wire(), **again}

    def replay_of_many(self, head: Head, single: Mapping[str, str]) -> dict[str, Any]:
        """The replay of a request that resumes many streams from their positions (SSE-5)."""
        text = self.position_text(head, single)
        if not text:
            return self._replay(head, single)
        if text == NOWHERE:
            return {"mode": "resume", "positions": []}
        places = [self.read_position(each) for each in text.split(SEPARATOR)]
        return {"mode": "resume", "positions": [{"stream": stream, **place.wire()} for stream, place in places]}

    def position_text(self, head: Head, single: Mapping[str, str]) -> str | None:
        """The position to resume from. The header has precedence: a browser reconnects to an unchanged address (SSE-2)."""
        return head.get("last-event-id") or single.get("after")

    # ---- positions

    def position_id(self, stream: str, epoch: str, sequence_id: int) -> str:
        return f"{quote(epoch, safe='')}/{sequence_id}/{stream}"

    def read_position(self, text: str) -> tuple[str, Position]:
        """:raises ProtocolError: invalid_message"""
        epoch, _, rest = text.partition("/")
        digits, _, stream = rest.partition("/")
        if not (epoch and stream and digits.isascii() and digits.isdigit() and len(digits) <= 16):
            raise ProtocolError("invalid_message", "The position cannot be read.", pointer="/after")
        return stream, Position(unquote(epoch), int(digits))

    def in_query(self, error: ProtocolError) -> ProtocolError:
        """Changes the pointer of an error from a place in the command to a parameter of the query."""
        if error.pointer is not None:
            error.pointer = error.pointer.replace("/data/filter", "").replace("/data/", "/")
        return error


class EventStreamWire(Wire):
    """Writes each message as one server-sent event. Whatever the client sends is ignored."""

    expects_pongs = False

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, events: EventStreams, data: Mapping[str, Any]) -> None:
        super().__init__(reader, writer, 0)
        self._events = events
        self._stream: str = data.get("stream", "main")
        self._replay: Mapping[str, Any] = data["replay"]
        self._mode: str = data["replay"]["mode"]
        self._picture_pending = self._mode != "none"

    def open(self, headers: list[tuple[str, str]]) -> None:
        lines = [*OPENING, *(f"{name}: {value}" for name, value in headers)]
        self._waiting.append("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def receive(self) -> list[str]:
        self.is_over = not await self._reader.read(1024)
        return []

    def frames(self, data: bytes) -> list[bytes]:
        message = json.loads(data)
        fields = self.fields(message)
        lines = [f"{name}: {value}" for name, value in fields.items()]
        # A line break ends a field, so each line of the text is a field of its own (WHATWG HTML, 9.2.6).
        text = [f"data: {line}" for line in data.decode().split("\n")]
        return ["\n".join([*lines, *text, "", ""]).encode()]

    def fields(self, message: Mapping[str, Any]) -> dict[str, str]:
        kind, data = message["type"], message["data"]
        fields: dict[str, str] = {} if kind == "event" else {"event": kind}
        place = self.place(kind, data)
        if place is not None:
            mark = PENDING if kind == "subscribed" and self._picture_pending else ""
            fields["id"] = mark + self._events.position_id(self._stream, place["epoch"], place["sequenceId"])
        if kind == "welcome":
            fields["retry"] = str(RETRY_MS)
        if kind == "closing" and "retryAfterMs" in data:
            fields["retry"] = str(data["retryAfterMs"])
        return fields

    def place(self, kind: str, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The position after which a client that has received this message may resume (SSE-2)."""
        if kind == "event":
            return None if data.get("replayReason") == "warm" else data
        if kind == "subscribed":
            return self.place_of_subscribed(data)
        if kind == "replay_complete":
            self._picture_pending = False
            place: Mapping[str, Any] = data["position"]
            return place
        if self._picture_pending:
            return None
        if kind == "gap":
            place = data["to"]
            return place
        if kind == "heartbeat":
            return next(iter(data["positions"]), None)
        return None

    def place_of_subscribed(self, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The position after which a client may resume once it has received `subscribed`; None if `subscribed` gets no id.

        During a first warm picture, this is the position from which the client can ask for the picture again (RPL-7).
        """
        place: Mapping[str, Any] | None = None
        if self._mode != "resume":
            place = data["position"]
        elif data["recovery"].get("recovered"):
            self._picture_pending = self._replay.get("withPicture", False)
            place = self._replay["after"] if self._picture_pending else None
        return place

    def send_ping(self) -> None:
        """Does nothing, because server-sent events have no pings (SSE-4)."""

    def send_close(self, code: int, reason: str) -> None:
        self.is_open = False

    def end_writing(self) -> None:
        if self._writer.can_write_eof():
            self._writer.write_eof()


class ManyStreamsWire(EventStreamWire):
    """The server-sent events of a subscription to many streams. Each event id has a position for each stream (SSE-5).

    The id is made when the message is written. So the id covers that message and all earlier messages, but no later message.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, events: EventStreams, data: Mapping[str, Any]) -> None:
        super().__init__(reader, writer, events, data)
        asked = data["replay"].get("positions", [])
        self._places: dict[str, Mapping[str, Any]] = {each["stream"]: each for each in asked}
        self._is_replaying = self._mode != "none"

    def fields(self, message: Mapping[str, Any]) -> dict[str, str]:
        fields = super().fields(message)
        kind, data = message["type"], message["data"]
        self.take_note(kind, data)
        replayed = kind == "event" and data["isReplay"]
        if kind in ("subscribed", "positions", "replay_complete", "event") and not replayed:
            fields["id"] = self.many_id()
        return fields

    def place(self, kind: str, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None

    def take_note(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind == "event" and not data["isReplay"]:
            self._places[data["stream"]] = data
        if kind == "positions":
            self._places.update({each["stream"]: each for each in data["positions"]})
            for stream in data.get("ended", []):
                self._places.pop(stream, None)
        if kind == "replay_complete":
            self._is_replaying = False
        # During the replay, the picture of the stream follows the gap. A gap of a pattern has no position (MUL-9).
        if kind == "gap" and not self._is_replaying and not data["stream"].endswith("*"):
            self._places[data["stream"]] = data["to"]

    def many_id(self) -> str:
        longest = sorted(self._places.items(), key=lambda each: -int(each[1]["sequenceId"]))[:MOST_STREAMS]
        ids = [self._events.position_id(stream, each["epoch"], each["sequenceId"]) for stream, each in longest]
        return SEPARATOR.join(ids) or NOWHERE
