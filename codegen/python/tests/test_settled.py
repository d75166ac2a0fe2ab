"""Tests the grouping of items, on a subscription that the test controls."""

import asyncio
import unittest
from typing import Any

from runtime.settled import settled


class Fed:
    """Yields the given items; an item that is an exception is raised."""

    def __init__(self, *items: Any) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        for item in items:
            self.queue.put_nowait(item)

    def __aiter__(self) -> "Fed":
        return self

    async def __anext__(self) -> Any:
        item = await self.queue.get()
        if isinstance(item, BaseException):
            raise item
        return item


def change(path: str, kind: str = "modify", event: str = "file_change") -> Any:
    return {"event": event, "payload": {"root": "r", "path": path, "changeType": kind}}


class SettledTest(unittest.IsolatedAsyncioTestCase):
    async def test_keeps_the_newest_change_of_each_file(self) -> None:
        fed = Fed(change("a", "create"), change("b"), change("a", "delete"), change("c", "rename"), change("c"))
        groups = settled(fed, quiet=0.05)
        expected = [change("b"), change("a", "delete"), change("c", "rename"), change("c")]
        self.assertEqual(await groups.__anext__(), expected)
        fed.queue.put_nowait(change("a"))
        self.assertEqual(await groups.__anext__(), [change("a")])
        await groups.aclose()  # type: ignore[attr-defined]

    async def test_keeps_gaps_and_other_events(self) -> None:
        items = ["gap", change("a", "x", "own"), change("a", "y", "own")]
        groups = settled(Fed(*items, StopAsyncIteration()), quiet=60)
        self.assertEqual([group async for group in groups], [items])

    async def test_a_group_has_a_largest_size_and_duration(self) -> None:
        items = [change("a"), change("b"), change("c")]
        groups = settled(Fed(*items, StopAsyncIteration()), at_most_items=2)
        self.assertEqual([len(group) async for group in groups], [2, 1])
        slow = settled(Fed(*items), quiet=60, at_most=0.1)
        self.assertEqual(await slow.__anext__(), items)
        await slow.aclose()  # type: ignore[attr-defined]

    async def test_an_error_is_raised_after_the_group_before_it(self) -> None:
        groups = settled(Fed(change("a"), ValueError("over")), quiet=60)
        self.assertEqual(await groups.__anext__(), [change("a")])
        with self.assertRaisesRegex(ValueError, "over"):
            await groups.__anext__()


if __name__ == "__main__":
    unittest.main()
