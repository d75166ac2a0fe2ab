"""One node: its streams and subscriptions, and the delivery of an event from the publisher to the connections."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Mapping

from .contract import Contract, Limits
from .envelope import push
from .principals import EVERYONE, NOBODY, Principal, Tokens
from .streams import Event, Loss, Position, Stream, Streams
from .subscriptions import Subscription, SubscriptionTable

if TYPE_CHECKING:
    from .connection import Connection
    from .parts import Parts


LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass
class Counters:
    """Counts since the process started."""

    warm: int = 0
    resume: int = 0
    failed: int = 0
    events: int = 0
    closed_slow: int = 0
    published: int = 0
    delivered: int = 0
    gaps: Counter[str] = field(default_factory=Counter)


@dataclass
class Options:
    """The options of the operator."""

    limits: Limits
    node_id: str = "python-1"
    broadcast: bool = False
    origins: frozenset[str] = frozenset()
    hosts: frozenset[str] = LOOPBACK_NAMES


@dataclass(eq=False)
class Node:
    contract: Contract
    options: Options
    tokens: Tokens
    parts: Parts
    counters: Counters = field(default_factory=Counters)
    connections: set[Connection] = field(default_factory=set)
    subscriptions: SubscriptionTable = field(default_factory=SubscriptionTable)
    draining: bool = False
    started_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.limits = self.options.limits
        self.streams = Streams(self.parts.stream, self.contract, self.limits)
        self.publisher = self.parts.publisher(self)
        self.hints = self.parts.hints(self.contract)
        self.commands = self.parts.commands(self)

    def principal_of(self, token: str | None) -> Principal | None:
        """The principal of a credential, or None if it is invalid."""
        if token is None:
            return NOBODY if self.tokens.required else EVERYONE
        return self.tokens.find(token)

    def publish(self, stream: str, name: str, source: Mapping[str, Any], payload: Mapping[str, Any]) -> Event:
        """Assigns a position to the event, stores it and delivers it to subscribers, in one step (STR-4)."""
        event = self.streams.get(stream).append(name, source, payload)
        self.counters.published += 1
        self.fan_out(event)
        return event

    def fan_out(self, event: Event) -> None:
        for connection, subscriptions in self.subscriptions.matching(event):
            connection.deliver(event, subscriptions)

    def gap(
        self,
        subscriptions: list[Subscription],
        start: Position,
        to: Position,
        reason: str,
        repair: dict[str, Any] | None = None,
        stream: str | None = None,
    ) -> dict[str, Any]:
        """A `gap`, which reports that events between two positions will not be delivered to one connection (GAP-1)."""
        self.counters.gaps[reason] += 1
        for subscription in subscriptions:
            subscription.gaps += 1
        data: dict[str, Any] = {
            "stream": stream or subscriptions[0].stream,
            "subscriptionIds": [subscription.id for subscription in subscriptions],
            "from": start.wire(),
            "to": to.wire(),
            "reason": reason,
        }
        if repair is not None:
            data["repair"] = repair
        return push("gap", data)

    def source_gap(self, subscriptions: list[Subscription], loss: Loss, stream: str | None = None) -> dict[str, Any]:
        """A `gap` with the directories to read again (GAP-2)."""
        repair = {"kind": "rescan", "paths": loss.directories}
        return self.gap(subscriptions, loss.position, loss.position, "source_overflow", repair, stream)

    def lose_track(self, stream: str, directories: list[str]) -> None:
        """Reports a watcher overflow: subscribers of file events must read the directories again (GAP-2)."""
        loss = self.streams.get(stream).lose(directories)
        for connection, subscriptions in self.subscriptions.on(stream):
            followers = [each for each in subscriptions if each.wanted.follows("file_change")]
            if followers:
                connection.queue_gap(self.source_gap(followers, loss, stream))

    def begin_anew(self, stream: Stream) -> None:
        """Starts a new epoch of a stream and reports it to the subscribers (STR-3)."""
        self.streams.end(stream)
        followers = self.subscriptions.on(stream.name)
        if not followers:
            return
        head = self.streams.get(stream.name).head
        if head.epoch != stream.epoch:
            for connection, subscriptions in followers:
                connection.queue_gap(self.gap(subscriptions, stream.head, head, "epoch_changed", stream=stream.name))

    def expire(self, stream: Stream) -> None:
        """Forgets an expired session stream (RPL-5). If it is the only stream of a subscription, only its events are
        forgotten. A subscription to many streams gets no gap: `ended` in `positions` reports the end of the stream (MUL-6)."""
        if self.subscriptions.alone_on(stream.name):
            stream.clear()
            return
        self.streams.end(stream)
        if stream.is_blank:
            return
        for connection, subscriptions in self.subscriptions.on(stream.name):
            for each in subscriptions:
                connection.queue(push("positions", {"subscriptionId": each.id, "positions": [], "ended": [stream.name]}))

    def begin_all_anew(self) -> None:
        for stream in self.streams:
            self.begin_anew(stream)

    def housekeeping(self) -> None:
        """One round of the periodic work: ends expired streams, trims histories and checks time limits of connections."""
        for stream in self.streams.expired():
            self.expire(stream)
        for stream in self.streams:
            stream.trim()
            if stream.is_blank and not self.subscriptions.on(stream.name):
                self.streams.end(stream)
        for connection in list(self.connections):
            connection.check()

    async def keep_house(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            self.housekeeping()

    def features(self) -> dict[str, Any]:
        replay = {name: spec.replay.policy for name, spec in self.contract.events.items()}
        return {"broadcast": self.options.broadcast, "replay": replay}

    @property
    def uptime_ms(self) -> int:
        return int((time.monotonic() - self.started_at) * 1000)
