"""One connection: incoming commands, outgoing messages, and the close."""

from __future__ import annotations

import asyncio
import random
import sys
import time
import traceback
from typing import TYPE_CHECKING, Callable

from .clock import make_ulid, now_ms
from .envelope import CommandReader, Message, error_message, push
from .errors import ProtocolError
from .outbox import Outbox, Outgoing, Unrolled
from .principals import Principal
from .progress import Progress
from .rate import MinuteCount, TokenBucket
from .streams import Event, Position
from .strict_json import encode
from .subscriptions import Subscription
from .wire import Wire

if TYPE_CHECKING:
    from .node import Node


CLOSE_GRACE = 5.0
"""How long a closing client may take to read the waiting messages and to answer the close frame, in seconds."""

SLOW_GRACE = 15.0
"""The longer `CLOSE_GRACE` of a client that is closed because it reads slowly. Before the reason for the close, the
client must read all messages that were sent earlier."""

REFUSALS_PER_BURST = 10
"""A client is disconnected (4204) after `commandBurst` times this number of rejected commands within a minute."""

BATCH = 64
"""How many messages a connection sends before other connections get a turn."""


class Connection(Progress):
    def __init__(self, node: Node, wire: Wire, principal: Principal, token: str | None) -> None:
        super().__init__()
        self.node = node
        self.id = make_ulid()
        self.principal = principal
        self.authentication_required = node.tokens.required and token is None
        self.delivered = 0
        self.closing: str | None = None
        self.outbox = Outbox(node.limits)
        self.wire = wire
        self._token = token
        self._reader = self.make_reader()
        self._commands = TokenBucket(node.limits["commandsPerSecond"], node.limits["commandBurst"])
        self._strikes = MinuteCount()
        self._refusals = MinuteCount()
        self._wake = asyncio.Event()
        self._opened_at = self._heard_at = time.monotonic()
        self.opened_ms = self.active_ms = now_ms()
        self._writing_since: float | None = None

    def make_reader(self) -> CommandReader:
        return CommandReader(self.node.contract, self.node.limits["jsonDepth"])

    # ---- lifetime

    async def run(self) -> None:
        """Runs the connection from `welcome` to its end."""
        self.node.connections.add(self)
        self.welcome()
        reading = asyncio.create_task(self._read())
        sending = asyncio.create_task(self._send())
        beating = asyncio.create_task(self._beat())
        try:
            await asyncio.wait({reading, sending}, return_when=asyncio.FIRST_COMPLETED)
            self._wake.set()
            await asyncio.wait({reading, sending}, timeout=CLOSE_GRACE)
        finally:
            self.leave()
            for task in (reading, sending, beating):
                task.cancel()
            await asyncio.gather(reading, sending, beating, return_exceptions=True)
            self.wire.finish(CLOSE_GRACE)

    def leave(self) -> None:
        """Removes everything that belongs to this connection."""
        self.closing = self.closing or "gone"
        self.node.connections.discard(self)
        for subscription in self.subscriptions():
            self.node.subscriptions.remove(subscription)

    def subscriptions(self) -> list[Subscription]:
        return self.node.subscriptions.of(self)

    def welcome(self) -> None:
        node = self.node
        self.queue_urgent(
            push(
                "welcome",
                {
                    "connectionId": self.id,
                    "nodeId": node.options.node_id,
                    "protocolVersion": node.contract.version,
                    "contractDigest": node.contract.digest,
                    "heartbeatIntervalMs": node.limits["heartbeatIntervalMs"],
                    "limits": dict(node.limits.values),
                    "features": node.features(),
                    "principal": self.principal.wire(),
                    "authenticationRequired": self.authentication_required,
                },
            )
        )

    def authenticate(self, principal: Principal, token: str) -> None:
        self.principal = principal
        self._token = token
        self.authentication_required = False

    def close(self, name: str) -> None:
        """Sends `closing` and closes the connection with the close code of this name (CON-6)."""
        if self.closing is not None:
            return
        self.closing = name
        message = Outgoing(lambda: self.closing_message(name), close=name)
        grace = CLOSE_GRACE
        if name == "shutdown":
            self.outbox.in_order(Outgoing(self.heartbeat))
            self.outbox.in_order(message)
        elif name == "slow_consumer":
            grace = SLOW_GRACE
            self.node.counters.closed_slow += 1
            self.leave()
            self.outbox.clear()
            self.outbox.urgent(message)
        else:
            self.outbox.urgent(message)
        self._wake.set()
        asyncio.get_running_loop().call_later(grace, self.wire.abort)

    def closing_message(self, name: str) -> Message:
        code, retryable = self.node.contract.close_codes[name]
        data = {"code": code, "name": name, "retryable": retryable}
        if retryable:
            # A random delay, so that clients do not all reconnect at once.
            data["retryAfterMs"] = random.randint(500, 3000)
        return push("closing", data)

    def check(self) -> None:
        """Checks time limits: time-outs, expired credentials, clients that do not read."""
        limits = self.node.limits
        now = time.monotonic()
        stuck = self._writing_since is not None and now - self._writing_since > limits.seconds("sendQueueAgeMs")
        if stuck or self.outbox.is_past(1):
            self.close("slow_consumer")
        elif self.wire.expects_pongs and now - self._heard_at > 2 * limits.seconds("heartbeatIntervalMs"):
            self.close("heartbeat_timeout")
        elif self.authentication_required and now - self._opened_at > limits.seconds("authTimeoutMs"):
            self.close("auth_timeout")
        elif self._token is not None and self.node.tokens.is_revoked(self._token):
            self.close("token_revoked")
        elif self.principal.expired:
            self.close("token_expired")

    # ---- outgoing

    def queue(self, message: Message) -> None:
        """Queues a message in order with the events."""
        self._enqueue(Outgoing(lambda: message, size=len(encode(message))))

    def queue_made(self, make: Callable[[], Message]) -> None:
        """Queues a message that is built when it is sent. Its size does not count against the limits of the queue
        (SUB-6)."""
        self._enqueue(Outgoing(make))

    def queue_gap(self, message: Message) -> None:
        """Queues a gap among the events. Until it is written, a heartbeat reports the position before it (CON-7)."""
        data = message["data"]
        after = (data["stream"], Position(data["from"]["epoch"], data["from"]["sequenceId"]))
        self._enqueue(Outgoing(lambda: message, size=len(encode(message)), after=after))

    def queue_subscribed(self, message: Message, subscription: Subscription, gap: Message | None) -> None:
        """Queues `subscribed`, together with the gap of a failed resume."""

        def confirm() -> None:
            subscription.confirmed = True

        size = len(encode(message))
        companions = [] if gap is None else [gap]
        self._enqueue(Outgoing(lambda: message, size=size, companions=companions, on_written=confirm))

    def queue_with(self, message: Message, companions: list[Message]) -> None:
        """Queues a message together with others that directly follow it."""
        self._enqueue(Outgoing(lambda: message, size=len(encode(message)), companions=companions))

    def queue_urgent(self, message: Message) -> None:
        """Queues a message that overtakes waiting events (BCK-1)."""
        if self.closing is None:
            self.outbox.urgent(Outgoing(lambda: message, size=len(encode(message))))
            self._enqueued()

    def queue_replay(self, messages: Unrolled) -> None:
        self.outbox.replay(messages)
        self._wake.set()

    def deliver(self, event: Event, subscriptions: list[Subscription]) -> None:
        """Queues one live event, once, for all matching subscriptions (EVT-2)."""
        ids = [subscription.id for subscription in subscriptions]
        self._enqueue(
            Outgoing(
                lambda: self.event_message(event, {"subscriptionIds": ids, "isReplay": False}),
                size=event.size,
                event=event,
                subscriptions=subscriptions,
            )
        )

    def replayed(self, event: Event, subscription: Subscription, reason: str) -> Outgoing:
        head = {"subscriptionIds": [subscription.id], "isReplay": True, "replayReason": reason}
        return Outgoing(
            lambda: self.event_message(event, head), event=event, subscriptions=[subscription], is_replay=True
        )

    def event_message(self, event: Event, head: Message) -> Message:
        return push("event", {**head, **event.shared()})

    def _enqueue(self, message: Outgoing) -> None:
        if self.closing is not None:
            return
        self.outbox.in_order(message)
        self._enqueued()

    def _enqueued(self) -> None:
        if self.outbox.is_past(1):
            self.close("slow_consumer")
        self._wake.set()

    async def _send(self) -> None:
        sent = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (outgoing := self.outbox.take()) is not None and self.wire.is_open:
                await self.write(outgoing)
                sent += 1
                if sent % BATCH == 0:
                    await asyncio.sleep(0)
            await self._flush()
            if self.wire.is_over or not self.wire.is_open:
                self.wire.end_writing()
                return

    async def write(self, outgoing: Outgoing) -> None:
        for text in self.texts(outgoing):
            self.wire.send_text(text)
        if outgoing.event is not None:
            self.delivered += 1
            self.node.counters.delivered += 0 if outgoing.is_replay else 1
            for subscription in outgoing.subscriptions:
                subscription.count(outgoing.event, is_replay=outgoing.is_replay)
        if outgoing.on_written is not None:
            outgoing.on_written()
        if outgoing.close is not None:
            code, _ = self.node.contract.close_codes[outgoing.close]
            self.wire.send_close(code, outgoing.close)
        await self._flush()

    def texts(self, outgoing: Outgoing) -> list[str]:
        return [self.encode(message) for message in self.messages(outgoing)]

    def messages(self, outgoing: Outgoing) -> list[Message]:
        """The messages to send for an entry of the queue: the entry, and the messages that belong to it."""
        return [outgoing.make(), *outgoing.companions]

    def encode(self, message: Message) -> str:
        return encode(message)

    async def _flush(self) -> None:
        self._writing_since = time.monotonic()
        await self.wire.flush()
        self._writing_since = None

    async def _beat(self) -> None:
        """Sends a heartbeat and a WebSocket ping at every interval (CON-3, CON-4)."""
        interval = self.node.limits.seconds("heartbeatIntervalMs")
        while True:
            await asyncio.sleep(interval)
            self.beat()

    def beat(self) -> None:
        self.outbox.urgent(Outgoing(self.heartbeat))
        self.wire.send_ping()
        self._wake.set()

    # ---- incoming

    async def _read(self) -> None:
        while not self.wire.is_over:
            texts = await self.wire.receive()
            self._heard_at = time.monotonic()
            self.active_ms = now_ms()
            for text in texts:
                if self.closing is None:
                    self.receive(text)
            self._wake.set()
            await self.wire.room()

    def receive(self, text: str) -> None:
        """Handles one text frame of the client, with exactly one reply (ENV-3)."""
        command_id = None
        try:
            command = self._reader.read(text)
            command_id = command.id
            self.check_rate()
            self.node.commands.handle(self, command)
        except ProtocolError as error:
            error.command_id = error.command_id or command_id
            self.refuse(error)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            fault = ProtocolError("internal", "Internal error. The server log has the details.")
            fault.command_id = command_id
            self.refuse(fault)

    def refuse(self, error: ProtocolError) -> None:
        self.queue_urgent(error_message(self.node.contract, error))
        if error.code in self.node.contract.bad_messages and self._strikes.add() >= self.node.limits["badMessagesPerMinute"]:
            self.close("protocol_error")

    def check_rate(self) -> None:
        wait = self._commands.take()
        if wait == 0:
            return
        if self._refusals.add() >= self.node.limits["commandBurst"] * REFUSALS_PER_BURST:
            self.close("rate_limited")
        limit = self.node.limits["commandsPerSecond"]
        raise ProtocolError(
            "rate_limited", f"Rate limit exceeded: at most {limit} commands per second. Wait, then retry.", retry_after_ms=wait
        )
