"""Faults of subscriptions and filters (SUB)."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any, Mapping, Sequence

from ..commands import Commands
from ..connection import Connection
from ..contract import Contract, EventSpec, Limits
from ..envelope import Command, CommandReader, reply
from ..errors import ProtocolError
from ..filters import ExtensionPattern, Filter, Mismatch, PathPattern, Pattern
from ..streams import Event, Replay
from ..subscriptions import Subscription
from .registry import mutant


@mutant("unsubscribed-without-effect", "an unsubscribe is acknowledged but has no effect", clause="SUB-2")
class UnsubscribedWithoutEffect(Commands):
    def unsubscribe(self, connection: Connection, command: Command) -> None:
        named = command.data.get("subscriptionId")
        kept = [each.id for each in self.node.subscriptions.of(connection) if named in (None, each.id)]
        if named is not None and not kept:
            super().unsubscribe(connection, command)
        connection.queue(reply("unsubscribed", command.id, {"subscriptionIds": kept}))


@mutant("unsubscribe-ends-all", "an unsubscribe ends all subscriptions instead of the named one", clause="SUB-3")
class UnsubscribeEndsAll(Commands):
    def unsubscribe(self, connection: Connection, command: Command) -> None:
        super().unsubscribe(connection, command)
        for subscription in self.node.subscriptions.of(connection):
            self.node.subscriptions.remove(subscription)


@mutant("subscribe-replaces", "a second subscribe with the same id replaces the first", clause="SUB-3")
class SubscribeReplaces(Commands):
    def subscribe(self, connection: Connection, command: Command) -> None:
        chosen = command.data.get("subscriptionId", "")
        if self.node.subscriptions.has(connection, chosen):
            self.node.subscriptions.remove(self.node.subscriptions.get(connection, chosen))
        super().subscribe(connection, command)


@mutant("fields-are-alternatives", "an event matches a filter even if only one of the filter's fields matches", clause="SUB-4")
class FieldsAreAlternatives(Filter):
    def mismatch(self, name: str, payload: Mapping[str, Any], source: Mapping[str, Any]) -> Mismatch | None:
        found = super().mismatch(name, payload, source)
        if found is None or found.clause == "events":
            return found
        event = {"payload": payload, "source": source}
        spec = self._contract.event(name)
        applicable = [field for field in self.fields if field in spec.filterable]
        return None if any(self.check_field(field, spec, event) is None for field in applicable) else found


@mutant("absent-matches", "an event without a value for a filter field matches", clause="SUB-4")
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


@mutant("stream-defaults-wrong", "the default stream is not main", clause="SUB-1")
class StreamDefaultsWrong(Commands):
    def make_subscription(
        self, connection: Connection, data: Mapping[str, Any]
    ) -> tuple[Subscription, Replay | None]:
        return super().make_subscription(connection, {"stream": "workspace:default", **data})


@mutant("star-without-separator", "`entity_*` also matches `entity`", clause="SUB-1")
class StarWithoutSeparator(Filter):
    def follows(self, name: str) -> bool:
        words = [pattern.removesuffix("*").rstrip("._") for pattern in self.events if pattern.endswith("*")]
        return name in words or super().follows(name)


@mutant("filter-unreported", "subscribed reports an empty filter", clause="SUB-1")
class FilterUnreported(Subscription):
    def wire(self) -> dict[str, Any]:
        return {**super().wire(), "filter": {}}


@mutant("events-before-subscribed", "events are sent before subscribed", clause="SUB-2")
class EventsBeforeSubscribed(Commands):
    def subscribe(self, connection: Connection, command: Command) -> None:
        subscription, replay = self.make_subscription(connection, command.data)
        self.node.subscriptions.add(subscription)
        if replay is not None:
            connection.queue_replay(self.unroll(subscription, replay))
        connection.queue_subscribed(reply("subscribed", command.id, subscription.wire()), subscription, None)


@mutant(
    "unsubscribe-everywhere", "an unsubscribe also ends subscriptions with the same id on other connections", clause="SUB-3"
)
class UnsubscribeEverywhere(Commands):
    def unsubscribe(self, connection: Connection, command: Command) -> None:
        super().unsubscribe(connection, command)
        named = command.data.get("subscriptionId")
        for subscription in list(self.node.subscriptions):
            if subscription.id == named:
                self.node.subscriptions.remove(subscription)


@mutant("unknown-id-unsubscribed", "an unsubscribe of an unknown subscription succeeds", clause="SUB-3")
class UnknownIdUnsubscribed(Commands):
    def unsubscribe(self, connection: Connection, command: Command) -> None:
        try:
            super().unsubscribe(connection, command)
        except ProtocolError:
            connection.queue(reply("unsubscribed", command.id, {"subscriptionIds": []}))


@mutant("deletes-unmatched", "a deleted file matches no filter", clause="SUB-4")
class DeletesUnmatched(Filter):
    def mismatch(self, name: str, payload: Mapping[str, Any], source: Mapping[str, Any]) -> Mismatch | None:
        if self.fields and payload.get("changeType") == "delete":
            return Mismatch("paths", self.fields.get("paths", []), [])
        return super().mismatch(name, payload, source)


@mutant("other-events-withheld", "a filter field also constrains events that do not declare it", clause="SUB-4")
class OtherEventsWithheld(Filter):
    def mismatch(self, name: str, payload: Mapping[str, Any], source: Mapping[str, Any]) -> Mismatch | None:
        found = super().mismatch(name, payload, source)
        strange = [field for field in self.fields if field not in self._contract.event(name).filterable]
        return Mismatch(strange[0], self.fields[strange[0]], []) if found is None and strange else found


@mutant("replayed-uncounted", "the reply subscriptions does not count replayed events", clause="SUB-6")
class ReplayedUncounted(Subscription):
    def count(self, event: Event, *, is_replay: bool) -> None:
        super().count(event, is_replay=is_replay)
        self.replayed = 0


class EmptyListReader(CommandReader):
    def check(self, message: str, value: dict[str, Any]) -> None:
        data = value.get("data")
        if isinstance(data, dict) and isinstance(data.get("filter"), dict):
            data["filter"] = {name: values for name, values in data["filter"].items() if values != []}
        super().check(message, value)


@mutant("empty-list-taken", "an empty list in a filter is ignored instead of rejected", clause="SUB-4")
class EmptyListTaken(Connection):
    def make_reader(self) -> CommandReader:
        return EmptyListReader(self.node.contract, self.node.limits["jsonDepth"])


@mutant("first-value-only", "only the first value of a filter field is used", clause="SUB-4")
class FirstValueOnly(Filter):
    def check_field(self, field: str, spec: EventSpec, event: Mapping[str, Any]) -> Mismatch | None:
        self._patterns[field] = self._patterns[field][:1]
        return super().check_field(field, spec, event)


@mutant("sources-by-principal", "the filter field sources is compared with the principal of a publisher instead of its label", clause="SUB-4")
class SourcesByPrincipal(Filter):
    def mismatch(self, name: str, payload: Mapping[str, Any], source: Mapping[str, Any]) -> Mismatch | None:
        return super().mismatch(name, payload, {**source, "name": source["principal"]})


@mutant("inapplicable-overlooked", "a filter field that no subscribed event declares is ignored", clause="SUB-4")
class InapplicableOverlooked(Filter):
    @classmethod
    def read(cls, contract: Contract, limits: Limits, data: Mapping[str, Any]) -> Filter:
        try:
            return super().read(contract, limits, data)
        except ProtocolError as error:
            if error.code != "filter_not_applicable":
                raise
            return cls(contract, data["events"], {})


@mutant("patterns-unlimited", "the number and the length of the values of a filter are not limited", clause="SUB-4")
class PatternsUnlimited(Filter):
    @classmethod
    def read(cls, contract: Contract, limits: Limits, data: Mapping[str, Any]) -> Filter:
        most = {"patternsPerFilterField": 10**6, "patternLength": 10**6}
        return super().read(contract, Limits({**limits.values, **most}), data)


@mutant("bad-paths-repaired", "absolute paths and paths with `..` are repaired instead of rejected", clause="SUB-5")
class BadPathsRepaired(Filter):
    def normalise(self, fields: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        mended = {
            name: [value.lstrip("/").replace("..", "up").replace("\\", "/") for value in values]
            for name, values in fields.items()
        }
        return super().normalise({**fields, **{"paths": mended["paths"]}} if "paths" in mended else fields)


class CasePattern(ExtensionPattern):
    def matches(self, value: str) -> bool:
        return super().matches(value) and value == value.lower()


@mutant("extension-case-counts", "`.ts` does not match `A.TS`", clause="SUB-5")
class ExtensionCaseCounts(Filter):
    def make_pattern(self, kind: str, value: str) -> Pattern:
        return CasePattern(value) if kind == "extension" else super().make_pattern(kind, value)


class LaboriousPattern(PathPattern):
    """Sleeps for 8 seconds at a pattern with many stars, where a naive matcher would backtrack exponentially."""

    def matches(self, value: str) -> bool:
        if sum(segment.count("*") for segment in self._segments) > 6:
            time.sleep(8)
        return super().matches(value)


@mutant("globs-laborious", "matching a pattern with many stars takes seconds", clause="SUB-5")
class GlobsLaborious(Filter):
    def make_pattern(self, kind: str, value: str) -> Pattern:
        return LaboriousPattern(value) if kind == "path" else super().make_pattern(kind, value)


class LiteralPattern(ExtensionPattern):
    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self._wanted = wanted

    def matches(self, value: str) -> bool:
        return value == self._wanted or value.startswith(self._wanted + "/")


@mutant("globs-literal", "`*` and `?` in a path are literal", clause="SUB-5")
class GlobsLiteral(Filter):
    def make_pattern(self, kind: str, value: str) -> Pattern:
        return LiteralPattern(value) if kind == "path" else super().make_pattern(kind, value)


class ExpressionPattern(PathPattern):
    """Converts a glob to a regular expression without escaping other characters."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        stars = wanted.replace("**", ".+").replace("*", "[^/]*").replace(".+", ".*").replace("?", "[^/]")
        self._expression = re.compile(stars) if self._glob or set(wanted) & set("[](){}+^$.|") else None

    def matches(self, value: str) -> bool:
        return super().matches(value) if self._expression is None else bool(self._expression.fullmatch(value))


@mutant("globs-as-expressions", "characters other than wildcards in a glob act as regular expression syntax", clause="SUB-5")
class GlobsAsExpressions(Filter):
    def make_pattern(self, kind: str, value: str) -> Pattern:
        try:
            return ExpressionPattern(value) if kind == "path" else super().make_pattern(kind, value)
        except re.error:
            return super().make_pattern(kind, value)


@mutant("names-by-prefix", "an event name also matches names that begin with it", clause="SUB-4")
class NamesByPrefix(Filter):
    def follows(self, name: str) -> bool:
        return any(name.startswith(pattern.removesuffix("*")) for pattern in self.events)


@mutant("ids-shared", "a subscription id can be used once in the whole server", clause="SUB-3")
class IdsShared(Commands):
    def make_subscription(self, connection: Connection, data: Mapping[str, Any]) -> tuple[Subscription, Replay | None]:
        chosen = data.get("subscriptionId", "")
        taken = {each.id for each in self.node.subscriptions if each.connection is not connection}
        if chosen in taken and not chosen.startswith("witness"):
            raise ProtocolError("subscription_exists", "This id is in use.", pointer="/data/subscriptionId")
        return super().make_subscription(connection, data)


@mutant("nothing-to-end-rejected", "unsubscribe all without any subscription is answered by an error", clause="SUB-3")
class NothingToEndRejected(Commands):
    def unsubscribe(self, connection: Connection, command: Command) -> None:
        if not self.node.subscriptions.of(connection):
            raise ProtocolError("subscription_not_found", "There is no subscription to end.", pointer="/data")
        super().unsubscribe(connection, command)


@mutant("everyones-listed", "list_subscriptions also lists subscriptions of other connections", clause="SUB-6")
class EveryonesListed(Commands):
    def list_subscriptions(self, connection: Connection, command: Command) -> None:
        items = [each.listed(self.node.streams.get(each.stream).head) for each in self.node.subscriptions]
        connection.queue(reply("subscriptions", command.id, {"items": items}))


@mutant("empty-list-rejected", "list_subscriptions without any subscription is answered by an error", clause="SUB-6")
class EmptyListRejected(Commands):
    def list_subscriptions(self, connection: Connection, command: Command) -> None:
        if not self.node.subscriptions.of(connection):
            raise ProtocolError("subscription_not_found", "There is no subscription.")
        super().list_subscriptions(connection, command)
