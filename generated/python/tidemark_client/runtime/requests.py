"""Checks the arguments of a subscription, and makes its request and its settings from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Union

from .feed import FeedSettings
from .streams import StreamsReplay, StreamsRequest
from .subscription import Request
from .subscription_port import Gap
from .wire import Position


def read_feed_settings(
    events: Sequence[str],
    filter: Union[Mapping[str, object], None],
    buffer_limit: int,
    on_full: Literal["park", "error"],
    gaps: Literal["aside", "inline"],
    on_gap: Union[Callable[[Gap], object], None],
    on_item: Union[Callable[[object], None], None] = None,
) -> FeedSettings:
    _reject_text("events", events)
    return FeedSettings(tuple(events), filter, buffer_limit, on_full, gaps == "inline", on_gap, on_item)


def read_request(stream: str, replay: Union[Literal["warm", "none"], Position]) -> Request:
    if not isinstance(replay, Position) and replay not in ("warm", "none"):
        raise ValueError('replay must be "warm", "none" or a Position to resume from')
    return Request(stream, replay)


def read_streams_request(streams: Sequence[str], replay: StreamsReplay, room: Callable[[], int]) -> StreamsRequest:
    _reject_text("streams", streams)
    if not streams:
        raise ValueError('streams must name a stream, or a pattern such as "session:*"')
    if isinstance(replay, str) and replay not in ("warm", "none"):
        raise ValueError('replay must be "warm", "none" or a mapping from each stream to the Position to resume from')
    return StreamsRequest(tuple(streams), replay, room)


def _reject_text(name: str, value: Sequence[str]) -> None:
    """Refuses a single string. A string is a sequence of strings, so without this check each letter would count as a name."""
    if isinstance(value, str):
        raise TypeError(f'{name} must be a list of names. Write ["{value}"].')
