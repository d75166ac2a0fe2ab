"""A read-only mapping with the state that the server keeps for some events: the newest event of each key, without
deleted keys.

The first content is a warm replay. It is collected separately, and shown when it is complete; live events follow.
Whenever an event may be missing or out of order (a gap, a new epoch, a warm replay that was cut, an event that
arrives late), a new subscription fetches the whole state again. Until this is complete, the mapping shows the old
state. Then it changes to the new state, and reports the differences.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Literal, Protocol, TypeVar, Union, cast

from .errors import ConnectionLost
from .listeners import call_listener
from .picture import PictureRules
from .subscription import Subscription
from .subscription_port import Gap
from .wire import JsonObject

Event_co = TypeVar("Event_co", covariant=True)
Self = TypeVar("Self", bound="Mirror[object]")

#: ``loading``: the first warm replay is not complete yet. ``repairing``: events were lost, and the old state is shown
#: until the new state is complete.
MirrorState = Literal["loading", "live", "repairing", "closed"]


@dataclass(frozen=True)
class MirrorChange(Generic[Event_co]):
    """One change of the mapping. ``event`` is None after a deletion; ``previous`` is None if the key was not in the
    mapping."""

    key: str
    event: Union[Event_co, None]
    previous: Union[Event_co, None]


class MirrorClient(Protocol):
    """The functions of a client that a mirror uses."""

    def subscribe_items(self, events: Sequence[str], stream: str, on_item: Callable[[object], None]) -> Subscription[object]: ...

    def on(self, name: Literal["resumed", "loss"], listener: Callable[[object], object]) -> Callable[[], None]: ...

    async def sync_stream(self, stream: str, timeout: Union[float, None]) -> object: ...


class Mirror(Mapping[str, Event_co]):
    """``async with client.mirror("entity_*") as entities`` waits until the first state is complete, and closes the
    mirror at the end."""

    def __init__(self, client: MirrorClient, rules: PictureRules, stream: str) -> None:
        self.stream = stream
        self.state: MirrorState = "loading"
        #: Whether the latest warm replay was incomplete, because the server's history is limited (RPL-3).
        self.truncated = False
        self._client = client
        self._rules = rules
        self._shown: dict[str, Event_co] = {}
        self._next: Union[dict[str, Event_co], None] = None
        self._subscription: Union[Subscription[object], None] = None
        self._failure: Union[BaseException, None] = None
        self._live = asyncio.Event()
        self._listeners: list[Callable[[MirrorChange[Event_co]], object]] = []
        self._gap_listeners: list[Callable[[Gap], object]] = []
        self._logs: set[_ChangeLog[Event_co]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        # After a loss in transit, a resume yields the lost event late, so this event would replace a newer event of its key.
        self._offs = [client.on("resumed", self._resumed), client.on("loss", lambda _: self._refresh())]
        self._refresh()

    # ---- the mapping

    def __getitem__(self, key: str) -> Event_co:
        return self._shown[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shown)

    def __len__(self) -> int:
        return len(self._shown)

    async def ready(self) -> None:
        """Returns when the first state is complete. Raises the error that ended the mirror."""
        await self._live.wait()
        if self._failure is not None:
            raise self._failure

    async def sync(self, *, timeout: Union[float, None] = None) -> None:
        """Returns when the mapping has every event that was published on the stream before this call (SYN-1).

        Raises the same errors as ``client.sync``. But if the connection is lost, the command is sent again.
        Raises ConnectionLost if the mirror is closed.
        """
        while True:
            await self.ready()
            try:
                await self._client.sync_stream(self.stream, timeout)
            except ConnectionLost as error:
                if error.reason != "connection_lost":
                    raise
                continue
            # A replay may still be in progress, if the subscription was resumed or replaced meanwhile.
            if self.state == "live" and self._subscription is not None and self._subscription.state == "live":
                return

    def on_change(self, listener: Callable[[MirrorChange[Event_co]], object]) -> Callable[[], None]:
        """Adds a listener, which is called after each change of the mapping. Returns a function that removes it."""
        return _added(self._listeners, listener)

    def on_gap(self, listener: Callable[[Gap], object]) -> Callable[[], None]:
        """Adds a listener, which is called for each gap. The mirror repairs every gap except those that a source caused
        (``source_overflow``). Returns a function that removes the listener."""
        return _added(self._gap_listeners, listener)

    def changes(self) -> AsyncIterator[MirrorChange[Event_co]]:
        """The changes from now on, until the mirror is closed. Unread changes of the same key are combined into one
        change.

        The mirror forgets an iterator that the application no longer refers to, for example after ``break``.
        """
        log: _ChangeLog[Event_co] = _ChangeLog()
        if self.state == "closed":
            log.end()
        else:
            self._logs.add(log)
        changes = _Changes(log)
        # Leaving `async for` calls no method of the iterator, so the log is removed when the iterator is
        # garbage-collected.
        weakref.finalize(changes, self._logs.discard, log)
        return changes

    def close(self) -> None:
        """Ends the mirror; the mapping keeps its content and no longer changes."""
        self._end(ConnectionLost("client_closed", "The mirror was closed."))

    async def __aenter__(self: Self) -> Self:
        await self.ready()
        return self

    async def __aexit__(
        self,
        kind: Union[type[BaseException], None],
        error: Union[BaseException, None],
        trace: Union[TracebackType, None],
    ) -> None:
        self.close()

    # ---- the subscription

    def _refresh(self) -> None:
        """Fetches the whole state with a new subscription."""
        if self.state == "closed":
            return
        if self._subscription is not None:
            self._subscription.end()
        self._next = {}
        if self.state == "live":
            self.state = "repairing"
            self._live.clear()
        holder: list[Subscription[object]] = []

        def receive(item: object) -> None:
            if holder and self._subscription is holder[0]:
                self._receive(item)

        try:
            subscription = self._client.subscribe_items(self._rules.events, self.stream, receive)
        except ConnectionLost as error:
            self._end(error)
            return
        holder.append(subscription)
        self._subscription = subscription
        self._start(self._show_when_complete(subscription, self._next))
        self._start(self._watch_end(subscription))

    async def _show_when_complete(self, subscription: Subscription[object], next_: dict[str, Event_co]) -> None:
        try:
            summary = await subscription.caught_up()
        except Exception:  # noqa: BLE001 - `_watch_end` gets the same error and ends the mirror with it
            return
        if self._next is next_:
            self.truncated = summary.truncated
            self._show(next_)

    async def _watch_end(self, subscription: Subscription[object]) -> None:
        """Handles the end of a subscription that the mirror did not end itself: the server rejected it, or the client
        has stopped."""
        error: BaseException = ConnectionLost("client_closed", "The client was closed.")
        try:
            async for _ in subscription:
                pass
        except Exception as reason:  # noqa: BLE001 - any error that ended the subscription ends the mirror
            error = reason
        if self._subscription is subscription:
            self._end(error)

    def _resumed(self, subscription: object) -> None:
        # A replay that was cut off is repeated from the start, because a key may have been deleted meanwhile.
        if subscription is self._subscription and self._next is not None and self._subscription is not None:
            if self._subscription.recovered is None:
                self._refresh()

    def _receive(self, item: object) -> None:
        if isinstance(item, Gap):
            for listener in list(self._gap_listeners):
                call_listener(listener, item)
            if item.reason != "source_overflow":
                self._refresh()
            return
        data = cast(JsonObject, item)
        key = self._rules.key_of(data)
        if key is None:
            return
        event = None if self._rules.clears(data) else cast(Event_co, item)
        if self._next is None:
            self._change(key, event)
        elif event is not None:
            self._next[key] = event
        elif key in self._next:
            del self._next[key]

    def _show(self, next_: dict[str, Event_co]) -> None:
        before, self._shown, self._next = self._shown, next_, None
        changes = [MirrorChange(key, None, previous) for key, previous in before.items() if key not in next_]
        changes += [
            MirrorChange(key, event, before.get(key))
            for key, event in next_.items()
            if key not in before or _place(before[key]) != _place(event)
        ]
        for change in changes:
            self._report(change)
            if self._is_closed():
                return
        self.state = "live"
        self._live.set()

    def _change(self, key: str, event: Union[Event_co, None]) -> None:
        previous = self._shown.get(key)
        if event is not None:
            self._shown[key] = event
        elif previous is None:
            return
        else:
            del self._shown[key]
        self._report(MirrorChange(key, event, previous))

    def _report(self, change: MirrorChange[Event_co]) -> None:
        for log in list(self._logs):
            log.add(change)
        for listener in list(self._listeners):
            call_listener(listener, change)

    def _is_closed(self) -> bool:
        """Whether the mirror is closed. Checked after each call of a listener, because a listener may close the mirror."""
        return self.state == "closed"

    def _end(self, error: BaseException) -> None:
        if self.state == "closed":
            return
        subscription, self._subscription = self._subscription, None
        self.state = "closed"
        self._failure = error
        for off in self._offs:
            off()
        if subscription is not None:
            subscription.end()
        self._live.set()
        for log in list(self._logs):
            log.end()

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _ChangeLog(Generic[Event_co]):
    """The changes that one reader has not read yet. Changes of the same key are combined, so there are at most as many
    changes as keys."""

    def __init__(self) -> None:
        self._changes: dict[str, MirrorChange[Event_co]] = {}
        self._is_ended = False
        self._wake = asyncio.Event()

    def add(self, change: MirrorChange[Event_co]) -> None:
        unread = self._changes.pop(change.key, None)
        previous = change.previous if unread is None else unread.previous
        if change.event is not None or previous is not None:
            self._changes[change.key] = MirrorChange(change.key, change.event, previous)
        self._wake.set()

    def end(self) -> None:
        self._is_ended = True
        self._wake.set()

    async def take(self) -> MirrorChange[Event_co]:
        """Returns the oldest unread change; waits if there is none."""
        while not self._changes:
            if self._is_ended:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._changes.pop(next(iter(self._changes)))


class _Changes(AsyncIterator[MirrorChange[Event_co]]):
    """Reads a log. It is not a generator, because a generator ends when one of its reads is cancelled."""

    def __init__(self, log: _ChangeLog[Event_co]) -> None:
        self._log = log

    async def __anext__(self) -> MirrorChange[Event_co]:
        return await self._log.take()


def _place(event: object) -> tuple[object, object]:
    data = cast(JsonObject, event)
    return data.get("epoch"), data.get("sequenceId")


Listener = TypeVar("Listener")


def _added(listeners: list[Listener], listener: Listener) -> Callable[[], None]:
    listeners.append(listener)

    def off() -> None:
        if listener in listeners:
            listeners.remove(listener)

    return off
