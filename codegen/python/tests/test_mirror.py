"""Tests a mirror on a subscription that the test controls: its listeners, and the readers of its changes."""

import asyncio
import gc
import unittest
from typing import Any, Callable, cast

from runtime.mirror import Mirror, MirrorChange, _ChangeLog
from runtime.picture import KeyedEvent, PictureRules
from runtime.subscription import ReplaySummary, Subscription
from runtime.subscription_port import Gap
from runtime.wire import Position

RULES = PictureRules({"made": KeyedEvent("latest-per-key", "/payload/id", "thing")}, "made")
GAP = Gap("s1", "main", Position("e", 4), Position("e", 9), "window_exceeded", None, "server")


def made(number: int, id_: str) -> Any:
    return {"event": "made", "epoch": "e", "sequenceId": number, "payload": {"id": id_}}


class FedSubscription:
    """A subscription whose replay is complete when the test calls ``complete``."""

    state, recovered = "live", None

    def __init__(self, feed: Callable[[object], None]) -> None:
        self.feed = feed
        self.is_ended = False
        self._summary: asyncio.Future[ReplaySummary] = asyncio.get_running_loop().create_future()

    def complete(self) -> None:
        self._summary.set_result(ReplaySummary(Position("e", 9), 0, False))

    async def caught_up(self) -> ReplaySummary:
        return await self._summary

    def __aiter__(self) -> "FedSubscription":
        return self

    async def __anext__(self) -> Any:
        return await asyncio.get_running_loop().create_future()

    def end(self) -> None:
        self.is_ended = True


class FedClient:
    def __init__(self) -> None:
        self.subscriptions: list[FedSubscription] = []

    def subscribe_items(self, events: Any, stream: str, on_item: Callable[[object], None]) -> "Subscription[object]":
        self.subscriptions.append(FedSubscription(on_item))
        return cast("Subscription[object]", self.subscriptions[-1])

    def on(self, name: str, listener: Callable[[object], object]) -> Callable[[], None]:
        return lambda: None

    async def sync_stream(self, stream: str, timeout: Any) -> object:
        return None


def fail(detail: object) -> None:
    raise ValueError("a defect of the application")


class AMirror(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.client = FedClient()
        self.things: Mirror[Any] = Mirror(self.client, RULES, "main")
        self.addCleanup(self.things.close)
        self.reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.reported.append(str(context.get("exception"))))

    @property
    def fed(self) -> FedSubscription:
        return self.client.subscriptions[-1]

    async def show(self, *ids: str) -> None:
        for number, id_ in enumerate(ids):
            self.fed.feed(made(number, id_))
        self.fed.complete()
        await asyncio.wait_for(self.things.ready(), 10)

    async def test_stays_closed_when_a_listener_closes_it_while_a_picture_is_shown(self) -> None:
        reported: list[str] = []

        def close(change: MirrorChange[Any]) -> None:
            reported.append(change.key)
            self.things.close()

        self.things.on_change(close)
        with self.assertRaisesRegex(Exception, "The mirror was closed"):
            await self.show("a", "b")
        self.assertEqual((reported, self.things.state, self.fed.is_ended), (["a"], "closed", True))

    async def test_shows_its_first_picture_although_a_listener_raises(self) -> None:
        reported: list[str] = []
        self.things.on_change(fail)
        self.things.on_change(lambda change: reported.append(change.key))
        await self.show("a", "b")
        self.assertEqual((self.things.state, reported), ("live", ["a", "b"]))
        self.assertEqual(self.reported, ["a defect of the application"] * 2)

    async def test_follows_although_a_listener_raises(self) -> None:
        await self.show("a")
        self.things.on_change(fail)
        self.fed.feed(made(9, "b"))
        self.assertEqual((list(self.things), self.reported), (["a", "b"], ["a defect of the application"]))

    async def test_is_repaired_although_a_listener_of_the_gap_raises(self) -> None:
        await self.show("a")
        self.things.on_gap(fail)
        self.fed.feed(GAP)
        self.assertEqual((self.things.state, self.reported), ("repairing", ["a defect of the application"]))
        await self.show("b")
        self.assertEqual((list(self.things), len(self.client.subscriptions)), (["b"], 2))

    async def test_forgets_readers_that_left_their_loop_or_never_started_one(self) -> None:
        await self.show("a")
        before = logs()
        for number in range(3):
            self.things.changes()
            changes = self.things.changes()
            self.fed.feed(made(10 + number, "a"))
            async for _ in changes:
                break
        del changes
        self.assertEqual(logs() - before, 0)

    async def test_keeps_a_reader_that_waits_and_loses_nothing_when_a_read_is_cancelled(self) -> None:
        await self.show()
        changes = self.things.changes()
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(changes.__anext__(), 0.001)
        reading = asyncio.ensure_future(changes.__anext__())
        del changes
        await asyncio.sleep(0)
        gc.collect()
        self.fed.feed(made(9, "a"))
        self.assertEqual((await asyncio.wait_for(reading, 10)).key, "a")

    async def test_ends_its_readers_when_it_is_closed(self) -> None:
        await self.show()
        changes = self.things.changes()
        self.fed.feed(made(9, "a"))
        self.things.close()
        self.assertEqual([change.key async for change in changes], ["a"])
        self.assertEqual([change async for change in self.things.changes()], [])


def logs() -> int:
    gc.collect()
    return sum(isinstance(each, _ChangeLog) for each in gc.get_objects())


if __name__ == "__main__":
    unittest.main()
