"""WebSocket frames as a server reads and writes them (RFC 6455), without a socket.

0 1 2 3 4 5 6 7 | 0 1 2 3 4 5 6 7 | 0, 2 or 8 bytes | 4 bytes | the rest
F R S V  opcode | M    length     | longer length   | mask    | payload
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Iterator

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})

LONGEST_CONTROL = 125
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

PROTOCOL_ERROR, UNSUPPORTED, NOT_UTF8, TOO_BIG = 1002, 1003, 1007, 1009


class FrameError(Exception):
    """Invalid bytes that end the connection; `code` is for the close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Frame:
    opcode: int
    fin: bool
    data: bytes


class FrameDecoder:
    """Decodes the bytes of a client into frames. An invalid frame is rejected as soon as its header has arrived."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._buffer = bytearray()
        self._message_bytes: int | None = None
        """The size of the fragments so far; None between messages."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """:raises FrameError: if a frame is invalid"""
        self._buffer += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        fin, opcode = bool(buffer[0] & 0x80), buffer[0] & 0x0F
        self._check_head(buffer[0], buffer[1], fin=fin, opcode=opcode)
        short = buffer[1] & 0x7F
        extra = {126: 2, 127: 8}.get(short, 0)
        start = 2 + extra + 4
        if len(buffer) < start:
            return None
        length = int.from_bytes(buffer[2 : 2 + extra], "big") if extra else short
        self._check_length(length, opcode=opcode)
        if len(buffer) < start + length:
            return None
        payload = unmask(bytes(buffer[start : start + length]), bytes(buffer[start - 4 : start]))
        del buffer[: start + length]
        if opcode < CLOSE:
            self._message_bytes = None if fin else (self._message_bytes or 0) + length
        return Frame(opcode, fin, payload)

    def _check_head(self, first: int, second: int, *, fin: bool, opcode: int) -> None:
        if first & 0x70:
            raise FrameError(PROTOCOL_ERROR, "a reserved bit is set")
        if opcode not in OPCODES:
            raise FrameError(PROTOCOL_ERROR, "unknown opcode")
        if not second & 0x80:
            raise FrameError(PROTOCOL_ERROR, "a client must mask its frames")
        if opcode >= CLOSE and (not fin or second & 0x7F > LONGEST_CONTROL):
            raise FrameError(PROTOCOL_ERROR, "a control frame must not be fragmented or longer than 125 bytes")
        if opcode == CONTINUATION and self._message_bytes is None:
            raise FrameError(PROTOCOL_ERROR, "a continuation frame without a message to continue")
        if opcode in (TEXT, BINARY) and self._message_bytes is not None:
            raise FrameError(PROTOCOL_ERROR, "a new message before the end of the previous one")

    def _check_length(self, length: int, *, opcode: int) -> None:
        if length >> 63:
            raise FrameError(PROTOCOL_ERROR, "the highest bit of the length is set")
        if opcode < CLOSE and (self._message_bytes or 0) + length > self._most_bytes:
            raise FrameError(TOO_BIG, f"a message may have at most {self._most_bytes} bytes")


def unmask(payload: bytes, mask: bytes) -> bytes:
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


def encode_frame(opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    first = (0x80 if fin else 0) | opcode
    if len(data) < 126:
        head = bytes((first, len(data)))
    elif len(data) < 0x10000:
        head = bytes((first, 126)) + len(data).to_bytes(2, "big")
    else:
        head = bytes((first, 127)) + len(data).to_bytes(8, "big")
    return head + data


def encode_close(code: int, reason: str) -> bytes:
    return encode_frame(CLOSE, code.to_bytes(2, "big") + reason.encode()[: LONGEST_CONTROL - 2])


def check_close(data: bytes) -> None:
    """:raises FrameError: if the close frame is invalid"""
    if not data:
        return
    code = int.from_bytes(data[:2], "big")
    if len(data) == 1 or not (code in range(1000, 1015) and code not in (1004, 1005, 1006) or 3000 <= code < 5000):
        raise FrameError(PROTOCOL_ERROR, "invalid close code")
    decode_text(data[2:])


def decode_text(data: bytes) -> str:
    """:raises FrameError: with the code 1007, if the bytes are not UTF-8"""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise FrameError(NOT_UTF8, "not UTF-8") from error


def accept_key(key: str) -> str:
    """The Sec-WebSocket-Accept for a client's Sec-WebSocket-Key.

    :raises ValueError: if the key is not 16 bytes in base64
    """
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("the key is not base64") from error
    if len(raw) != 16:
        raise ValueError("the key does not have 16 bytes")
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
