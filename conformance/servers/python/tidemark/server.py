"""The listening socket: HTTP and WebSocket on one port, and the drain (CON-1, CON-5, OPS)."""

from __future__ import annotations

import asyncio
from collections import Counter

from .connection import Connection
from .errors import ProtocolError
from .event_stream import EVENTS_PATH
from .frames import accept_key
from .http import HEAD_BYTES, BadRequest, Head, Response, read_body, read_head
from .node import Node
from .rate import TokenBucket
from .routes import SOCKET_PATH
from .wire import Wire

HOUSEKEEPING = 0.1
"""Seconds between two rounds of the periodic work."""

LINGER = 0.5
"""A draining node continues to respond for at least this many seconds, so that clients get status 503 instead of a
refused connection."""

CODES = {413: "payload_too_large", 429: "rate_limited", 503: "rate_limited"}


class Server:
    def __init__(self, node: Node) -> None:
        self.node = node
        self._routes = node.parts.routes(node)
        self._events = node.parts.event_streams(node)
        self._addresses: Counter[str] = Counter()
        self._accepts = TokenBucket(node.limits["acceptsPerSecond"], node.limits["acceptsPerSecond"])
        self._handlers: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> int:
        """:returns: the port, which the system chooses if 0 was given"""
        self._listener = await asyncio.start_server(self._accept, host, port, limit=HEAD_BYTES, backlog=1024)
        self._housekeeping = asyncio.create_task(self.node.keep_house(HOUSEKEEPING))
        chosen: int = self._listener.sockets[0].getsockname()[1]
        return chosen

    async def drain(self) -> None:
        """Closes all connections, and waits for them until the drain time has passed."""
        self.node.draining = True
        for connection in list(self.node.connections):
            connection.close("shutdown")
        loop = asyncio.get_running_loop()
        begun = loop.time()
        longest = self.node.limits.seconds("drainMs")
        while loop.time() - begun < longest and (self.node.connections or loop.time() - begun < LINGER):
            await asyncio.sleep(0.02)
        self._listener.close()
        self._housekeeping.cancel()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.CancelledError, TimeoutError):
            pass
        finally:
            self._handlers.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handles the requests of a connection in order, until one becomes a WebSocket or an event stream, or ends the connection."""
        keep_alive = True
        address = str((writer.get_extra_info("peername") or ("",))[0])
        while keep_alive:
            try:
                head = await asyncio.wait_for(read_head(reader), self.node.limits.seconds("handshakeTimeoutMs"))
                if head is None:
                    return
                if head.path == SOCKET_PATH and "websocket" in head.tokens("upgrade"):
                    await self._upgrade(head, reader, writer)
                    return
                if head.path == EVENTS_PATH and head.method == "GET":
                    await self._follow(head, reader, writer)
                    return
                body = await asyncio.wait_for(self._body(head, reader), self.node.limits.seconds("handshakeTimeoutMs"))
                keep_alive = head.keeps_alive
                response = self._routes.answer(head, body, address)
                without_body = head.method == "HEAD"
            except BadRequest as error:
                code = CODES.get(error.status, "invalid_message")
                response = self._routes.failure(ProtocolError(code, error.text), status=error.status)
                keep_alive = without_body = False
            writer.write(response.encode(keep_alive=keep_alive, without_body=without_body))
            await writer.drain()

    async def _body(self, head: Head, reader: asyncio.StreamReader) -> bytes:
        return await read_body(reader, head, self.node.limits["inboundMessageBytes"])

    async def _upgrade(self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = str((writer.get_extra_info("peername") or ("",))[0])
        try:
            self._routes.check_admission(head)
            principal, token = self._routes.identify(head)
            handshake = self._handshake(head)
            refusal = self._refusal(address)
        except ProtocolError as error:
            refusal = self._routes.failure(error)
        if refusal is not None:
            writer.write(refusal.encode(keep_alive=False, without_body=False))
            await writer.drain()
            return
        writer.write(handshake)
        wire: Wire = self.node.parts.wire(reader, writer, self.node.limits["inboundMessageBytes"])
        await self._run(self.node.parts.connection(self.node, wire, principal, token), address)

    async def _follow(self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers a request for server-sent events. It is handled like a connection whose client has sent one
        `subscribe` (SSE-1)."""
        address = str((writer.get_extra_info("peername") or ("",))[0])
        refusal = None
        try:
            self._routes.check_admission(head)
            self._routes.check_rate(head, address)
            principal = self._routes.require(head)
            command = self._events.read(head)
            refusal = self._refusal(address)
            if refusal is None:
                parts = self.node.parts
                make = parts.many_streams_wire if "streams" in command.data else parts.event_stream_wire
                wire = make(reader, writer, self._events, command.data)
                connection = self.node.parts.connection(self.node, wire, principal, self._routes.token_of(head))
                self.node.commands.handle(connection, command)
        except ProtocolError as error:
            refusal = self._routes.failure(self._events.in_query(error))
        if refusal is not None:
            writer.write(refusal.encode(keep_alive=False, without_body=False))
            await writer.drain()
            return
        wire.open(self._routes.page_headers(head))
        await self._run(connection, address)

    async def _run(self, connection: Connection, address: str) -> None:
        self._addresses[address] += 1
        try:
            await connection.run()
        finally:
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]

    def _refusal(self, address: str) -> Response | None:
        """The error if a new connection exceeds a limit, or None."""
        limits = self.node.limits
        if self.node.draining:
            return self._busy(503, "This node is shutting down; reconnect to another.")
        if self._addresses[address] >= limits["connectionsPerAddress"]:
            return self._busy(429, "Too many connections from one address.")
        if len(self.node.connections) >= limits["connectionsPerNode"]:
            return self._busy(503, "This node has reached its limit of connections.")
        if self._accepts.take():
            return self._busy(503, "Too many new connections per second.")
        return None

    def _busy(self, status: int, text: str) -> Response:
        error = ProtocolError(CODES[status], text, retry_after_ms=1000)
        return Response(status, self._routes.failure(error).body, headers=(("Retry-After", "1"),))

    def _handshake(self, head: Head) -> bytes:
        """The response that opens the WebSocket (RFC 6455 §4.2).

        :raises ProtocolError: if the request is invalid
        """
        if head.method != "GET" or head.minor != 1:
            raise ProtocolError("invalid_message", "An upgrade must be a GET over HTTP/1.1.")
        if head.tokens("upgrade") != ["websocket"] or "upgrade" not in head.tokens("connection"):
            raise ProtocolError("invalid_message", "An upgrade must have the headers Upgrade: websocket and Connection: Upgrade.")
        if head.get("sec-websocket-version") != "13":
            raise ProtocolError("invalid_message", "Sec-WebSocket-Version must be 13.")
        try:
            accepted = accept_key(head.get("sec-websocket-key") or "")
        except ValueError as error:
            raise ProtocolError("invalid_message", "Sec-WebSocket-Key must be 16 bytes in base64.") from error
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines.append(f"Sec-WebSocket-Accept: {accepted}")
        offered = [item.strip() for value in head.all("sec-websocket-protocol") for item in value.split(",")]
        subprotocol = self._routes.choose_subprotocol(offered)
        if subprotocol is not None:
            lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
        return "\r\n".join([*lines, "", ""]).encode()
