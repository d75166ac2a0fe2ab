"""Faults of the message envelope (ENV)."""

from __future__ import annotations

import re
from typing import Any

from ..commands import Commands
from ..connection import Connection
from ..envelope import Command, CommandReader, Message
from ..errors import ProtocolError
from ..frames import BINARY, TOO_BIG, Frame, FrameError, encode_frame
from ..outbox import Outgoing
from ..streams import Event
from ..wire import Wire
from .registry import REPLIES, mutant


@mutant("reply-without-id", "replies have no id", clause="ENV-3")
class ReplyWithoutId(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [{key: value for key, value in each.items() if key != "id"} for each in super().messages(outgoing)]


@mutant("reply-doubled", "every reply is sent twice", clause="ENV-3")
class ReplyDoubled(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [each for each in super().messages(outgoing) for _ in range(2 if each["type"] in REPLIES else 1)]


@mutant("reply-and-error", "an unsubscribe gets both a reply and an error", clause="ENV-3")
class ReplyAndError(Commands):
    def unsubscribe(self, connection: Connection, command: Command) -> None:
        super().unsubscribe(connection, command)
        raise ProtocolError("internal", "An error after the reply.")


@mutant("id-coerced", "an id of digits is returned as a number", clause="ENV-3")
class IdCoerced(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [{key: _number(value) if key == "id" else value for key, value in each.items()} for each in found]


def _number(text: str) -> str | int:
    digits = "".join(character for character in text if character.isdigit())
    return int(digits) if digits else text


@mutant("push-with-id", "pushes carry an id", clause="ENV-3")
class PushWithId(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [each if each["type"] in REPLIES else {"id": "push", **each} for each in super().messages(outgoing)]


@mutant("binary-ignored", "a binary frame is ignored", clause="ENV-1")
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


@mutant("unknown-fields-ignored", "unknown fields are ignored", clause="ENV-4")
class UnknownFieldsIgnored(Connection):
    def make_reader(self) -> CommandReader:
        return ForgivingReader(self.node.contract, self.node.limits["jsonDepth"])


@mutant("replies-swapped", "every reply has the id of the previous command", clause="ENV-3")
class RepliesSwapped(Connection):
    _last: str | None = None

    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [self._swapped(each) if "id" in each else each for each in super().messages(outgoing)]

    def _swapped(self, message: Message) -> Message:
        known, self._last = self._last, message["id"]
        return {**message, "id": known or message["id"]}


@mutant("times-in-seconds", "timestamps have no milliseconds", clause="ENV-5")
class TimesInSeconds(Connection):
    def encode(self, message: Message) -> str:
        return re.sub(r"(\d\d:\d\d:\d\d)\.\d{3}Z", r"\1Z", super().encode(message))


@mutant("oversize-cut", "an oversized message ends the connection without a close frame", clause="ERR-2")
class OversizeCut(Wire):
    def _fail(self, error: FrameError) -> None:
        if error.code == TOO_BIG:
            self.abort()
        super()._fail(error)


@mutant("fragments-apart", "each fragment of a message is treated as a message", clause="ENV-1")
class FragmentsApart(Wire):
    def _assemble(self, frame: Frame) -> str | None:
        return frame.data.decode()


@mutant("missing-type-is-ping", "a message without a type is treated as a ping", clause="ENV-2")
class MissingTypeIsPing(Connection):
    def make_reader(self) -> CommandReader:
        return PingReader(self.node.contract, self.node.limits["jsonDepth"])


class PingReader(CommandReader):
    def parse_object(self, text: str) -> dict[str, Any]:
        value = super().parse_object(text)
        return value if isinstance(value.get("type"), str) else {**value, "type": "ping", "data": {}}


@mutant("binary-events", "events are sent as binary frames", clause="ENV-1")
class BinaryEvents(Wire):
    def frames(self, data: bytes) -> list[bytes]:
        return [encode_frame(BINARY, data)] if b'"isReplay"' in data else super().frames(data)


@mutant("errors-without-id", "errors have no id", clause="ENV-3")
class ErrorsWithoutId(Connection):
    def refuse(self, error: ProtocolError) -> None:
        error.command_id = None
        super().refuse(error)


@mutant("types-of-events", "the type of an event message is the name of the event", clause="ENV-2")
class TypesOfEvents(Connection):
    def event_message(self, event: Event, head: Message) -> Message:
        message = super().event_message(event, head)
        return {**message, "type": event.name}


class ShallowReader(ForgivingReader):
    def check(self, message: str, value: dict[str, Any]) -> None:
        try:
            CommandReader.check(self, message, value)
        except ProtocolError as error:
            if (error.pointer or "").count("/") <= 2:
                raise
            super().check(message, value)


@mutant("nested-fields-ignored", "unknown nested fields are ignored", clause="ENV-4")
class NestedFieldsIgnored(Connection):
    def make_reader(self) -> CommandReader:
        return ShallowReader(self.node.contract, self.node.limits["jsonDepth"])


@mutant("undeclared-push", "a push that the contract does not declare is sent", clause="ENV-2")
class UndeclaredPush(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [*found, {"type": "forecast", "data": {"load": 3}}] if found[-1]["type"] == "heartbeat" else found


@mutant("welcome-without-principal", "welcome does not name the principal", clause="CON-2")
class WelcomeWithoutPrincipal(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [
            {**each, "data": {key: value for key, value in each["data"].items() if key != "principal"}}
            if each["type"] == "welcome"
            else each
            for each in found
        ]


@mutant("pong-without-time", "a pong has no time", clause="ENV-5")
class PongWithoutTime(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [{**each, "data": {}} if each["type"] == "pong" else each for each in super().messages(outgoing)]
