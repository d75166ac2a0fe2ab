"""A connection that reconnects. It opens a socket, authenticates, and reports when commands can be sent. When the socket
ends, the class of the close code decides whether, when and how to reconnect (CON-6)::

    idle -> connecting -> authenticating -> ready -> waiting -> connecting ...
                                any of them -> stopped
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Literal, Protocol, Union

from .authenticator import Authenticator
from .commands import Answer, CommandTable, Settle
from .errors import ConnectionLost, ProtocolViolation
from .link import Link, LinkEnd
from .settings import Settings
from .timing import Timer, backoff, heartbeat_interval_of
from .wire import CloseClass, Frame, JsonObject, ProtocolSpec, classify_close

ConnectionState = Literal["idle", "connecting", "authenticating", "ready", "waiting", "stopped"]

#: How long ``stop`` waits for the server to close the connection too, in seconds.
CLOSE_GRACE = 1.0


@dataclass(frozen=True)
class ConnectionEnd:
    """How a socket ended, and whether the client reconnects."""

    code: int
    reason: str
    close_class: CloseClass
    will_reconnect: bool


class ConnectionHooks(Protocol):
    """Callbacks of the client. All are called synchronously."""

    def on_connecting(self, attempt: int) -> None: ...

    def on_authenticated(self, data: JsonObject) -> None: ...

    def on_ready(self) -> None: ...

    def on_push(self, frame: Frame) -> None: ...

    def on_end(self, end: ConnectionEnd) -> None: ...

    def on_reconnecting(self, attempt: int, delay: float) -> None: ...

    def on_stopped(self, error: BaseException) -> None: ...

    def on_error(self, error: BaseException) -> None: ...


class Connection:
    def __init__(self, settings: Settings, spec: ProtocolSpec, hooks: ConnectionHooks) -> None:
        self._settings = settings
        self._spec = spec
        self._hooks = hooks
        self._table = CommandTable(spec.replies)
        self._authenticator = Authenticator(settings, self._table, self)
        self._waiting_calls: list[tuple[asyncio.Future[JsonObject], Callable[[Link], None]]] = []
        self._link: Union[Link, None] = None
        self._unstable = 0
        self._unreached = 0
        self._ready_at: Union[float, None] = None
        self._retry_after: Union[float, None] = None
        self._wait = Timer()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop_error: BaseException = ConnectionLost("client_closed", "The client was closed.")
        #: Set when ``stop`` has closed the last socket.
        self._closed = asyncio.Event()
        self.state: ConnectionState = "idle"

    @property
    def events(self) -> int:
        """Number of event messages received on the current socket."""
        return 0 if self._link is None else self._link.events

    def begin(self) -> None:
        """Connects if the client has not connected yet. Called when there is something to send."""
        if self.state == "idle":
            self._connect()

    async def call(self, command: str, data: JsonObject, timeout: Union[float, None] = None) -> JsonObject:
        """Sends a command for a caller, at most once. Waits for a connection and then for the reply. The timeout limits
        both waits together."""
        if self.state == "stopped":
            raise self._stop_error
        loop = asyncio.get_running_loop()
        limit = self._settings.command_timeout if timeout is None else timeout
        deadline = loop.time() + limit
        future: asyncio.Future[JsonObject] = loop.create_future()
        forget: list[Callable[[], None]] = []

        def settle(answer: Answer) -> None:
            if future.done():
                return
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)

        def send(link: Link) -> None:
            forget.append(self._table.send(link.send, command, data, max(deadline - loop.time(), 0), settle))

        waiting = (future, send)
        timer = Timer()
        if self.state == "ready" and self._link is not None:
            send(self._link)
        else:
            self._waiting_calls.append(waiting)
            lost = ConnectionLost("timeout", f'"{command}" was not sent: no connection within {limit:g} s.')
            timer.start(limit, lambda: settle(lost) if waiting in self._waiting_calls else None)
            self.begin()
        try:
            return await future
        finally:
            timer.cancel()
            if waiting in self._waiting_calls:
                self._waiting_calls.remove(waiting)
            for each in forget:
                each()

    def request(self, command: str, data: JsonObject, settle: Settle) -> bool:
        """Sends a command for the client itself, not for a caller. Returns False when the connection is not ready."""
        link = self._link
        if self.state != "ready" or link is None:
            return False

        live: Link = link

        def settled(answer: Answer) -> None:
            # If the reply does not arrive in time, client and server may disagree about the subscription, so reconnect.
            if isinstance(answer, ConnectionLost) and answer.reason == "timeout":
                live.give_up(str(answer))
            else:
                settle(answer)

        self._table.send(link.send, command, data, self._settings.command_timeout, settled)
        return True

    def adopt(self, token: str, reply: JsonObject) -> None:
        """Handles the reply to an ``authenticate`` of the application: later connections and renewals follow the new token."""
        self._authenticator.adopt(token)
        self._authenticator.accepted(self._link, reply)

    def welcomed(self, data: JsonObject) -> None:
        interval = heartbeat_interval_of(data.get("heartbeatIntervalMs"))
        if self._link is not None and interval is not None:
            self._link.expect_heartbeats(interval)

    def announce_closing(self, code: int, retry_after: Union[float, None]) -> None:
        if self._link is not None:
            self._link.closing = (code, retry_after)

    def restart(self, reason: str) -> None:
        """Drops the current socket and reconnects as after a lost connection."""
        if self._link is not None:
            self._link.give_up(reason)

    async def stop(self, error: BaseException) -> None:
        """Closes the connection permanently. Every call waits until the socket is closed. Pending calls fail with the error of the
        first call."""
        if self.state == "stopped":
            await self._closed.wait()
            return
        link, self._link = self._link, None
        self.state = "stopped"
        self._stop_error = error
        self._wait.cancel()
        self._authenticator.cancel()
        self._table.fail_all(error)
        for future, _ in list(self._waiting_calls):
            if not future.done():
                future.set_exception(error)
        self._hooks.on_stopped(error)
        current = asyncio.current_task()
        for task in [each for each in self._tasks if each is not current]:
            task.cancel()
        try:
            if link is not None:
                await link.close(CLOSE_GRACE)
        finally:
            self._closed.set()

    # ---- the socket

    def link_opened(self, link: Link) -> None:
        if self.state != "connecting":
            return
        self.start_task(self._authenticate_or_go_on(link))

    def link_received(self, link: Link, frame: Frame) -> None:
        if link is self._link and not self._table.receive(frame):
            self._hooks.on_push(frame)

    def link_invalid(self, error: ProtocolViolation) -> None:
        self._hooks.on_error(error)

    def link_ended(self, link: Link, end: LinkEnd) -> None:
        if self.state == "stopped" or link is not self._link:
            return
        self._link = None
        self.state = "waiting"
        self._authenticator.cancel()
        code = end.code if end.code >= 4000 or end.closing is None else end.closing[0]
        close_class = classify_close(code, self._spec)
        final = self._final_error(code, close_class, end.reason)
        if end.closing is not None and end.closing[1] is not None:
            self._retry_after = end.closing[1]
        self._hooks.on_end(ConnectionEnd(code, end.reason, close_class, final is None))
        text = f"The connection ended ({code}) before the reply arrived."
        self._table.fail_all(ConnectionLost("connection_lost", text, close_code=code, close_class=close_class))
        if self._still("waiting"):
            if final is None:
                self._retry()
            else:
                self.start_task(self.stop(final))

    def _still(self, state: ConnectionState) -> bool:
        """Whether the state is unchanged after a listener was called."""
        return self.state == state

    def _connect(self) -> None:
        self.state = "connecting"
        self._hooks.on_connecting(self._unreached + 1)
        if self._still("connecting"):
            self._link = Link(
                self,
                url=self._settings.url,
                subprotocol=self._spec.subprotocol,
                open_timeout=self._settings.open_timeout,
                silent_intervals=self._settings.silent_intervals,
            )

    async def _authenticate_or_go_on(self, link: Link) -> None:
        try:
            credential = await self._authenticator.credential()
        except Exception as error:  # noqa: BLE001 - whatever the caller's function raises
            self._hooks.on_error(error)
            link.give_up("no credential: the token function failed")
            return
        if link is not self._link or not link.usable:
            return
        if credential is None:
            self._ready(link)
            return
        self.state = "authenticating"
        self._authenticator.authenticate(link, credential)

    # ---- used by the authenticator

    def on_authenticated(self, data: JsonObject) -> None:
        self._hooks.on_authenticated(data)

    def on_accepted(self, link: Link) -> None:
        self._ready(link)

    def on_retry(self, link: Link, retry_after: Union[float, None]) -> None:
        self._retry_after = retry_after
        link.give_up("not authenticated")

    def on_refused(self, error: BaseException) -> None:
        self.start_task(self.stop(error))

    def on_error(self, error: BaseException) -> None:
        self._hooks.on_error(error)

    # ---- attempts

    def _ready(self, link: Link) -> None:
        if self.state == "stopped":
            return
        self.state = "ready"
        self._unreached = 0
        self._ready_at = asyncio.get_running_loop().time()
        self._hooks.on_ready()
        waiting, self._waiting_calls = self._waiting_calls, []
        for future, send in waiting:
            if not future.done():
                send(link)

    def _final_error(self, code: int, close_class: CloseClass, reason: str) -> Union[ConnectionLost, None]:
        """The error with which the client stops, if another attempt cannot succeed; otherwise None."""
        name = self._spec.close_codes.get(code)
        close = f"{code}{'' if name is None else ' ' + name[0]}{'' if reason == '' else ': ' + reason}"
        if close_class == "do-not-retry":
            text = f"The server closed the connection and asked the client not to reconnect unchanged ({close})."
        elif close_class == "refresh" and not self._authenticator.renewable:
            text = f"The credential is no longer accepted ({close}). Pass a function as token= to renew it automatically."
        else:
            return None
        return ConnectionLost("refused", text, close_code=code, close_class=close_class)

    def _retry(self) -> None:
        settings = self._settings
        now = asyncio.get_running_loop().time()
        if self._ready_at is None:
            self._unreached += 1
        elif now - self._ready_at >= settings.stable_after:
            self._unstable = 0
        if settings.max_attempts is not None and self._unreached >= settings.max_attempts:
            attempts = f"{self._unreached} attempt{'' if self._unreached == 1 else 's'}"
            text = f"Could not connect to {settings.url}: {attempts} failed. Check the address, and that the gateway runs."
            lost = ConnectionLost("unreachable", text)
            self.start_task(self.stop(lost))
            return
        if self._retry_after is not None:
            delay = self._retry_after
        else:
            delay = backoff(self._unstable, settings.random, settings.backoff_min, settings.backoff_max)
        self._unstable += 1
        self._retry_after = self._ready_at = None
        self._hooks.on_reconnecting(self._unreached + 1, delay)
        if self._still("waiting"):
            self._wait.start(delay, self._connect)

    def start_task(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def require_loop() -> None:
    """Raises RuntimeError outside an event loop, before anything is registered that could not connect."""
    asyncio.get_running_loop()
