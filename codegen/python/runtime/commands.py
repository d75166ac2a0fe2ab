"""Commands that wait for their reply (ENV-3), and the pace at which subscriptions send their commands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Union

from .errors import ConnectionLost, ProtocolViolation, TidemarkError
from .timing import Timer
from .wire import Frame, JsonObject

#: ``data`` of the success reply, or the error with which the command failed.
Answer = Union[JsonObject, BaseException]

#: Called synchronously when the reply is read, because events may follow ``subscribed`` immediately, and the subscription
#: must be ready for them.
Settle = Callable[[Answer], None]


class CommandTable:
    """Pending commands. Ids are never reused.

    If its wait is not cancelled, each command gets exactly one answer: the reply, or an error at its time limit or at the end
    of the connection.
    """

    def __init__(self, replies: Mapping[str, str]) -> None:
        self._replies = replies
        self._pending: dict[str, tuple[str, Settle, Timer]] = {}
        self._last_id = 0

    def send(
        self, send: Callable[[Frame], None], command: str, data: JsonObject, timeout: float, settle: Settle
    ) -> Callable[[], None]:
        """Sends a command. Returns a function that cancels the wait: the reply is then ignored."""
        self._last_id += 1
        id_ = f"c{self._last_id}"
        timer = Timer()
        lost = ConnectionLost("timeout", f'No reply to "{command}" within {timeout:g} s.')
        timer.start(timeout, lambda: self._settle(id_, lost))
        self._pending[id_] = (command, settle, timer)
        send(Frame(command, id_, data))

        def forget() -> None:
            self._pending.pop(id_, None)
            timer.cancel()

        return forget

    def receive(self, frame: Frame) -> bool:
        """Handles a frame. Returns False if the frame is not a reply. A late reply also counts as a reply."""
        if frame.id is None:
            return False
        pending = self._pending.get(frame.id)
        if pending is not None:
            self._settle(frame.id, self._read(frame, pending[0]))
        return True

    def fail_all(self, error: BaseException) -> None:
        """Fails all pending commands, because the connection has ended. The server may or may not have executed them."""
        for id_ in list(self._pending):
            self._settle(id_, error)

    def _settle(self, id_: str, answer: Answer) -> None:
        pending = self._pending.pop(id_, None)
        if pending is None:
            return
        _, settle, timer = pending
        timer.cancel()
        settle(answer)

    def _read(self, frame: Frame, command: str) -> Answer:
        if frame.type == "error":
            return TidemarkError.read(frame.data)
        expected = self._replies.get(command)
        if frame.type == expected:
            return frame.data
        return ProtocolViolation(f'The server answered "{command}" with "{frame.type}"; "{expected}" was expected.')


#: Sends a command. Returns False if there is no connection.
Send = Callable[[str, JsonObject, Settle], bool]

#: The maximum number of commands in flight. It is within any reasonable rate limit, and much faster than one command at
#: a time.
IN_FLIGHT = 8
#: How long to wait after a ``rate_limited`` without ``retryAfterMs``, in seconds.
DEFAULT_PAUSE = 1.0
#: The factor by which the interval between commands grows after each ``rate_limited``.
WIDENING = 1.5
#: The longest interval between commands, in seconds. A longer ``retryAfterMs`` does not need a longer interval, because
#: after such a wait the server allows more than one command.
MAX_SPACING = 0.1


class Pacer:
    """Limits the rate of the commands that subscriptions send.

    After a reconnect, a client with a hundred subscriptions would send a hundred commands at once. This may exceed
    the rate limit of the server. A client that keeps exceeding the limit is disconnected (4204), and would then send
    the same commands again. So only a few commands are in flight at a time, until the server first answers
    ``rate_limited``. From then on commands are sent one by one, at the interval that this answer asked for (at most
    ``MAX_SPACING``). The interval grows each time a command that was sent at this interval is rate limited.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: deque[Callable[[], bool]] = deque()
        self._in_flight = 0
        self._spacing = 0.0
        #: How often the interval has changed. A ``rate_limited`` widens the interval only if its command was sent after the last change.
        self._spacings = 0
        #: Number of the current connection. A reply on an earlier connection is ignored.
        self._connection = 0
        self._pause = Timer()

    def request(self, command: str, data: JsonObject, settle: Settle) -> None:
        """Queues the command for sending. Call only while the connection is ready."""
        connection = self._connection

        def send() -> bool:
            spacing = self._spacings

            def settled(answer: Answer) -> None:
                if connection == self._connection:
                    self._in_flight -= 1
                    self._heed(answer, spacing)
                settle(answer)
                self._pump()

            return self._send(command, data, settled)

        self._waiting.append(send)
        self._pump()

    def reset(self) -> None:
        """Drops the waiting commands, because the connection has ended."""
        self._connection += 1
        self._waiting.clear()
        self._in_flight = 0
        self._pause.cancel()

    def _pump(self) -> None:
        while not self._pause.running and self._in_flight < IN_FLIGHT and self._waiting:
            if self._waiting.popleft()():
                self._in_flight += 1
            if self._spacing > 0:
                self._pause.start(self._spacing, self._pump)

    def _heed(self, answer: Answer, spacing: int) -> None:
        if not isinstance(answer, TidemarkError) or answer.code != "rate_limited":
            return
        wait = DEFAULT_PAUSE if answer.retry_after is None else answer.retry_after
        if spacing == self._spacings:
            self._spacing = min(max(self._spacing * WIDENING, wait), MAX_SPACING)
            self._spacings += 1
        self._pause.start(wait, self._pump)
