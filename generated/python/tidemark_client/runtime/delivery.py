"""A queue of items that have been received and not yet read.

The queue also has the position of its reader, which is the position of the last item that was taken. A program may store
this position to resume in another process. It must not store a later position, because items that still wait in the
queue are lost with this process.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar, Union

#: A position or, for several streams, the changes of positions that an item causes.
Mark = TypeVar("Mark")


class _Entry(Generic[Mark]):
    __slots__ = ("item", "position")

    def __init__(self, item: object, position: Union[Mark, None]) -> None:
        self.item = item
        #: The reader's position when the item has been taken; None leaves the position unchanged.
        self.position = position


class DeliveryQueue(Generic[Mark]):
    """Items for one reader. If a reader is cancelled while it waits, it has taken no item, so no item is lost.

    join: combines two consecutive changes of the position; by default the newer one replaces the older one.
    """

    def __init__(
        self, position: Union[Mark, None] = None, join: Callable[[Mark, Mark], Mark] = lambda _older, newer: newer
    ) -> None:
        self._entries: deque[_Entry[Mark]] = deque()
        self._waiters: deque[asyncio.Future[None]] = deque()
        #: Called after each item that the reader takes.
        self.on_read: Callable[[], None] = lambda: None
        self._position = position
        self._join = join
        self._ended = False
        self._error: Union[BaseException, None] = None

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def position(self) -> Union[Mark, None]:
        return self._position

    def push(self, item: object, position: Union[Mark, None]) -> None:
        if self._ended:
            return
        self._entries.append(_Entry(item, position))
        self._wake()

    def mark(self, position: Union[Mark, None]) -> None:
        """Records that the position has moved without an item. The reader gets this position when it has read all
        earlier items."""
        if self._entries:
            self._entries[-1].position = self._joined(self._entries[-1].position, position)
        else:
            self._position = self._joined(self._position, position)

    async def take(self) -> object:
        """The next item. At the end, raises the error that ended the queue, if any; after that, StopAsyncIteration."""
        while not self._entries:
            if self._ended:
                error, self._error = self._error, None
                raise StopAsyncIteration() if error is None else error
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                # This reader was woken and cancelled in the same turn of the event loop: another reader must take the item.
                if waiter.done() and not waiter.cancelled():
                    self._wake()
                raise
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
        entry = self._entries.popleft()
        self._position = self._joined(self._position, entry.position)
        self.on_read()
        return entry.item

    def end(self, error: Union[BaseException, None] = None) -> None:
        """Ends the queue when its items have been read. If there is an error, the next read then raises it, once."""
        if self._ended:
            return
        self._ended = True
        self._error = error
        while self._waiters:
            self._wake()

    def stop(self, error: Union[BaseException, None] = None) -> None:
        """Ends the queue at once; its items are dropped."""
        self._entries.clear()
        if self._ended:
            self._error = error
        self.end(error)

    def _joined(self, older: Union[Mark, None], newer: Union[Mark, None]) -> Union[Mark, None]:
        if older is None or newer is None:
            return older if newer is None else newer
        return self._join(older, newer)

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
