"""Tracks the position of one subscription in its stream: which events are new, and where to resume so that no event is
missed.

It uses no socket and no clock. There are three kinds of marks, because "received" can mean three things:

- ``position``: everything up to here was received. A resume starts here.
- ``proven``, at most ``position``: the ``delivered`` of a heartbeat has confirmed everything up to here (CON-3).
- ``floor`` and ``seen``: the numbers up to ``floor``, and those in ``seen``, are duplicates if they arrive again.

During a warm replay, the position does not move until ``replay_complete``: a resume from the middle would miss the rest of
the replay. During a resume replay, the position moves with each event, because every event arrives in ascending order.

If a warm replay is cut off, it is requested again. The first replay shows the stream at a position A, the new one at a later
position B. The new replay lacks some events between A and B: some are in no warm replay, others were replaced or deleted.
So the client accepts events of the new replay only up to A, and then resumes after A (CLI-13).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Union

from .wire import Position

#: The replay that a subscribe command asks for: a resume, a warm replay, or none (RPL-1).
ReplayMode = Literal["resume", "warm", "none"]

#: Why the client itself reports a loss. ``epoch_changed``: the epoch changed without a ``gap`` from the server (STR-3).
#: ``state_invalidated``: the server required a fresh start, or made one without being asked.
#: ``unproven``: the ``delivered`` of a heartbeat was greater than our count, and there is no proven position to resume from (CON-3).
ClientGapReason = Literal["epoch_changed", "state_invalidated", "unproven"]

#: The maximum size of ``seen``, enough for 25 s between two heartbeats at 600 events per second. Above it, ``floor`` is
#: raised, so that any number up to the newest one counts as a duplicate.
MAX_SEEN = 16_384


@dataclass(frozen=True)
class CursorGap:
    """A loss that the client must report to the application, because the server sends no ``gap`` for it."""

    reason: ClientGapReason
    start: Union[Position, None]
    end: Position


class Cursor:
    def __init__(self, after: Union[Position, None] = None) -> None:
        self._position = after
        self._proven = after
        #: The epoch of the expected events.
        self._epoch = None if after is None else after.epoch
        #: A newer epoch that a ``gap`` has announced while events of the old epoch were still in transit.
        self._announced: Union[Position, None] = None
        self._floor = 0 if after is None else after.sequence_id
        self._seen: set[int] = set()
        #: Newest number received on this connection. Numbers ascend within a connection.
        self._newest = 0
        self._phase: Literal["warm", "resume", "live"] = "warm"
        #: While a warm replay is not complete: its position in ``subscribed``. After a repeated replay, that of the first replay.
        self._picture: Union[Position, None] = None
        #: A loss that the client reports when the next ``subscribed`` arrives: the reason, and the last position before the loss.
        self._forgotten: Union[tuple[ClientGapReason, Union[Position, None]], None] = None
        #: Whether ``seen`` was truncated since the last ``prove``. If so, a lost event cannot be distinguished from a duplicate.
        self._cut = False

    @property
    def position(self) -> Union[Position, None]:
        """A resume from this position misses no event. None if only a fresh start misses no event."""
        return self._position

    @property
    def live(self) -> bool:
        return self._phase == "live"

    def start(self, position: Position, asked: ReplayMode, *, attempted: bool, recovered: bool) -> Union[CursorGap, None]:
        """Handles ``subscribed``. Returns a loss that the client must report, because the server sends no ``gap`` for it."""
        self._newest = 0
        if asked == "resume" and recovered and position.epoch == self._epoch:
            self._phase = "resume"
            return None
        gap = self._unreported(position, asked, attempted=attempted, recovered=recovered)
        # After a failed resume the program rebuilds its state, so events that it has already received are delivered
        # again (RPL-4). A warm replay that is repeated after a lost connection delivers only events that are still
        # missing.
        if asked == "resume" or gap is not None or position.epoch != self._epoch:
            self._reset(position.epoch)
        self._forgotten = None
        self._phase = "live" if asked == "none" else "warm"
        if asked == "none":
            self._position = self._proven = position
        elif self._picture is None:
            self._picture = position
        return gap

    def accept(self, event: Position) -> tuple[bool, Union[CursorGap, None]]:
        """Handles an event. Returns whether the event is new to this subscription, and the loss that the event reveals, if any."""
        gap = None
        if event.epoch != self._epoch:
            gap = self._enter(Position(event.epoch, event.sequence_id - 1))
        if self._ends_before(event):
            return False, None
        self._newest = max(self._newest, event.sequence_id)
        if self._phase != "warm":
            self._advance(event)
        fresh = event.sequence_id > self._floor and event.sequence_id not in self._seen
        if fresh:
            self._seen.add(event.sequence_id)
        if len(self._seen) > MAX_SEEN:
            self._settle()
            self._cut = True
        return fresh, gap

    def complete(self, position: Position) -> Union[CursorGap, None]:
        """Handles ``replay_complete``. If the cursor is not live afterwards, the subscription must resume to receive the missing events."""
        gap = None if position.epoch == self._epoch else self._enter(position)
        if self._ends_before(position):
            self._position = self._picture
        else:
            self._phase = "live"
            self._advance(position)
        self._picture = None
        return gap

    def heartbeat(self, position: Position) -> Union[CursorGap, None]:
        """Handles the stream's position in a heartbeat. The cursor moves there even if no event matches the subscription (CON-3)."""
        if self._phase != "live":
            return None
        gap = None if position.epoch == self._epoch else self._enter(position)
        self._advance(position)
        return gap

    def prove(self) -> None:
        """Records that a heartbeat's ``delivered`` equals our count, so no event up to here was lost in transit."""
        self._settle()
        self._cut = False
        if self._phase != "warm":
            self._proven = self._position

    def skip(self, start: Position, end: Position) -> None:
        """Handles a loss that the server reported, between two positions.

        If the position has reached the start of the loss, it moves to the end of the loss. Otherwise an event before the
        loss may not have arrived yet, so only the next event after the loss moves the position.
        """
        new_epoch = end.epoch != self._epoch
        if new_epoch:
            self._announced = end
        if self._phase != "live" or self._position is None:
            return
        if self._position.epoch != start.epoch or self._position.sequence_id < start.sequence_id:
            return
        if new_epoch:
            self._enter(end)
        self._advance(end)
        self._proven = self._position

    def rewind(self) -> None:
        """Handles a heartbeat whose ``delivered`` is greater than our count: an event of this connection was lost.

        The next resume starts at the last proven position. Events that were received since then are dropped as
        duplicates, so that only the lost events are delivered, late. If there is no proven position, the loss is
        reported and a warm replay is requested.
        """
        if self._proven is None or self._cut:
            self.forget("unproven")
        else:
            self._position = self._proven

    def forget(self, reason: ClientGapReason) -> None:
        """Discards the position, for example after a 43xx close: the loss is reported with the next ``subscribed``."""
        if self._epoch is None:
            return
        if self._forgotten is None:
            self._forgotten = (reason, self._position)
        self._position = self._proven = None

    def _unreported(
        self, position: Position, asked: ReplayMode, *, attempted: bool, recovered: bool
    ) -> Union[CursorGap, None]:
        if self._forgotten is not None:
            return CursorGap(self._forgotten[0], self._forgotten[1], position)
        start = self._position or self._picture
        same = position.epoch == self._epoch
        # The server itself reports a gap after ``recovered: false`` (RPL-4), so no other report is needed.
        reported = asked == "resume" and attempted and not recovered
        if start is None or reported or (asked == "warm" and same):
            return None
        return CursorGap("state_invalidated" if same else "epoch_changed", start, position)

    def _enter(self, at: Position) -> Union[CursorGap, None]:
        """Enters a new epoch. Returns the loss, unless a ``gap`` of the server has announced it."""
        start = self._position or self._picture
        announced = self._announced if self._announced is not None and self._announced.epoch == at.epoch else None
        begin = at if announced is None else announced
        self._reset(at.epoch)
        if self._phase != "warm":
            self._position = self._proven = begin
        return None if announced is not None else CursorGap("epoch_changed", start, at)

    def _reset(self, epoch: str) -> None:
        self._epoch = epoch
        self._announced = self._position = self._proven = self._picture = None
        self._floor = self._newest = 0
        self._seen.clear()
        self._cut = False

    def _ends_before(self, position: Position) -> bool:
        """Whether a position is after ``_picture``: events of the current warm replay are accepted only up to there."""
        return self._picture is not None and self._picture.sequence_id < position.sequence_id

    def _advance(self, to: Position) -> None:
        if to.epoch != self._epoch:
            return
        if self._position is None or self._position.sequence_id < to.sequence_id:
            self._position = to

    def _settle(self) -> None:
        """Raises ``floor`` to the newest number of this connection, because lower numbers cannot arrive as new events
        any more."""
        self._floor = max(self._floor, self._newest)
        self._seen = {number for number in self._seen if number > self._floor}
