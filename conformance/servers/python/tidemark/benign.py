"""Servers that satisfy the contract in unusual ways. A suite that fails one of them demands more than the contract
does."""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import Any

from .connection import Connection
from .envelope import Message
from .errors import ProtocolError
from .frames import CONTINUATION, TEXT, encode_frame
from .name_hints import Hints
from .outbox import Outgoing
from .streams import Stream
from .variants import Registry
from .wire import HIGH_WATER, Wire

benign = Registry()


@benign("shuffled-keys", "the members of every object are in random order")
class ShuffledKeys(Connection):
    def encode(self, message: Message) -> str:
        return super().encode(_shuffled(message))


def _shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shuffled(value[key]) for key in random.sample(list(value), len(value))}
    return [_shuffled(item) for item in value] if isinstance(value, list) else value


@benign("escaped-text", "every non-ASCII character and every slash is escaped, and spaces separate the tokens")
class EscapedText(Connection):
    def encode(self, message: Message) -> str:
        return json.dumps(message, ensure_ascii=True, indent=1).replace("/", "\\/")


PUSHES = frozenset({"welcome", "event", "replay_complete", "gap", "heartbeat", "subscription_closed", "closing"})


@benign("extra-fields", "pushes have additional members")
class ExtraFields(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [
            {**each, "data": {**each["data"], "xFuture": {"of": [1]}}} if each["type"] in PUSHES else each
            for each in found
        ]


@benign("other-error-texts", "errors have unusual texts, and additional details")
class OtherErrorTexts(Connection):
    def refuse(self, error: ProtocolError) -> None:
        error.text = "Nein. ✗ " + "…" * random.randint(0, 40)
        error.details = {"hint": "none", **(error.details or {})}
        super().refuse(error)


@benign("sequence-starts-high", "main has a high sequenceId and an empty history")
class SequenceStartsHigh(Stream):
    def first_sequence_id(self) -> int:
        return 4_000_000_001 if self.name == "main" else 1


@benign("jitter", "every message is delayed by up to 300 ms")
class Jitter(Connection):
    async def write(self, outgoing: Outgoing) -> None:
        # The delay counts from queuing, so a burst is delayed once as a whole, not once per message.
        due = outgoing.queued_at + random.uniform(0, 0.3)
        await asyncio.sleep(0 if outgoing.is_replay else max(0.0, due - time.monotonic()))
        # During the delay, the queue may have been cleared because the client reads too slowly.
        if self.closing != "slow_consumer" or outgoing.close is not None:
            await super().write(outgoing)


# Only the first bytes of a write are sent one at a time. The rest is sent in pieces, because a megabyte sent one byte
# at a time would take longer than any time limit.
SINGLE_BYTES, PIECE = 512, 509


@benign("one-byte-writes", "the first bytes of each write are sent one at a time, the rest in small pieces")
class OneByteWrites(Wire):
    async def write(self, data: bytes) -> None:
        head = [data[at : at + 1] for at in range(min(len(data), SINGLE_BYTES))]
        rest = [data[at : at + PIECE] for at in range(SINGLE_BYTES, len(data), PIECE)]
        for at, piece in enumerate([*head, *rest]):
            await super().write(piece)
            if at % 64 == 0:
                await asyncio.sleep(0)


@benign("fragmented-frames", "every message is fragmented, and some fragments are empty")
class FragmentedFrames(Wire):
    def frames(self, data: bytes) -> list[bytes]:
        cuts = sorted(random.randint(0, len(data)) for _ in range(random.randint(1, 5)))
        parts = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        last = len(parts) - 1
        return [encode_frame(CONTINUATION if at else TEXT, part, fin=at == last) for at, part in enumerate(parts)]


@benign("heartbeats-anywhere", "additional heartbeats are sent between messages")
class HeartbeatsAnywhere(Connection):
    async def write(self, outgoing: Outgoing) -> None:
        await super().write(outgoing)
        # A heartbeat may be sent only now: the message has been counted, and the reported position includes it (CON-3,
        # CON-7).
        if outgoing.close is None and random.random() < 0.5:
            self.wire.send_text(self.encode(self.heartbeat()))
            await self._flush()


@benign("bursts", "writes are held back for 20 ms and then sent together")
class Bursts(Wire):
    _sending: asyncio.Task[None] | None = None

    async def flush(self) -> None:
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_soon())
        # Usually returns at once; the bytes are sent 20 ms later. In two cases the caller waits until they are sent: at
        # the end of the connection, because the close frame would be lost; and if the client does not read, because
        # the queue would grow without limit.
        if not self.is_open or self.queued_bytes > HIGH_WATER:
            await self._sending

    async def _send_soon(self) -> None:
        await asyncio.sleep(0.02)
        await super().flush()


FOREIGN = {"name": "somebody", "principal": "user:somebody"}


@benign("foreign-traffic", "another publisher publishes on main whenever a command arrives")
class ForeignTraffic(Connection):
    def receive(self, text: str) -> None:
        super().receive(text)
        self.node.publish("main", "foreign.noise", FOREIGN, {"bytes": len(text)})
        self.node.publish("main", "sync_status", FOREIGN, {"status": "running"})


@benign("generous-hints", "names that are less similar to a declared name get hints as well")
class GenerousHints(Hints):
    def suggestion(self, name: str) -> str | None:
        found = super().suggestion(name)
        if found is not None or name in self._declared or "*" in name:
            return found
        return next((each for each in self._declared if each[:3] == name[:3]), None)


@benign("later-minor-version", "the server follows a later minor version, with pushes, fields and events that the suite does not know")
class LaterMinorVersion(Connection):
    def welcome(self) -> None:
        self.node.contract.version = "1.99.0"
        super().welcome()

    def messages(self, outgoing: Outgoing) -> list[Message]:
        found: list[Message] = []
        for each in super().messages(outgoing):
            if each["type"] not in PUSHES:
                found.append(each)
                continue
            found.append({**each, "data": {**each["data"], "addedLater": {"since": "1.99"}}})
            if each["type"] == "heartbeat":
                found.append({"type": "forecast", "data": {"load": 3}})
        return found
