"""Waits for one event that matches a predicate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, Union, cast

from .errors import ConnectionLost, WaitFailed
from .feed import Feed
from .streams import StreamsSubscription
from .subscription import Subscription
from .subscription_port import Gap
from .wire import JsonObject, Position, read_position

FailureReason = Literal["timeout", "gap"]

Event = TypeVar("Event")
Event_co = TypeVar("Event_co", covariant=True)


@dataclass(frozen=True)
class Waited(Generic[Event_co]):
    event: Event_co
    #: The position of the event. Pass it as ``since`` to wait for the next event, or resume a subscription from it.
    position: Position


@dataclass(frozen=True)
class StreamsWaited(Generic[Event_co]):
    event: Event_co
    #: The positions of the streams after the event. Pass them as ``since`` to wait for the next event, or resume a subscription with them.
    positions: Mapping[str, Position]


async def wait_for_event(
    subscription: Subscription[object],
    what: str,
    predicate: Union[Callable[[Event], bool], None],
    *,
    since: Union[Position, None],
    timeout: Union[float, None],
    on_gap: Union[Callable[[Gap], object], None],
) -> Waited[Event]:
    def failed(reason: FailureReason, text: str, gap: Union[Gap, None]) -> WaitFailed:
        return WaitFailed(reason, text, position=subscription.position or since if gap is None else gap.end)

    event = await _first(subscription, what, predicate, timeout=timeout, on_gap=on_gap, failed=failed)
    position = read_position(cast(JsonObject, event))
    assert position is not None  # The subscription yields no event without a position.
    return Waited(event, position)


async def wait_on_streams(
    subscription: StreamsSubscription[object],
    what: str,
    predicate: Union[Callable[[Event], bool], None],
    *,
    since: Union[Mapping[str, Position], None],
    timeout: Union[float, None],
    on_gap: Union[Callable[[Gap], object], None],
) -> StreamsWaited[Event]:
    def failed(reason: FailureReason, text: str, _gap: Union[Gap, None]) -> WaitFailed:
        positions = subscription.positions
        return WaitFailed(reason, text, positions=since if positions is None else positions)

    event = await _first(subscription, what, predicate, timeout=timeout, on_gap=on_gap, failed=failed)
    return StreamsWaited(event, subscription.positions or {})


async def _first(
    subscription: Feed[object, Any, Any],
    what: str,
    predicate: Union[Callable[[Event], bool], None],
    *,
    timeout: Union[float, None],
    on_gap: Union[Callable[[Gap], object], None],
    failed: Callable[[FailureReason, str, Union[Gap, None]], WaitFailed],
) -> Event:
    """Reads the subscription until the predicate accepts an event. Always ends the subscription, even if the task is
    cancelled."""
    limit = asyncio.timeout(timeout)
    try:
        async with limit:
            async for item in subscription:
                if isinstance(item, Gap):
                    if on_gap is None:
                        text = f'Events of "{item.stream}" were lost ({item.reason}): the awaited event may be among them.'
                        raise failed("gap", text, item)
                    on_gap(item)
                elif predicate is None or predicate(cast(Event, item)):
                    return cast(Event, item)
        raise ConnectionLost("client_closed", "The client was closed.")
    except TimeoutError:
        if not limit.expired():
            raise
        text = f'No event matching "{what}" on "{subscription.stream}" arrived within {timeout:g} s (subscription: {subscription.state}).'
        raise failed("timeout", text, None) from None
    finally:
        subscription.end()
