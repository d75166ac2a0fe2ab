"""Faults at the beginning, during and at the end of a connection (CON)."""

from __future__ import annotations

import time

from ..connection import Connection
from ..envelope import Message, push
from ..outbox import Outgoing
from ..routes import Routes
from .registry import mutant


@mutant("late-welcome", "a heartbeat is sent before welcome", clause="CON-2")
class LateWelcome(Connection):
    def welcome(self) -> None:
        self.queue_urgent(self.heartbeat())
        super().welcome()


@mutant("no-heartbeat", "no heartbeats are sent", clause="CON-3")
class NoHeartbeat(Connection):
    def beat(self) -> None:
        self.wire.send_ping()
        self._wake.set()


@mutant(
    "delivered-per-subscription", "a heartbeat counts an event once per matching subscription", clause="CON-3"
)
class DeliveredPerSubscription(Connection):
    async def write(self, outgoing: Outgoing) -> None:
        self.delivered += max(0, len(outgoing.subscriptions) - 1)
        await super().write(outgoing)


@mutant("delivered-without-replay", "a heartbeat does not count replayed events", clause="CON-3")
class DeliveredWithoutReplay(Connection):
    async def write(self, outgoing: Outgoing) -> None:
        await super().write(outgoing)
        self.delivered -= outgoing.is_replay


@mutant("closing-missing", "the connection is closed without a closing message", clause="CON-6")
class ClosingMissing(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [each for each in super().messages(outgoing) if each["type"] != "closing"]


@mutant("subprotocol-first-offered", "the server selects the first subprotocol that the client offers", clause="CON-1")
class SubprotocolFirstOffered(Routes):
    def choose_subprotocol(self, offered: list[str]) -> str | None:
        chosen = super().choose_subprotocol(offered)
        return chosen if chosen is None else offered[0]


@mutant("subprotocol-unchecked", "the server accepts an unknown subprotocol", clause="CON-1")
class SubprotocolUnchecked(Routes):
    def choose_subprotocol(self, offered: list[str]) -> str | None:
        ours = self.node.contract.subprotocol
        if ours in offered:
            return ours
        return offered[0] if offered else None


@mutant("subprotocol-required", "a client that offers no subprotocol is rejected", clause="CON-1")
class SubprotocolRequired(Routes):
    def choose_subprotocol(self, offered: list[str]) -> str | None:
        return super().choose_subprotocol(offered or ["none"])


@mutant("connection-id-shared", "every connection has the same id", clause="CON-2")
class ConnectionIdShared(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [self._shared(each) if each["type"] == "welcome" else each for each in super().messages(outgoing)]

    def _shared(self, welcome: Message) -> Message:
        return {**welcome, "data": {**welcome["data"], "connectionId": "01JD8Q6Z6M0000000000000001"}}


@mutant("policies-unreported", "welcome lacks the replay policy of custom events", clause="CON-2")
class PoliciesUnreported(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        for each in found:
            if each["type"] == "welcome":
                del each["data"]["features"]["replay"]["*"]
        return found


@mutant("ping-unsent", "no WebSocket ping is sent with a heartbeat", clause="CON-4")
class PingUnsent(Connection):
    def beat(self) -> None:
        self.queue_urgent(self.heartbeat())


@mutant("dead-kept", "a client that answers no ping is never closed", clause="CON-4")
class DeadKept(Connection):
    def close(self, name: str) -> None:
        if name != "heartbeat_timeout":
            super().close(name)


@mutant("sends-after-closing", "a heartbeat is sent between closing and the close frame", clause="CON-6")
class SendsAfterClosing(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [*found, self.heartbeat()] if outgoing.close is not None else found


@mutant("drain-without-position", "during a drain, heartbeats contain no positions", clause="CON-5")
class DrainWithoutPosition(Connection):
    def heartbeat(self) -> Message:
        found = super().heartbeat()
        return push("heartbeat", {**found["data"], "positions": []}) if self.closing == "shutdown" else found


@mutant("delivered-as-text", "a heartbeat writes delivered as a string", clause="CON-3")
class DeliveredAsText(Connection):
    def heartbeat(self) -> Message:
        found = super().heartbeat()
        return push("heartbeat", {**found["data"], "delivered": str(found["data"]["delivered"])})


@mutant("heartbeats-rare", "a heartbeat is sent only every fourth interval", clause="CON-3")
class HeartbeatsRare(Connection):
    _beats = 0

    def beat(self) -> None:
        self._beats += 1
        if self._beats % 4 == 0:
            super().beat()
        else:
            self.wire.send_ping()
            self._wake.set()


@mutant("positions-of-one", "a heartbeat reports the position of only one stream", clause="CON-3")
class PositionsOfOne(Connection):
    def heartbeat(self) -> Message:
        found = super().heartbeat()
        return push("heartbeat", {**found["data"], "positions": found["data"]["positions"][:1]})


@mutant("positions-ahead", "a heartbeat reports positions that the streams have not reached", clause="CON-3")
class PositionsAhead(Connection):
    def heartbeat(self) -> Message:
        data = super().heartbeat()["data"]
        ahead = [{**each, "sequenceId": each["sequenceId"] + 5} for each in data["positions"]]
        return push("heartbeat", {**data, "positions": ahead})


@mutant("commands-do-not-prove-liveness", "a client that answers no ping is closed although it sends commands", clause="CON-4")
class CommandsDoNotProveLiveness(Connection):
    async def _read(self) -> None:
        while not self.wire.is_over:
            texts = await self.wire.receive()
            if not texts:
                self._heard_at = time.monotonic()
            for text in texts:
                if self.closing is None:
                    self.receive(text)
            self._wake.set()
            await self.wire.room()


@mutant("shutdown-without-heartbeat", "a drain closes connections without a last heartbeat", clause="CON-5")
class ShutdownWithoutHeartbeat(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [each for each in found if each["type"] != "heartbeat" or self.closing is None]


@mutant("closing-never-retryable", "the message closing marks every close as not retryable", clause="CON-6")
class ClosingNeverRetryable(Connection):
    def closing_message(self, name: str) -> Message:
        found = super().closing_message(name)
        data = {key: value for key, value in found["data"].items() if key != "retryAfterMs"}
        return push("closing", {**data, "retryable": False})


@mutant("subprotocol-unconfirmed", "the server confirms no subprotocol if the client offers several", clause="CON-1")
class SubprotocolUnconfirmed(Routes):
    def choose_subprotocol(self, offered: list[str]) -> str | None:
        chosen = super().choose_subprotocol(offered)
        return chosen if len(offered) == 1 else None


@mutant("limits-misstated", "welcome reports limits other than those that apply", clause="CON-2")
class LimitsMisstated(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        for each in found:
            if each["type"] == "welcome":
                limits = each["data"]["limits"]
                each["data"]["limits"] = {**limits, "subscriptionsPerConnection": 1, "payloadBytes": 1024}
        return found
