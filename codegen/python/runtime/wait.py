"""Waits for one event that matches a predicate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, Union, cast

from .errors import ConnectionLost, WaitFailed
from .subscription import Gap, Subscription
from .wire import JsonObject, Position, read_position

Event = TypeVar("Event")
Event_co = TypeVar("Event_co", covariant=True)


@dataclass(frozen=True)
class Waited(Generic[Event_co]):
    event: Event_co
    #: The position of the event. Pass it as ``since`` to wait for the next event, or resume a subscription from it.
    position: Position


async def wait_for_event(
    subscription: Subscription[object],
    what: str,
    predicate: Union[Callable[[Event], bool], None],
    *,
    since: Union[Position, None],
    timeout: Union[float, None],
    on_gap: Union[Callable[[Gap], object], None],
) -> Waited[Event]:
    """Reads the subscription until the predicate accepts an event. Always ends the subscription, even if the task is
    cancelled."""
    limit = asyncio.timeout(timeout)
    try:
        async with limit:
            async for item in subscription:
                if isinstance(item, Gap):
                    _meet(item, on_gap)
                elif predicate is None or predicate(cast(Event, item)):
                    position = read_position(cast(JsonObject, item))
                    assert position is not None  # The subscription yields no event without one.
                    return Waited(cast(Event, item), position)
        raise ConnectionLost("client_closed", "The client was closed.")
    except TimeoutError:
        if not limit.expired():
            raise
        text = f'No event matching "{what}" on "{subscription.stream}" arrived within {timeout:g} s (subscription: {subscription.state}).'
        raise WaitFailed("timeout", text, position=subscription.position or since) from None
    finally:
        subscription.end()


def _meet(gap: Gap, on_gap: Union[Callable[[Gap], object], None]) -> None:
    if on_gap is None:
        text = f'Events of "{gap.stream}" were lost ({gap.reason}): the awaited event may be among them.'
        raise WaitFailed("gap", text, position=gap.end)
    on_gap(gap)
