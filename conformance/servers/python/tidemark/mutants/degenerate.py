"""Servers that do not implement the protocol at all."""

from __future__ import annotations

import asyncio
import json
from typing import ClassVar

from ..commands import Commands
from ..connection import Connection
from ..envelope import Command, Message, push, reply
from ..outbox import Outgoing
from ..streams import Event
from ..subscriptions import Subscription
from .registry import mutant


@mutant("silent", "no command is answered", clause="ENV-3")
class Silent(Connection):
    def receive(self, text: str) -> None:
        pass


@mutant("ack-all", "every command is acknowledged but none has an effect", clause="ENV-3")
class AckAll(Connection):
    def receive(self, text: str) -> None:
        try:
            command = json.loads(text)
            self.queue(reply("pong", command.get("id"), {"time": "2026-01-01T00:00:00.000Z"}))
        except (ValueError, AttributeError):
            self.queue(push("heartbeat", {"delivered": 0, "positions": []}))


@mutant("slow-halts-all", "a publication waits while any client reads slowly", clause="BCK-1")
class SlowHaltsAll(Commands):
    def broadcast(self, connection: Connection, command: Command) -> None:
        bound = self.node.limits["sendQueueBytes"] / 4
        if any(each.outbox.bytes > bound for each in self.node.connections):
            # The server still answers pings, so a missing reply to the publisher cannot be explained by a busy machine.
            asyncio.get_running_loop().call_later(0.05, self.broadcast, connection, command)
        else:
            super().broadcast(connection, command)


@mutant("slow-kept", "the queue of a client that does not read grows without limit", clause="BCK-2")
class SlowKept(Connection):
    def close(self, name: str) -> None:
        if name != "slow_consumer":
            super().close(name)


@mutant("slow-thinned", "a slow client loses its queued messages but stays connected", clause="BCK-2")
class SlowThinned(Connection):
    def close(self, name: str) -> None:
        if name == "slow_consumer":
            self.outbox.clear()
        else:
            super().close(name)


@mutant("slow-closed-as-rate-limited", "a slow client is closed with the code for rate limits", clause="BCK-2")
class SlowClosedAsRateLimited(Connection):
    def close(self, name: str) -> None:
        super().close("rate_limited" if name == "slow_consumer" else name)


@mutant("echo", "every message is echoed", clause="ENV-3")
class Echo(Connection):
    def receive(self, text: str) -> None:
        try:
            self.queue(json.loads(text))
        except ValueError:
            pass


@mutant("canned", "every subscribe gets the reply that the first subscribe got", clause="SUB-1")
class Canned(Connection):
    """The reply is valid by the contract, but does not belong to its command."""

    _known: ClassVar[dict[str, Message]] = {}

    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [self._first(each) if each["type"] == "subscribed" else each for each in super().messages(outgoing)]

    def _first(self, message: Message) -> Message:
        return {**message, "data": self._known.setdefault(message["type"], message)["data"]}
