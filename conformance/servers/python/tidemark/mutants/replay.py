"""Faults of replays, recovery and sync (RPL, GAP, SYN)."""

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


@mutant("resume-inclusive", "a resume also replays the event at the position", clause="RPL-2")
class ResumeInclusive(Stream):
    def resume(self, wanted: Filter, after: Position) -> Replay:
        return super().resume(wanted, Position(after.epoch, after.sequence_id - 1))


@mutant("resume-skips-one", "a resume skips the first event after the position", clause="RPL-2")
class ResumeSkipsOne(Stream):
    def resume(self, wanted: Filter, after: Position) -> Replay:
        return super().resume(wanted, Position(after.epoch, after.sequence_id + 1))


@mutant("resume-ignores-filter", "a resume ignores the filter", clause="SUB-4")
class ResumeIgnoresFilter(Stream):
    def resume(self, wanted: Filter, after: Position) -> Replay:
        return super().resume(Filter(self._contract, ["*"], {}), after)


@mutant("replay-descending", "a replay is in descending order", clause="RPL-2")
class ReplayDescending(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        return super().unroll(subscription, replace(replay, events=replay.events[::-1]))


@mutant("replay-flagged-live", "replayed events are marked as live", clause="RPL-2")
class ReplayFlaggedLive(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        return super().event_message(event, {"subscriptionIds": head["subscriptionIds"], "isReplay": False})


@mutant("replay-complete-first", "replay_complete is sent before the replay", clause="RPL-2")
class ReplayCompleteFirst(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        *events, complete = super().unroll(subscription, replay)
        yield complete
        yield from events


@mutant("replay-cut-silently", "a replay stops after two events without being marked as truncated", clause="RPL-2")
class ReplayCutSilently(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        return super().unroll(subscription, replace(replay, events=replay.events[:2]))


@mutant("deletes-forgotten", "deleted entities stay in the warm picture", clause="RPL-3")
class DeletesForgotten(Stream):
    def clears(self, event: Event) -> bool:
        return False

    def picture_key(self, event: Event) -> Any:
        return None if super().clears(event) else super().picture_key(event)


@mutant("file-changes-warm", "stale file changes are part of the warm picture", clause="RPL-3")
class FileChangesWarm(Stream):
    def picture_key(self, event: Event) -> Any:
        return event.sequence_id if event.name == "file_change" else super().picture_key(event)


@mutant("ahead-is-caught-up", "a resume from a position ahead of the head is reported as recovered", clause="RPL-4")
class AheadIsCaughtUp(Stream):
    def recovery(self, after: Position) -> Recovery:
        found = super().recovery(after)
        return Recovery(attempted=True) if found.reason == "unknown_position" else found


@mutant("gap-unreported", "no gap follows a failed resume", clause="RPL-4")
class GapUnreported(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [each for each in super().messages(outgoing) if each["type"] != "gap"]


@mutant("sync-overtakes", "synced is sent before events that were published earlier", clause="SYN-1")
class SyncOvertakes(Connection):
    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        asyncio.get_running_loop().call_later(0.05, super().deliver, event, subscriptions)


@mutant("warm-not-default", "the default replay mode is none instead of warm", clause="RPL-1")
class WarmNotDefault(Commands):
    def make_subscription(self, connection: Connection, data: Mapping[str, Any]) -> tuple[Subscription, Replay | None]:
        return super().make_subscription(connection, {"replay": {"mode": "none"}, **data})


@mutant("resume-across-sessions", "a resume also replays events of other sessions", clause="STR-1")
class ResumeAcrossSessions(Stream):
    _all: ClassVar[list[Stream]] = []

    def resume(self, wanted: Filter, after: Position) -> Replay:
        ResumeAcrossSessions._all.append(self)
        found = super().resume(wanted, after)
        others = [each for stream in self._all if stream is not self for each in stream.history]
        return replace(found, events=found.events + others[:1])


@mutant("count-of-all", "replay_complete counts one event more than was replayed", clause="RPL-2")
class CountOfAll(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        for each in found:
            if each["type"] == "replay_complete":
                each["data"]["count"] += 1
        return found


@mutant("none-completes", "replay_complete is sent although no replay was requested", clause="RPL-2")
class NoneCompletes(Commands):
    def make_replay(self, stream: Stream, subscription: Subscription, data: Mapping[str, Any]) -> Replay | None:
        return super().make_replay(stream, subscription, data) or Replay("warm", [], truncated=False)


@mutant("truncation-unreported", "a truncated warm picture is not marked as truncated", clause="RPL-3")
class TruncationUnreported(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        return super().unroll(subscription, replace(replay, truncated=False))


@mutant("log-latest-only", "only the newest event of a session is replayed", clause="RPL-3")
class LogLatestOnly(Stream):
    def picture_key(self, event: Event) -> Any:
        return event.name if event.name == "session_event" else super().picture_key(event)


@mutant("epoch-unchecked", "a resume does not compare epochs", clause="RPL-4")
class EpochUnchecked(Stream):
    def recovery(self, after: Position) -> Recovery:
        return super().recovery(Position(self.epoch, min(after.sequence_id, self.sequence_id)))


@mutant("window-unchecked", "a resume from before the history is reported as recovered", clause="RPL-4")
class WindowUnchecked(Stream):
    def recovery(self, after: Position) -> Recovery:
        found = super().recovery(after)
        return Recovery(attempted=True) if found.reason == "window_exceeded" else found


@mutant("synced-at-zero", "synced reports sequenceId 0", clause="SYN-1")
class SyncedAtZero(Commands):
    def sync(self, connection: Connection, command: Command) -> None:
        stream = command.data["stream"]
        position = Position(self.node.streams.get(stream).epoch, 0)
        connection.queue(reply("synced", command.id, {"stream": stream, "position": position.wire()}))


SEAM = 0.02
"""Seconds between the two halves of a step that a correct server does at once."""


@mutant("seam-lost", "live delivery begins shortly after the replay was selected", clause="RPL-2")
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


@mutant("seam-doubled", "the replay is selected shortly after live delivery began", clause="RPL-2")
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


@mutant("none-is-warm", "the replay mode none replays a warm picture", clause="RPL-1")
class NoneIsWarm(Commands):
    def make_subscription(self, connection: Connection, data: Mapping[str, Any]) -> tuple[Subscription, Replay | None]:
        wants_none = data.get("replay", {}).get("mode") == "none"
        return super().make_subscription(connection, {**data, "replay": {"mode": "warm"}} if wants_none else data)


@mutant("head-is-ahead", "a resume from the newest position is rejected as ahead of the stream", clause="RPL-4")
class HeadIsAhead(Stream):
    def recovery(self, after: Position) -> Recovery:
        return super().recovery(replace(after, sequence_id=after.sequence_id + 1))


@mutant("zero-too-old", "a resume from before the first event is rejected as outside of history", clause="RPL-4")
class ZeroTooOld(Stream):
    def recovery(self, after: Position) -> Recovery:
        if after.sequence_id < self.first_sequence_id():
            return Recovery(attempted=True, reason="window_exceeded")
        return super().recovery(after)


@mutant("latest-is-log", "all events with the policy latest are replayed", clause="RPL-3")
class LatestIsLog(Stream):
    def picture_key(self, event: Event) -> Any:
        policy = self._contract.event(event.name).replay.policy
        return event.sequence_id if policy == "latest" else super().picture_key(event)


@mutant("newest-if-it-matches", "an entity whose newest event does not match the filter is missing from the warm picture", clause="RPL-3")
class NewestIfItMatches(Stream):
    def warm(self, wanted: Filter) -> Replay:
        everything = super().warm(Filter(self._contract, ["*"], {}))
        return replace(everything, events=[event for event in everything.events if matches(wanted, event)])


@mutant("sync-needs-subscription", "sync is rejected on a stream without a subscription", clause="SYN-1")
class SyncNeedsSubscription(Commands):
    def sync(self, connection: Connection, command: Command) -> None:
        if not any(each.stream == command.data["stream"] for each in self.node.subscriptions.of(connection)):
            raise ProtocolError("subscription_not_found", "There is no subscription on this stream.", pointer="/data/stream")
        super().sync(connection, command)


@mutant("updates-beside-creations", "a warm picture contains the creation and the update of one entity", clause="RPL-3")
class UpdatesBesideCreations(Stream):
    def picture_key(self, event: Event) -> Any:
        key = super().picture_key(event)
        return (*key, event.name) if isinstance(key, tuple) and not self.clears(event) else key


@mutant("resume-is-warm", "a recovered resume replays a warm picture", clause="RPL-1")
class ResumeIsWarm(Stream):
    def resume(self, wanted: Filter, after: Position) -> Replay:
        return replace(self.warm(wanted), reason="resume")


@mutant("picture-not-again", "a resume that asks for the picture again replays only what follows the position", clause="RPL-7")
class PictureNotAgain(Stream):
    def resume_with_picture(self, wanted: Filter, after: Position) -> Replay:
        return self.resume(wanted, after)


@mutant("picture-instead-of-resume", "a resume that asks for the picture again replays only the current warm picture, so deletions are lost", clause="RPL-7")
class PictureInsteadOfResume(Stream):
    def resume_with_picture(self, wanted: Filter, after: Position) -> Replay:
        return replace(self.warm(wanted), reason="resume", picture_until=after.sequence_id)


@mutant("picture-gap-hidden", "a failed resume that asks for the picture again is followed by a warm replay, but by no gap", clause="RPL-7")
class PictureGapHidden(Commands):
    def subscribe(self, connection: Connection, command: Command) -> None:
        asked = command.data.get("replay", {})
        if asked.get("withPicture"):
            stream = self.node.streams.get(command.data.get("stream", "main"))
            after = Position(asked["after"]["epoch"], int(asked["after"]["sequenceId"]))
            if stream.recovery(after).reason is not None:
                command = replace(command, data={**command.data, "replay": {"mode": "warm"}})
        super().subscribe(connection, command)


@mutant("completes-twice", "replay_complete is sent twice", clause="RPL-2")
class CompletesTwice(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        *events, complete = super().unroll(subscription, replay)
        yield from events
        yield complete
        yield complete


@mutant("synced-elsewhere", "the reply `synced` is about another stream than requested", clause="SYN-1")
class SyncedElsewhere(Commands):
    def sync(self, connection: Connection, command: Command) -> None:
        position = self.node.streams.get(command.data["stream"]).head.wire()
        connection.queue(reply("synced", command.id, {"stream": "workspace:other", "position": position}))


@mutant("relationships-stay", "deleted relationships stay in the warm picture", clause="RPL-3")
class RelationshipsStay(Stream):
    def clears(self, event: Event) -> bool:
        return super().clears(event) and not event.name.startswith("relationship")


@mutant("keys-of-one-space", "an entity and a relationship with the same id replace each other", clause="RPL-3")
class KeysOfOneSpace(Stream):
    def picture_key(self, event: Event) -> Any:
        key = super().picture_key(event)
        return key[1] if isinstance(key, tuple) else key


@mutant("always-truncated", "every warm picture is marked as truncated", clause="RPL-3")
class AlwaysTruncated(Stream):
    def warm(self, wanted: Filter) -> Replay:
        return replace(super().warm(wanted), truncated=True)


@mutant("no-picture-after-gap", "nothing is replayed after a failed resume", clause="RPL-4")
class NoPictureAfterGap(Commands):
    def unroll(self, subscription: Subscription, replay: Replay) -> Unrolled:
        failed = subscription.recovery.reason is not None
        return super().unroll(subscription, replace(replay, events=[]) if failed else replay)


@mutant("replay-names-everyone", "a replayed event names all subscriptions of its stream", clause="EVT-2")
class ReplayNamesEveryone(Connection):
    def replayed(self, event: Event, subscription: Subscription, reason: str) -> Outgoing:
        outgoing = super().replayed(event, subscription, reason)
        ids = [each.id for each in self.node.subscriptions.of(self) if each.stream == event.stream]
        head = {"subscriptionIds": ids, "isReplay": True, "replayReason": reason}
        return replace(outgoing, make=lambda: self.event_message(event, head))
