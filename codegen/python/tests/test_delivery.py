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

    async def test_wakes_another_reader_when_the_woken_reader_is_cancelled(self) -> None:
        first, second = (asyncio.create_task(self.queue.take()) for _ in range(2))
        await asyncio.sleep(0)
        self.queue.push("a", None)
        first.cancel()
        self.assertEqual(await asyncio.wait_for(second, 1), "a")

    async def test_advances_the_position_when_an_event_is_read_not_when_it_is_received(self) -> None:
        self.queue.push("a", Position("e", 1))
        self.queue.mark(Position("e", 4))
        self.assertIsNone(self.queue.position)
        await self.queue.take()
        self.assertEqual(self.queue.position, Position("e", 4))

    async def test_delivers_waiting_events_before_it_raises_its_error_once(self) -> None:
        self.queue.push("a", None)
        self.queue.end(ValueError("over"))
        self.assertEqual(await self.queue.take(), "a")
        with self.assertRaises(ValueError):
            await self.queue.take()
        with self.assertRaises(StopAsyncIteration):
            await self.queue.take()


if __name__ == "__main__":
    unittest.main()
