"""Wrong replays and recoveries (RPL, GAP, SYN)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, ClassVar, Mapping

from ..commands import Commands
from ..connection import Connection
from ..envelope import Command, Message, reply
from ..errors import ProtocolError
from ..filters import Filter
from ..outbox import Outgoing, Unrolled
from ..streams import Event, Position, Recovery, Replay, Stream, matches
from ..subscriptions import Subscription
from .registry import mutant


@mutant("resume-inclusive", "a resume sends the event of the position again", clause="RPL-2")
class ResumeInclusive(Stream):
    def resume(self, wanted: Filter, after: Position) -> Replay:
        return super().resume(wanted, Position(after.epoch, after.sequence_id - 1))


@mutant("resume-skips-one", "a resume leaves out the event after the position", clause="RPL-2")
class ResumeSkipsOne(Stream):
    def resume(self, wanted: Filter, after: Position) -> Replay:
        return super().resume(wanted, Position(after.epoch, after.sequence_id + 1))


@mutant("resume-ignores-filter", "a resume sends every event of the stream", clause="SUB-4")
class ResumeIgnoresFilter(Stream):
    def resume(self, wanted: Filter, after: Position) -> Replay:
        return super().resume(Filter(self._contract, ["*"], {}), after)


@mutant("replay-descending", "a replay begins with the newest", clause="RPL-2")
class ReplayDescending(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        return super().unroll(subscription, replace(replay, events=replay.events[::-1]))


@mutant("replay-flagged-live", "a replayed event does not say that it is one", clause="RPL-2")
class ReplayFlaggedLive(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        return super().event_message(event, {"subscriptionIds": head["subscriptionIds"], "isReplay": False})


@mutant("replay-complete-first", "replay_complete comes before the replay", clause="RPL-2")
class ReplayCompleteFirst(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        *events, complete = super().unroll(subscription, replay)
        yield complete
        yield from events


@mutant("replay-cut-silently", "a replay ends after two events, as if there were no more", clause="RPL-2")
class ReplayCutSilently(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        return super().unroll(subscription, replace(replay, events=replay.events[:2]))


@mutant("deletes-forgotten", "what was deleted stays in the warm picture", clause="RPL-3")
class DeletesForgotten(Stream):
    def clears(self, event: Event) -> bool:
        return False

    def picture_key(self, event: Event) -> Any:
        return None if super().clears(event) else super().picture_key(event)


@mutant("file-changes-warm", "stale file changes are part of the warm picture", clause="RPL-3")
class FileChangesWarm(Stream):
    def picture_key(self, event: Event) -> Any:
        return event.sequence_id if event.name == "file_change" else super().picture_key(event)


@mutant("ahead-is-caught-up", "a position that was never given out counts as caught up", clause="RPL-4")
class AheadIsCaughtUp(Stream):
    def recovery(self, after: Position) -> Recovery:
        found = super().recovery(after)
        return Recovery(attempted=True) if found.reason == "unknown_position" else found


@mutant("gap-unsaid", "a resume that fails is followed by no gap", clause="RPL-4")
class GapUnsaid(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [each for each in super().messages(outgoing) if each["type"] != "gap"]


@mutant("sync-overtakes", "synced comes before events that were published earlier", clause="SYN-1")
class SyncOvertakes(Connection):
    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        asyncio.get_running_loop().call_later(0.05, super().deliver, event, subscriptions)


@mutant("warm-not-default", "without a mode nothing is replayed", clause="RPL-1")
class WarmNotDefault(Commands):
    def make_subscription(self, connection: Connection, data: Mapping[str, Any]) -> tuple[Subscription, Replay | None]:
        return super().make_subscription(connection, {"replay": {"mode": "none"}, **data})


@mutant("resume-across-sessions", "a resume also sends events of other sessions", clause="STR-1")
class ResumeAcrossSessions(Stream):
    _all: ClassVar[list[Stream]] = []

    def resume(self, wanted: Filter, after: Position) -> Replay:
        ResumeAcrossSessions._all.append(self)
        found = super().resume(wanted, after)
        others = [each for stream in self._all if stream is not self for each in stream.history]
        return replace(found, events=found.events + others[:1])


@mutant("count-of-all", "replay_complete counts what the stream holds, not what was replayed", clause="RPL-2")
class CountOfAll(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        for each in found:
            if each["type"] == "replay_complete":
                each["data"]["count"] += 1
        return found


@mutant("none-completes", "replay_complete comes although nothing was asked for", clause="RPL-2")
class NoneCompletes(Commands):
    def make_replay(self, stream: Stream, subscription: Subscription, data: Mapping[str, Any]) -> Replay | None:
        return super().make_replay(stream, subscription, data) or Replay("warm", [], truncated=False)


@mutant("truncation-unsaid", "a picture that a bound has cut is said to be whole", clause="RPL-3")
class TruncationUnsaid(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        return super().unroll(subscription, replace(replay, truncated=False))


@mutant("log-latest-only", "of a session only the newest event is replayed", clause="RPL-3")
class LogLatestOnly(Stream):
    def picture_key(self, event: Event) -> Any:
        return event.name if event.name == "session_event" else super().picture_key(event)


@mutant("epoch-unchecked", "a position of another life of the stream counts as one of this", clause="RPL-4")
class EpochUnchecked(Stream):
    def recovery(self, after: Position) -> Recovery:
        return super().recovery(Position(self.epoch, min(after.sequence_id, self.sequence_id)))


@mutant("window-unchecked", "a resume from before the history is said to be recovered", clause="RPL-4")
class WindowUnchecked(Stream):
    def recovery(self, after: Position) -> Recovery:
        found = super().recovery(after)
        return Recovery(attempted=True) if found.reason == "window_exceeded" else found


@mutant("synced-at-zero", "a barrier names the beginning of the stream", clause="SYN-1")
class SyncedAtZero(Commands):
    def sync(self, connection: Connection, command: Command) -> None:
        stream = command.data["stream"]
        position = Position(self.node.streams.get(stream).epoch, 0)
        connection.queue(reply("synced", command.id, {"stream": stream, "position": position.wire()}))


SEAM = 0.02
"""Seconds between the two halves of what is one step elsewhere."""


@mutant("seam-lost", "live delivery begins a little after the replay was taken", clause="RPL-2")
class SeamLost(Commands):
    def subscribe(self, connection: Connection, command: Command) -> None:
        subscription, replay = self.make_subscription(connection, command.data)
        connection.queue_subscribed(reply("subscribed", command.id, subscription.wire()), subscription, None)
        if replay is not None:
            connection.queue_replay(self.unroll(subscription, replay))
        asyncio.get_running_loop().call_later(SEAM, self._begin, subscription)

    def _begin(self, subscription: Subscription) -> None:
        if subscription.connection.closing is None:
            self.node.subscriptions.add(subscription)


@mutant("seam-doubled", "the replay is taken a little after live delivery began", clause="RPL-2")
class SeamDoubled(Commands):
    def subscribe(self, connection: Connection, command: Command) -> None:
        subscription, _ = self.make_subscription(connection, command.data)
        self.node.subscriptions.add(subscription)
        connection.queue_subscribed(reply("subscribed", command.id, subscription.wire()), subscription, None)
        asyncio.get_running_loop().call_later(SEAM, self._replay, subscription, command)

    def _replay(self, subscription: Subscription, command: Command) -> None:
        stream = self.node.streams.get(subscription.stream)
        replay = self.make_replay(stream, subscription, command.data)
        if replay is not None:
            subscription.connection.queue_replay(self.unroll(subscription, replay))


@mutant("none-is-warm", "with none the past is replayed", clause="RPL-1")
class NoneIsWarm(Commands):
    def make_subscription(self, connection: Connection, data: Mapping[str, Any]) -> tuple[Subscription, Replay | None]:
        wants_none = data.get("replay", {}).get("mode") == "none"
        return super().make_subscription(connection, {**data, "replay": {"mode": "warm"}} if wants_none else data)


@mutant("head-is-ahead", "the position of the head counts as ahead of it", clause="RPL-4")
class HeadIsAhead(Stream):
    def recovery(self, after: Position) -> Recovery:
        return super().recovery(replace(after, sequence_id=after.sequence_id + 1))


@mutant("zero-too-old", "the position of an empty stream counts as one that history has lost", clause="RPL-4")
class ZeroTooOld(Stream):
    def recovery(self, after: Position) -> Recovery:
        if after.sequence_id < self.first_sequence_id():
            return Recovery(attempted=True, reason="window_exceeded")
        return super().recovery(after)


@mutant("latest-is-log", "of a status every event is replayed", clause="RPL-3")
class LatestIsLog(Stream):
    def picture_key(self, event: Event) -> Any:
        policy = self._contract.event(event.name).replay.policy
        return event.sequence_id if policy == "latest" else super().picture_key(event)


@mutant("newest-if-it-matches", "an entity whose newest event does not match is left out", clause="RPL-3")
class NewestIfItMatches(Stream):
    def warm(self, wanted: Filter) -> Replay:
        everything = super().warm(Filter(self._contract, ["*"], {}))
        return replace(everything, events=[event for event in everything.events if matches(wanted, event)])


@mutant("sync-needs-subscription", "a barrier is refused where the connection follows nothing", clause="SYN-1")
class SyncNeedsSubscription(Commands):
    def sync(self, connection: Connection, command: Command) -> None:
        if not any(each.stream == command.data["stream"] for each in self.node.subscriptions.of(connection)):
            raise ProtocolError("subscription_not_found", "Nothing is followed there.", pointer="/data/stream")
        super().sync(connection, command)


@mutant("updates-beside-creations", "a warm picture holds every kind of event of an entity", clause="RPL-3")
class UpdatesBesideCreations(Stream):
    def picture_key(self, event: Event) -> Any:
        key = super().picture_key(event)
        return (*key, event.name) if isinstance(key, tuple) and not self.clears(event) else key


@mutant("resume-is-warm", "a resume that is said to be recovered sends a warm picture", clause="RPL-1")
class ResumeIsWarm(Stream):
    def resume(self, wanted: Filter, after: Position) -> Replay:
        return replace(self.warm(wanted), reason="resume")


@mutant("completes-twice", "replay_complete comes twice", clause="RPL-2")
class CompletesTwice(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        *events, complete = super().unroll(subscription, replay)
        yield from events
        yield complete
        yield complete


@mutant("synced-elsewhere", "a barrier names another stream than it was asked for", clause="SYN-1")
class SyncedElsewhere(Commands):
    def sync(self, connection: Connection, command: Command) -> None:
        position = self.node.streams.get(command.data["stream"]).head.wire()
        connection.queue(reply("synced", command.id, {"stream": "workspace:other", "position": position}))


@mutant("relationships-stay", "what was deleted of relationships stays in the warm picture", clause="RPL-3")
class RelationshipsStay(Stream):
    def clears(self, event: Event) -> bool:
        return super().clears(event) and not event.name.startswith("relationship")


@mutant("keys-of-one-space", "an entity and a relationship of the same id take each other's place", clause="RPL-3")
class KeysOfOneSpace(Stream):
    def picture_key(self, event: Event) -> Any:
        key = super().picture_key(event)
        return key[1] if isinstance(key, tuple) else key


@mutant("always-truncated", "every picture is said to be cut", clause="RPL-3")
class AlwaysTruncated(Stream):
    def warm(self, wanted: Filter) -> Replay:
        return replace(super().warm(wanted), truncated=True)


@mutant("no-picture-after-gap", "after a resume that failed nothing is replayed", clause="RPL-4")
class NoPictureAfterGap(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        failed = subscription.recovery.reason is not None
        return super().unroll(subscription, replace(replay, events=[]) if failed else replay)


@mutant("replay-names-everyone", "a replayed event names every subscription that follows its stream", clause="EVT-2")
class ReplayNamesEveryone(Connection):
    def replayed(self, event: Event, subscription: Subscription, reason: str) -> Outgoing:
        outgoing = super().replayed(event, subscription, reason)
        ids = [each.id for each in self.node.subscriptions.of(self) if each.stream == event.stream]
        head = {"subscriptionIds": ids, "isReplay": True, "replayReason": reason}
        return replace(outgoing, make=lambda: self.event_message(event, head))
