"""Servers that are wrong on purpose, each in one way. A suite that lets one pass does not judge the clause it breaks.

Each is a subclass of one part, with one method that does the wrong thing; the rest of the server stays right.
"""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from dataclasses import replace
from typing import Any, Mapping

from .clock import now_ms
from .commands import Commands
from .connection import Connection
from .contract import EventSpec
from .envelope import Command, CommandReader, Message, push, reply
from .errors import ProtocolError
from .filters import ExtensionPattern, Filter, Mismatch, PathPattern, Pattern
from .frames import BINARY, Frame
from .http import Head, Response
from .outbox import Outgoing, Unrolled
from .principals import Principal
from .publishing import Publisher
from .routes import Routes
from .streams import Event, Position, Recovery, Replay, Stream
from .strict_json import encode
from .subscriptions import Subscription
from .variants import Registry
from .wire import HIGH_WATER, Wire

mutant = Registry()

REPLIES = frozenset(
    {"subscribed", "unsubscribed", "subscriptions", "broadcasted", "authenticated", "synced", "pong", "error"}
)

# ---- the envelope


@mutant("reply-without-id", "replies do not say which command they answer", clause="ENV-3")
class ReplyWithoutId(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [{key: value for key, value in each.items() if key != "id"} for each in super().messages(outgoing)]


@mutant("reply-doubled", "every reply comes twice", clause="ENV-3")
class ReplyDoubled(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [each for each in super().messages(outgoing) for _ in range(2 if each["type"] in REPLIES else 1)]


@mutant("reply-and-error", "an unsubscribe is acknowledged and refused as well", clause="ENV-3")
class ReplyAndError(Commands):
    def unsubscribe(self, connection: Connection, command: Command) -> None:
        super().unsubscribe(connection, command)
        raise ProtocolError("internal", "Something went wrong after all.")


@mutant("id-coerced", "an id of digits comes back as a number", clause="ENV-3")
class IdCoerced(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [{key: _number(value) if key == "id" else value for key, value in each.items()} for each in found]


def _number(text: str) -> str | int:
    digits = "".join(character for character in text if character.isdigit())
    return int(digits) if digits else text


@mutant("push-with-id", "heartbeats and events carry an id", clause="ENV-3")
class PushWithId(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [each if each["type"] in REPLIES else {"id": "push", **each} for each in super().messages(outgoing)]


@mutant("binary-ignored", "a binary frame changes nothing", clause="ENV-1")
class BinaryIgnored(Wire):
    def _take(self, frame: Frame) -> str | None:
        return None if frame.opcode == BINARY else super()._take(frame)


class ForgivingReader(CommandReader):
    def check(self, message: str, value: dict[str, Any]) -> None:
        try:
            super().check(message, value)
        except ProtocolError as error:
            if error.code != "invalid_message" or not error.text.startswith("Unknown field"):
                raise
            *path, last = (error.pointer or "").split("/")[1:]
            at: Any = value
            for step in path:
                at = at[step]
            del at[last.replace("~1", "/").replace("~0", "~")]
            self.check(message, value)


@mutant("unknown-fields-ignored", "fields that nobody knows are overlooked", clause="ENV-4")
class UnknownFieldsIgnored(Connection):
    def make_reader(self) -> CommandReader:
        return ForgivingReader(self.node.contract, self.node.limits["jsonDepth"])


# ---- the connection


@mutant("late-welcome", "a heartbeat comes before welcome", clause="CON-2")
class LateWelcome(Connection):
    def welcome(self) -> None:
        self.queue_urgent(self.heartbeat())
        super().welcome()


@mutant("no-heartbeat", "nothing comes from an idle connection", clause="CON-3")
class NoHeartbeat(Connection):
    def beat(self) -> None:
        self.wire.send_ping()


@mutant(
    "delivered-per-subscription", "a heartbeat counts an event once per subscription that it matched", clause="CON-3"
)
class DeliveredPerSubscription(Connection):
    async def write(self, outgoing: Outgoing) -> None:
        self.delivered += max(0, len(outgoing.subscriptions) - 1)
        await super().write(outgoing)


@mutant("delivered-without-replay", "a heartbeat does not count what was replayed", clause="CON-3")
class DeliveredWithoutReplay(Connection):
    async def write(self, outgoing: Outgoing) -> None:
        await super().write(outgoing)
        self.delivered -= outgoing.is_replay


@mutant("closing-unsaid", "the connection is closed without closing", clause="CON-6")
class ClosingUnsaid(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [each for each in super().messages(outgoing) if each["type"] != "closing"]


# ---- streams and events


@mutant("sequence-per-connection", "every connection numbers the events for itself", clause="STR-2")
class SequencePerConnection(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        message = super().event_message(event, head)
        message["data"]["sequenceId"] = self.delivered + 1
        return message


@mutant("sequence-as-text", "numbers are written as texts", clause="EVT-1")
class SequenceAsText(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        message = super().event_message(event, head)
        message["data"]["sequenceId"] = str(event.sequence_id)
        return message


@mutant("sequence-skips", "every third number is left out", clause="STR-2")
class SequenceSkips(Stream):
    def next_sequence_id(self) -> int:
        return self.sequence_id + (2 if self.sequence_id % 3 == 0 else 1)


@mutant("emitted-at-rewritten", "a replayed event says when it was replayed", clause="STR-4")
class EmittedAtRewritten(Connection):
    def replayed(self, event: Event, subscription: Subscription, reason: str) -> Outgoing:
        return super().replayed(replace(event, emitted_ms=now_ms()), subscription, reason)


@mutant("event-per-subscription", "an event comes once for each subscription that it matches", clause="EVT-2")
class EventPerSubscription(Connection):
    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        for subscription in subscriptions:
            super().deliver(event, [subscription])


@mutant("payload-unchecked", "a declared event is published whatever its payload", clause="EVT-3")
class PayloadUnchecked(Publisher):
    def check_payload(self, name: str, payload: dict[str, Any], pointer: str) -> None:
        pass


# ---- subscriptions and filters


@mutant("unsubscribed-in-words", "an unsubscribe is acknowledged, and events keep coming", clause="SUB-2")
class UnsubscribedInWords(Commands):
    def unsubscribe(self, connection: Connection, command: Command) -> None:
        named = command.data.get("subscriptionId")
        kept = [each.id for each in self.node.subscriptions.of(connection) if named in (None, each.id)]
        if named is not None and not kept:
            super().unsubscribe(connection, command)
        connection.queue(reply("unsubscribed", command.id, {"subscriptionIds": kept}))


@mutant("unsubscribe-ends-all", "an unsubscribe ends every subscription, whichever it names", clause="SUB-3")
class UnsubscribeEndsAll(Commands):
    def unsubscribe(self, connection: Connection, command: Command) -> None:
        super().unsubscribe(connection, command)
        for subscription in self.node.subscriptions.of(connection):
            self.node.subscriptions.remove(subscription)


@mutant("subscribe-replaces", "a second subscribe with the same id takes the place of the first", clause="SUB-3")
class SubscribeReplaces(Commands):
    def subscribe(self, connection: Connection, command: Command) -> None:
        chosen = command.data.get("subscriptionId", "")
        if self.node.subscriptions.has(connection, chosen):
            self.node.subscriptions.remove(self.node.subscriptions.get(connection, chosen))
        super().subscribe(connection, command)


@mutant("fields-are-alternatives", "one field of a filter that matches is enough", clause="SUB-4")
class FieldsAreAlternatives(Filter):
    def mismatch(self, name: str, payload: Mapping[str, Any], source: Mapping[str, Any]) -> Mismatch | None:
        found = super().mismatch(name, payload, source)
        if found is None or found.clause == "events":
            return found
        event = {"payload": payload, "source": source}
        spec = self._contract.event(name)
        applicable = [field for field in self.fields if field in spec.filterable]
        return None if any(self.check_field(field, spec, event) is None for field in applicable) else found


@mutant("absent-matches", "a field that an event leaves out matches", clause="SUB-4")
class AbsentMatches(Filter):
    def check_field(self, field: str, spec: EventSpec, event: Mapping[str, Any]) -> Mismatch | None:
        found = super().check_field(field, spec, event)
        return None if found is not None and not found.seen else found


class EndingPattern(ExtensionPattern):
    def __init__(self, wanted: str) -> None:
        super().__init__(wanted.removeprefix("."))


@mutant("extension-without-dot", "`.ts` matches `.mts`", clause="SUB-5")
class ExtensionWithoutDot(Filter):
    def make_pattern(self, kind: str, value: str) -> Pattern:
        return EndingPattern(value) if kind == "extension" else super().make_pattern(kind, value)


class PrefixPattern(PathPattern):
    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self._prefix = wanted

    def matches(self, value: str) -> bool:
        return super().matches(value) or (not self._glob and value.startswith(self._prefix))


@mutant("path-is-a-prefix", "`src` matches `src-old/a.ts`", clause="SUB-5")
class PathIsAPrefix(Filter):
    def make_pattern(self, kind: str, value: str) -> Pattern:
        return PrefixPattern(value) if kind == "path" else super().make_pattern(kind, value)


class FoldedPattern(PathPattern):
    def __init__(self, wanted: str) -> None:
        super().__init__(wanted.casefold())

    def matches(self, value: str) -> bool:
        return super().matches(value.casefold())


@mutant("path-case-folded", "`SRC` matches `src/a.ts`", clause="SUB-5")
class PathCaseFolded(Filter):
    def make_pattern(self, kind: str, value: str) -> Pattern:
        return FoldedPattern(value) if kind == "path" else super().make_pattern(kind, value)


@mutant("rename-by-new-path", "a rename matches only by its new path", clause="SUB-5")
class RenameByNewPath(Filter):
    def check_field(self, field: str, spec: EventSpec, event: Mapping[str, Any]) -> Mismatch | None:
        two_named = ("paths", "extensions")
        first = {name: pointers[:1] if name in two_named else pointers for name, pointers in spec.filterable.items()}
        return super().check_field(field, replace(spec, filterable=first), event)


# ---- replay and recovery


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


# ---- publishing and permission


@mutant("key-forgotten", "the same idempotency key publishes again", clause="BRD-1")
class KeyForgotten(Publisher):
    def find_duplicate(self, key: tuple[str, str, str]) -> Event | None:
        return None


@mutant("principal-chosen", "who publishes chooses the principal in source", clause="BRD-2")
class PrincipalChosen(Publisher):
    def source(self, principal: Principal, data: dict[str, Any]) -> dict[str, Any]:
        source = super().source(principal, data)
        return {**source, "principal": source["name"]}


@mutant("error-yet-published", "a payload that is refused is published all the same", clause="EVT-3")
class ErrorYetPublished(Publisher):
    def broadcast(self, principal: Principal, data: dict[str, Any], pointer: str) -> dict[str, Any]:
        try:
            return super().broadcast(principal, data, pointer)
        except ProtocolError:
            self.node.publish(data["stream"], "suite.refused", self.source(principal, data), {})
            raise


@mutant("any-origin", "pages of every origin are welcome", clause="SEC-4")
class AnyOrigin(Routes):
    def is_welcome_origin(self, origin: str, host: str) -> bool:
        return True


@mutant("token-in-address", "a credential in the address is overlooked", clause="SEC-2")
class TokenInAddress(Routes):
    def check_door(self, head: Head) -> None:
        super().check_door(replace(head, query={}))


@mutant("scope-unchecked", "everyone may subscribe to everything", clause="SEC-1")
class ScopeUnchecked(Commands):
    def check_scope(self, principal: Principal, wanted: Filter, stream: str) -> None:
        pass


@mutant("sessions-alike", "whoever follows `session:1` also gets `session:10`", clause="STR-1")
class SessionsAlike(Connection):
    """Copies of its events reach every subscription whose stream is the beginning of theirs."""

    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        super().deliver(event, subscriptions)
        for subscription in list(self.node.subscriptions):
            if event.stream.startswith(subscription.stream) and event.stream != subscription.stream:
                Connection.deliver(subscription.connection, event, [subscription])


# ---- errors and introspection


@mutant("bad-json-closes", "the first bad message ends the connection", clause="ERR-2")
class BadJsonCloses(Connection):
    def refuse(self, error: ProtocolError) -> None:
        super().refuse(error)
        if error.code == "invalid_json":
            self.close("protocol_error")


@mutant("bad-json-ignored", "what is no JSON is not answered", clause="ERR-2")
class BadJsonIgnored(Connection):
    def refuse(self, error: ProtocolError) -> None:
        if error.code != "invalid_json":
            super().refuse(error)


@mutant("stack-trace-told", "errors tell where in the server they came about", clause="ERR-2")
class StackTraceTold(Connection):
    def refuse(self, error: ProtocolError) -> None:
        error.text += "\n" + "".join(traceback.format_exception(error))
        super().refuse(error)


class EasyReader(CommandReader):
    def parse_object(self, text: str) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ProtocolError("invalid_json", "This is not JSON.") from error
        return super().parse_object(encode(_without_proto(value)))


def _without_proto(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_proto(member) for key, member in value.items() if key != "__proto__"}
    return [_without_proto(item) for item in value] if isinstance(value, list) else value


@mutant("duplicate-keys-taken", "the last of two equal keys counts, and __proto__ is left out", clause="ERR-3")
class DuplicateKeysTaken(Connection):
    def make_reader(self) -> CommandReader:
        return EasyReader(self.node.contract, self.node.limits["jsonDepth"])


@mutant("everything-retryable", "every error says that it may be tried again", clause="ERR-1")
class EverythingRetryable(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [
            {**each, "data": {**each["data"], "retryable": True}} if each["type"] == "error" else each for each in found
        ]


@mutant("http-errors-bare", "a failure over HTTP is the data of an error without its envelope", clause="OPS-0")
class HttpErrorsBare(Routes):
    def failure(self, error: ProtocolError, *, status: int | None = None) -> Response:
        response = super().failure(error, status=status)
        return replace(response, body=encode(json.loads(response.body)["data"]).encode())


@mutant("subscriptions-never-leave", "introspection keeps subscriptions of connections that are gone", clause="OPS-2")
class SubscriptionsNeverLeave(Connection):
    def leave(self) -> None:
        self.closing = self.closing or "gone"
        self.node.connections.discard(self)


@mutant("explain-all-match", "every subscription is said to match", clause="OPS-3")
class ExplainAllMatch(Routes):
    def post_explain(self, head: Head, body: bytes) -> Response:
        response = super().post_explain(head, body)
        if response.status != 200:
            return response
        answer = json.loads(response.body)
        places = [{key: each[key] for key in ("connectionId", "subscriptionId")} for each in answer["mismatches"]]
        return Response.json(200, {"matches": answer["matches"] + places, "mismatches": []})


# ---- servers that are no server at all


@mutant("silent", "nothing is answered but with welcome", clause="ENV-3")
class Silent(Connection):
    def receive(self, text: str) -> None:
        pass


@mutant("ack-all", "whatever is asked is acknowledged, and nothing is done", clause="ENV-3")
class AckAll(Connection):
    def receive(self, text: str) -> None:
        try:
            command = json.loads(text)
            self.queue(reply("pong", command.get("id"), {"time": "2026-01-01T00:00:00.000Z"}))
        except (ValueError, AttributeError):
            self.queue(push("heartbeat", {"delivered": 0, "positions": []}))


@mutant("slow-halts-all", "a publication waits for whoever does not read", clause="BCK-1")
class SlowHaltsAll(Connection):
    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        if self.wire.queued_bytes > HIGH_WATER:
            time.sleep(1)
        super().deliver(event, subscriptions)
