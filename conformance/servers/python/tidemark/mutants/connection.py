"""Wrong ways to begin, to go on and to end (CON)."""

from __future__ import annotations

import time

from ..connection import Connection
from ..envelope import Message, push
from ..outbox import Outgoing
from ..routes import Routes
from .registry import mutant


@mutant("late-welcome", "a heartbeat comes before welcome", clause="CON-2")
class LateWelcome(Connection):
    def welcome(self) -> None:
        self.queue_urgent(self.heartbeat())
        super().welcome()


@mutant("no-heartbeat", "nothing comes from an idle connection", clause="CON-3")
class NoHeartbeat(Connection):
    def beat(self) -> None:
        self.wire.send_ping()
        self._wake.set()


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


@mutant("subprotocol-first-offered", "whatever subprotocol is offered first is agreed to", clause="CON-1")
class SubprotocolFirstOffered(Routes):
    def choose_subprotocol(self, offered: list[str]) -> str | None:
        chosen = super().choose_subprotocol(offered)
        return chosen if chosen is None else offered[0]


@mutant("subprotocol-unchecked", "a subprotocol that the server does not speak is agreed to", clause="CON-1")
class SubprotocolUnchecked(Routes):
    def choose_subprotocol(self, offered: list[str]) -> str | None:
        ours = self.node.contract.subprotocol
        return ours if ours in offered else next(iter(offered), None)


@mutant("subprotocol-required", "a client that offers no subprotocol is refused", clause="CON-1")
class SubprotocolRequired(Routes):
    def choose_subprotocol(self, offered: list[str]) -> str | None:
        return super().choose_subprotocol(offered or ["none"])


@mutant("connection-id-shared", "every connection has the same id", clause="CON-2")
class ConnectionIdShared(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        return [self._shared(each) if each["type"] == "welcome" else each for each in super().messages(outgoing)]

    def _shared(self, welcome: Message) -> Message:
        return {**welcome, "data": {**welcome["data"], "connectionId": "01JD8Q6Z6M0000000000000001"}}


@mutant("policies-unsaid", "welcome does not say what is replayed of custom events", clause="CON-2")
class PoliciesUnsaid(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        for each in found:
            if each["type"] == "welcome":
                del each["data"]["features"]["replay"]["*"]
        return found


@mutant("ping-unsent", "no WebSocket ping comes with a heartbeat", clause="CON-4")
class PingUnsent(Connection):
    def beat(self) -> None:
        self.queue_urgent(self.heartbeat())


@mutant("dead-kept", "a client that answers no ping is kept for ever", clause="CON-4")
class DeadKept(Connection):
    def close(self, name: str) -> None:
        if name != "heartbeat_timeout":
            super().close(name)


@mutant("talks-after-closing", "a heartbeat comes between closing and the close", clause="CON-6")
class TalksAfterClosing(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [*found, self.heartbeat()] if outgoing.close is not None else found


@mutant("farewell-without-position", "a drain does not say how far a stream has been written", clause="CON-5")
class FarewellWithoutPosition(Connection):
    def heartbeat(self) -> Message:
        found = super().heartbeat()
        return push("heartbeat", {**found["data"], "positions": []}) if self.closing == "shutdown" else found


@mutant("delivered-as-text", "a heartbeat writes its number as a text", clause="CON-3")
class DeliveredAsText(Connection):
    def heartbeat(self) -> Message:
        found = super().heartbeat()
        return push("heartbeat", {**found["data"], "delivered": str(found["data"]["delivered"])})


@mutant("heartbeats-rare", "a heartbeat comes at every fourth interval", clause="CON-3")
class HeartbeatsRare(Connection):
    _beats = 0

    def beat(self) -> None:
        self._beats += 1
        if self._beats % 4 == 0:
            super().beat()
        else:
            self.wire.send_ping()
            self._wake.set()


@mutant("positions-of-one", "a heartbeat says how far one stream is, whichever else are followed", clause="CON-3")
class PositionsOfOne(Connection):
    def heartbeat(self) -> Message:
        found = super().heartbeat()
        return push("heartbeat", {**found["data"], "positions": found["data"]["positions"][:1]})


@mutant("positions-ahead", "a heartbeat says places that the streams have not reached", clause="CON-3")
class PositionsAhead(Connection):
    def heartbeat(self) -> Message:
        data = super().heartbeat()["data"]
        ahead = [{**each, "sequenceId": each["sequenceId"] + 5} for each in data["positions"]]
        return push("heartbeat", {**data, "positions": ahead})


@mutant("commands-are-no-life", "a client that answers no ping is closed, however much it sends", clause="CON-4")
class CommandsAreNoLife(Connection):
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


@mutant("shutdown-without-heartbeat", "a drain closes at once", clause="CON-5")
class ShutdownWithoutHeartbeat(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [each for each in found if each["type"] != "heartbeat" or self.closing is None]


@mutant("closing-for-good", "closing says that no close may be tried again", clause="CON-6")
class ClosingForGood(Connection):
    def closing_message(self, name: str) -> Message:
        found = super().closing_message(name)
        data = {key: value for key, value in found["data"].items() if key != "retryAfterMs"}
        return push("closing", {**data, "retryable": False})


@mutant("subprotocol-unsaid", "of several subprotocols none is said to be agreed to", clause="CON-1")
class SubprotocolUnsaid(Routes):
    def choose_subprotocol(self, offered: list[str]) -> str | None:
        chosen = super().choose_subprotocol(offered)
        return chosen if len(offered) == 1 else None


@mutant("limits-misstated", "welcome says limits that are not those in force", clause="CON-2")
class LimitsMisstated(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        for each in found:
            if each["type"] == "welcome":
                limits = each["data"]["limits"]
                each["data"]["limits"] = {**limits, "subscriptionsPerConnection": 1, "payloadBytes": 1024}
        return found
