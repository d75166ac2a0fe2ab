"""Delays that a server sends are limited before the client uses them."""

import math
import traceback
import unittest

from runtime.settings import read_url
from runtime.timing import MAX_RETRY, MIN_RETRY, backoff, heartbeat_interval_of, retry_after_of
from runtime.wire import Frame, as_list, read_frame, read_position


class ANumberOfAServer(unittest.TestCase):
    def test_is_limited_to_the_range_of_delays(self) -> None:
        self.assertEqual(retry_after_of(0), MIN_RETRY)
        for asked in (9e15, math.inf, 10**400):
            self.assertEqual(retry_after_of(asked), MAX_RETRY)

    def test_is_ignored_as_a_delay_if_it_is_negative_or_not_a_number(self) -> None:
        for asked in (-5, -5.0, math.nan, "soon", None, True):
            self.assertIsNone(retry_after_of(asked))

    def test_is_limited_to_the_range_of_heartbeat_intervals(self) -> None:
        self.assertEqual([heartbeat_interval_of(sent) for sent in (0, -1, "fast", 1, 25_000, 9e15)], [None, None, None, 0.1, 25.0, 600.0])

    def test_does_not_let_the_backoff_grow_beyond_its_bound(self) -> None:
        waits = [backoff(attempt, lambda: 1.0, 0.5, 20.0) for attempt in (0, 1, 5, 6, 1000)]
        self.assertEqual(waits, [0.5, 1.0, 16.0, 20.0, 20.0])

    def test_is_accepted_in_a_position_only_if_it_is_a_safe_integer(self) -> None:
        for number in (-1, 1.5, True, "1", 2**53):
            self.assertIsNone(read_position({"epoch": "e", "sequenceId": number}))

    def test_is_an_int_if_its_value_is_an_integer(self) -> None:
        frame = read_frame('{"type":"a","data":{"numbers":[10.0,1e1,-3.00,0.5,1e300,2]}}')
        assert isinstance(frame, Frame)
        numbers = as_list(frame.data["numbers"])
        self.assertEqual(repr(numbers), "[10, 10, -3, 0.5, 1e+300, 2]")


class AFrame(unittest.TestCase):
    def test_that_is_invalid_is_refused_with_a_reason(self) -> None:
        for text in (b"{}", "{", "[]", '{"data":{}}', '{"type":"a"}', '{"type":"a","data":[]}', '{"type":"a","id":1,"data":{}}', '{"type":"a","data":{"n":NaN}}', "[" * 100_000):
            self.assertIsInstance(read_frame(text), str)


class AnAddress(unittest.TestCase):
    def test_with_a_credential_is_refused_without_repeating_it(self) -> None:
        for url in (
            "ws://a/ws?Token=s3cret",
            "ws://user:s3cret@a/ws",
            "ftp://a/?token=s3cret",
            "ftp://user:s3cret@a/",
            "user:s3cret@a",
            # urllib quotes the whole address here.
            "ws://user:s3cret@a\u2100/",
            # Without the host, the password is in the place of the port.
            "ws://user:s3cret/ws",
            "ws://user:s3cret/rest@a/",
            "ws://[user:s3cret@a/",
        ):
            with self.subTest(url=url), self.assertRaises(ValueError) as caught:
                read_url(url, frozenset({"token"}))
            self.assertNotIn("s3cret", "".join(traceback.format_exception(caught.exception)))

    def test_is_refused_if_its_port_is_impossible(self) -> None:
        for url in ("ws://a:99999/", "ws://a:x/", "ws://:7400/", "ws:///ws", "a:7400/ws"):
            with self.subTest(url=url), self.assertRaises(ValueError):
                read_url(url, frozenset())

    def test_of_http_is_read_as_the_same_address_for_websocket(self) -> None:
        self.assertEqual(read_url("https://a:1/ws?x=1#top", frozenset()), "wss://a:1/ws?x=1")


if __name__ == "__main__":
    unittest.main()
