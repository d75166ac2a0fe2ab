"""Tracks the positions of one subscription in all of its streams, with one cursor for each: which events are new, and where to resume.

It uses no socket and no clock. A stream without a position is resumed from before its first event (MUL-5). Therefore no position
is needed for a stream that begins later. A position may also be left out of a resume: all events of its stream then arrive again,
and events that are already known are dropped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Union

from .cursor import ClientGapReason, Cursor, CursorGap, ReplayMode
from .wire import EventPrefix, Position

#: Maximum number of events of all streams that are remembered between two heartbeats; see ``MAX_SEEN`` of the cursor.
MAX_UNPROVEN = 65_536


@dataclass
class Moves:
    """The change of the reader's positions that one item causes."""

    #: The new position of each stream; None for a stream that has ended.
    streams: dict[str, Union[Position, None]] = field(default_factory=lambda: {})
    #: Whether a resume from the positions misses no event. False during the first warm picture.
    is_complete: bool = False


@dataclass(frozen=True)
class StreamLoss:
    """A loss in one stream. The client must report it, because the server sends no ``gap`` for it.

    The position after the loss is not known yet.
    """

    stream: str
    reason: ClientGapReason
    start: Union[Position, None]
    end: None = None


@dataclass(frozen=True)
class _Repair:
    """A stream whose resume has failed, until the warm picture that follows is complete."""

    #: The position that the resume named, if any. If the picture is cut off, the next resume names this position again.
    asked: Union[Position, None]
    #: The position at which the reported loss ended.
    end: Position


#: A loss that the client must report to the application, because the server sends no ``gap`` for it; None if there is none.
Loss = Union[CursorGap, StreamLoss, None]


class StreamCursors:
    def __init__(self, positions: Union[Mapping[str, Position], None] = None) -> None:
        self._cursors = {stream: Cursor(position) for stream, position in (positions or {}).items()}
        #: The streams from which an event or a position was received since the latest ``subscribed``.
        self._begun: set[str] = set()
        self._repairs: dict[str, _Repair] = {}
        #: The proven positions of streams that have ended since the last ``prove``. A loss before their end must still be reported.
        self._ended: dict[str, Position] = {}
        #: For streams whose position was left out of the resume: the position after which their events are new.
        self._floors: dict[str, Position] = {}
        self._moves = Moves()
        #: Whether the client can resume. With given positions: from the start. With mode ``none``: from the first ``subscribed``.
        #: Otherwise: from the end of the first warm picture.
        self._placed = positions is not None
        self._has_begun = self._placed
        #: Whether the first warm picture has begun and is not complete.
        self._in_picture = False
        #: The streams known at the latest ``subscribed``. Each stream continued there, or its loss was reported there. None if that
        #: ``subscribed`` was the first or answered a resume.
        self._reported: Union[Set[str], None] = None
        self._reason: ClientGapReason = "state_invalidated"
        #: Whether the warm picture of a stream was cut off, and the repeated picture shows the stream at a later position.
        self._behind = False
        self._asked: ReplayMode = "warm"
        self._forgotten: Sequence[StreamLoss] = ()
        self._unproven = 0
        #: Whether ``rewind`` must report a loss, because it cannot find every lost event: since the last ``prove``, more events arrived
        #: than are remembered, or a stream without a proven position ended.
        self._cut = False
        #: Whether the replay is complete.
        self.live = False

    @property
    def positions(self) -> Union[Mapping[str, Position], None]:
        """Where to resume without missing an event; None while only a fresh start can guarantee that."""
        if not self._placed:
            return None
        known = {stream: self._resume_at(stream, cursor) for stream, cursor in self._cursors.items()}
        return {stream: position for stream, position in known.items() if position is not None}

    def take_moves(self) -> Union[Moves, None]:
        """The changes of positions since the last call; None if there are none."""
        moves = self._moves
        if not self._placed or not (moves.streams or moves.is_complete):
            return None
        self._moves = Moves()
        return moves

    def leave_out(self, positions: Mapping[str, Position]) -> None:
        """Records positions that did not fit into the resume. Earlier events of these streams will arrive again."""
        self._floors = dict(positions)

    def start(self, asked: ReplayMode) -> Sequence[StreamLoss]:
        """Handles ``subscribed``. Returns the losses that the client must report, because the server sends no ``gap`` for them."""
        if self._in_picture:
            self._drop_unplaced()
        losses, self._forgotten = self._forgotten, ()
        is_fresh = asked != "resume" and self._has_begun
        self._reported = {*(loss.stream for loss in losses), *self._cursors} if is_fresh else None
        self._has_begun = True
        self._in_picture = asked == "warm"
        self._behind = False
        self._asked = asked
        self.live = asked == "none"
        if self.live:
            self._place()
        self._begun.clear()
        return losses

    def accept(self, prefix: EventPrefix) -> tuple[bool, Loss]:
        """Handles an event. Returns whether the event is new to this subscription, and the loss that the event reveals, if any."""
        stream, position = prefix.stream, prefix.position
        loss = None if self.live else self._loss_before(stream)
        cursor = self._begin(stream, position)
        floor = self._floors.get(stream)
        if floor is not None and floor.epoch == position.epoch and position.sequence_id <= floor.sequence_id:
            return False, None
        is_new, gap = cursor.accept(position)
        self._move(stream, cursor)
        self._unproven += 1
        if self._unproven > MAX_UNPROVEN:
            self._settle()
            self._cut = True
        return is_new, loss or gap

    def place(self, stream: str, position: Position) -> Loss:
        """Handles the position of a stream in a ``positions`` push, which shows that the replay of the stream is complete (MUL-4)."""
        loss = self._loss_before(stream)
        cursor = self._begin(stream, position, position if self._asked == "none" else None)
        self._repairs.pop(stream, None)
        gap = cursor.complete(position)
        self._behind = self._behind or not cursor.live
        self._move(stream, cursor)
        return loss or gap

    def end(self, stream: str) -> None:
        """Handles the end of a stream (MUL-6). If the stream appears again, its first event has the number 1, and nothing was lost."""
        was_in_repair = self._repairs.pop(stream, None) is not None
        cursor = self._cursors.pop(stream, None)
        self._moves.streams[stream] = None
        if cursor is None:
            return
        cursor.rewind()
        if cursor.position is None:
            # The loss of a stream in repair was already reported.
            self._cut = self._cut or not was_in_repair
        else:
            self._ended.setdefault(stream, cursor.position)

    def complete(self) -> bool:
        """Handles ``replay_complete``.

        Returns whether the streams must be resumed now to fetch missing events; see ``_behind`` (CLI-13).
        """
        self.live = True
        self._in_picture = False
        self._place()
        for stream, cursor in self._cursors.items():
            if not cursor.live and cursor.position is not None:
                cursor.complete(cursor.position)
            self._move(stream, cursor)
        return self._behind

    def heartbeat(self, stream: str, position: Position) -> Union[CursorGap, None]:
        """Handles the position of a followed stream in a heartbeat (MUL-8)."""
        if not self.live:
            return None
        cursor = self._begin(stream, position)
        gap = cursor.heartbeat(position)
        self._move(stream, cursor)
        return gap

    def prove(self) -> None:
        """Must be called when ``delivered`` of a heartbeat equals our count. This proves that no event up to here was lost in transit."""
        self._settle()
        self._ended.clear()
        self._cut = False

    def skip(self, stream: str, start: Position, end: Position) -> bool:
        """Handles a loss that the server reported. After a failed resume, the report directly follows ``subscribed`` (MUL-5).

        Returns whether the loss is new. False if the server reports the same loss again: after the first report, the connection was
        lost during the warm replay, and the repeated resume has failed too.
        """
        cursor = self._cursors.get(stream)
        if not self.live and self._asked == "resume" and stream not in self._begun:
            return self._failed(stream, cursor, end)
        if cursor is not None:
            cursor.skip(start, end)
            self._move(stream, cursor)
        return True

    def rewind(self) -> None:
        """Handles a heartbeat whose ``delivered`` is greater than our count: an event of this connection was lost.

        Every stream returns to its proven position, and the next resume delivers only the lost events, late. If a stream has no
        proven position, the client reports a loss and requests the first replay again.
        """
        for stream, position in self._ended.items():
            self._cursors[stream] = Cursor(position)
        known = list(self._known())
        for stream, cursor in self._cursors.items():
            if stream not in self._repairs:
                cursor.rewind()
                self._cut = self._cut or cursor.position is None
        if self._cut:
            self._discard("unproven", known)
        self._ended.clear()

    def forget(self, reason: ClientGapReason) -> None:
        """Discards all positions, for example after a 43xx close: the losses are reported with the next ``subscribed``."""
        self._discard(reason, list(self._known()))

    def _failed(self, stream: str, known: Union[Cursor, None], end: Position) -> bool:
        repair = self._repairs.get(stream)
        asked = repair.asked if repair is not None else None if known is None else known.position
        # ``repair.end`` is the end of the loss that was reported before. If this loss has the same end, the stream has no new events: the
        # server repeats the same picture, and the known cursor drops its received events. Otherwise, the loss is new, and the
        # picture is too.
        continues = repair is not None and repair.end == end
        cursor = known if continues and known is not None else Cursor()
        cursor.start(_anywhere_in(end), "warm" if continues else "resume", attempted=True, recovered=False)
        self._cursors[stream] = cursor
        self._begun.add(stream)
        self._floors.pop(stream, None)
        self._repairs[stream] = _Repair(asked, end)
        return not continues

    def _resume_at(self, stream: str, cursor: Cursor) -> Union[Position, None]:
        repair = self._repairs.get(stream)
        return cursor.position if repair is None else repair.asked

    def _known(self) -> Iterable[tuple[str, Union[Position, None]]]:
        return ((stream, self._resume_at(stream, cursor)) for stream, cursor in self._cursors.items())

    def _loss_before(self, stream: str) -> Union[StreamLoss, None]:
        """The loss to report for a stream that appears after the client had to subscribe again without positions.

        The client did not know the stream at that time. Since the first subscribe, the stream may have had events that the client
        did not receive (MUL-3).
        """
        if self._reported is None or stream in self._reported or stream in self._begun:
            return None
        return StreamLoss(stream, self._reason, None)

    def _drop_unplaced(self) -> None:
        """Must be called at a ``subscribed`` if the connection was lost during the first warm picture.

        The picture contains the current state of every stream. A stream whose state was complete continues after that state
        (CLI-13). For each other stream, the client does not know the position of its state. So the client reports a loss
        for the stream, and requests its state again.
        """
        unplaced = [stream for stream, cursor in self._cursors.items() if cursor.position is None]
        self._reason = "state_invalidated"
        self._forgotten = [*self._forgotten, *(StreamLoss(stream, self._reason, None) for stream in unplaced)]
        for stream in unplaced:
            del self._cursors[stream]

    def _discard(self, reason: ClientGapReason, known: Sequence[tuple[str, Union[Position, None]]]) -> None:
        self._reason = reason
        if not self._forgotten:
            self._forgotten = [StreamLoss(stream, reason, start) for stream, start in known]
        for stream, _ in known:
            self._moves.streams[stream] = None
        self._placed = self._cut = False
        self._cursors.clear()
        self._repairs.clear()
        self._ended.clear()

    def _begin(self, stream: str, at: Position, start: Union[Position, None] = None) -> Cursor:
        """Returns the cursor of a stream. If this is the first message about the stream since ``subscribed``, starts its cursor.

        at: the position in the message. A new cursor gets the epoch of this position. start: where the cursor of an unknown
        stream begins, outside a warm picture; by default before the first event.
        """
        cursor = self._cursors.get(stream)
        if cursor is not None and stream in self._begun:
            return cursor
        before_first = Position(at.epoch, 0)
        is_warm = self._asked == "warm" and not self.live
        repair = self._repairs.pop(stream, None)
        if repair is not None:
            # A pending repair is a resume that was repeated from the position `asked`. A `gap` would have come before this message
            # if it had failed, so it has succeeded.
            cursor = None if repair.asked is None else Cursor(repair.asked)
        if cursor is None:
            cursor = Cursor() if is_warm else Cursor(start or before_first)
        self._cursors[stream] = cursor
        self._begun.add(stream)
        if is_warm:
            cursor.start(cursor.position or _anywhere_in(at), "warm", attempted=False, recovered=False)
        else:
            cursor.start(cursor.position or before_first, "resume", attempted=True, recovered=True)
        if self.live and cursor.position is not None:
            cursor.complete(cursor.position)
        return cursor

    def _move(self, stream: str, cursor: Cursor) -> None:
        if cursor.position is not None and stream not in self._repairs:
            self._moves.streams[stream] = cursor.position

    def _place(self) -> None:
        self._moves.is_complete = self._moves.is_complete or not self._placed
        self._placed = True

    def _settle(self) -> None:
        for cursor in self._cursors.values():
            cursor.prove()
        self._unproven = 0


def _anywhere_in(position: Position) -> Position:
    """A placeholder after every event of the epoch. The server reports the position of a warm picture only when the picture is
    complete. Until then, this placeholder replaces it, so that every event of the picture is accepted."""
    return Position(position.epoch, sys.maxsize)
