"""Compares the cursor with a model that knows every event: whatever is lost in transit, each event is either new
exactly once, or reported as lost."""

import random
import unittest

from runtime.cursor import Cursor
from runtime.wire import Position


def at(number: int, epoch: str = "e1") -> Position:
    return Position(epoch, number)


class ACursor(unittest.TestCase):
    def test_delivers_a_live_event_once(self) -> None:
        cursor = Cursor()
        cursor.start(at(4), "none", attempted=False, recovered=False)
        self.assertEqual(cursor.accept(at(5)), (True, None))
        self.assertEqual(cursor.accept(at(5)), (False, None))
        self.assertEqual(cursor.position, at(5))

    def test_has_no_position_before_its_warm_picture_is_complete(self) -> None:
        cursor = Cursor()
        cursor.start(at(9), "warm", attempted=False, recovered=False)
        cursor.accept(at(3))
        self.assertIsNone(cursor.position)
        cursor.complete(at(9))
        self.assertEqual(cursor.position, at(9))

    def test_delivers_of_a_repeated_picture_the_events_up_to_the_first_one_and_resumes_there(self) -> None:
        cursor = Cursor()
        cursor.start(at(9), "warm", attempted=False, recovered=False)
        cursor.accept(at(3))
        cursor.start(at(14), "warm", attempted=False, recovered=False)
        self.assertEqual([cursor.accept(at(number))[0] for number in (3, 8, 12)], [False, True, False])
        cursor.complete(at(14))
        self.assertEqual((cursor.live, cursor.position), (False, at(9)))
        cursor.start(at(14), "resume", attempted=True, recovered=True)
        self.assertEqual([cursor.accept(at(number))[0] for number in (10, 12)], [True, True])
        cursor.complete(at(14))
        self.assertEqual((cursor.live, cursor.position), (True, at(14)))

    def test_reports_a_picture_that_was_cut_off_and_is_not_requested_again(self) -> None:
        cursor = Cursor(at(2))
        cursor.start(at(9), "resume", attempted=True, recovered=False)
        gap = cursor.start(at(14), "none", attempted=False, recovered=False)
        assert gap is not None
        self.assertEqual((gap.reason, gap.start, gap.end), ("state_invalidated", at(9), at(14)))

    def test_reports_an_epoch_that_changed_without_a_gap(self) -> None:
        cursor = Cursor(at(7))
        gap = cursor.start(at(2, "e2"), "resume", attempted=False, recovered=False)
        assert gap is not None
        self.assertEqual((gap.reason, gap.start, gap.end), ("epoch_changed", at(7), at(2, "e2")))

    def test_returns_to_the_last_proven_position_if_a_heartbeat_counts_more_events(self) -> None:
        cursor = Cursor()
        cursor.start(at(0), "none", attempted=False, recovered=False)
        cursor.accept(at(1))
        cursor.prove()
        cursor.accept(at(3))
        cursor.rewind()
        self.assertEqual(cursor.position, at(1))
        cursor.start(at(3), "resume", attempted=True, recovered=True)
        self.assertEqual([cursor.accept(at(number))[0] for number in (2, 3)], [True, False])

    def test_delivers_each_event_once_over_random_losses_and_resumes(self) -> None:
        for seed in range(300):
            with self.subTest(seed=seed):
                self.assertEqual(history(random.Random(seed)), [])


def history(rng: random.Random) -> list[str]:
    """Simulates a server with a complete log, and a client whose connection breaks at random. Returns the faults."""
    cursor, head, yielded = Cursor(), 0, []
    for _ in range(30):
        asked = "warm" if cursor.position is None else "resume"
        after = 0 if cursor.position is None else cursor.position.sequence_id
        cursor.start(at(head), "resume" if asked == "resume" else "warm", attempted=asked == "resume", recovered=asked == "resume")
        incoming = list(range(after + 1, head + 1))
        complete_at = len(incoming)
        published = rng.randrange(6)
        incoming += range(head + 1, head + 1 + published)
        head += published
        cut = rng.randrange(len(incoming) + 2)
        for number in incoming[: min(cut, complete_at)]:
            if cursor.accept(at(number))[0]:
                yielded.append(number)
        if cut > complete_at:
            cursor.complete(at(complete_at + after))
        # If the cursor is not live after the replay, the client subscribes again at once, and receives none of these events.
        for number in incoming[complete_at:cut] if cursor.live else ():
            if cursor.accept(at(number))[0]:
                yielded.append(number)
        if rng.random() < 0.4:
            cursor.prove()
    faults = [f"{number} was yielded twice" for number in set(yielded) if yielded.count(number) > 1]
    reached = cursor.position.sequence_id if cursor.position is not None else 0
    return faults + [f"{number} is missing" for number in range(1, reached + 1) if number not in yielded]


if __name__ == "__main__":
    unittest.main()
