"""Groups items that follow one another quickly, for programs that start work after a change, such as a build."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator
from typing import TypeVar, Union

from .wire import as_object

Item = TypeVar("Item")


async def settled(
    items: AsyncIterable[Item],
    *,
    quiet: float = 0.2,
    at_most: float = 10.0,
    at_most_items: int = 10_000,
) -> AsyncIterator[list[Item]]:
    """Yields groups of items, each in the order of arrival.

    Of several changes of one file in a group, only the newest is kept, because it describes the whole state of the
    file. Renames, gaps and all other events are kept. If the subscription raises an error, the group collected
    before the error is yielded first.

    quiet: a group ends when no item arrives for this long, in seconds. at_most: a group ends this long after its first
    item, in seconds, even without a pause. at_most_items: a group ends with this number of items.
    """
    iterator = items.__aiter__()
    upcoming: asyncio.Future[Item] = asyncio.ensure_future(iterator.__anext__())
    clock = asyncio.get_running_loop().time
    try:
        while True:
            try:
                first = await upcoming
            except StopAsyncIteration:
                return
            group: dict[object, Item] = {}
            _add(group, first)
            upcoming = asyncio.ensure_future(iterator.__anext__())
            ends_at = clock() + at_most
            while len(group) < at_most_items:
                await asyncio.wait([upcoming], timeout=max(0.0, min(quiet, ends_at - clock())))
                if not upcoming.done() or upcoming.exception() is not None:
                    break
                _add(group, upcoming.result())
                upcoming = asyncio.ensure_future(iterator.__anext__())
            yield list(group.values())
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)


def _add(group: dict[object, Item], item: Item) -> None:
    file, is_rename = _file_change(item)
    if file is not None and file in group:
        del group[file]
    # A rename also affects the old path, so a later change of the new path does not replace it.
    group[object() if file is None or is_rename else file] = item


def _file_change(item: object) -> tuple[Union[str, None], bool]:
    event = as_object(item) or {}
    payload = as_object(event.get("payload"))
    if event.get("event") != "file_change" or payload is None:
        return None, False
    return json.dumps([payload.get("root"), payload.get("path")]), payload.get("changeType") == "rename"
