"""A server in its own process, and a client that only sends and receives JSON."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import unittest
from pathlib import Path
from typing import Any, Awaitable, Callable

from websockets.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatusCode

PROGRAM = Path(__file__).resolve().parents[1]
PATIENCE = 10

Message = dict[str, Any]


class Client:
    """One connection. It keeps the messages that the test has not read yet."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.seen: list[Message] = []
        self._commands = 0

    async def receive(self) -> Message:
        message: Message = json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE))
        self.seen.append(message)
        return message

    async def until(self, kind: str) -> Message:
        while (message := await self.receive())["type"] != kind:
            pass
        return message

    async def send(self, kind: str, data: Message, **more: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, "data": data, **more}))

    async def ask(self, kind: str, **data: Any) -> Message:
        """Sends a command and returns the reply."""
        self._commands += 1
        command_id = f"c{self._commands}"
        await self.send(kind, data, id=command_id)
        while (message := await self.receive()).get("id") != command_id:
            pass
        return message

    async def ask_text(self, text: str) -> Message:
        """Sends any text and returns the reply."""
        await self.socket.send(text)
        return await self.until("error")

    def events(self, **wanted: Any) -> list[Message]:
        events = [message["data"] for message in self.seen if message["type"] == "event"]
        return [event for event in events if all(event[key] == value for key, value in wanted.items())]

    async def closed(self) -> int:
        """Reads everything up to the close frame and returns its code."""
        try:
            while True:
                await self.receive()
        except ConnectionClosed:
            code: int = self.socket.close_code
            return code


class EventReader:
    """Reads server-sent events. `last_id` is the last id that was received."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.last_id = ""

    async def until(self, kind: str) -> Message:
        """Reads up to the next message of this type."""
        while True:
            block = await asyncio.wait_for(self._reader.readuntil(b"\n\n"), PATIENCE)
            fields = [line.partition(": ")[::2] for line in block.decode().splitlines()]
            self.last_id = dict(fields).get("id", self.last_id)
            text = "\n".join(value for name, value in fields if name == "data")
            message: Message = json.loads(text) if text else {}
            if message.get("type") == kind:
                return message


class ServerTest(unittest.IsolatedAsyncioTestCase):
    """Tests over a socket. `arguments` are the command-line arguments of the server."""

    arguments: tuple[str, ...] = ("--broadcast",)

    async def asyncSetUp(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(PROGRAM),
            "--port",
            "0",
            *self.arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        started = json.loads(await asyncio.wait_for(self.process.stdout.readline(), PATIENCE))
        self.url: str = started["url"]
        self.http_url: str = started["httpUrl"]
        self.addAsyncCleanup(self.stop)

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(self.process.wait(), PATIENCE)

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    async def connect(self, **options: Any) -> Client:
        """A client that has received `welcome`."""
        options.setdefault("subprotocols", ["tidemark.v1"])
        client = Client(await connect(self.url, **options))
        self.addAsyncCleanup(client.socket.close)
        await client.until("welcome")
        return client

    async def refused(self, **options: Any) -> int:
        """The HTTP status with which the server rejects an upgrade."""
        with self.assertRaises(InvalidStatusCode) as caught:
            await connect(self.url, **options)
        return caught.exception.status_code

    async def http(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """Status, body (parsed if it is JSON) and headers."""
        host, _, port = self.http_url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        typed = {} if body is None else {"content-type": "application/json"}
        lines = {"host": f"{host}:{port}", "connection": "close", "content-length": str(len(data)), **typed, **headers}
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + data)
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        return parse_answer(answer)

    async def event_stream(self, query: str) -> EventReader:
        """Opens an event stream with this query."""
        host, _, port = self.http_url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        self.addCleanup(writer.close)
        writer.write(f"GET /ws/events?{query} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        self.assertIn(b" 200 ", head.splitlines()[0])
        return EventReader(reader)

    async def eventually(self, holds: Callable[[], Awaitable[bool]]) -> None:
        for _ in range(200):
            if await holds():
                return
            await asyncio.sleep(0.02)
        self.fail("the condition was never met")


def parse_answer(answer: bytes) -> tuple[int, Any, dict[str, str]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    value = json.loads(body) if body and headers["content-type"].startswith("application/json") else body.decode()
    return int(first.split(" ")[1]), value, headers


def note(n: int, stream: str = "main", **more: Any) -> dict[str, Any]:
    return {"stream": stream, "event": "suite.note", "payload": {"n": n}, **more}


def numbers(events: list[dict[str, Any]]) -> list[int]:
    return [event["payload"]["n"] for event in events]
