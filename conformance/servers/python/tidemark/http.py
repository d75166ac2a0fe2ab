"""The part of HTTP/1.1 that a gateway needs: bounded headers and bodies, and no ambiguous requests."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Mapping
from urllib.parse import parse_qsl

from .strict_json import encode

HEAD_BYTES = 16 * 1024

_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (\S+) HTTP/1\.([01])")
_TARGET = re.compile(r"(?:http://(?P<authority>[^/?#]*))?(?P<path>/(?:[^/?#%\\][^?#%\\]*)?)(?:\?(?P<query>[^#]*))?")
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")


class BadRequest(Exception):
    """An invalid request; the connection ends after the response."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Head:
    """A request without its body."""

    method: str
    path: str
    query: Mapping[str, str]
    """The query parameters by name; of a repeated parameter the last value. `Routes.answer` rejects repeated parameters;
    only event streams accept them, and read `parameters`."""
    parameters: tuple[tuple[str, str], ...]
    """Names and values of the query parameters, in the order received."""
    headers: tuple[tuple[str, str], ...]
    """Names in lower case, in the order received."""
    minor: int

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each == name]

    def get(self, name: str) -> str | None:
        """:raises BadRequest: if the header is repeated"""
        values = self.all(name)
        if len(values) > 1:
            raise BadRequest(400, f"The header {name} occurs {len(values)} times; expected once.")
        return values[0] if values else None

    def tokens(self, name: str) -> list[str]:
        """Items of a list header, in lower case."""
        return [item.strip().lower() for value in self.all(name) for item in value.split(",") if item.strip()]

    @property
    def keeps_alive(self) -> bool:
        return self.minor == 1 and "close" not in self.tokens("connection")


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = field(default=())

    @classmethod
    def json(cls, status: int, value: object, *headers: tuple[str, str]) -> Response:
        return cls(status, encode(value).encode(), headers=headers)

    def encode(self, *, keep_alive: bool, without_body: bool) -> bytes:
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"Content-Type: {self.media_type}; charset=utf-8",
            f"Content-Length: {len(self.body)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        if not keep_alive and not any(name == "Connection" for name, _ in self.headers):
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if without_body else self.body)


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """The next request on a connection, or None at its end.

    :raises BadRequest: if the request is malformed or its headers are too large
    """
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise BadRequest(400, "The request ended early.") from error
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequest(431, f"The request line and headers exceed {HEAD_BYTES} bytes.") from error
    return parse_head(raw.decode("latin-1"))


def parse_head(text: str) -> Head:
    first, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise BadRequest(400, "The first line is not an HTTP/1.1 request line.")
    headers = []
    for each in lines:
        header = _HEADER.fullmatch(each)
        if header is None:
            raise BadRequest(400, "A header line is malformed.")
        headers.append((header[1].lower(), header[2]))
    authority, path, parameters = _parse_target(line[2])
    if authority is not None:
        # RFC 9112 §3.2.2: the host in the request target takes precedence over the Host header.
        headers = [("host", authority), *(header for header in headers if header[0] != "host")]
    return Head(line[1], path, dict(parameters), parameters, tuple(headers), int(line[3]))


def _parse_target(target: str) -> tuple[str | None, str, tuple[tuple[str, str], ...]]:
    """Splits a target into authority, path and query. A path with percent escapes is rejected: no path of this server has them."""
    match = _TARGET.fullmatch(target)
    if match is None:
        raise BadRequest(400, "The request target is malformed.")
    try:
        pairs = parse_qsl(match["query"] or "", keep_blank_values=True, errors="strict", max_num_fields=64)
    except ValueError as error:
        raise BadRequest(400, "The query is malformed.") from error
    return match["authority"], match["path"], tuple(pairs)


def host_name(host: str) -> str:
    """The host name in a Host header of the form `name[:port]`, in lower case; empty if the header is malformed."""
    match = _HOST.fullmatch(host)
    return match["name"].strip("[]").lower() if match else ""


async def read_body(reader: asyncio.StreamReader, head: Head, most_bytes: int) -> bytes:
    """:raises BadRequest: if the body is too large, incomplete or malformed"""
    length = head.get("content-length")
    coding = head.get("transfer-encoding")
    if coding is not None:
        if length is not None or coding.lower() != "chunked" or head.minor == 0:
            raise BadRequest(400, "Transfer-Encoding must be chunked, over HTTP/1.1, and without Content-Length.")
        return await _chunks(reader, most_bytes)
    if re.fullmatch(r"[0-9]{1,15}", length or "0") is None:
        raise BadRequest(400, "Content-Length is not a number.")
    return await _exactly(reader, int(length or "0"), most_bytes)


async def _exactly(reader: asyncio.StreamReader, count: int, most_bytes: int) -> bytes:
    if count > most_bytes:
        raise BadRequest(413, "The body is too large.")
    try:
        return await reader.readexactly(count)
    except asyncio.IncompleteReadError as error:
        raise BadRequest(400, "The body ended early.") from error


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise BadRequest(400, "A line of a chunked body has no end.") from error


async def _chunks(reader: asyncio.StreamReader, most_bytes: int) -> bytes:
    body = bytearray()
    while True:
        line = _CHUNK.fullmatch(await _line(reader))
        if line is None:
            raise BadRequest(400, "A chunk has no valid length.")
        size = int(line[1], 16)
        if size == 0:
            break
        body += await _exactly(reader, size, most_bytes - len(body))
        if await _exactly(reader, 2, 2) != b"\r\n":
            raise BadRequest(400, "A chunk is longer than its length.")
    if await _line(reader) != b"\r\n":
        raise BadRequest(400, "Trailers are not supported.")
    return bytes(body)
