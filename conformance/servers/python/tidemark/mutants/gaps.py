"""Losses that are said wrongly, or not at all (GAP)."""

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
    """What a gap says is changed on its way out."""

    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [{**each, "data": self.rewritten(each["data"])} if each["type"] == "gap" else each for each in found]

    def rewritten(self, data: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError


@mutant("gaps-without-width", "a gap begins where it ends", clause="GAP-1")
class GapsWithoutWidth(RewritesGaps):
    def rewritten(self, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "from": data["to"]}


@mutant("gaps-open-ended", "a gap ends where it begins", clause="GAP-1")
class GapsOpenEnded(RewritesGaps):
    def rewritten(self, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "to": data["from"]}


@mutant("gap-reasons-alike", "every gap is said to come of an epoch that changed", clause="GAP-1")
class GapReasonsAlike(RewritesGaps):
    def rewritten(self, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "reason": "epoch_changed"}


@mutant("gaps-of-nobody", "a gap names no subscription of the connection", clause="GAP-1")
class GapsOfNobody(RewritesGaps):
    def rewritten(self, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "subscriptionIds": ["everyone"]}


@mutant("overflow-without-directories", "that a watcher lost track is told without where to look", clause="GAP-2")
class OverflowWithoutDirectories(RewritesGaps):
    def rewritten(self, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "repair": {"kind": "rescan", "paths": []}} if "repair" in data else data


@mutant("overflow-unsaid", "that a watcher lost track is told to nobody", clause="GAP-2")
class OverflowUnsaid(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [each for each in found if each["data"].get("reason") != "source_overflow"]


@mutant("overflow-forgotten", "what a source lost is said to those who are there, not to those who resume", clause="GAP-2")
class OverflowForgotten(Stream):
    def losses_since(self, after: Position) -> list[Loss]:
        return []


@mutant("overflow-said-again", "what a source lost is said at every resume, also from behind it", clause="GAP-2")
class OverflowSaidAgain(Stream):
    def losses_since(self, after: Position) -> list[Loss]:
        return super().losses_since(Position(after.epoch, 0))


@mutant("overflow-out-of-place", "what a source lost is said behind the whole replay", clause="GAP-2")
class OverflowOutOfPlace(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        *events, complete = super().unroll(subscription, replace(replay, losses=[]))
        yield from events
        yield from (self.said(subscription, each) for each in replay.losses)
        yield complete


@mutant("overflow-moved-to-head", "what a source lost is said with the head as its place", clause="GAP-2")
class OverflowMovedToHead(Commands):
    def said(self, subscription: Subscription, loss: Loss) -> Outgoing:
        return super().said(subscription, replace(loss, position=subscription.position))


@mutant("overflow-unsaid-at-its-place", "a resume from just where a source lost track is not told", clause="GAP-2")
class OverflowUnsaidAtItsPlace(Stream):
    def losses_since(self, after: Position) -> list[Loss]:
        return super().losses_since(replace(after, sequence_id=after.sequence_id + 1))


@mutant("overflow-told-to-all", "a resume is told what a source lost, though it follows no files", clause="GAP-2")
class OverflowToldToAll(Stream):
    def resume(self, wanted: Filter, after: Position) -> Replay:
        return replace(super().resume(wanted, after), losses=self.losses_since(after))
