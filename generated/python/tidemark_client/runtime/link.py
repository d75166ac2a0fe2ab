"""One WebSocket, from its opening to its end: sends and receives frames, counts events, and detects a silent
connection.

It does not reconnect. It reports its end once, and nothing after that. After ``close()`` it reports nothing. This is the
only module that uses ``websockets``.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, Union, cast

import websockets
from websockets.exceptions import ConnectionClosed, WebSocketException

from .errors import ProtocolViolation
from .timing import Timer
from .wire import Frame, read_frame

#: The largest message that is accepted from a server, in bytes. It is larger than the limit for clients, because lists
#: in replies can be long.
MAX_MESSAGE_BYTES = 64 * 1024 * 1024

#: The asyncio client of the installed version. It is in different modules in websockets 10 and 14.
CONNECT: Callable[..., Awaitable[object]] = getattr(websockets, "connect")

#: At the level DEBUG, ``websockets`` logs every frame, and the first frame contains the credential. The level saves the time to format
#: these records; the filter drops them even if a program sets the level of every logger to DEBUG.
LOGGER = logging.getLogger(__name__)
LOGGER.setLevel(logging.INFO)
LOGGER.addFilter(lambda record: record.levelno > logging.DEBUG)

ABNORMAL = 1006
NORMAL = 1000


@dataclass(frozen=True)
class LinkEnd:
    """Why a connection has ended."""

    #: WebSocket close code; 1006 if there was no close frame.
    code: int
    reason: str
    #: Code and delay (in seconds) of the ``closing`` push that announced the end, if there was one (CON-5).
    closing: Union[tuple[int, Union[float, None]], None]


class Socket(Protocol):
    """The part of a ``websockets`` connection that is used here. It is the same in all versions since 10."""

    async def recv(self) -> Union[str, bytes]: ...

    async def send(self, message: str) -> None: ...

    async def close(self, code: int = NORMAL, reason: str = "") -> None: ...


class LinkHandlers(Protocol):
    def link_opened(self, link: "Link") -> None: ...

    def link_received(self, link: "Link", frame: Frame) -> None: ...

    def link_invalid(self, error: ProtocolViolation) -> None: ...

    def link_ended(self, link: "Link", end: LinkEnd) -> None: ...


class Link:
    def __init__(
        self, handlers: LinkHandlers, *, url: str, subprotocol: str, open_timeout: float, silent_intervals: float
    ) -> None:
        self._handlers = handlers
        self._url = url
        self._subprotocol = subprotocol
        self._patience = open_timeout
        self._silent_intervals = silent_intervals
        self._loop = asyncio.get_running_loop()
        self._received_at = self._loop.time()
        self._watch = Timer()
        self._outgoing: deque[str] = deque()
        self._has_outgoing = asyncio.Event()
        self._socket: Union[Socket, None] = None
        self._over = False
        self.events = 0
        self.closing: Union[tuple[int, Union[float, None]], None] = None
        self._task = self._loop.create_task(self._run())
        self._look()

    @property
    def usable(self) -> bool:
        return self._socket is not None and not self._over

    def send(self, frame: Frame) -> None:
        if not self.usable:
            return
        self._outgoing.append(json.dumps({"type": frame.type, "id": frame.id, "data": frame.data}, ensure_ascii=False))
        self._has_outgoing.set()

    def expect_heartbeats(self, interval: float) -> None:
        """Sets the interval of heartbeats, in seconds, that the server announced in ``welcome``."""
        self._patience = interval * self._silent_intervals
        self._look()

    def give_up(self, reason: str) -> None:
        """Drops the connection and reports its end as a broken connection (1006)."""
        if not self._over:
            self._end(ABNORMAL, reason)
            self._task.cancel()

    async def close(self, grace: float) -> None:
        """Closes the connection without reporting its end. Returns when the peer has closed too, or after ``grace`` seconds."""
        if self._over:
            return
        self._over = True
        self._watch.cancel()
        try:
            if self._socket is not None:
                closing = self._loop.create_task(self._socket.close(NORMAL, "client closed"))
                closing.add_done_callback(ignore_result)
                # Not `wait_for`, which cancels the task and then waits for its end: websockets 10 ends only after its own time limit.
                await asyncio.wait({closing}, timeout=grace)
        finally:
            # Also if the caller is cancelled: the task then cuts the connection.
            self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        socket: Union[Socket, None] = None
        sender: Union[asyncio.Task[None], None] = None
        code, reason = ABNORMAL, ""
        try:
            socket = await self._open()
            if self._over:
                return
            self._socket = socket
            self._received_at = self._loop.time()
            sender = self._loop.create_task(self._send_all(socket))
            self._handlers.link_opened(self)
            while True:
                self._received(await socket.recv())
        except ConnectionClosed as error:
            code, reason = close_of(error)
        except (OSError, asyncio.TimeoutError, WebSocketException) as error:
            reason = f"{type(error).__name__}: {error}"
        finally:
            if sender is not None:
                sender.cancel()
            if socket is not None and self._over:
                # A silent peer would not answer the closing handshake, so the client does not wait for an answer.
                abandon(socket, self._loop)
            self._end(code, reason)

    async def _open(self) -> Socket:
        # The client sends no pings, because the server's heartbeats already show that the connection works. `_look` enforces
        # the time limit for opening.
        socket = await CONNECT(
            self._url,
            subprotocols=[self._subprotocol],
            max_size=MAX_MESSAGE_BYTES,
            ping_interval=None,
            open_timeout=None,
            close_timeout=1,
            logger=LOGGER,
        )
        return cast(Socket, socket)

    async def _send_all(self, socket: Socket) -> None:
        try:
            while True:
                await self._has_outgoing.wait()
                self._has_outgoing.clear()
                while self._outgoing:
                    await socket.send(self._outgoing.popleft())
        except (OSError, WebSocketException):
            return  # The task that reads frames receives the same error, and reports it.

    def _received(self, text: object) -> None:
        if self._over:
            return
        self._received_at = self._loop.time()
        frame = read_frame(text)
        if isinstance(frame, str):
            self._handlers.link_invalid(ProtocolViolation(f"The server sent {frame}. The frame was ignored."))
            return
        if frame.type == "event":
            self.events += 1
        self._handlers.link_received(self, frame)

    def _look(self) -> None:
        """Drops a connection that is silent for too long. To avoid a new timer for every message, one timer checks the
        time since the last message, and is then restarted for the remaining time."""
        if self._over:
            return
        quiet = self._loop.time() - self._received_at
        if quiet >= self._patience:
            self.give_up(f"no message for {quiet:.1f} s")
        else:
            self._watch.start(self._patience - quiet, self._look)

    def _end(self, code: int, reason: str) -> None:
        if self._over:
            return
        self._over = True
        self._watch.cancel()
        self._handlers.link_ended(self, LinkEnd(code, reason, self.closing))


def close_of(error: ConnectionClosed) -> tuple[int, str]:
    """Code and reason of the peer's close frame; 1006 if there was none (RFC 6455 §7.1.5)."""
    received = getattr(error, "rcvd", None)
    return (ABNORMAL, "") if received is None else (int(received.code), str(received.reason))


def ignore_result(task: asyncio.Task[None]) -> None:
    """Retrieves the exception of a task, because asyncio logs exceptions that nothing retrieves."""
    if not task.cancelled():
        task.exception()


def abandon(socket: Socket, loop: asyncio.AbstractEventLoop) -> None:
    """Cuts the connection without a closing handshake."""
    transport = getattr(socket, "transport", None)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
    else:
        loop.create_task(socket.close())
