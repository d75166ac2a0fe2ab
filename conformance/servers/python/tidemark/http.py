"""HTTP/1.1, as much of it as a gateway needs: heads and bodies that are bounded, and nothing that can be read in two ways."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from .strict_json import encode

HEAD_BYTES = 16 * 1024

_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (\S+) HTTP/1\.([01])")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")


class BadRequest(Exception):
    """A request that is not understood; the connection ends with the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Head:
    """A request without its body."""

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: tuple[tuple[str, str], ...]
    """Names in lower case, in the order in which they came."""
    minor: int

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each == name]

    def get(self, name: str) -> str | None:
        """:raises BadRequest: when the header stands there twice"""
        values = self.all(name)
        if len(values) > 1:
            raise BadRequest(400, f"The header {name} stands there {len(values)} times.")
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
    """The next request on a connection; None when there is none.

    :raises BadRequest:
    """
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise BadRequest(400, "The request broke off.") from error
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequest(431, f"The head of a request has at most {HEAD_BYTES} bytes.") from error
    return parse_head(raw.decode("latin-1"))


def parse_head(text: str) -> Head:
    first, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise BadRequest(400, "The first line is no HTTP/1.1 request.")
    headers = []
    for each in lines:
        header = _HEADER.fullmatch(each)
        if header is None:
            raise BadRequest(400, "A line of the head is no header.")
        headers.append((header[1].lower(), header[2]))
    path, query = _parse_target(line[2])
    return Head(line[1], line[2], path, query, tuple(headers), int(line[3]))


def _parse_target(target: str) -> tuple[str, Mapping[str, str]]:
    try:
        parts = urlsplit(target)
        pairs = parse_qsl(parts.query, keep_blank_values=True, errors="strict", max_num_fields=64)
    except ValueError as error:
        raise BadRequest(400, "The address cannot be read.") from error
    if not parts.path.startswith("/"):
        raise BadRequest(400, "The address has no path.")
    return unquote(parts.path), dict(pairs)


async def read_body(reader: asyncio.StreamReader, head: Head, most_bytes: int) -> bytes:
    """:raises BadRequest:"""
    if head.all("transfer-encoding"):
        raise BadRequest(411, "Send the body with a Content-Length.")
    length = head.get("content-length") or "0"
    if re.fullmatch(r"[0-9]{1,15}", length) is None:
        raise BadRequest(400, "Content-Length is no number.")
    if int(length) > most_bytes:
        raise BadRequest(413, f"A body has at most {most_bytes} bytes.")
    try:
        return await reader.readexactly(int(length))
    except asyncio.IncompleteReadError as error:
        raise BadRequest(400, "The body broke off.") from error
