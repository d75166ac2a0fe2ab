"""Messages that overtake earlier ones (BCK-3), and heartbeats that report positions not yet delivered (CON-7)."""

from __future__ import annotations

from typing import Any, ClassVar

from ..commands import Commands
from ..connection import Connection
from ..envelope import Command, Message, push, reply
from ..outbox import Unrolled
from ..streams import Position, Replay
from ..subscriptions import Subscription
from .registry import mutant


@mutant("heartbeat-claims-head", "a heartbeat reports the newest position although earlier events are still queued", clause="CON-7")
class HeartbeatClaimsHead(Connection):
    def written_position(self, stream: str) -> Position:
        return self.node.streams.get(stream).head


@mutant("heartbeat-forgets-replay", "during a replay a heartbeat reports the position at the end of the replay", clause="CON-7")
class HeartbeatForgetsReplay(Connection):
    def replaying(self, stream: str, epoch: str) -> list[int]:
        return []


@mutant("heartbeat-forgets-queue", "a heartbeat ignores queued live events", clause="CON-7")
class HeartbeatForgetsQueue(Connection):
    def written_position(self, stream: str) -> Position:
        head = self.node.streams.get(stream).head
        return Position(head.epoch, min([head.sequence_id, *self.replaying(stream, head.epoch)]))


@mutant("heartbeat-hides-replaying", "a heartbeat omits streams with a replay in progress", clause="CON-3")
class HeartbeatHidesReplaying(Connection):
    def heartbeat(self) -> Message:
        data = super().heartbeat()["data"]
        replaying = {each.stream for each in self.node.subscriptions.of(self) if each.replaying_after is not None}
        return push("heartbeat", {**data, "positions": [each for each in data["positions"] if each["stream"] not in replaying]})


class Hasty(Connection):
    """Sends messages of some types before all queued messages."""

    HASTY: ClassVar[frozenset[str]] = frozenset()

    def queue(self, message: Message) -> None:
        if message["type"] in self.HASTY:
            self.queue_urgent(message)
        else:
            super().queue(message)


@mutant("unsubscribed-overtakes", "unsubscribed overtakes queued events", clause="BCK-3")
class UnsubscribedOvertakes(Hasty):
    HASTY = frozenset({"unsubscribed"})


@mutant("authenticated-overtakes", "authenticated overtakes queued events", clause="BCK-3")
class AuthenticatedOvertakes(Hasty):
    HASTY = frozenset({"authenticated"})


@mutant("synced-overtakes", "synced overtakes queued events", clause="BCK-3")
class SyncedOvertakes(Hasty):
    HASTY = frozenset({"synced"})


@mutant("closed-overtakes", "subscription_closed overtakes events of its subscription", clause="BCK-3")
class ClosedOvertakes(Hasty):
    HASTY = frozenset({"subscription_closed", "authenticated"})


@mutant("gap-overtakes", "a gap overtakes the events before the loss", clause="BCK-3")
class GapOvertakes(Connection):
    def queue_gap(self, message: Message) -> None:
        self.queue_urgent(message)


@mutant("subscribed-overtakes", "subscribed overtakes queued events of other subscriptions", clause="BCK-3")
class SubscribedOvertakes(Connection):
    def queue_subscribed(self, message: Message, subscription: Subscription, gap: Message | None) -> None:
        subscription.confirmed = True
        for each in (message, gap):
            if each is not None:
                self.queue_urgent(each)


@mutant("replay-complete-overtakes", "replay_complete overtakes the last events of its replay", clause="BCK-3")
class ReplayCompleteOvertakes(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        *events, complete = super().unroll(subscription, replay)
        if events:
            subscription.connection.outbox.urgent(complete)
            yield from events
        else:
            yield complete


@mutant("sync-unscoped", "sync reports the position of a stream without a subscribe scope", clause="SEC-1")
class SyncUnscoped(Commands):
    def sync(self, connection: Connection, command: Command) -> None:
        stream: str = command.data["stream"]
        position: dict[str, Any] = self.node.streams.get(stream).head.wire()
        connection.queue(reply("synced", command.id, {"stream": stream, "position": position}))
