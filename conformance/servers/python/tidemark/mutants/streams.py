"""Faults of positions and of event contents (STR, EVT)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, ClassVar, Mapping

from ..clock import make_ulid, now_ms
from ..commands import Commands
from ..connection import Connection
from ..envelope import CommandReader, Message
from ..errors import ProtocolError
from ..outbox import Outgoing
from ..principals import Principal
from ..publishing import Publisher
from ..streams import Event, Replay, Stream
from ..subscriptions import Subscription
from .registry import mutant


@mutant("sequence-per-connection", "sequenceIds are counted per connection", clause="STR-2")
class SequencePerConnection(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        message = super().event_message(event, head)
        message["data"]["sequenceId"] = self.delivered + 1
        return message


@mutant("sequence-as-text", "sequenceIds are strings", clause="EVT-1")
class SequenceAsText(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        message = super().event_message(event, head)
        message["data"]["sequenceId"] = str(event.sequence_id)
        return message


@mutant("sequence-skips", "every third sequenceId is skipped", clause="STR-2")
class SequenceSkips(Stream):
    def next_sequence_id(self) -> int:
        return self.sequence_id + (2 if self.sequence_id % 3 == 0 else 1)


@mutant("emitted-at-rewritten", "emittedAt of a replayed event is the time of the replay", clause="STR-4")
class EmittedAtRewritten(Connection):
    def replayed(self, event: Event, subscription: Subscription, reason: str) -> Outgoing:
        return super().replayed(replace(event, emitted_ms=now_ms()), subscription, reason)


@mutant("event-per-subscription", "an event is sent once per matching subscription", clause="EVT-2")
class EventPerSubscription(Connection):
    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        for subscription in subscriptions:
            super().deliver(event, [subscription])


@mutant("payload-unchecked", "payloads of declared events are not validated", clause="EVT-3")
class PayloadUnchecked(Publisher):
    def check_payload(self, name: str, payload: dict[str, Any], pointer: str) -> None:
        pass


@mutant("numbers-begin-again", "sequenceIds restart when a subscribed connection ends", clause="STR-2")
class NumbersBeginAgain(Connection):
    def leave(self) -> None:
        for subscription in self.node.subscriptions.of(self):
            self.node.streams.get(subscription.stream).sequence_id = 0
        super().leave()


@mutant("numbers-wrap", "sequenceIds overflow from 2^31 - 1 to -2^31", clause="STR-2")
class NumbersWrap(Stream):
    def first_sequence_id(self) -> int:
        return 2**31 - 2

    def next_sequence_id(self) -> int:
        following = super().next_sequence_id()
        return following - 2**32 if following == 2**31 else following


@mutant("numbers-per-event-name", "sequenceIds are counted per event name", clause="STR-2")
class NumbersPerEventName(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        message = super().event_message(event, head)
        history = self.node.streams.get(event.stream).history
        same = [each for each in history if each.name == event.name and each.sequence_id <= event.sequence_id]
        message["data"]["sequenceId"] = len(same)
        return message


@mutant("replay-renumbered", "a replayed event has another id than the live event", clause="STR-4")
class ReplayRenamed(Connection):
    def replayed(self, event: Event, subscription: Subscription, reason: str) -> Outgoing:
        return super().replayed(replace(event, event_id=make_ulid()), subscription, reason)


@mutant("stream-forgotten", "every event names main as its stream", clause="EVT-1")
class StreamForgotten(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        message = super().event_message(event, head)
        message["data"]["stream"] = "main"
        return message


@mutant("everyone-subscribed", "an event names all subscriptions of the connection", clause="EVT-2")
class EveryoneSubscribed(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        ids = [each.id for each in self.node.subscriptions.of(self)]
        return super().event_message(event, {**head, "subscriptionIds": ids or head["subscriptionIds"]})


@mutant("first-number-skipped", "the first sequenceId of a stream is 2", clause="STR-2")
class FirstNumberSkipped(Stream):
    def next_sequence_id(self) -> int:
        return super().next_sequence_id() + (self.sequence_id == self.first_sequence_id() - 1)


@mutant("numbers-differ", "later connections receive the same events with other sequenceIds", clause="STR-2")
class NumbersDiffer(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        message = super().event_message(event, head)
        followers = [connection for connection, _ in self.node.subscriptions.on(event.stream)]
        if followers and followers[0] is not self:
            message["data"]["sequenceId"] += 1000
        return message


@mutant("bursts-thinned", "some events of a burst are dropped", clause="STR-2")
class BurstsThinned(Connection):
    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        if event.sequence_id % 32:
            super().deliver(event, subscriptions)


@mutant("times-decrease", "emittedAt decreases by a second per event", clause="STR-4")
class TimesDecrease(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        return super().event_message(replace(event, emitted_ms=event.emitted_ms - 1000 * event.sequence_id), head)


@mutant("custom-flattened", "objects and lists in the payload of a custom event are dropped", clause="EVT-4")
class CustomFlattened(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        flat = {name: value for name, value in event.payload.items() if not isinstance(value, (dict, list))}
        declared = event.name in self.node.contract.events
        return super().event_message(event if declared else replace(event, payload=flat), head)


@mutant("long-texts-cut", "strings in a payload are cut after 4,096 characters", clause="EVT-4")
class LongTextsCut(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        payload = {name: value[:4096] if isinstance(value, str) else value for name, value in event.payload.items()}
        return super().event_message(replace(event, payload=payload), head)


@mutant("change-types-alike", "every file change has the changeType modify", clause="EVT-3")
class ChangeTypesAlike(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        payload = {**event.payload, "changeType": "modify"} if event.name == "file_change" else event.payload
        return super().event_message(replace(event, payload=payload), head)


@mutant("control-names-rejected", "custom events with names of protocol messages are rejected", clause="ENV-2")
class ControlNamesRejected(Publisher):
    def check_payload(self, name: str, payload: dict[str, Any], pointer: str) -> None:
        if name in self.node.contract.messages and name not in self.node.contract.events:
            raise ProtocolError("payload_invalid", "Unknown event.", pointer=pointer)
        super().check_payload(name, payload, pointer)


class PayloadReader(CommandReader):
    def check(self, message: str, value: dict[str, Any]) -> None:
        data = value.get("data")
        if isinstance(data, dict) and "payload" in data and not isinstance(data["payload"], dict):
            data["payload"] = {}
        super().check(message, value)


@mutant("payload-replaced", "a payload that is not an object is replaced by an empty object", clause="EVT-4")
class PayloadReplaced(Connection):
    def make_reader(self) -> CommandReader:
        return PayloadReader(self.node.contract, self.node.limits["jsonDepth"])


_STREAM = re.compile(r"main|(workspace|session):[A-Za-z0-9._-]{1,128}")


class StreamReader(CommandReader):
    def check(self, message: str, value: dict[str, Any]) -> None:
        data = value.get("data")
        if isinstance(data, dict) and "stream" in data and _STREAM.fullmatch(str(data["stream"])) is None:
            data["stream"] = "main"
        super().check(message, value)


@mutant("bad-stream-is-main", "an invalid stream name is treated as main", clause="STR-1")
class BadStreamIsMain(Connection):
    def make_reader(self) -> CommandReader:
        return StreamReader(self.node.contract, self.node.limits["jsonDepth"])


@mutant("short-streams-only", "subscriptions to streams with long names are rejected", clause="STR-1")
class ShortStreamsOnly(Commands):
    def make_subscription(self, connection: Connection, data: Mapping[str, Any]) -> tuple[Subscription, Replay | None]:
        if len(data.get("stream", "")) > 100:
            raise ProtocolError("stream_invalid", "This name is too long.", pointer="/data/stream")
        return super().make_subscription(connection, data)


@mutant("epochs-unreported", "every tenth event starts a new epoch, without a gap", clause="STR-3")
class EpochsUnreported(Stream):
    def append(self, name: str, source: Mapping[str, Any], payload: Mapping[str, Any]) -> Event:
        if self.sequence_id % 10 == 9:
            self.epoch = make_ulid()
        return super().append(name, source, payload)


@mutant("reasons-swapped", "the replay reasons resume and warm are swapped", clause="EVT-1")
class ReasonsSwapped(Connection):
    def replayed(self, event: Event, subscription: Subscription, reason: str) -> Outgoing:
        return super().replayed(event, subscription, "warm" if reason == "resume" else "resume")


@mutant("one-subscription-named", "an event names only one of the matching subscriptions", clause="EVT-2")
class OneSubscriptionNamed(Connection):
    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        super().deliver(event, subscriptions[:1])


@mutant("rejections-numbered", "a rejected payload uses up a sequenceId", clause="EVT-3")
class RejectionsNumbered(Publisher):
    def check(self, principal: Principal, data: dict[str, Any], pointer: str) -> None:
        try:
            super().check(principal, data, pointer)
        except ProtocolError:
            self.node.streams.get(self.stream_of(data)).sequence_id += 1
            raise


@mutant("source-is-server", "the source of every event is the server", clause="EVT-1")
class SourceIsServer(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        message = super().event_message(event, head)
        return {**message, "data": {**message["data"], "source": {"name": "server", "principal": "server"}}}


@mutant("event-ids-repeat", "some events of a stream have the same eventId", clause="EVT-1")
class EventIdsRepeat(Stream):
    _ids: ClassVar[list[str]] = [make_ulid() for _ in range(4)]

    def append(self, name: str, source: Mapping[str, Any], payload: Mapping[str, Any]) -> Event:
        event = super().append(name, source, payload)
        same = replace(event, event_id=self._ids[event.sequence_id % 4])
        self.history[-1] = same
        return same


@mutant("long-names-rejected", "event names longer than 32 characters are rejected", clause="EVT-4")
class LongNamesRejected(Publisher):
    def check_payload(self, name: str, payload: dict[str, Any], pointer: str) -> None:
        if len(name) > 32:
            raise ProtocolError("invalid_message", "This name is too long.", pointer=pointer)
        super().check_payload(name, payload, pointer)


@mutant("payloads-unlimited", "the size of payloads is not limited", clause="EVT-4")
class PayloadsUnlimited(Publisher):
    def check_payload(self, name: str, payload: dict[str, Any], pointer: str) -> None:
        self._reader.check_payload(name, payload, pointer)


@mutant("any-stream", "an event may be published on a stream to which it does not belong", clause="STR-5")
class AnyStream(Publisher):
    def check_stream(self, data: Mapping[str, Any], pointer: str) -> None:
        pass


@mutant("any-session", "an event of a session may be published on the stream of another session", clause="STR-5")
class AnySession(Publisher):
    def check_stream(self, data: Mapping[str, Any], pointer: str) -> None:
        if not data["stream"].startswith("session:"):
            super().check_stream(data, pointer)


@mutant("home-unnamed", "the error for an event on a wrong stream does not name the stream to which the event belongs", clause="STR-5")
class HomeUnnamed(Publisher):
    def check_stream(self, data: Mapping[str, Any], pointer: str) -> None:
        try:
            super().check_stream(data, pointer)
        except ProtocolError as error:
            error.details = None
            raise


@mutant("always-main", "every event published without a stream goes to main", clause="STR-5")
class AlwaysMain(Publisher):
    def stream_of(self, data: Mapping[str, Any]) -> str:
        return str(data.get("stream", "main"))

    def check_stream(self, data: Mapping[str, Any], pointer: str) -> None:
        if data["stream"] != "main":
            super().check_stream(data, pointer)


@mutant("moved-home", "an event for a wrong stream is published on the stream to which it belongs", clause="STR-5")
class MovedHome(Publisher):
    def stream_of(self, data: Mapping[str, Any]) -> str:
        return self.home_of(data) or super().stream_of(data)


@mutant("deletion-needs-type", "a deletion without the type of the deleted entity is rejected", clause="EVT-3")
class DeletionNeedsType(Publisher):
    def check_payload(self, name: str, payload: dict[str, Any], pointer: str) -> None:
        super().check_payload(name, payload, pointer)
        wanted = {"entity_deleted": "entityType", "relationship_deleted": "relationshipType"}.get(name)
        if wanted is not None and wanted not in payload:
            raise ProtocolError("payload_invalid", "The type is missing.", pointer=f"{pointer}/{wanted}")


@mutant("deletion-without-id", "a deletion needs no id", clause="EVT-3")
class DeletionWithoutId(Publisher):
    def check_payload(self, name: str, payload: dict[str, Any], pointer: str) -> None:
        if not (name.endswith("_deleted") and "id" not in payload):
            super().check_payload(name, payload, pointer)


@mutant("backslash-rejected", "a path with a backslash is rejected", clause="EVT-3")
class BackslashRejected(Publisher):
    def check_payload(self, name: str, payload: dict[str, Any], pointer: str) -> None:
        super().check_payload(name, payload, pointer)
        if "\\" in str(payload.get("path", "")):
            raise ProtocolError("payload_invalid", "The path has a backslash.", pointer=f"{pointer}/path")


@mutant("backslash-climbs", "a path may leave the root with `..` and a backslash", clause="EVT-3")
class BackslashClimbs(Publisher):
    def check_payload(self, name: str, payload: dict[str, Any], pointer: str) -> None:
        path = payload.get("path")
        plain = path.replace("\\", "_") if isinstance(path, str) else path
        super().check_payload(name, {**payload, "path": plain} if "path" in payload else payload, pointer)
