"""Servers that are no server at all."""

from __future__ import annotations

import json
import time
from typing import ClassVar

from ..connection import Connection
from ..envelope import Message, push, reply
from ..outbox import Outgoing
from ..streams import Event
from ..subscriptions import Subscription
from .registry import mutant


@mutant("silent", "nothing is answered but with welcome", clause="ENV-3")
class Silent(Connection):
    def receive(self, text: str) -> None:
        pass


@mutant("ack-all", "whatever is asked is acknowledged, and nothing is done", clause="ENV-3")
class AckAll(Connection):
    def receive(self, text: str) -> None:
        try:
            command = json.loads(text)
            self.queue(reply("pong", command.get("id"), {"time": "2026-01-01T00:00:00.000Z"}))
        except (ValueError, AttributeError):
            self.queue(push("heartbeat", {"delivered": 0, "positions": []}))


@mutant("slow-halts-all", "a publication waits for whoever does not read", clause="BCK-1")
class SlowHaltsAll(Connection):
    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        if self.outbox.bytes > self.node.limits["sendQueueBytes"] / 4:
            time.sleep(2)
        super().deliver(event, subscriptions)


@mutant("slow-kept", "a queue grows for as long as its client does not read", clause="BCK-2")
class SlowKept(Connection):
    def close(self, name: str) -> None:
        if name != "slow_consumer":
            super().close(name)


@mutant("slow-thinned", "who reads too slowly loses what waits for it, and stays", clause="BCK-2")
class SlowThinned(Connection):
    def close(self, name: str) -> None:
        if name == "slow_consumer":
            self.outbox.clear()
        else:
            super().close(name)


@mutant("slow-sent-away", "who reads too slowly is told that it asked too often", clause="BCK-2")
class SlowSentAway(Connection):
    def close(self, name: str) -> None:
        super().close("rate_limited" if name == "slow_consumer" else name)


@mutant("echo", "whatever is sent comes back", clause="ENV-3")
class Echo(Connection):
    def receive(self, text: str) -> None:
        try:
            self.queue(json.loads(text))
        except ValueError:
            pass


@mutant("canned", "every command is answered as it was the first time", clause="SUB-1")
class Canned(Connection):
    """Each answer fits the contract; it is only not the answer to what was asked."""

    _known: ClassVar[dict[str, Message]] = {}

    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [self._first(each) if each["type"] == "subscribed" else each for each in super().messages(outgoing)]

    def _first(self, message: Message) -> Message:
        return {**message, "data": self._known.setdefault(message["type"], message)["data"]}
