"""The connection of a client, with a server on a real socket that each test scripts."""

import asyncio
import json
import logging
import unittest
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Union
from unittest.mock import patch

import websockets

from runtime.client_core import ClientCore
from runtime.errors import ProtocolViolation, TidemarkError
from runtime.picture import KeyedEvent
from runtime.wire import ProtocolSpec

REPLIES = {"subscribe": "subscribed", "authenticate": "authenticated", "ping": "pong"}
SPEC = ProtocolSpec("tidemark.v1", frozenset({"token"}), REPLIES, {}, "digest", ["made"])
#: Only prevents a test from hanging, in seconds.
PATIENCE = 30.0

Message = dict[str, Any]
#: Returns the type and the data of the reply to a command; None sends no reply.
Script = Callable[[Message], Union[tuple[str, Message], None]]


class Server:
    """Accepts clients, keeps their commands, and answers as its script says."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.accepted = 0
        self.open: list[Any] = []
        self.commands: list[Message] = []
        self._changed = asyncio.Event()

    async def serve(self, socket: Any, *_: object) -> None:
        self.accepted += 1
        self.open.append(socket)
        self._changed.set()
        await self.send("welcome", {"heartbeatIntervalMs": 25_000})
        try:
            async for text in socket:
                command = json.loads(text)
                self.commands.append(command)
                self._changed.set()
                reply = self.script(command)
                if reply is not None:
                    await socket.send(json.dumps({"type": reply[0], "id": command["id"], "data": reply[1]}))
        finally:
            self.open.remove(socket)
            self._changed.set()

    async def send(self, kind: str, data: object) -> None:
        await self.send_text(json.dumps({"type": kind, "data": data}))

    async def send_text(self, text: str) -> None:
        await self.open[-1].send(text)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until a command, or the begin or end of a connection, makes the condition true."""
        while not condition():
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), PATIENCE)

    def tokens(self) -> list[object]:
        return [command["data"].get("token") for command in self.commands if command["type"] == "authenticate"]


def accept(command: Message) -> tuple[str, Message]:
    return REPLIES[command["type"]], {}


class ConnectionTest(unittest.IsolatedAsyncioTestCase):
    async def start(self, script: Script = accept, **options: Any) -> tuple[Server, ClientCore]:
        """Starts a server and makes a client for it. Both are closed after the test."""
        server = Server(script)
        quiet = logging.getLogger("test.server")
        quiet.setLevel(logging.CRITICAL)
        serving = getattr(websockets, "serve")(server.serve, "127.0.0.1", 0, subprotocols=["tidemark.v1"], logger=quiet)
        listening = await self.enterAsyncContext(serving)
        port = next(iter(listening.sockets)).getsockname()[1]
        client = ClientCore(SPEC, f"ws://127.0.0.1:{port}/ws", **options)
        self.addAsyncCleanup(client.close)
        return server, client


def subscribe(client: ClientCore) -> Any:
    return client.subscribe_items(["*"], "main", lambda _: None)


class AClient(ConnectionTest):
    async def test_opens_one_connection_however_many_calls_need_it_at_once(self) -> None:
        server, client = await self.start()
        attempts: list[object] = []
        client.on("connecting", attempts.append)
        subscribe(client)
        subscribe(client)
        client._mirror({"made": KeyedEvent("latest")}, "made", "main")
        await asyncio.gather(*(client._call("ping", {}, None) for _ in range(3)))
        self.assertEqual((attempts, server.accepted), ([1], 1))
        await client.close()
        await server.until(lambda: server.open == [])

    async def test_that_is_closed_at_once_opens_no_connection(self) -> None:
        server, client = await self.start()
        subscribe(client)
        await client.close()
        # A second client shows that the server would have accepted a connection by now.
        other = ClientCore(SPEC, client.diagnosis.url)
        await other._call("ping", {}, None)
        await other.close()
        self.assertEqual(server.accepted, 1)

    async def test_refuses_subscriptions_outside_its_event_loop_and_keeps_nothing_of_them(self) -> None:
        server, client = await self.start(random=lambda: 0.0)
        made = {"made": KeyedEvent("latest")}
        for begin in (
            lambda: subscribe(client),
            lambda: client._follow_streams(["main"], ["*"], filter=None, replay="warm"),
            lambda: client._mirror(made, "made", "main"),
        ):
            with self.assertRaisesRegex(RuntimeError, "no running event loop"):
                await asyncio.to_thread(begin)
        await client._call("ping", {}, None)
        # After a loss, a mirror would subscribe again.
        await server.send("heartbeat", {"delivered": 1, "positions": []})
        await server.until(lambda: server.accepted == 2)
        await client._call("ping", {}, None)
        self.assertEqual([command["type"] for command in server.commands], ["ping", "ping"])

    async def test_is_closed_only_when_its_socket_is_closed_however_often_it_is_closed(self) -> None:
        _, client = await self.start()
        await client._call("ping", {}, None)
        first = asyncio.create_task(client.close())
        await asyncio.sleep(0)
        self.assertEqual(client.state, "closed")
        await client.close()
        self.assertTrue(first.done())

    async def test_that_was_refused_has_no_socket_left_after_its_close(self) -> None:
        _, client = await self.start(lambda _: ("error", {"code": "unauthenticated", "message": "Unknown token."}), token="t")
        with self.assertRaises(TidemarkError):
            await client._call("ping", {}, None)
        self.assertEqual(links(), 1)
        await client.close()
        self.assertEqual(links(), 0)

    async def test_cuts_the_connection_if_the_server_does_not_close_it_too(self) -> None:
        server, client = await self.start()
        await client._call("ping", {}, None)
        self.make_close_hang(client)
        with patch("runtime.connection.CLOSE_GRACE", 0.05):
            closing = asyncio.create_task(client.close())
            await asyncio.wait({closing}, timeout=PATIENCE)
        self.assertTrue(closing.done())
        self.assertEqual(links(), 0)
        await server.until(lambda: server.open == [])

    async def test_cuts_the_connection_if_its_close_is_cancelled(self) -> None:
        server, client = await self.start()
        await client._call("ping", {}, None)
        started = self.make_close_hang(client)
        with patch("runtime.connection.CLOSE_GRACE", 2 * PATIENCE):
            closing = asyncio.create_task(client.close())
            await asyncio.wait_for(started.wait(), PATIENCE)
            closing.cancel()
            await asyncio.wait({closing}, timeout=PATIENCE)
        self.assertTrue(closing.cancelled())
        await server.until(lambda: server.open == [])
        self.assertEqual(links(), 0)

    def make_close_hang(self, client: ClientCore) -> asyncio.Event:
        """Lets the closing handshake of the client's socket last until the end of the test, even if it is cancelled: websockets 10
        ignores a cancellation until its own time limit. Returns an event that is set when the handshake has begun."""
        begun, ended = asyncio.Event(), asyncio.Event()
        self.addCleanup(ended.set)

        async def close(*_: object) -> None:
            begun.set()
            while not ended.is_set():
                try:
                    await ended.wait()
                except asyncio.CancelledError:
                    pass

        link: Any = client._connection._link
        link._socket.close = close
        return begun


class ACredential(ConnectionTest):
    async def test_that_the_application_sends_is_renewed_before_it_expires_too(self) -> None:
        def accept_token(command: Message) -> tuple[str, Message]:
            life = timedelta(seconds=3 if command["data"].get("token") == "own" else 3600)
            expiry = (datetime.now(timezone.utc) + life).isoformat()
            return REPLIES[command["type"]], {"principal": {"id": "user:ana", "expiresAt": expiry}}

        fetched = iter(["t1", "t2"])
        server, client = await self.start(accept_token, token=lambda: next(fetched))
        seen: list[object] = []
        client.on("authenticated", seen.append)
        await client._authenticate("own", None)
        self.assertEqual(len(seen), 2)
        await server.until(lambda: len(server.tokens()) == 3)
        self.assertEqual((server.tokens(), server.accepted), (["t1", "own", "t2"], 1))

    async def test_that_the_application_sends_replaces_the_first_one_on_later_connections_too(self) -> None:
        for first in ({"token": "old"}, {"api_key": "tm_1"}):
            server, client = await self.start(**first, random=lambda: 0.0)
            await client._authenticate("new", None)
            await server.open[0].close()
            await server.until(lambda: server.accepted == 2)
            await client._call("ping", {}, None)
            self.assertEqual(server.tokens(), [first.get("token"), "new", "new"])

    async def test_whose_expiry_has_no_time_zone_is_accepted_and_not_renewed(self) -> None:
        principal = {"id": "user:ana", "expiresAt": "2100-01-01T00:00:00"}
        _, client = await self.start(lambda command: (REPLIES[command["type"]], {"principal": principal}), token=lambda: "t")
        await client._call("ping", {}, None)
        self.assertEqual(client.state, "open")

    async def test_is_in_no_log_and_no_repr_even_if_every_logger_has_the_level_debug(self) -> None:
        for logger in logging.root.manager.loggerDict.values():
            if isinstance(logger, logging.Logger):
                self.addCleanup(logger.setLevel, logger.level)
                logger.setLevel(logging.DEBUG)
        server, client = await self.start(token="s3cret", max_attempts=1)
        with self.assertLogs(level="DEBUG") as logs:
            logging.debug("one line, because assertLogs needs one")
            await client._call("ping", {}, None)
            await client.close()
        self.assertEqual(server.tokens(), ["s3cret"])
        self.assertNotIn("s3cret", "\n".join(logs.output))
        for shown in (client, client._settings, client._connection, client.diagnosis):
            self.assertNotIn("s3cret", repr(shown))


class ANumberInAPush(ConnectionTest):
    async def test_is_an_integer_however_the_server_writes_it(self) -> None:
        server, client = await self.start()
        reported: list[object] = []
        for name in ("error", "loss", "closing"):
            client.on(name, reported.append)  # type: ignore[arg-type]
        await client._call("ping", {}, None)
        await server.send_text('{"type":"heartbeat","data":{"delivered":0.0,"positions":[]}}')
        await server.send_text('{"type":"closing","data":{"code":4.2e3}}')
        await client._call("ping", {}, None)
        self.assertEqual(reported, [{"code": 4200}])

    async def test_that_is_no_integer_is_reported_as_a_violation(self) -> None:
        server, client = await self.start()
        errors: list[object] = []
        client.on("error", errors.append)
        await client._call("ping", {}, None)
        for number in ("true", "1.5", "-1", '"1"', "1e300", str(10**30)):
            await server.send_text(f'{{"type":"heartbeat","data":{{"delivered":{number},"positions":[]}}}}')
            await server.send_text(f'{{"type":"closing","data":{{"code":{number}}}}}')
        await client._call("ping", {}, None)
        self.assertEqual([type(error) for error in errors], [ProtocolViolation] * 12)
        self.assertEqual(server.accepted, 1)


def links() -> int:
    """The number of sockets that clients in this process read."""
    return sum(getattr(task.get_coro(), "__qualname__", "") == "Link._run" for task in asyncio.all_tasks())


if __name__ == "__main__":
    unittest.main()
