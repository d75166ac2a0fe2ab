"""Heartbeats. For each stream, they report the position up to which every event was sent to the client (CON-7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .envelope import Message, push
from .outbox import Outbox
from .streams import Position
from .subscriptions import Subscription

if TYPE_CHECKING:
    from .node import Node


class Progress:
    """The part of a connection that makes heartbeats."""

    node: Node
    outbox: Outbox
    delivered: int

    def __init__(self) -> None:
        self._reported: dict[str, Position] = {}

    def subscriptions(self) -> list[Subscription]:
        """The subscriptions of the connection."""
        raise NotImplementedError

    def heartbeat(self) -> Message:
        confirmed = [each for each in self.subscriptions() if each.confirmed]
        streams = dict.fromkeys(each.stream for each in confirmed if each.streams is None)
        streams.update(dict.fromkeys(self.changed([each for each in confirmed if each.streams is not None])))
        positions = [{"stream": stream, **self.written_position(stream).wire()} for stream in streams]
        return push("heartbeat", {"delivered": self.delivered, "positions": positions})

    def changed(self, subscriptions: list[Subscription]) -> list[str]:
        """Of the streams that these subscriptions follow, those with new events since the last heartbeat (MUL-8). Returns
        at most 256 streams: a heartbeat may omit streams."""
        heads = {
            each.name: each.head
            for each in self.node.streams
            if each.sequence_id > 0 and any(subscription.follows(each.name) for subscription in subscriptions)
        }
        changed = [name for name, head in heads.items() if self._reported.get(name) != head]
        self._reported = heads
        return changed[-256:]

    def written_position(self, stream: str) -> Position:
        """The last position before the first unwritten message of a stream (CON-7). A heartbeat overtakes waiting events.
        If a heartbeat reported the head of the stream, the client could resume after events that it never received."""
        position = self.outbox.first_waiting(stream) or self.node.streams.get(stream).head
        return Position(position.epoch, min([position.sequence_id, *self.replaying(stream, position.epoch)]))

    def replaying(self, stream: str, epoch: str) -> list[int]:
        """The written position of each replay of the stream that is in progress."""
        return [
            each.replaying_after
            for each in self.subscriptions()
            if each.stream == stream and each.position.epoch == epoch and each.replaying_after is not None
        ] + [
            each.waiting[stream].sequence_id
            for each in self.subscriptions()
            if stream in each.waiting and each.waiting[stream].epoch == epoch
        ]
