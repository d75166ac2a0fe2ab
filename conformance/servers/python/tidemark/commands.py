"""The commands, one method each, named as in the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping

from .clock import now_ms, timestamp
from .contract import Contract, Limits
from .envelope import Command, push, reply
from .errors import ProtocolError
from .filters import Filter
from .many_streams import FollowsMany
from .outbox import Outgoing, Unrolled
from .principals import Principal
from .streams import Loss, Position, Recovery, Replay, Stream
from .subscriptions import Subscription

if TYPE_CHECKING:
    from .connection import Connection
    from .node import Node

Handler = Callable[["Connection", Command], None]


class Commands(FollowsMany):
    def __init__(self, node: Node) -> None:
        self.node = node
        self.contract: Contract = node.contract
        self.limits: Limits = node.limits
        self._made_ids = 0
        self._handlers: Mapping[str, Handler] = {name: getattr(self, name) for name in self.contract.commands}

    def handle(self, connection: Connection, command: Command) -> None:
        """:raises ProtocolError: if the command is rejected. A rejected command has no effect."""
        if connection.authentication_required and command.type not in self.contract.before_authentication:
            raise ProtocolError("unauthenticated", "Not authenticated: send `authenticate` with a token or an API key first.")
        self._handlers[command.type](connection, command)

    def ping(self, connection: Connection, command: Command) -> None:
        connection.queue_urgent(reply("pong", command.id, {"time": timestamp(now_ms())}))

    def authenticate(self, connection: Connection, command: Command) -> None:
        token: str = command.data.get("token") or command.data["apiKey"]
        principal = self.node.tokens.find(token)
        if principal is None:
            raise ProtocolError("unauthenticated", "This credential is not valid.", pointer="/data")
        connection.authenticate(principal, token)
        connection.queue(reply("authenticated", command.id, {"principal": principal.wire()}))
        for subscription in self.node.subscriptions.of(connection):
            if not all(self.covers(principal, subscription.wanted.events, each) for each in subscription.selectors):
                self.node.subscriptions.remove(subscription)
                connection.queue(
                    push("subscription_closed", {"subscriptionId": subscription.id, "reason": "forbidden"})
                )

    def sync(self, connection: Connection, command: Command) -> None:
        stream = command.data["stream"]
        if not connection.principal.may_any("subscribe", stream):
            raise ProtocolError("forbidden", f"A subscribe scope on {stream} is required.")
        position = self.node.streams.get(stream).head.wire()
        connection.queue(reply("synced", command.id, {"stream": stream, "position": position}))

    def broadcast(self, connection: Connection, command: Command) -> None:
        if not self.node.options.broadcast:
            raise ProtocolError("forbidden", "The broadcast command is disabled on this gateway.")
        result = self.node.publisher.broadcast(connection.principal, command.data, "/data")
        connection.queue(reply("broadcasted", command.id, result))

    def list_subscriptions(self, connection: Connection, command: Command) -> None:
        def listed() -> dict[str, Any]:
            items = [
                each.listed(self.node.streams.get(each.stream).head if each.streams is None else None)
                for each in self.node.subscriptions.of(connection)
            ]
            return reply("subscriptions", command.id, {"items": items})

        connection.queue_made(listed)

    def unsubscribe(self, connection: Connection, command: Command) -> None:
        if "all" in command.data:
            ended = self.node.subscriptions.of(connection)
        else:
            ended = [self.node.subscriptions.get(connection, command.data["subscriptionId"])]
        for subscription in ended:
            self.node.subscriptions.remove(subscription)
        connection.queue(reply("unsubscribed", command.id, {"subscriptionIds": [each.id for each in ended]}))

    def subscribe(self, connection: Connection, command: Command) -> None:
        """Queues `subscribed` and the replay, and starts live delivery, in one step. So no event between replay and
        live delivery is lost or sent twice."""
        self.check_streams(command.data)
        if "streams" in command.data:
            self.subscribe_many(connection, command)
            return
        subscription, replay = self.make_subscription(connection, command.data)
        self.node.subscriptions.add(subscription)
        gap = None
        if subscription.recovery.reason is not None:
            after = _after(command.data)
            gap = self.node.gap([subscription], after, subscription.position, subscription.recovery.reason)
        names = [(name, f"/data/events/{index}") for index, name in enumerate(command.data["events"])]
        data = {**subscription.wire(), **self.node.hints.member(names)}
        connection.queue_subscribed(reply("subscribed", command.id, data), subscription, gap)
        if replay is not None:
            self._count(subscription, replay)
            connection.queue_replay(self.unroll(subscription, replay))

    def make_subscription(self, connection: Connection, data: Mapping[str, Any]) -> tuple[Subscription, Replay | None]:
        """:raises ProtocolError: if the command is rejected"""
        wanted = self.node.parts.filter.read(self.contract, self.limits, data)
        name = data.get("stream", "main")
        self.check_scope(connection.principal, wanted, name)
        self._check_filters(connection, wanted)
        subscription_id = self._choose_id(connection, data)
        stream = self.node.streams.get(name)
        mode = data.get("replay", {}).get("mode", "warm")
        recovery = stream.recovery(_after(data)) if mode == "resume" else Recovery(attempted=False)
        subscription = self.node.parts.subscription(
            connection, subscription_id, name, wanted, mode, stream.head, recovery
        )
        return subscription, self.make_replay(stream, subscription, data)

    def make_many(
        self, connection: Connection, data: Mapping[str, Any], wanted: Filter, selectors: list[str]
    ) -> Subscription:
        self._check_filters(connection, wanted)
        subscription_id = self._choose_id(connection, data)
        mode = data.get("replay", {}).get("mode", "warm")
        nowhere = Position("-", 0)
        subscription = self.node.parts.subscription(
            connection, subscription_id, "", wanted, mode, nowhere, Recovery(attempted=False)
        )
        subscription.streams = selectors
        return subscription

    def make_replay(self, stream: Stream, subscription: Subscription, data: Mapping[str, Any]) -> Replay | None:
        if subscription.mode == "none":
            return None
        if subscription.mode == "resume" and subscription.recovery.reason is None:
            after = _after(data)
            if data["replay"].get("withPicture"):
                subscription.replaying_after = 0
                return stream.resume_with_picture(subscription.wanted, after)
            subscription.replaying_after = after.sequence_id
            return stream.resume(subscription.wanted, after)
        picture = stream.warm(subscription.wanted)
        if picture.events:
            subscription.replaying_after = picture.events[0].sequence_id - 1
        return picture

    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        """The messages of a replay. Each is built when it is sent, and none is sent after the subscription has ended."""
        connection = subscription.connection
        for each in replay.in_order():
            if subscription.ended:
                return
            if isinstance(each, Loss):
                yield self.source_gap_of(subscription, each)
            else:
                yield connection.replayed(each, subscription, replay.reason_of(each))
        if subscription.ended:
            return
        data = {
            "subscriptionId": subscription.id,
            "position": subscription.position.wire(),
            "count": len(replay.events),
            "truncated": replay.truncated,
        }
        subscription.replaying_after = None
        yield Outgoing(lambda: push("replay_complete", data))

    def source_gap_of(self, subscription: Subscription, loss: Loss) -> Outgoing:
        """The gap for a source loss that a resume reports (GAP-2)."""
        return Outgoing(lambda: self.node.source_gap([subscription], loss))

    def check_scope(self, principal: Principal, wanted: Filter, stream: str) -> None:
        for index, pattern in enumerate(wanted.events):
            if not principal.may("subscribe", pattern, stream):
                raise ProtocolError(
                    "forbidden", f"The scope subscribe:{pattern}@{stream} is required.", pointer=f"/data/events/{index}"
                )

    def covers(self, principal: Principal, events: list[str], stream: str) -> bool:
        return all(principal.may("subscribe", pattern, stream) for pattern in events)

    def _check_filters(self, connection: Connection, wanted: Filter) -> None:
        most = self.limits["filterCharactersPerConnection"]
        filters = [*(each.wanted for each in self.node.subscriptions.of(connection)), wanted]
        characters = sum(len(value) for each in filters for values in each.fields.values() for value in values)
        if characters > most:
            raise ProtocolError(
                "limit_exceeded",
                f"The filters of a connection may have at most {most} characters in total.",
                pointer="/data/filter",
                details={"limit": "filterCharactersPerConnection", "maximum": most},
            )

    def _choose_id(self, connection: Connection, data: Mapping[str, Any]) -> str:
        most = self.limits["subscriptionsPerConnection"]
        chosen: str | None = data.get("subscriptionId")
        if chosen is not None and self.node.subscriptions.has(connection, chosen):
            raise ProtocolError(
                "subscription_exists",
                f"This connection already has a subscription {chosen}, which is unchanged.",
                pointer="/data/subscriptionId",
            )
        if len(self.node.subscriptions.of(connection)) >= most:
            raise ProtocolError(
                "limit_exceeded",
                f"A connection may have at most {most} subscriptions.",
                details={"limit": "subscriptionsPerConnection", "maximum": most},
            )
        while chosen is None or self.node.subscriptions.has(connection, chosen):
            self._made_ids += 1
            chosen = f"s-{self._made_ids}"
        return chosen

    def _count(self, subscription: Subscription, replay: Replay) -> None:
        counters = self.node.counters
        subscription.replayed_ms = now_ms()
        counters.events += len(replay.events)
        if subscription.recovery.reason is not None:
            counters.failed += 1
        if replay.reason == "warm":
            counters.warm += 1
        else:
            counters.resume += 1


def _after(data: Mapping[str, Any]) -> Position:
    after = data["replay"]["after"]
    return Position(after["epoch"], int(after["sequenceId"]))
