"""The client, without the names of the contract, which the facade, ``client.py`` of the generated package, adds."""

from __future__ import annotations

import random as random_module
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, TypeVar, Union

from .commands import Pacer, Settle
from .connection import Connection, ConnectionEnd, require_loop
from .contract_match import ContractMatch, match_contract
from .diagnosis import ClientState, Counts, Diagnosis
from .errors import ConnectionLost
from .listeners import Lifecycle, Listeners
from .mirror import Mirror
from .picture import KeyedEvent, PictureRules
from .pushes import AnyFeed, Pushes
from .requests import read_feed_settings, read_request, read_streams_request
from .settings import Settings, TokenSource, read_url
from .streams import StreamsReplay, StreamsSubscription
from .subscription import Subscription
from .subscription_port import Gap
from .timing import backoff
from .wait import StreamsWaited, Waited, wait_for_event, wait_on_streams
from .wire import Frame, JsonObject, Position, ProtocolSpec, as_object, as_whole_number

Self = TypeVar("Self", bound="ClientCore")

#: Size limit of a command, in bytes, if the server does not announce its limit: the contract's default.
DEFAULT_ROOM = 65_536


class ClientCore:
    def __init__(
        self,
        spec: ProtocolSpec,
        url: str,
        *,
        token: Union[TokenSource, None] = None,
        api_key: Union[str, None] = None,
        backoff_min: float = 0.5,
        backoff_max: float = 20.0,
        max_attempts: Union[int, None] = None,
        open_timeout: float = 10.0,
        command_timeout: float = 10.0,
        silent_intervals: float = 2.5,
        stable_after: float = 5.0,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        if token is not None and api_key is not None:
            raise ValueError("Pass either token= or api_key=, not both.")
        self._settings = Settings(
            url=read_url(url, spec.credential_parameters),
            token=token,
            api_key=api_key,
            backoff_min=backoff_min,
            backoff_max=backoff_max,
            max_attempts=max_attempts,
            open_timeout=open_timeout,
            command_timeout=command_timeout,
            silent_intervals=silent_intervals,
            stable_after=stable_after,
            random=random,
        )
        self._connection = Connection(self._settings, spec, self)
        self._pacer = Pacer(self._connection.request)
        self._subscriptions: dict[str, AnyFeed] = {}
        self._listeners = Listeners()
        self._last_subscription = 0
        #: Size limit of a command, in bytes. The limit of the last connection is kept, because after a reconnect the client subscribes
        #: before it has received the new ``welcome``.
        self._room = DEFAULT_ROOM
        self._counts = Counts()
        self._welcome: Union[JsonObject, None] = None
        self._spec = spec
        self._contract: Union[ContractMatch, None] = None
        self._pushes = Pushes(self._subscriptions, self)

    @property
    def state(self) -> ClientState:
        state = self._connection.state
        if state == "ready":
            return "open"
        if state == "waiting":
            return "reconnecting"
        if state == "stopped":
            return "closed"
        return "idle" if state == "idle" else "connecting"

    @property
    def contract(self) -> Union[ContractMatch, None]:
        """How the server's contract differs from this client's contract; None before the first ``welcome``."""
        return self._contract

    @property
    def diagnosis(self) -> Diagnosis:
        """Counts about the connection and its subscriptions. Computed anew on each access."""
        return self._counts.diagnose(self._settings.url, self.state, self._subscriptions.values())

    def on(self, name: Lifecycle, listener: Callable[[object], object]) -> Callable[[], None]:
        """Adds a listener for events about the client itself. Returns a function that removes the listener.

        ``connecting`` (attempt), ``welcome``, ``contract_mismatch`` (ContractMatch), ``authenticated``, ``ready``,
        ``closing``, ``closed`` (ConnectionEnd), ``reconnecting`` (attempt, seconds), ``resumed`` and ``parked``
        (Subscription), ``postponed`` (TidemarkError), ``gap`` (Gap), ``loss`` (sent, received) and ``error`` (an
        exception that no call raises).

        If a listener raises an exception, the event loop's exception handler receives it
        (``loop.set_exception_handler``), and the client continues.
        """
        return self._listeners.add(name, listener)

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: Union[type[BaseException], None],
        error: Union[BaseException, None],
        trace: Union[TracebackType, None],
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends every subscription and closes the connection. Pending calls raise ``ConnectionLost``
        (``client_closed``)."""
        await self._connection.stop(ConnectionLost("client_closed", "The client was closed."))

    # ---- used by the generated facade

    def _subscribe(
        self,
        events: Sequence[str],
        *,
        stream: str,
        filter: Union[Mapping[str, object], None],
        replay: Union[Literal["warm", "none"], Position],
        subscription_id: Union[str, None],
        buffer_limit: int,
        on_full: Literal["park", "error"],
        gaps: Literal["aside", "inline"],
        on_gap: Union[Callable[[Gap], object], None],
        on_item: Union[Callable[[object], None], None] = None,
    ) -> Subscription[object]:
        settings = read_feed_settings(events, filter, buffer_limit, on_full, gaps, on_gap, on_item)
        request = read_request(stream, replay)
        subscription: Subscription[object] = Subscription(self._free_id(subscription_id), request, settings, self)
        self._attach(subscription)
        return subscription

    def _free_id(self, id_: Union[str, None]) -> str:
        if self.state == "closed":
            raise ConnectionLost("client_closed", "The client was closed.")
        id_ = self._next_id() if id_ is None else id_
        if id_ in self._subscriptions:
            raise ValueError(f'A subscription "{id_}" already exists; end it first, or choose another id.')
        return id_

    def _attach(self, subscription: AnyFeed) -> None:
        require_loop()
        self._subscriptions[subscription.id] = subscription
        subscription.connected()
        self._connection.begin()

    def _follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[str],
        *,
        filter: Union[Mapping[str, object], None],
        replay: StreamsReplay,
        subscription_id: Union[str, None] = None,
        buffer_limit: int = 10_000,
        on_full: Literal["park", "error"] = "park",
        gaps: Literal["aside", "inline"] = "inline",
        on_gap: Union[Callable[[Gap], object], None] = None,
    ) -> StreamsSubscription[object]:
        request = read_streams_request(streams, replay, lambda: self._room)
        settings = read_feed_settings(events, filter, buffer_limit, on_full, gaps, on_gap)
        subscription: StreamsSubscription[object] = StreamsSubscription(
            self._free_id(subscription_id), request, settings, self
        )
        self._attach(subscription)
        return subscription

    async def _wait_on_streams(
        self,
        streams: Sequence[str],
        event: str,
        predicate: Union[Callable[[Any], bool], None],
        *,
        filter: Union[Mapping[str, object], None],
        since: Union[Mapping[str, Position], None],
        timeout: Union[float, None],
        on_gap: Union[Callable[[Gap], object], None],
    ) -> StreamsWaited[Any]:
        subscription = self._follow_streams(streams, [event], filter=filter, replay="none" if since is None else since)
        return await wait_on_streams(subscription, event, predicate, since=since, timeout=timeout, on_gap=on_gap)

    async def _wait_for(
        self,
        event: str,
        predicate: Union[Callable[[Any], bool], None],
        *,
        stream: str,
        filter: Union[Mapping[str, object], None],
        since: Union[Position, None],
        timeout: Union[float, None],
        on_gap: Union[Callable[[Gap], object], None],
    ) -> Waited[Any]:
        subscription = self._subscribe(
            [event],
            stream=stream,
            filter=filter,
            replay="none" if since is None else since,
            subscription_id=None,
            buffer_limit=10_000,
            on_full="park",
            gaps="inline",
            on_gap=None,
        )
        return await wait_for_event(subscription, event, predicate, since=since, timeout=timeout, on_gap=on_gap)

    def _mirror(self, declared: Mapping[str, KeyedEvent], pattern: str, stream: str) -> Mirror[Any]:
        require_loop()
        return Mirror(self, PictureRules(declared, pattern), stream)

    # ---- used by its mirrors

    def subscribe_items(self, events: Sequence[str], stream: str, on_item: Callable[[object], None]) -> Subscription[object]:
        return self._subscribe(
            events,
            stream=stream,
            filter=None,
            replay="warm",
            subscription_id=None,
            buffer_limit=1,
            on_full="park",
            gaps="inline",
            on_gap=None,
            on_item=on_item,
        )

    async def sync_stream(self, stream: str, timeout: Union[float, None]) -> object:
        return await self._call("sync", {"stream": stream}, timeout)

    # ---- used by the generated facade

    async def _call(self, command: str, data: JsonObject, timeout: Union[float, None]) -> JsonObject:
        return await self._connection.call(command, data, timeout)

    async def _authenticate(self, token: str, timeout: Union[float, None]) -> JsonObject:
        reply = await self._call("authenticate", {"token": token}, timeout)
        self._connection.adopt(token, reply)
        return reply

    # ---- used by its subscriptions

    def send_command(self, command: str, data: JsonObject, settle: Settle) -> bool:
        if self._connection.state != "ready":
            return False
        self._pacer.request(command, data, settle)
        return True

    def backoff(self, attempt: int) -> float:
        return backoff(attempt, self._settings.random, self._settings.backoff_min, self._settings.backoff_max)

    def report(self, name: str, detail: object) -> None:
        self._counts.note(name, detail)
        self._listeners.call(name, detail)

    def remove(self, id_: str) -> None:
        self._subscriptions.pop(id_, None)

    # ---- used by its connection

    def on_connecting(self, attempt: int) -> None:
        self.report("connecting", attempt)

    def on_authenticated(self, data: JsonObject) -> None:
        self.report("authenticated", data)

    def on_ready(self) -> None:
        for subscription in list(self._subscriptions.values()):
            subscription.connected()
        if self._welcome is not None:
            self.report("ready", self._settings.url)

    def on_end(self, end: ConnectionEnd) -> None:
        self._welcome = None
        self._pacer.reset()
        for subscription in list(self._subscriptions.values()):
            subscription.disconnected("state_invalidated" if end.close_class == "retry-fresh" else None)
        self.report("closed", end)

    def on_reconnecting(self, attempt: int, delay: float) -> None:
        self.report("reconnecting", (attempt, delay))

    def on_stopped(self, error: BaseException) -> None:
        self._pacer.reset()
        self._welcome = None
        by_owner = isinstance(error, ConnectionLost) and error.reason == "client_closed"
        for subscription in list(self._subscriptions.values()):
            subscription.shut_down(None if by_owner else error)
        if not by_owner:
            self.report("error", error)

    def on_error(self, error: BaseException) -> None:
        self.report("error", error)

    def on_push(self, frame: Frame) -> None:
        self._pushes.receive(frame)

    # ---- used by its pushes

    @property
    def events_received(self) -> int:
        return self._connection.events

    def on_closing(self, data: JsonObject, code: int, retry_after: Union[float, None]) -> None:
        self._connection.announce_closing(code, retry_after)
        self.report("closing", data)

    def on_loss(self, sent: int, received: int) -> None:
        self.report("loss", (sent, received))
        self._connection.restart(f"{sent} events were sent, {received} received")

    def on_welcome(self, data: JsonObject) -> None:
        self._welcome = data
        room = as_whole_number((as_object(data.get("limits")) or {}).get("inboundMessageBytes"))
        self._room = DEFAULT_ROOM if room is None else room
        self._connection.welcomed(data)
        self._contract = match_contract(self._spec, data)
        self.report("welcome", data)
        if not self._contract.matches:
            self.report("contract_mismatch", self._contract)
        if self.state == "open":
            self.report("ready", self._settings.url)

    def _next_id(self) -> str:
        while True:
            self._last_subscription += 1
            id_ = f"s{self._last_subscription}"
            if id_ not in self._subscriptions:
                return id_
