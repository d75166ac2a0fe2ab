"""Losses that are reported wrongly or not at all (GAP)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..commands import Commands
from ..connection import Connection
from ..envelope import Message
from ..filters import Filter
from ..outbox import Outgoing, Unrolled
from ..streams import Loss, Position, Replay, Stream
from ..subscriptions import Subscription
from .registry import mutant


class RewritesGaps(Connection):
    """Changes the content of gaps when they are sent."""

    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [{**each, "data": self.rewritten(each["data"])} if each["type"] == "gap" else each for each in found]

    def rewritten(self, data: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError


@mutant("gaps-without-width", "the start of a gap equals its end", clause="GAP-1")
class GapsWithoutWidth(RewritesGaps):
    def rewritten(self, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "from": data["to"]}


@mutant("gaps-open-ended", "the end of a gap equals its start", clause="GAP-1")
class GapsOpenEnded(RewritesGaps):
    def rewritten(self, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "to": data["from"]}


@mutant("gap-for-epoch-begins-late", "the gap for a new epoch begins one event after the last delivered event", clause="GAP-1")
class GapForEpochBeginsLate(Connection):
    def queue_gap(self, message: Message) -> None:
        data = message["data"]
        start = {**data["from"], "sequenceId": data["from"]["sequenceId"] + 1}
        late = data["reason"] == "epoch_changed"
        super().queue_gap({**message, "data": {**data, "from": start}} if late else message)


@mutant("gap-reasons-alike", "every gap has the reason epoch_changed", clause="GAP-1")
class GapReasonsAlike(RewritesGaps):
    def rewritten(self, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "reason": "epoch_changed"}


@mutant("gaps-without-subscriptions", "a gap names a subscription that does not exist", clause="GAP-1")
class GapsWithoutSubscriptions(RewritesGaps):
    def rewritten(self, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "subscriptionIds": ["everyone"]}


@mutant("overflow-without-directories", "the gap for a source loss names no directories", clause="GAP-2")
class OverflowWithoutDirectories(RewritesGaps):
    def rewritten(self, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "repair": {"kind": "rescan", "paths": []}} if "repair" in data else data


@mutant("overflow-unreported", "a source loss is not reported", clause="GAP-2")
class OverflowUnreported(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [each for each in found if each["data"].get("reason") != "source_overflow"]


@mutant("overflow-forgotten", "a source loss is reported to live subscribers but not at a resume", clause="GAP-2")
class OverflowForgotten(Stream):
    def losses_since(self, after: Position) -> list[Loss]:
        return []


@mutant("overflow-reported-again", "a source loss is reported at every resume, even from a position after the loss", clause="GAP-2")
class OverflowReportedAgain(Stream):
    def losses_since(self, after: Position) -> list[Loss]:
        return super().losses_since(Position(after.epoch, 0))


@mutant("overflow-after-replay", "a resume reports a source loss after the whole replay", clause="GAP-2")
class OverflowAfterReplay(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        *events, complete = super().unroll(subscription, replace(replay, losses=[]))
        yield from events
        yield from (self.source_gap_of(subscription, each) for each in replay.losses)
        yield complete


@mutant("overflow-moved-to-head", "a resume reports a source loss at the newest position instead of the position of the loss", clause="GAP-2")
class OverflowMovedToHead(Commands):
    def source_gap_of(self, subscription: Subscription, loss: Loss) -> Outgoing:
        return super().source_gap_of(subscription, replace(loss, position=subscription.position))


@mutant("overflow-unreported-at-its-position", "a source loss is not reported at a resume from exactly the position of the loss", clause="GAP-2")
class OverflowUnreportedAtItsPosition(Stream):
    def losses_since(self, after: Position) -> list[Loss]:
        return super().losses_since(replace(after, sequence_id=after.sequence_id + 1))


@mutant("overflow-reported-to-all", "a source loss is reported at a resume of a subscription without file events", clause="GAP-2")
class OverflowReportedToAll(Stream):
    def resume(self, wanted: Filter, after: Position) -> Replay:
        return replace(super().resume(wanted, after), losses=self.losses_since(after))
