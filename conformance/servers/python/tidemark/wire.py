"""One WebSocket on an asyncio stream. It returns received messages as a whole, and sends messages and close frames."""

from __future__ import annotations

import asyncio

from .frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    UNSUPPORTED,
    Frame,
    FrameDecoder,
    FrameError,
    check_close,
    decode_text,
    encode_close,
    encode_frame,
)

HIGH_WATER = 64 * 1024


class Wire:
    expects_pongs = True
    """Whether a client that sends nothing, not even pongs, counts as gone (CON-4)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most_bytes: int) -> None:
        self.is_open = True
        """Whether no close frame has been sent yet."""
        self.is_over = False
        """Set when no more messages will arrive."""
        self._reader = reader
        self._writer = writer
        self._decoder = FrameDecoder(most_bytes)
        self._parts: list[bytes] = []
        self._failed = False
        self._waiting: list[bytes] = []
        self._emptied = asyncio.Event()
        writer.transport.set_write_buffer_limits(high=HIGH_WATER)

    @property
    def queued_bytes(self) -> int:
        return self._writer.transport.get_write_buffer_size() + self._waiting_bytes()

    def _waiting_bytes(self) -> int:
        return sum(map(len, self._waiting))

    # ---- incoming

    async def receive(self) -> list[str]:
        """Waits for data, and returns the messages that are complete.

        An invalid frame, a binary message or invalid UTF-8 ends the connection (RFC 6455, ENV-1).
        """
        data = await self._reader.read(HIGH_WATER)
        self.is_over = not data
        return [] if self._failed else self._messages(data)

    def _messages(self, data: bytes) -> list[str]:
        """The complete messages in the data, including messages before a fault or a close frame."""
        messages: list[str] = []
        try:
            for frame in self._decoder.feed(data):
                text = self._take(frame)
                if text is not None:
                    messages.append(text)
                if self.is_over:
                    break
        except FrameError as error:
            self._fail(error)
        return messages

    def _take(self, frame: Frame) -> str | None:
        if frame.opcode == PING:
            self._send(PONG, frame.data)
        elif frame.opcode == CLOSE:
            check_close(frame.data)
            self._send(CLOSE, frame.data[:2])
            self.is_open = False
            self.is_over = True
        elif frame.opcode == BINARY:
            raise FrameError(UNSUPPORTED, "only text frames are allowed")
        elif frame.opcode in (TEXT, CONTINUATION):
            return self._assemble(frame)
        return None

    def _assemble(self, frame: Frame) -> str | None:
        if frame.data:
            self._parts.append(frame.data)
        if not frame.fin:
            return None
        parts, self._parts = self._parts, []
        return decode_text(b"".join(parts))

    def _fail(self, error: FrameError) -> None:
        """Ends the connection after a fault. Input is still read, and discarded, so that the close frame is delivered."""
        self._failed = True
        self.send_close(error.code, error.reason)

    # ---- outgoing

    def send_text(self, text: str) -> None:
        """Appends a message to the queue; `flush` sends it."""
        if self.is_open:
            self._waiting += self.frames(text.encode())

    def frames(self, data: bytes) -> list[bytes]:
        """The frames of one message; here a single frame."""
        return [encode_frame(TEXT, data)]

    def send_ping(self) -> None:
        self._send(PING, b"tidemark")

    def send_close(self, code: int, reason: str) -> None:
        if self.is_open:
            self._waiting.append(encode_close(code, reason))
            self.is_open = False

    def _send(self, opcode: int, data: bytes) -> None:
        if self.is_open:
            self._waiting.append(encode_frame(opcode, data))

    async def flush(self) -> None:
        """Writes all queued bytes to the socket, and waits while the socket is full."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            await self.write(b"".join(waiting))
        self._emptied.set()

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def room(self) -> None:
        """Waits while too many replies are queued. So the server stops reading from a client that floods it with pings
        and does not read the replies."""
        while self._waiting_bytes() > HIGH_WATER:
            self._emptied.clear()
            await self._emptied.wait()

    def end_writing(self) -> None:
        """After a fault, ends the sending side without waiting for the peer (RFC 6455 §7.1.7)."""
        if self._failed and self._writer.can_write_eof():
            self._writer.write_eof()

    def abort(self) -> None:
        self._writer.transport.abort()

    def finish(self, grace: float) -> None:
        """Closes the connection when everything has been sent, at the latest after `grace` seconds."""
        self._writer.close()
        asyncio.get_running_loop().call_later(grace, self.abort)
