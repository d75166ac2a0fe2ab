"""A subscription to several streams: positions, gaps and ends of each stream (MUL, CLI-12)."""

import unittest
from typing import Any, cast

from runtime.feed import FeedSettings
from runtime.streams import StreamsRequest, StreamsSubscription, fit_into
from runtime.subscription_port import Gap, ReplayEnd, SubscriptionPort
from runtime.wire import EventPrefix, Position


class FedPort:
    """Keeps what a subscription sends and reports."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.settle: Any = None
        self.reports: list[str] = []

    def send_command(self, command: str, data: Any, settle: Any) -> bool:
        self.sent.append(data)
        self.settle = settle
        return True

    def backoff(self, attempt: int) -> float:
        return 0

    def report(self, name: str, detail: object) -> None:
        self.reports.append(name)

    def remove(self, id_: str) -> None: ...


class SeveralStreams(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.port = FedPort()
        self.gaps: list[Gap] = []
        self.follow("none")

    def follow(self, replay: Any) -> None:
        settings = FeedSettings(("*",), None, 100, "park", False, self.gaps.append)
        request = StreamsRequest(("main", "session:*"), replay, lambda: 65_536)
        self.reader: StreamsSubscription[Any] = StreamsSubscription("s1", request, settings, cast(SubscriptionPort, self.port))
        self.reader.connected()
        self.confirm()

    def confirm(self) -> None:
        self.port.settle({"streams": ["main", "session:*"], "recovery": {"attempted": False}})

    def reconnect(self, forget: Any = None) -> Any:
        self.reader.disconnected(forget)
        self.reader.connected()
        replay = self.port.sent[-1]["replay"]
        self.confirm()
        return replay

    def receive(self, stream: str, number: int, *, epoch: str = "e", is_replay: bool = False) -> None:
        prefix = EventPrefix(["s1"], is_replay, stream, Position(epoch, number))
        self.reader.event({"stream": stream, "sequenceId": number}, prefix)

    def place(self, *positions: Any, ended: Any = ()) -> None:
        items = [{"stream": stream, "epoch": epoch, "sequenceId": number} for stream, epoch, number in positions]
        self.reader.positions_received({"positions": items, **({"ended": list(ended)} if ended else {})})

    async def read(self, count: int) -> Any:
        events = [await self.reader.__anext__() for _ in range(count)]
        return [(event["stream"], event["sequenceId"]) for event in events]

    async def test_report_a_first_picture_that_was_cut_off_and_then_deliver_all_of_it(self) -> None:
        self.follow("warm")
        self.receive("main", 3, is_replay=True)
        self.assertEqual(self.reconnect(), {"mode": "warm"})
        self.assertEqual([(gap.stream, gap.start, gap.reason) for gap in self.gaps], [("main", None, "state_invalidated")])
        self.receive("main", 3, is_replay=True)
        self.place(("main", "e", 7))
        self.receive("session:a", 2, is_replay=True)
        self.place(("session:a", "e", 2), ("session:b", "e", 1))
        self.reader.replay_complete(ReplayEnd(None, 2, False))
        self.assertEqual([(gap.stream, gap.start) for gap in self.gaps[1:]], [("session:a", None), ("session:b", None)])
        self.assertEqual(await self.read(3), [("main", 3), ("main", 3), ("session:a", 2)])
        self.receive("session:c", 1)
        self.assertEqual(len(self.gaps), 3)
        self.assertEqual(self.reader.positions, {name: Position("e", at) for name, at in (("main", 7), ("session:a", 2), ("session:b", 1))})

    async def test_resume_where_their_first_picture_began_if_only_the_others_were_cut_off(self) -> None:
        self.follow("warm")
        self.receive("main", 3, is_replay=True)
        self.place(("main", "e", 5))
        self.reconnect()
        for number in (3, 6):
            self.receive("main", number, is_replay=True)
        self.place(("main", "e", 7))
        self.reader.replay_complete(ReplayEnd(None, 2, False))
        self.assertEqual(self.port.sent[-1], {"subscriptionId": "s1"})
        self.port.settle({"subscriptionIds": ["s1"]})
        self.assertEqual(self.port.sent[-1]["replay"]["positions"], [{"stream": "main", "epoch": "e", "sequenceId": 5}])
        self.confirm()
        for number in (6, 7):
            self.receive("main", number, is_replay=True)
        self.place(("main", "e", 7))
        self.reader.replay_complete(ReplayEnd(None, 2, False))
        self.assertEqual(await self.read(3), [("main", 3), ("main", 6), ("main", 7)])
        self.assertEqual(self.gaps, [])

    async def test_resume_each_at_its_own_position(self) -> None:
        self.place(("main", "e", 7))
        self.receive("session:a", 1)
        self.receive("main", 8)
        self.assertEqual(await self.read(2), [("session:a", 1), ("main", 8)])
        self.assertEqual(self.reader.positions, {"main": Position("e", 8), "session:a": Position("e", 1)})
        named = self.reconnect()["positions"]
        self.assertEqual({each["stream"]: each["sequenceId"] for each in named}, {"main": 8, "session:a": 1})
        self.receive("main", 8, is_replay=True)
        self.receive("session:b", 1, is_replay=True)
        self.assertEqual(await self.read(1), [("session:b", 1)])

    async def test_have_no_positions_before_the_first_picture_is_complete(self) -> None:
        self.follow("warm")
        self.receive("main", 3, is_replay=True)
        self.place(("main", "e", 7))
        await self.read(1)
        self.assertIsNone(self.reader.positions)
        self.reader.replay_complete(ReplayEnd(None, 1, False))
        self.assertEqual(self.reader.positions, {"main": Position("e", 7)})

    async def test_report_a_loss_of_one_stream_once(self) -> None:
        self.place(("main", "e", 7), ("session:a", "e", 2))
        failed = {"stream": "session:a", "from": {"epoch": "e", "sequenceId": 2}, "to": {"epoch": "f", "sequenceId": 1}}
        self.reconnect()
        self.reader.gap({**failed, "reason": "epoch_changed"})
        named = self.reconnect()["positions"]
        self.assertIn({"stream": "session:a", "epoch": "e", "sequenceId": 2}, named)
        self.reader.gap({**failed, "reason": "epoch_changed"})
        self.assertEqual([(gap.stream, gap.noticed_by) for gap in self.gaps], [("session:a", "server")])
        self.place(("session:a", "f", 1))
        self.assertEqual((self.reader.positions or {})["session:a"], Position("f", 1))

    async def test_treat_an_ended_stream_that_appears_again_as_a_new_stream(self) -> None:
        self.receive("session:a", 1)
        self.place(ended=["session:a"])
        self.receive("session:a", 1, epoch="f")
        self.assertEqual(await self.read(2), [("session:a", 1), ("session:a", 1)])
        self.assertEqual(self.gaps, [])
        self.assertEqual(self.reader.positions, {"session:a": Position("f", 1)})

    async def test_return_to_their_last_proven_positions_after_a_loss(self) -> None:
        self.place(("main", "e", 7))
        self.receive("main", 8)
        self.reader.heartbeat({"main": Position("e", 8)})
        self.receive("main", 10)
        self.receive("session:a", 2)
        self.reader.loss_found()
        named = {each["stream"]: each["sequenceId"] for each in self.reconnect()["positions"]}
        self.assertEqual(named, {"main": 8, "session:a": 0})
        for stream, number in (("main", 9), ("main", 10), ("session:a", 1), ("session:a", 2)):
            self.receive(stream, number, is_replay=True)
        self.assertEqual(
            await self.read(5), [("main", 8), ("main", 10), ("session:a", 2), ("main", 9), ("session:a", 1)]
        )

    async def test_are_all_reported_as_lost_when_the_server_asks_for_a_fresh_start(self) -> None:
        self.place(("main", "e", 7), ("session:a", "e", 2))
        self.assertEqual(self.reconnect("state_invalidated"), {"mode": "none"})
        self.assertEqual(
            [(gap.stream, gap.start, gap.end, gap.reason) for gap in self.gaps],
            [
                ("main", Position("e", 7), None, "state_invalidated"),
                ("session:a", Position("e", 2), None, "state_invalidated"),
            ],
        )

    async def test_are_left_out_of_a_resume_that_would_be_too_large(self) -> None:
        positions = {f"session:{number}": Position("epoch", number) for number in range(100)}
        named, left = fit_into(1024, positions, {"subscriptionId": "s1"})
        self.assertEqual(named.keys() | left.keys(), positions.keys())
        self.assertGreater(min(each.sequence_id for each in named.values()), max(each.sequence_id for each in left.values()))


if __name__ == "__main__":
    unittest.main()
