"""Keeps the state of one subscription on the server equal to the state that its owner wants, over any number of connections.

There are two states: what the server has (``wire``) and what is wanted (``want``).
Every change of one of them calls ``_reconcile``, which sends the next command unless a command is pending. An
unsubscribe during a subscribe therefore waits for the reply of the subscribe. If it were sent immediately, the server
could handle it first, and keep a subscription that nothing reads.
"""

from __future__ import annotations

from typing import Literal, Protocol, Union

from .commands import Answer, Settle
from .cursor import ReplayMode
from .errors import ProtocolViolation, TidemarkError
from .timing import Timer
from .wire import JsonObject

Wire = Literal["none", "subscribing", "active", "unsubscribing"]
Want = Literal["running", "parked", "ended"]


class ServerSubscriptionOwner(Protocol):
    def send_command(self, command: str, data: JsonObject, settle: Settle) -> bool: ...

    def backoff(self, attempt: int) -> float: ...

    def next_subscribe(self) -> tuple[ReplayMode, JsonObject]: ...

    def subscribed(self, asked: ReplayMode, data: JsonObject) -> None: ...

    def postponed(self, error: TidemarkError, delay: float) -> None: ...

    def refused(self, error: BaseException) -> None: ...

    def detached(self) -> None: ...


class ServerSubscription:
    def __init__(self, id_: str, owner: ServerSubscriptionOwner) -> None:
        self._id = id_
        self._owner = owner
        self.wire: Wire = "none"
        self.want: Want = "running"
        #: Whether events were skipped while the subscription was parked. If so, it must end on the server before it is
        #: resumed.
        self._stale = False
        self._detached = False
        self._refusals = 0
        self._retry = Timer()

    @property
    def attentive(self) -> bool:
        """Whether events are handled now: only between ``subscribed`` and our own ``unsubscribe``. Later events are not
        wanted, or will be replayed."""
        return self.wire == "active" and self.want == "running" and not self._stale

    def connected(self) -> None:
        self._reconcile()

    def lost(self) -> None:
        """The server no longer has the subscription: the connection has ended, or the server ended the subscription."""
        self._set_wire("none")
        self._retry.cancel()
        if self.want == "ended":
            self._reconcile()

    def park(self) -> None:
        if self.want == "running":
            self.want = "parked"
            self._stale = self.wire != "none"
            self._reconcile()

    def unpark(self) -> None:
        if self.want == "parked":
            self.want = "running"
            self._reconcile()

    def end(self) -> None:
        self.want = "ended"
        if self.wire == "none":
            self._retry.cancel()
        self._reconcile()

    def _reconcile(self) -> None:
        if self._retry.running:
            return
        if self.wire == "active" and (self.want != "running" or self._stale):
            self._unsubscribe()
        elif self.wire == "none" and self.want == "running":
            self._subscribe()
        elif self.wire == "none" and self.want == "ended":
            self._detach()

    def _subscribe(self) -> None:
        asked, data = self._owner.next_subscribe()

        def settled(answer: Answer) -> None:
            if isinstance(answer, BaseException):
                self._refused("none", answer)
                return
            self._set_wire("active")
            self._refusals = 0
            self._owner.subscribed(asked, answer)
            self._reconcile()

        # A command that waits in the queue of the pacer counts as sent.
        self.wire = "subscribing"
        if not self._owner.send_command("subscribe", data, settled):
            self.wire = "none"

    def _unsubscribe(self) -> None:
        def settled(answer: Answer) -> None:
            if isinstance(answer, TidemarkError) and answer.retryable:
                self._refused("active", answer)
                return
            # Any other error means that the server does not have the subscription.
            self._set_wire("none")
            self._reconcile()

        self.wire = "unsubscribing"
        if not self._owner.send_command("unsubscribe", {"subscriptionId": self._id}, settled):
            self.wire = "active"

    def _refused(self, wire: Wire, error: BaseException) -> None:
        # Nothing to do if the connection has ended: ``lost`` is called as well, and handles this.
        if not isinstance(error, (TidemarkError, ProtocolViolation)):
            return
        self._set_wire(wire)
        if isinstance(error, ProtocolViolation) or not error.retryable:
            self._owner.refused(error)
            return
        if self.want == "ended" and wire == "none":
            self._detach()
            return
        delay = self._owner.backoff(self._refusals) if error.retry_after is None else error.retry_after
        self._refusals += 1
        self._retry.start(delay, self._reconcile)
        self._owner.postponed(error, delay)

    def _set_wire(self, wire: Union[Wire, Literal["none"]]) -> None:
        self.wire = wire
        if wire == "none":
            self._stale = False

    def _detach(self) -> None:
        if not self._detached:
            self._detached = True
            self._retry.cancel()
            self._owner.detached()
