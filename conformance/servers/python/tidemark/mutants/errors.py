"""Faults of errors and of introspection (ERR, OPS)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Callable

from .. import introspection
from ..commands import Commands
from ..connection import Connection
from ..envelope import Command, CommandReader, Message
from ..errors import ProtocolError
from ..frames import Frame
from ..http import Head, Response
from ..outbox import Outgoing
from ..principals import Principal
from ..routes import Routes
from ..strict_json import encode
from ..wire import Wire
from .registry import mutant


@mutant("bad-json-closes", "the first message that is not valid JSON ends the connection", clause="ERR-2")
class BadJsonCloses(Connection):
    def refuse(self, error: ProtocolError) -> None:
        super().refuse(error)
        if error.code == "invalid_json":
            self.close("protocol_error")


@mutant("bad-json-ignored", "invalid JSON is not answered", clause="ERR-2")
class BadJsonIgnored(Connection):
    def refuse(self, error: ProtocolError) -> None:
        if error.code != "invalid_json":
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


@mutant("duplicate-keys-taken", "the last of two equal keys is used, and __proto__ is dropped", clause="ERR-3")
class DuplicateKeysTaken(Connection):
    def make_reader(self) -> CommandReader:
        return EasyReader(self.node.contract, self.node.limits["jsonDepth"])


@mutant("everything-retryable", "every error is marked as retryable", clause="ERR-1")
class EverythingRetryable(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [
            {**each, "data": {**each["data"], "retryable": True}} if each["type"] == "error" else each for each in found
        ]


@mutant("http-errors-bare", "HTTP failures contain the error data without the envelope", clause="OPS-0")
class HttpErrorsBare(Routes):
    def failure(self, error: ProtocolError, *, status: int | None = None) -> Response:
        response = super().failure(error, status=status)
        return replace(response, body=encode(json.loads(response.body)["data"]).encode())


@mutant("subscriptions-never-leave", "the list of subscriptions keeps those of closed connections", clause="OPS-2")
class SubscriptionsNeverLeave(Connection):
    def leave(self) -> None:
        self.closing = self.closing or "gone"
        self.node.connections.discard(self)


@mutant("explain-all-match", "explain reports every subscription as matching", clause="OPS-3")
class ExplainAllMatch(Routes):
    def post_explain(self, head: Head, body: bytes) -> Response:
        response = super().post_explain(head, body)
        if response.status != 200:
            return response
        answer = json.loads(response.body)
        places = [{key: each[key] for key in ("connectionId", "subscriptionId")} for each in answer["mismatches"]]
        count = answer["matchCount"] + answer["mismatchCount"]
        all_match = {"matches": answer["matches"] + places, "matchCount": count, "mismatches": [], "mismatchCount": 0}
        return Response.json(200, {**answer, **all_match})


@mutant("not-utf8-replaced", "invalid UTF-8 is replaced instead of rejected", clause="ERR-3")
class NotUtf8Replaced(Wire):
    def _assemble(self, frame: Frame) -> str | None:
        return super()._assemble(replace(frame, data=frame.data.decode(errors="replace").encode()))


@mutant("pointers-missing", "errors have no pointer", clause="ENV-4")
class PointersMissing(Connection):
    def refuse(self, error: ProtocolError) -> None:
        error.pointer = None
        super().refuse(error)


@mutant("bad-messages-unlimited", "a connection is never closed for invalid messages", clause="ERR-2")
class BadMessagesUnlimited(Connection):
    def close(self, name: str) -> None:
        if name != "protocol_error":
            super().close(name)


@mutant("rate-unlimited", "the rate of commands is not limited", clause="ERR-1")
class RateUnlimited(Connection):
    def check_rate(self) -> None:
        pass


@mutant("health-of-the-beginning", "health does not count connections", clause="OPS-1")
class HealthOfTheBeginning(Routes):
    def health_for(self, principal: Principal) -> dict[str, Any]:
        return {**super().health_for(principal), "connections": 0}


@mutant("health-for-strangers", "health shows streams and connections to everyone", clause="OPS-1")
class HealthForStrangers(Routes):
    def health_for(self, principal: Principal) -> dict[str, Any]:
        return introspection.health(self.node)


@mutant("requests-unlimited", "the rate of HTTP requests is not limited", clause="OPS-6")
class RequestsUnlimited(Routes):
    def check_rate(self, head: Head, address: str) -> None:
        pass


@mutant("requests-without-retry-after", "the response to a request above the rate limit has no Retry-After header", clause="OPS-6")
class RequestsWithoutRetryAfter(Routes):
    def failure(self, error: ProtocolError, *, status: int | None = None) -> Response:
        response = super().failure(error, status=status)
        return replace(response, headers=tuple(each for each in response.headers if each[0] != "Retry-After"))


@mutant("pages-all-alike", "every page of the list of subscriptions equals the first page", clause="OPS-2")
class PagesAllAlike(Routes):
    def get_subscriptions(self, head: Head, body: bytes) -> Response:
        query = {name: value for name, value in head.query.items() if name != "cursor"}
        return super().get_subscriptions(replace(head, query=query), body)


@mutant("list-unfiltered", "the list of subscriptions ignores its query parameters", clause="OPS-2")
class ListUnfiltered(Routes):
    def get_subscriptions(self, head: Head, body: bytes) -> Response:
        query = {name: value for name, value in head.query.items() if name in ("limit", "cursor")}
        return super().get_subscriptions(replace(head, query=query), body)


@mutant("depth-unlimited", "the nesting depth of messages is not limited", clause="ERR-3")
class DepthUnlimited(Connection):
    def make_reader(self) -> CommandReader:
        return CommandReader(self.node.contract, 10_000)


@mutant("retry-after-missing", "a rate_limited error has no retryAfterMs", clause="ERR-1")
class RetryAfterMissing(Connection):
    def refuse(self, error: ProtocolError) -> None:
        error.retry_after_ms = None
        super().refuse(error)


@mutant("credential-echoed", "the error for an invalid credential quotes the credential", clause="ERR-2")
class CredentialEchoed(Commands):
    def authenticate(self, connection: Connection, command: Command) -> None:
        try:
            super().authenticate(connection, command)
        except ProtocolError as error:
            error.text += f" It was {command.data}."
            raise


class BlindReader(CommandReader):
    def parse_object(self, text: str) -> dict[str, Any]:
        return super().parse_object(self.mended(text))

    def mended(self, text: str) -> str:
        raise NotImplementedError


class SurrogatesRepaired(BlindReader):
    def mended(self, text: str) -> str:
        return re.sub(r"(?<!\\)\\u[dD][89a-fA-F]\w\w", "?", text)


@mutant("surrogates-repaired", "an unpaired surrogate becomes a question mark", clause="ERR-3")
class SurrogatesTaken(Connection):
    def make_reader(self) -> CommandReader:
        return SurrogatesRepaired(self.node.contract, self.node.limits["jsonDepth"])


class NumbersRounded(BlindReader):
    def mended(self, text: str) -> str:
        return re.sub(r"\d{16,}(e\+?\d+)?", "9007199254740991", text)


@mutant("numbers-rounded", "a number above the limit becomes the largest allowed one", clause="ERR-3")
class NumbersTaken(Connection):
    def make_reader(self) -> CommandReader:
        return NumbersRounded(self.node.contract, self.node.limits["jsonDepth"])


class ProtoRenamed(BlindReader):
    def mended(self, text: str) -> str:
        return text.replace('"__proto__"', '"proto"')


@mutant("proto-renamed", "__proto__ is accepted as an ordinary key", clause="ERR-3")
class ProtoTaken(Connection):
    def make_reader(self) -> CommandReader:
        return ProtoRenamed(self.node.contract, self.node.limits["jsonDepth"])


@mutant("pointers-of-the-whole", "every error points at /data", clause="ENV-4")
class PointersOfTheWhole(Connection):
    def refuse(self, error: ProtocolError) -> None:
        error.pointer = None if error.pointer is None else "/data"
        super().refuse(error)


@mutant("failures-with-success", "HTTP failures have status 200", clause="OPS-0")
class FailuresWithSuccess(Routes):
    def failure(self, error: ProtocolError, *, status: int | None = None) -> Response:
        return super().failure(error, status=200)


@mutant("health-without-subscriptions", "health does not count subscriptions", clause="OPS-1")
class HealthWithoutSubscriptions(Routes):
    def health_for(self, principal: Principal) -> dict[str, Any]:
        return {**super().health_for(principal), "subscriptions": {"total": 0, "byEvent": {}}}


@mutant("total-of-the-page", "the total of a list counts only its page", clause="OPS-2")
class TotalOfThePage(Routes):
    def get_subscriptions(self, head: Head, body: bytes) -> Response:
        response = super().get_subscriptions(head, body)
        if response.status != 200:
            return response
        page = json.loads(response.body)
        return Response.json(200, {**page, "total": len(page["items"])})


@mutant("explain-blames-events", "explain always reports the name of the event as the reason", clause="OPS-3")
class ExplainBlamesEvents(Routes):
    def post_explain(self, head: Head, body: bytes) -> Response:
        response = super().post_explain(head, body)
        if response.status != 200:
            return response
        answer = json.loads(response.body)
        mismatches = [{**each, "clause": "events"} for each in answer["mismatches"]]
        return Response.json(200, {**answer, "mismatches": mismatches})


@mutant("explain-ignores-connection", "explain ignores connectionId, and also lists subscriptions of other connections", clause="OPS-3")
class ExplainIgnoresConnection(Routes):
    def _read(self, message: str, head: Head, body: bytes) -> dict[str, Any]:
        data = super()._read(message, head, body)
        return {key: value for key, value in data.items() if message != "explain_request" or key != "connectionId"}


@mutant("explain-counts-the-list", "explain counts only mismatching subscriptions to the stream of the event", clause="OPS-3")
class ExplainCountsTheList(Routes):
    def post_explain(self, head: Head, body: bytes) -> Response:
        response = super().post_explain(head, body)
        if response.status != 200:
            return response
        answer = json.loads(response.body)
        same_stream = [each for each in answer["mismatches"] if each["clause"] != "stream"]
        return Response.json(200, {**answer, "mismatchCount": len(same_stream)})


@mutant("lists-counted-by-size", "the size of a requested list counts against the send queue of the client", clause="SUB-6")
class ListsCountedBySize(Connection):
    def queue_made(self, make: Callable[[], Message]) -> None:
        self._enqueue(Outgoing(make, size=len(encode(make()))))
