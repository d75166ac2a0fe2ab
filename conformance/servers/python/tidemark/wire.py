"""One WebSocket: frames on an asyncio stream, by the sans-I/O half of the `websockets` library."""

from __future__ import annotations

import asyncio
import logging

from websockets.connection import OPEN
from websockets.frames import OP_BINARY, OP_CONT, OP_TEXT, Frame
from websockets.server import ServerConnection

SILENT = logging.getLogger("tidemark.websocket")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False

HIGH_WATER = 64 * 1024


class Wire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most_bytes: int) -> None:
        self._reader = reader
        self._writer = writer
        self._socket = ServerConnection(state=OPEN, max_size=most_bytes, logger=SILENT)
        self._parts: list[bytes] = []
        self._failed = False
        self.is_over = False
        self._waiting: list[bytes] = []
        self._emptied = asyncio.Event()
        writer.transport.set_write_buffer_limits(high=HIGH_WATER)

    @property
    def is_open(self) -> bool:
        return self._socket.state is OPEN

    @property
    def queued_bytes(self) -> int:
        return self._writer.transport.get_write_buffer_size() + sum(map(len, self._waiting))

    async def receive(self) -> list[str]:
        """The messages that have come whole. Once `is_over`, nothing more will come.

        What is no text or no UTF-8 ends the connection, as RFC 6455 and ENV-1 say.
        """
        data = await self._reader.read(HIGH_WATER)
        if data:
            self._socket.receive_data(data)
        else:
            self._socket.receive_eof()
        messages = [text for frame in self._socket.events_received() if (text := self._assemble(frame)) is not None]
        self._waiting += self._socket.data_to_send()
        self.is_over = not data or self._socket.close_rcvd is not None
        return messages

    def _assemble(self, frame: object) -> str | None:
        # What stands before the peer's own close frame still counts, even when both came in one piece.
        if not isinstance(frame, Frame) or self._failed or frame.opcode not in (OP_TEXT, OP_BINARY, OP_CONT):
            return None
        if frame.opcode is OP_BINARY:
            self._fail(1003, "text frames only")
            return None
        if frame.data:
            self._parts.append(frame.data)
        if not frame.fin:
            return None
        data = b"".join(self._parts)
        self._parts.clear()
        try:
            return data.decode()
        except UnicodeDecodeError:
            self._fail(1007, "not UTF-8")
            return None

    def _fail(self, code: int, reason: str) -> None:
        self._failed = True
        if self.is_open:
            self._socket.send_close(code, reason)

    def send_text(self, text: str) -> None:
        """Puts a message behind what waits; `flush` sends it."""
        if self.is_open:
            self.frame(text.encode())
            self._waiting += self._socket.data_to_send()

    def frame(self, data: bytes) -> None:
        self._socket.send_text(data)

    def frame_part(self, data: bytes, *, first: bool, last: bool) -> None:
        """One frame of a message that is sent in several."""
        if first:
            self._socket.send_text(data, fin=last)
        else:
            self._socket.send_continuation(data, fin=last)

    def send_ping(self) -> None:
        if self.is_open:
            self._socket.send_ping(b"tidemark")
            self._waiting += self._socket.data_to_send()

    def send_close(self, code: int, reason: str) -> None:
        if self.is_open:
            self._socket.send_close(code, reason)
            self._waiting += self._socket.data_to_send()

    async def flush(self) -> None:
        """Hands everything to the socket, and waits while that is full."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            for data in waiting:
                if data:
                    await self.write(data)
                elif self._writer.can_write_eof():
                    self._writer.write_eof()
        self._emptied.set()

    async def room(self) -> None:
        """Waits while answers pile up: whoever floods with pings and does not read is not read from either."""
        while sum(map(len, self._waiting)) > HIGH_WATER:
            self._emptied.clear()
            await self._emptied.wait()

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def abort(self) -> None:
        self._writer.transport.abort()

    def finish(self, grace: float) -> None:
        """Closes once everything has been sent, or when the peer has not taken it in time."""
        self._writer.close()
        asyncio.get_running_loop().call_later(grace, self.abort)
