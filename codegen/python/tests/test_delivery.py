"""The queue between a subscription and its reader."""

import asyncio
import unittest

from runtime.delivery import DeliveryQueue
from runtime.wire import Position


class ADeliveryQueue(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.queue: DeliveryQueue[Position] = DeliveryQueue()

    async def test_loses_nothing_when_a_waiting_reader_is_cancelled(self) -> None:
        reader = asyncio.create_task(self.queue.take())
        await asyncio.sleep(0)
        self.queue.push("a", None)
        reader.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await reader
        self.assertEqual(await self.queue.take(), "a")

    async def test_wakes_another_reader_when_the_one_it_woke_is_cancelled(self) -> None:
        first, second = (asyncio.create_task(self.queue.take()) for _ in range(2))
        await asyncio.sleep(0)
        self.queue.push("a", None)
        first.cancel()
        self.assertEqual(await asyncio.wait_for(second, 1), "a")

    async def test_moves_the_position_with_what_is_read_not_with_what_is_received(self) -> None:
        self.queue.push("a", Position("e", 1))
        self.queue.mark(Position("e", 4))
        self.assertIsNone(self.queue.position)
        await self.queue.take()
        self.assertEqual(self.queue.position, Position("e", 4))

    async def test_hands_over_what_waits_before_the_error_that_ended_it_once(self) -> None:
        self.queue.push("a", None)
        self.queue.end(ValueError("over"))
        self.assertEqual(await self.queue.take(), "a")
        with self.assertRaises(ValueError):
            await self.queue.take()
        with self.assertRaises(StopAsyncIteration):
            await self.queue.take()


if __name__ == "__main__":
    unittest.main()
