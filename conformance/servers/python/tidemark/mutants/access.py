"""Faults of publishing and of permissions (BRD, SEC)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Mapping
from weakref import WeakSet

from ..commands import Commands
from ..connection import Connection
from ..envelope import Command, reply
from ..errors import ProtocolError
from ..filters import Filter
from ..http import Head
from ..node import Node
from ..principals import EVERYONE, Principal
from ..publishing import Publisher
from ..routes import Routes
from ..streams import Event, Replay
from ..subscriptions import Subscription
from ..wire import Wire
from .registry import mutant


@mutant("key-forgotten", "a repeated publication with the same idempotency key is published again", clause="BRD-1")
class KeyForgotten(Publisher):
    def find_duplicate(self, key: tuple[str, str, str]) -> Event | None:
        return None


@mutant("principal-chosen", "a publisher can choose the principal in source", clause="BRD-2")
class PrincipalChosen(Publisher):
    def source(self, principal: Principal, data: dict[str, Any]) -> dict[str, Any]:
        source = super().source(principal, data)
        return {**source, "principal": source["name"]}


@mutant("rejected-yet-published", "a rejected payload is published anyway", clause="EVT-3")
class RejectedYetPublished(Publisher):
    def broadcast(self, principal: Principal, data: dict[str, Any], pointer: str) -> dict[str, Any]:
        try:
            return super().broadcast(principal, data, pointer)
        except ProtocolError:
            self.node.publish(self.stream_of(data), "suite.refused", self.source(principal, data), {})
            raise


@mutant("any-origin", "pages of every origin may connect", clause="SEC-4")
class AnyOrigin(Routes):
    def is_welcome_origin(self, origin: str, host: str) -> bool:
        return True


@mutant("token-in-address", "a credential in the query string is ignored instead of rejected", clause="SEC-2")
class TokenInAddress(Routes):
    def check_admission(self, head: Head) -> None:
        super().check_admission(replace(head, query={}))


@mutant("scope-unchecked", "subscribe scopes are not checked", clause="SEC-1")
class ScopeUnchecked(Commands):
    def check_scope(self, principal: Principal, wanted: Filter, stream: str) -> None:
        pass


@mutant("sessions-alike", "a subscriber of `session:1` also receives events of `session:10`", clause="STR-1")
class SessionsAlike(Connection):
    """Also delivers the events of a stream to subscriptions whose stream is a prefix of its name."""

    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        super().deliver(event, subscriptions)
        for subscription in list(self.node.subscriptions):
            if event.stream.startswith(subscription.stream) and event.stream != subscription.stream:
                Connection.deliver(subscription.connection, event, [subscription])


@mutant("publish-unchecked", "publish scopes are not checked", clause="BRD-2")
class PublishUnchecked(Publisher):
    def check(self, principal: Principal, data: dict[str, Any], pointer: str) -> None:
        self.check_payload(data["event"], data["payload"], f"{pointer}/payload")


@mutant("broadcast-always-on", "the broadcast command works although it is disabled", clause="BRD-2")
class BroadcastAlwaysOn(Commands):
    def broadcast(self, connection: Connection, command: Command) -> None:
        result = self.node.publisher.broadcast(connection.principal, command.data, "/data")
        connection.queue(reply("broadcasted", command.id, result))


@mutant("duplicate-unreported", "the reply to a repeated publication does not mark it as a duplicate", clause="BRD-1")
class DuplicateUnreported(Publisher):
    def broadcast(self, principal: Principal, data: dict[str, Any], pointer: str) -> dict[str, Any]:
        return {**super().broadcast(principal, data, pointer), "duplicate": False}


@mutant("any-host", "requests for every host name are served", clause="SEC-4")
class AnyHost(Routes):
    def is_served(self, host: str) -> bool:
        return True


@mutant("bad-credential-anonymous", "a client with an invalid credential becomes anonymous", clause="SEC-2")
class BadCredentialAnonymous(Routes):
    def identify(self, head: Head) -> tuple[Principal, str | None]:
        try:
            return super().identify(head)
        except ProtocolError:
            return EVERYONE, None


@mutant("readers-unchecked", "clients without the scope admin:read see all subscriptions", clause="SEC-1")
class ReadersUnchecked(Routes):
    def require_reader(self, head: Head) -> Principal:
        return self.identify(head)[0]


@mutant("scope-checked-once", "only the first subscription of a connection is checked", clause="SEC-1")
class ScopeCheckedOnce(Commands):
    _checked: WeakSet[Connection] = WeakSet()

    def make_subscription(self, connection: Connection, data: Mapping[str, Any]) -> tuple[Subscription, Replay | None]:
        if connection in self._checked:
            connection.principal, actual = replace(connection.principal, scopes=("subscribe:*",)), connection.principal
            try:
                return super().make_subscription(connection, data)
            finally:
                connection.principal = actual
        found = super().make_subscription(connection, data)
        self._checked.add(connection)
        return found


@mutant("commands-before-credential", "commands are answered before authentication", clause="SEC-2")
class CommandsBeforeCredential(Connection):
    def __init__(self, node: Node, wire: Wire, principal: Principal, token: str | None) -> None:
        super().__init__(node, wire, principal if token is not None else EVERYONE, token)
        self.authentication_required = False


@mutant("authenticated-without-effect", "the first `authenticate` is acknowledged but has no effect", clause="SEC-2")
class AuthenticatedWithoutEffect(Connection):
    def authenticate(self, principal: Principal, token: str) -> None:
        pass


@mutant("refresh-ends-all", "re-authentication ends every subscription", clause="SEC-3")
class RefreshEndsAll(Commands):
    def covers(self, principal: Principal, events: list[str], stream: str) -> bool:
        return False


@mutant("narrowing-ignored", "re-authentication with narrower scopes ends no subscription", clause="SEC-3")
class NarrowingIgnored(Commands):
    def covers(self, principal: Principal, events: list[str], stream: str) -> bool:
        return True


class PatientConnection(Connection):
    """Ignores one of the reasons to close a connection."""

    overlooked: str

    def close(self, name: str) -> None:
        if name != self.overlooked:
            super().close(name)


@mutant("credential-not-awaited", "a client that never authenticates is not closed", clause="SEC-2")
class CredentialNotAwaited(PatientConnection):
    overlooked = "auth_timeout"


@mutant("expiry-overlooked", "an expired token stays valid", clause="SEC-3")
class ExpiryOverlooked(PatientConnection):
    overlooked = "token_expired"


@mutant("revocation-overlooked", "a revoked credential stays valid", clause="SEC-3")
class RevocationOverlooked(PatientConnection):
    overlooked = "token_revoked"


@mutant("key-for-all-streams", "an idempotency key applies to all streams together", clause="BRD-1")
class KeyForAllStreams(Publisher):
    _known: ClassVar[dict[tuple[str, str], dict[str, Any]]] = {}

    def broadcast(self, principal: Principal, data: dict[str, Any], pointer: str) -> dict[str, Any]:
        key = (principal.id, data.get("idempotencyKey", ""))
        known = self._known.get(key) if key[1] else None
        result = super().broadcast(principal, data, pointer) if known is None else {**known, "duplicate": True}
        if key[1]:
            self._known[key] = result
        return result


@mutant("no-echo", "a publisher does not receive its own event", clause="BRD-1")
class NoEcho(Commands):
    def broadcast(self, connection: Connection, command: Command) -> None:
        own = self.node.subscriptions.of(connection)
        for subscription in own:
            self.node.subscriptions.remove(subscription)
        try:
            super().broadcast(connection, command)
        finally:
            for subscription in own:
                subscription.ended = False
                self.node.subscriptions.add(subscription)


@mutant("position-of-the-next", "the reply broadcasted reports the position of the next event", clause="BRD-1")
class PositionOfTheNext(Publisher):
    def broadcast(self, principal: Principal, data: dict[str, Any], pointer: str) -> dict[str, Any]:
        result = super().broadcast(principal, data, pointer)
        return {**result, "sequenceId": result["sequenceId"] + 1}


@mutant("replay-unchecked", "subscribe scopes are not checked for replays", clause="RPL-6")
class ReplayUnchecked(Commands):
    def make_subscription(self, connection: Connection, data: Mapping[str, Any]) -> tuple[Subscription, Replay | None]:
        if data.get("replay", {}).get("mode") != "resume":
            return super().make_subscription(connection, data)
        actual = connection.principal
        connection.principal = replace(actual, scopes=("subscribe:*",))
        try:
            return super().make_subscription(connection, data)
        finally:
            connection.principal = actual


@mutant("replay-with-old-credentials", "after re-authentication a client also keeps the scopes of its earlier credentials, so they allow replays", clause="RPL-6")
class ReplayWithOldCredentials(Connection):
    def authenticate(self, principal: Principal, token: str) -> None:
        self._widest: tuple[str, ...] = (*getattr(self, "_widest", ()), *self.principal.scopes)
        super().authenticate(replace(principal, scopes=(*principal.scopes, *self._widest)), token)


@mutant("key-per-door", "an idempotency key used over HTTP is unknown over WebSocket, and the other way round", clause="BRD-1")
class KeyPerDoor(Publisher):
    def broadcast(self, principal: Principal, data: dict[str, Any], pointer: str) -> dict[str, Any]:
        key = data.get("idempotencyKey")
        own = data if key is None else {**data, "idempotencyKey": f"{key}{pointer}"}
        return super().broadcast(principal, own, pointer)


@mutant("labels-lost", "source contains the principal of a publisher instead of its label", clause="BRD-2")
class LabelsLost(Publisher):
    def source(self, principal: Principal, data: dict[str, Any]) -> dict[str, Any]:
        return {"name": principal.id, "principal": principal.id}


@mutant("bad-refresh-drops", "a failed re-authentication removes the permissions of the previous credential", clause="SEC-3")
class BadRefreshDrops(Commands):
    def authenticate(self, connection: Connection, command: Command) -> None:
        try:
            super().authenticate(connection, command)
        except ProtocolError:
            connection.principal = replace(connection.principal, scopes=())
            raise


@mutant("own-origin-rejected", "pages of the server's own origin are rejected", clause="SEC-4")
class OwnOriginRejected(Routes):
    def is_welcome_origin(self, origin: str, host: str) -> bool:
        return origin in self.node.options.origins


@mutant("origin-by-prefix", "an origin may connect if its name begins with an allowed origin", clause="SEC-4")
class OriginByPrefix(Routes):
    def is_welcome_origin(self, origin: str, host: str) -> bool:
        return super().is_welcome_origin(origin, host) or origin.startswith(f"http://{host}")


@mutant("null-origin-allowed", "a page with the opaque origin `null` may connect", clause="SEC-4")
class NullOriginAllowed(Routes):
    def is_welcome_origin(self, origin: str, host: str) -> bool:
        return super().is_welcome_origin(origin, host) or origin == "null"


@mutant("scope-of-any-event", "one allowed event of a subscription allows all its events", clause="SEC-1")
class ScopeOfAnyEvent(Commands):
    def check_scope(self, principal: Principal, wanted: Filter, stream: str) -> None:
        if not any(principal.may("subscribe", pattern, stream) for pattern in wanted.events):
            super().check_scope(principal, wanted, stream)


@mutant("http-publish-unchecked", "publish scopes are not checked over HTTP", clause="BRD-2")
class HttpPublishUnchecked(Publisher):
    def check(self, principal: Principal, data: dict[str, Any], pointer: str) -> None:
        if pointer:
            super().check(principal, data, pointer)
        else:
            self.check_payload(data["event"], data["payload"], "/payload")


@mutant("expiry-reported-as-revocation", "a connection with an expired token is closed with the code for a revoked one", clause="SEC-3")
class ExpiryReportedAsRevocation(Connection):
    def close(self, name: str) -> None:
        super().close("token_revoked" if name == "token_expired" else name)


@mutant("api-key-header-unread", "the header X-API-Key is ignored", clause="SEC-2")
class ApiKeyHeaderUnread(Routes):
    def token_of(self, head: Head) -> str | None:
        return super().token_of(head) if head.get("authorization") is not None else None
