import unittest

from tidemark.contract import Contract, Limits
from tidemark.filters import Filter
from tidemark.streams import MOST_LOSSES, Event, Position, Stream, Streams

CONTRACT = Contract.load()
LIMITS = Limits.of(CONTRACT, {"historyEvents": 3})
FILES = Filter(CONTRACT, ["file_change"], {})
EVERYTHING = Filter(CONTRACT, ["*"], {})
SOURCE = {"name": "suite", "principal": "service:suite"}


def make_stream() -> Stream:
    return Stream("main", "e", CONTRACT, LIMITS)


def publish(stream: Stream) -> None:
    stream.append("suite.note", SOURCE, {"n": stream.sequence_id + 1})


def told(stream: Stream, after: int, wanted: Filter = FILES) -> list[tuple[int, list[str]]]:
    """The losses that a resume reports."""
    losses = stream.resume(wanted, Position(stream.epoch, after)).losses
    return [(loss.sequence_id, loss.directories) for loss in losses]


class LossesTest(unittest.TestCase):
    def test_a_loss_stands_behind_the_events_up_to_its_place_and_before_the_others(self) -> None:
        stream = make_stream()
        publish(stream)
        publish(stream)
        stream.lose(["src"])
        publish(stream)
        replay = stream.resume(EVERYTHING, Position("e", 0))
        order = [(type(each) is Event, each.sequence_id) for each in replay.in_order()]
        self.assertEqual(order, [(True, 1), (True, 2), (False, 2), (True, 3)])

    def test_a_loss_is_told_from_its_place_and_before_not_from_behind_it(self) -> None:
        stream = make_stream()
        publish(stream)
        stream.lose(["src"])
        publish(stream)
        self.assertEqual([told(stream, after) for after in (0, 1, 2)], [[(1, ["src"])], [(1, ["src"])], []])

    def test_a_loss_concerns_those_who_follow_files(self) -> None:
        stream = make_stream()
        stream.lose(["src"])
        self.assertEqual(told(stream, 0, Filter(CONTRACT, ["entity_*"], {})), [])

    def test_a_warm_picture_tells_no_loss(self) -> None:
        stream = make_stream()
        stream.lose(["src"])
        self.assertEqual(stream.warm(EVERYTHING).losses, [])

    def test_of_too_many_losses_the_oldest_become_one_that_is_everywhere(self) -> None:
        stream = make_stream()
        publish(stream)
        stream.lose(["a"])
        publish(stream)
        for n in range(MOST_LOSSES):
            stream.lose([f"b{n}"])
        found = told(stream, 1)
        self.assertEqual(len(found), MOST_LOSSES)
        self.assertEqual(found[:2], [(2, [""]), (2, ["b1"])])

    def test_a_loss_that_nobody_can_resume_from_makes_no_room_scarce(self) -> None:
        stream = make_stream()
        for _ in range(MOST_LOSSES):
            stream.lose(["old"])
        for _ in range(4):
            publish(stream)
        stream.lose(["new"])
        self.assertEqual(told(stream, 1), [(4, ["new"])])

    def test_a_stream_that_only_lost_something_is_not_blank_and_its_next_life_has_another_epoch(self) -> None:
        streams = Streams(Stream, CONTRACT, LIMITS)
        stream = streams.get("main")
        self.assertTrue(stream.is_blank)
        stream.lose(["src"])
        self.assertFalse(stream.is_blank)
        streams.end(stream)
        self.assertNotEqual(streams.get("main").epoch, stream.epoch)
