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


def reported_losses(stream: Stream, after: int, wanted: Filter = FILES) -> list[tuple[int, list[str]]]:
    """The losses that a resume reports."""
    losses = stream.resume(wanted, Position(stream.epoch, after)).losses
    return [(loss.sequence_id, loss.directories) for loss in losses]


class LossesTest(unittest.TestCase):
    def test_a_loss_is_replayed_between_the_events_before_and_after_it(self) -> None:
        stream = make_stream()
        publish(stream)
        publish(stream)
        stream.lose(["src"])
        publish(stream)
        replay = stream.resume(EVERYTHING, Position("e", 0))
        order = [(type(each) is Event, each.sequence_id) for each in replay.in_order()]
        self.assertEqual(order, [(True, 1), (True, 2), (False, 2), (True, 3)])

    def test_a_resume_after_a_later_position_does_not_report_the_loss(self) -> None:
        stream = make_stream()
        publish(stream)
        stream.lose(["src"])
        publish(stream)
        self.assertEqual([reported_losses(stream, after) for after in (0, 1, 2)], [[(1, ["src"])], [(1, ["src"])], []])

    def test_a_loss_is_reported_only_to_subscribers_of_file_events(self) -> None:
        stream = make_stream()
        stream.lose(["src"])
        self.assertEqual(reported_losses(stream, 0, Filter(CONTRACT, ["entity_*"], {})), [])

    def test_a_warm_picture_reports_no_loss(self) -> None:
        stream = make_stream()
        stream.lose(["src"])
        self.assertEqual(stream.warm(EVERYTHING).losses, [])

    def test_too_many_losses_are_merged_into_one_that_affects_the_whole_tree(self) -> None:
        stream = make_stream()
        publish(stream)
        stream.lose(["a"])
        publish(stream)
        for n in range(MOST_LOSSES):
            stream.lose([f"b{n}"])
        found = reported_losses(stream, 1)
        self.assertEqual(len(found), MOST_LOSSES)
        self.assertEqual(found[:2], [(2, [""]), (2, ["b1"])])

    def test_a_loss_that_no_resume_can_reach_takes_no_space(self) -> None:
        stream = make_stream()
        for _ in range(MOST_LOSSES):
            stream.lose(["old"])
        for _ in range(4):
            publish(stream)
        stream.lose(["new"])
        self.assertEqual(reported_losses(stream, 1), [(4, ["new"])])

    def test_a_stream_with_only_a_loss_is_not_empty_and_gets_a_new_epoch_after_it_expires(self) -> None:
        streams = Streams(Stream, CONTRACT, LIMITS)
        stream = streams.get("main")
        self.assertTrue(stream.is_blank)
        stream.lose(["src"])
        self.assertFalse(stream.is_blank)
        streams.end(stream)
        self.assertNotEqual(streams.get("main").epoch, stream.epoch)


class RetainedTest(unittest.TestCase):
    def test_a_new_event_makes_the_picture_of_an_expired_stream_complete(self) -> None:
        stream = make_stream()
        status = Filter(CONTRACT, ["sync_status"], {})
        stream.append("sync_status", SOURCE, {"status": "running"})
        stream.clear()
        self.assertTrue(stream.warm(status).truncated)
        stream.append("sync_status", SOURCE, {"status": "completed"})
        self.assertFalse(stream.warm(status).truncated)
