"""Subscriptions to many streams that lose, repeat, mix up or leak events (MUL)."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ..commands import Commands
from ..connection import Connection
from ..envelope import Message
from ..errors import ProtocolError
from ..filters import Filter
from ..many_streams import Plan, Plans
from ..outbox import Outgoing, Unrolled
from ..principals import Principal, covers
from ..streams import Event, Position, Stream
from ..subscriptions import Subscription
from .registry import mutant


@mutant("later-stream-missed", "a stream that appears after the subscription is not delivered", clause="MUL-3")
class LaterStreamMissed(Connection):
    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        late: set[str] = self.__dict__.setdefault("late", set())
        if event.sequence_id == 1:
            late.add(event.stream)
        rest = [each for each in subscriptions if each.streams is None or event.stream not in late]
        if rest:
            super().deliver(event, rest)


@mutant("later-stream-from-second", "the first event of a later stream is not delivered", clause="MUL-3")
class LaterStreamFromSecond(Connection):
    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        rest = [each for each in subscriptions if each.streams is None or event.sequence_id > 1]
        if rest:
            super().deliver(event, rest)


@mutant("later-stream-replayed-again", "the first event of a later stream is sent twice", clause="MUL-3")
class LaterStreamReplayedAgain(Connection):
    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        super().deliver(event, subscriptions)
        again = [each for each in subscriptions if each.streams is not None]
        if again and event.sequence_id == 1:
            super().deliver(event, again)


@mutant("scopes-not-narrowed", "a pattern delivers streams that the scopes do not cover", clause="MUL-2")
class ScopesNotNarrowed(Commands):
    def narrowed(self, principal: Principal, wanted: Filter, selectors: list[str]) -> list[str]:
        found = super().narrowed(principal, wanted, selectors)
        return sorted(selectors) if found else found


@mutant("forbidden-name-ignored", "the name of a stream that the scopes do not cover is left out instead of refused", clause="MUL-2")
class ForbiddenNameIgnored(Commands):
    def selectors_in_force(self, principal: Principal, wanted: Filter, data: Mapping[str, Any]) -> list[str]:
        allowed = [each for each in data["streams"] if self.narrowed(principal, wanted, [each])]
        return super().selectors_in_force(principal, wanted, {**data, "streams": allowed or data["streams"]})


@mutant("one-position-for-all", "the position of one stream is used for every stream", clause="MUL-5")
class OnePositionForAll(Commands):
    def plan(self, subscription: Subscription, stream: Stream, position: Position | None) -> Plan:
        if position is not None:
            first: int = subscription.__dict__.setdefault("first", position.sequence_id)
            position = Position(position.epoch, first)
        return super().plan(subscription, stream, position)


@mutant("unnamed-stream-from-head", "a resume skips the past of a stream without a position", clause="MUL-5")
class UnnamedStreamFromHead(Commands):
    def plan(self, subscription: Subscription, stream: Stream, position: Position | None) -> Plan:
        return super().plan(subscription, stream, position or stream.head)


@mutant("gap-of-one-stream-lost", "no gap follows a resume of many streams in which a stream fails", clause="MUL-5")
class GapOfOneStreamLost(Commands):
    def plan_many(self, subscription: Subscription, data: Mapping[str, Any]) -> Plans:
        plans = super().plan_many(subscription, data)
        plans.gaps = []
        return plans


@mutant("replay-reversed-in-stream", "the replay of one of many streams is in descending order", clause="MUL-7")
class ReplayReversedInStream(Commands):
    def unroll_stream(self, subscription: Subscription, plan: Plan) -> Iterator[Outgoing]:
        yield from reversed(list(super().unroll_stream(subscription, plan)))


@mutant("complete-for-each-stream", "replay_complete of many streams reports a count of at most 1", clause="MUL-7")
class CompleteForEachStream(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [
            {**each, "data": {**each["data"], "count": min(1, each["data"]["count"])}}
            if each["type"] == "replay_complete" and "position" not in each["data"]
            else each
            for each in found
        ]


@mutant("positions-omitted", "the message positions is never sent", clause="MUL-4")
class PositionsOmitted(Commands):
    def positions(
        self, subscription: Subscription, positions: list[tuple[str, Position]], ended: list[str]
    ) -> Iterator[Outgoing]:
        if ended:
            yield from super().positions(subscription, [], ended)


@mutant("positions-after-complete", "the message positions comes after replay_complete", clause="MUL-4")
class PositionsAfterComplete(Commands):
    def unroll_many(self, subscription: Subscription, plans: Plans) -> Unrolled:
        found = list(super().unroll_many(subscription, plans))
        yield from sorted(found, key=lambda each: each.event is None and each.make()["type"] == "positions")


@mutant("covered-selectors-kept", "the reported streams include those that other selectors cover", clause="MUL-1")
class CoveredSelectorsKept(Commands):
    def narrowed(self, principal: Principal, wanted: Filter, selectors: list[str]) -> list[str]:
        found = super().narrowed(principal, wanted, selectors)
        return sorted({*found, *(each for each in selectors if any(covers(other, each) for other in found))})


@mutant("mixed-members-accepted", "a subscribe may mix members for one stream with members for many", clause="MUL-1")
class MixedMembersAccepted(Commands):
    def check_streams(self, data: Mapping[str, Any]) -> None:
        pass


@mutant("end-unreported", "the end of a stream is not reported", clause="MUL-6")
class EndUnreported(Connection):
    def queue(self, message: Message) -> None:
        if message["type"] != "positions":
            super().queue(message)


@mutant("streams-unlimited", "a list with more streams than the limit is accepted", clause="MUL-1")
class StreamsUnlimited(Commands):
    def selectors_in_force(self, principal: Principal, wanted: Filter, data: Mapping[str, Any]) -> list[str]:
        try:
            return super().selectors_in_force(principal, wanted, data)
        except ProtocolError as error:
            if error.code != "limit_exceeded":
                raise
            return self.narrowed(principal, wanted, data["streams"])


@mutant("hidden-events-unreported", "no heartbeat names a stream whose events the filter hides", clause="MUL-8")
class HiddenEventsUnreported(Connection):
    def changed(self, subscriptions: list[Subscription]) -> list[str]:
        return []
