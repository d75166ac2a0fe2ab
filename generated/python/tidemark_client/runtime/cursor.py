"""Tracks the position of one subscription in its stream: which events are new, and where to resume so that none is missed.

It uses no socket and no clock. There are three marks, because "received" has three meanings::

    proven <= position     a heartbeat's ``delivered`` has confirmed everything up to ``proven`` (CON-3);
      floor ... seen       everything up to ``position`` has been received: what a plain resume needs.
                           Numbers up to ``floor``, and those in ``seen``, are duplicates if they arrive again.

The position does not move during a warm replay: a picture is complete only with its ``replay_complete``, and a resume from its
middle would miss the rest. It does move during a resume replay, which is ascending and without holes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Union

from .wire import Position

#: The replay that a subscribe asks for: a resume, a warm replay, or none (RPL-1).
Asked = Literal["resume", "warm", "none"]

#: Why the client itself reports a loss: the server asked for a fresh start or gave one unasked; the stream's epoch changed and
#: the server did not report it (STR-3); ``delivered`` disagreed and there is no proven position to repair from (CON-3).
ClientGapReason = Literal["epoch_changed", "state_invalidated", "unproven"]

#: Bound on ``seen`` between two heartbeats: 25 s at 600 events a second. Beyond it, duplicates are recognised only by order.
MAX_SEEN = 16_384


@dataclass(frozen=True)
class CursorGap:
    """A loss that the client must report itself."""

    reason: ClientGapReason
    start: Union[Position, None]
    end: Position


class Cursor:
    def __init__(self, after: Union[Position, None] = None) -> None:
        self._position = after
        self._proven = after
        #: The epoch of the expected events.
        self._epoch = None if after is None else after.epoch
        #: A newer epoch that a ``gap`` has announced while events of the old one were still in transit.
        self._announced: Union[Position, None] = None
        self._floor = 0 if after is None else after.sequence_id
        self._seen: set[int] = set()
        #: Newest number received on this connection. Numbers ascend along a connection.
        self._newest = 0
        self._phase: Literal["warm", "resume", "live"] = "warm"
        #: A loss that the client reports when the next ``subscribed`` arrives: its reason, and the position before it.
        self._forgotten: Union[tuple[ClientGapReason, Union[Position, None]], None] = None
        #: ``seen`` was truncated since the last proof, so a lost event cannot be distinguished from a duplicate.
        self._cut = False

    @property
    def position(self) -> Union[Position, None]:
        """Where to resume without missing an event; None while only a fresh start can guarantee that."""
        return self._position

    @property
    def live(self) -> bool:
        return self._phase == "live"

    def start(self, position: Position, asked: Asked, *, attempted: bool, recovered: bool) -> Union[CursorGap, None]:
        """Handles ``subscribed``. Returns a loss that the server does not report itself."""
        self._newest = 0
        if asked == "resume" and recovered and position.epoch == self._epoch:
            self._phase = "resume"
            return None
        gap = self._unreported(position, asked, attempted=attempted, recovered=recovered)
        # After a failed resume the state is rebuilt, so events that were seen before are wanted again (RPL-4). A warm
        # replay that is repeated after a lost connection continues where it stopped.
        if asked == "resume" or gap is not None or position.epoch != self._epoch:
            self._reset(position.epoch)
        self._forgotten = None
        self._phase = "live" if asked == "none" else "warm"
        if asked == "none":
            self._position = self._proven = position
        return gap

    def accept(self, event: Position) -> tuple[bool, Union[CursorGap, None]]:
        """Handles an event. Returns whether it is new to this subscription, and a loss that it reveals."""
        gap = None
        if event.epoch != self._epoch:
            gap = self._enter(Position(event.epoch, event.sequence_id - 1))
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
        """Handles ``replay_complete``: the replay is complete."""
        self._phase = "live"
        gap = None if position.epoch == self._epoch else self._enter(position)
        self._advance(position)
        return gap

    def heartbeat(self, position: Position) -> Union[CursorGap, None]:
        """Handles the stream's position in a heartbeat, which moves the position when no event matches (CON-3)."""
        if self._phase != "live":
            return None
        gap = None if position.epoch == self._epoch else self._enter(position)
        self._advance(position)
        return gap

    def prove(self) -> None:
        """A heartbeat's ``delivered`` equals our count: no event up to here was lost on the way."""
        self._settle()
        self._cut = False
        if self._phase != "warm":
            self._proven = self._position

    def skip(self, start: Position, end: Position) -> None:
        """The server reported a loss between two positions.

        Control messages may overtake events (BCK-1), so the position jumps only when nothing before the loss is still under
        way; otherwise the next event beyond it moves it.
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
        """``delivered`` differs: an event of this connection was not received.

        The next resume starts where everything was proven, and what was received since is dropped as duplicate, so that
        exactly the lost ones are handed over, late. Where that cannot be, the loss is reported and a fresh picture asked for.
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
        self, position: Position, asked: Asked, *, attempted: bool, recovered: bool
    ) -> Union[CursorGap, None]:
        if self._forgotten is not None:
            return CursorGap(self._forgotten[0], self._forgotten[1], position)
        # ``recovered: false`` is explained by the server's own gap (RPL-4).
        if asked != "resume" or (attempted and not recovered):
            return None
        same = position.epoch == self._epoch
        return CursorGap("state_invalidated" if same else "epoch_changed", self._position, position)

    def _enter(self, at: Position) -> Union[CursorGap, None]:
        """Enters a new epoch. Returns the loss, unless a ``gap`` has announced it."""
        start = self._position
        announced = self._announced if self._announced is not None and self._announced.epoch == at.epoch else None
        begin = at if announced is None else announced
        self._reset(at.epoch)
        if self._phase != "warm":
            self._position = self._proven = begin
        return None if announced is not None else CursorGap("epoch_changed", start, at)

    def _reset(self, epoch: str) -> None:
        self._epoch = epoch
        self._announced = self._position = self._proven = None
        self._floor = self._newest = 0
        self._seen.clear()
        self._cut = False

    def _advance(self, to: Position) -> None:
        if to.epoch != self._epoch:
            return
        if self._position is None or self._position.sequence_id < to.sequence_id:
            self._position = to

    def _settle(self) -> None:
        """Events at or before the newest number of this connection cannot arrive again as new, so ``floor`` replaces them."""
        self._floor = max(self._floor, self._newest)
        self._seen = {number for number in self._seen if number > self._floor}
