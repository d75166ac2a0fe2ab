"""Subscriptions to many streams (MUL): names and patterns, a replay of each stream, and a position for each stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Mapping

from .clock import now_ms
from .contract import Limits
from .envelope import Command, Message, push, reply
from .errors import ProtocolError
from .filters import Filter
from .outbox import Outgoing, Unrolled
from .principals import Principal, Scope, covers
from .streams import Loss, Position, Recovery, Replay, Stream
from .subscriptions import Subscription

if TYPE_CHECKING:
    from .connection import Connection
    from .node import Node

PORTION = 256
"""The maximum number of items of `positions` in one message."""


def normal_form(selectors: Iterable[str]) -> list[str]:
    """The selectors, sorted, without those that other selectors cover."""
    unique = sorted(set(selectors))
    return [each for each in unique if not any(other != each and covers(other, each) for other in unique)]


def both_cover(left: Iterable[str], right: Iterable[str]) -> list[str]:
    """The streams that both lists cover."""
    right = list(right)
    return normal_form(b if covers(a, b) else a for a in left for b in right if covers(a, b) or covers(b, a))


@dataclass
class Plan:
    """The replay of one stream, planned when the subscription began."""

    stream: str
    head: Position
    recovery: Recovery
    after: Position
    replay: Replay | None
    gap: Message | None = None


@dataclass
class Plans:
    plans: list[Plan]
    ended: list[str] = field(default_factory=list)
    gaps: list[Message] = field(default_factory=list)
    reason: str | None = None
    """Why the first failed resume failed; None if every resume succeeded."""


class FollowsMany:
    """The part of the commands that concerns subscriptions to many streams."""

    node: Node
    limits: Limits

    def subscribe_many(self, connection: Connection, command: Command) -> None:
        """Queues `subscribed` and all replays and starts live delivery in one step."""
        data = command.data
        wanted = self.node.parts.filter.read(self.node.contract, self.limits, data)
        selectors = self.selectors_in_force(connection.principal, wanted, data)
        subscription = self.make_many(connection, data, wanted, selectors)
        plans = self.plan_many(subscription, data)
        subscription.recovery = Recovery(attempted=subscription.mode == "resume", reason=plans.reason)
        self.node.subscriptions.add(subscription)
        names = [(name, f"/data/events/{index}") for index, name in enumerate(data["events"])]
        answer = reply("subscribed", command.id, {**subscription.wire(), **self.node.hints.member(names)})
        subscription.waiting = {plan.stream: plan.after for plan in plans.plans}
        connection.queue_with(answer, plans.gaps)
        connection.queue_replay(self.unroll_many(subscription, plans))

    def make_many(
        self, connection: Connection, data: Mapping[str, Any], wanted: Filter, selectors: list[str]
    ) -> Subscription:
        raise NotImplementedError

    def make_replay_of(self, stream: Stream, wanted: Filter, mode: str, recovery: Recovery, after: Position) -> Replay | None:
        if mode == "none":
            return None
        return stream.resume(wanted, after) if mode == "resume" and recovery.reason is None else stream.warm(wanted)

    def check_streams(self, data: Mapping[str, Any]) -> None:
        """:raises ProtocolError: if members for one stream are mixed with members for many streams"""
        replay = data.get("replay", {})
        many = "streams" in data
        wrong = (
            "/data/streams" if many and "stream" in data
            else "/data/replay/after" if many and "after" in replay
            else "/data/replay/positions" if not many and "positions" in replay
            else None
        )
        if wrong is not None:
            text = "`streams` and `positions` belong together, and so do `stream` and `after`; do not mix them."
            raise ProtocolError("invalid_message", text, pointer=wrong)

    def selectors_in_force(self, principal: Principal, wanted: Filter, data: Mapping[str, Any]) -> list[str]:
        """The selected streams, reduced to those that the scopes cover (MUL-2).

        :raises ProtocolError: forbidden, limit_exceeded
        """
        for selector in data["streams"]:
            if not self.narrowed(principal, wanted, [selector]) or not self.is_whole(principal, wanted, selector):
                raise ProtocolError(
                    "forbidden", f"A subscribe scope on {selector} is required.", pointer="/data/streams"
                )
        selectors = self.narrowed(principal, wanted, data["streams"])
        most = self.limits["streamsPerSubscription"]
        if max(len(data["streams"]), len(selectors)) > most:
            raise ProtocolError(
                "limit_exceeded",
                f"A subscription may name at most {most} streams.",
                pointer="/data/streams",
                details={"limit": "streamsPerSubscription", "maximum": most},
            )
        return selectors

    def is_whole(self, principal: Principal, wanted: Filter, selector: str) -> bool:
        """Whether a selector is accepted. A pattern is always accepted, because it is reduced to what the scopes cover.
        The scopes must cover a name completely."""
        return selector.endswith("*") or all(principal.may("subscribe", event, selector) for event in wanted.events)

    def narrowed(self, principal: Principal, wanted: Filter, selectors: list[str]) -> list[str]:
        allowed = normal_form(selectors)
        for event in wanted.events:
            scopes = map(Scope.parse, principal.scopes)
            allowed = both_cover(
                allowed, [each.stream for each in scopes if each.action == "subscribe" and covers(each.event, event)]
            )
        return allowed

    def followed(self, subscription: Subscription) -> list[Stream]:
        return [each for each in self.node.streams if each.sequence_id > 0 and subscription.follows(each.name)]

    def positions_in(self, data: Mapping[str, Any]) -> dict[str, Position]:
        items = data.get("replay", {}).get("positions", [])
        return {each["stream"]: Position(each["epoch"], int(each["sequenceId"])) for each in items}

    def plan_many(self, subscription: Subscription, data: Mapping[str, Any]) -> Plans:
        positions = self.positions_in(data)
        plans = Plans([])
        for stream in self.followed(subscription):
            plan = self.plan(subscription, stream, positions.pop(stream.name, None))
            plans.plans.append(plan)
            self._add_gap(plans, plan)
        for name, position in positions.items():
            if subscription.follows(name):
                self._add_gap(plans, self.plan(subscription, self.node.streams.get(name), position))
                plans.ended.append(name)
        return plans

    def _add_gap(self, plans: Plans, plan: Plan) -> None:
        """Adds the gap of a plan whose resume failed."""
        if plan.gap is not None:
            plans.gaps.append(plan.gap)
            plans.reason = plans.reason or plan.recovery.reason

    def plan(self, subscription: Subscription, stream: Stream, position: Position | None) -> Plan:
        """Plans the replay of one stream. A resume begins after the position that the client gave for the stream. Without
        such a position it begins with the first event of the stream (MUL-5)."""
        after = position or Position(stream.epoch, 0)
        resumes = subscription.mode == "resume"
        recovery = stream.recovery(after) if resumes else Recovery(attempted=False)
        replay = self.make_replay_of(stream, subscription.wanted, subscription.mode, recovery, after)
        plan = Plan(stream.name, stream.head, recovery, after if resumes else Position(stream.epoch, 0), replay)
        if recovery.reason is not None:
            plan.after = Position(stream.epoch, 0)
            plan.gap = self.node.gap([subscription], after, stream.head, recovery.reason, stream=stream.name)
        return plan

    def unroll_many(self, subscription: Subscription, plans: Plans) -> Unrolled:
        count = 0
        for at in range(0, len(plans.plans), PORTION):
            portion = plans.plans[at : at + PORTION]
            for plan in portion:
                for message in self.unroll_stream(subscription, plan):
                    count += 1 if message.event is not None else 0
                    yield message
                subscription.waiting.pop(plan.stream, None)
            yield from self.positions(subscription, [(plan.stream, plan.head) for plan in portion], [])
        if plans.ended:
            yield from self.positions(subscription, [], plans.ended)
        if subscription.ended:
            return
        subscription.confirmed = True
        if subscription.mode == "none":
            return
        subscription.replayed_ms = now_ms()
        truncated = any(plan.replay is not None and plan.replay.truncated for plan in plans.plans)
        data = {"subscriptionId": subscription.id, "count": count, "truncated": truncated}
        yield Outgoing(lambda: push("replay_complete", data))

    def unroll_stream(self, subscription: Subscription, plan: Plan) -> Iterator[Outgoing]:
        if plan.replay is None:
            return
        for each in plan.replay.in_order():
            if subscription.ended:
                return
            if isinstance(each, Loss):
                gap = self.node.source_gap([subscription], each, stream=plan.stream)
                yield Outgoing(lambda gap=gap: gap)  # type: ignore[misc]
            else:
                yield subscription.connection.replayed(each, subscription, plan.replay.reason)

    def positions(
        self, subscription: Subscription, positions: list[tuple[str, Position]], ended: list[str]
    ) -> Iterator[Outgoing]:
        if subscription.ended:
            return
        data: dict[str, Any] = {
            "subscriptionId": subscription.id,
            "positions": [{"stream": stream, **position.wire()} for stream, position in positions],
            **({"ended": ended} if ended else {}),
        }
        yield Outgoing(lambda: push("positions", data))
