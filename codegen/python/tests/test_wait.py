"""Tests waiting for one event, on a subscription that the test controls."""

import asyncio
import unittest
from typing import Any, cast

from runtime.errors import ConnectionLost, WaitFailed
from runtime.subscription import Subscription
from runtime.subscription_port import Gap
from runtime.wait import Waited, wait_for_event
from runtime.wire import Position

SINCE = Position("e", 4)


class FedSubscription:
    """Yields the given items, then waits."""

    stream, state = "main", "live"
    position = Position("e", 6)

    def __init__(self, *items: Any, ends: bool = False) -> None:
        self.items = list(items)
        self.ends = ends
        self.is_ended = False

    def __aiter__(self) -> "FedSubscription":
        return self

    async def __anext__(self) -> Any:
        if self.items:
            return self.items.pop(0)
        if self.ends:
            raise StopAsyncIteration
        return await asyncio.get_running_loop().create_future()

    def end(self) -> None:
        self.is_ended = True


def event(number: int) -> Any:
    return {"event": "tick", "epoch": "e", "sequenceId": number}


GAP = Gap("s1", "main", Position("e", 4), Position("e", 9), "window_exceeded", None, "server")


async def wait(fed: FedSubscription, predicate: Any = None, timeout: Any = None, on_gap: Any = None) -> Waited[Any]:
    subscription = cast("Subscription[object]", fed)
    return await wait_for_event(subscription, "tick", predicate, since=SINCE, timeout=timeout, on_gap=on_gap)


class WaitingForAnEvent(unittest.IsolatedAsyncioTestCase):
    async def test_returns_the_first_event_that_the_predicate_accepts_and_its_position(self) -> None:
        fed = FedSubscription(event(5), event(6), event(7))
        waited = await wait(fed, lambda each: each["sequenceId"] > 5)
        self.assertEqual((waited.event, waited.position), (event(6), Position("e", 6)))
        self.assertTrue(fed.is_ended)

    async def test_times_out_with_the_position_to_continue_from(self) -> None:
        fed = FedSubscription(event(5))
        with self.assertRaises(WaitFailed) as raised:
            await wait(fed, lambda _: False, timeout=0.02)
        self.assertEqual((raised.exception.reason, raised.exception.position), ("timeout", Position("e", 6)))
        self.assertTrue(fed.is_ended)

    async def test_ends_at_a_gap_unless_gaps_have_a_listener(self) -> None:
        with self.assertRaises(WaitFailed) as raised:
            await wait(FedSubscription(GAP, event(10)))
        self.assertEqual((raised.exception.reason, raised.exception.position), ("gap", Position("e", 9)))
        gaps: list[Any] = []
        self.assertEqual((await wait(FedSubscription(GAP, event(10)), on_gap=gaps.append)).position, Position("e", 10))
        self.assertEqual(gaps, [GAP])

    async def test_ends_if_its_task_is_cancelled_the_client_closes_or_the_predicate_raises(self) -> None:
        fed = FedSubscription()
        task = asyncio.create_task(wait(fed))
        await asyncio.sleep(0)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertTrue(fed.is_ended)
        with self.assertRaises(ConnectionLost):
            await wait(FedSubscription(ends=True))

        def slow(_: Any) -> bool:
            raise TimeoutError("of the predicate")

        with self.assertRaisesRegex(TimeoutError, "of the predicate"):
            await wait(FedSubscription(event(5)), slow, timeout=5)
