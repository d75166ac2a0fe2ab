import time
import unittest

from tidemark.contract import Contract
from tidemark.envelope import CommandReader
from tidemark.errors import ProtocolError
from tidemark.strict_json import JsonError, find_huge_number, parse

READER = CommandReader(Contract.load(), 32)


class StrictJsonTest(unittest.TestCase):
    def test_text_that_parsers_might_read_differently_is_refused(self) -> None:
        for text in [
            "",
            "{",
            '{"a":1,"a":1}',
            '{"a":1,"\\u0061":2}',
            '{"x":{"__proto__":1}}',
            '{"\\u005f_proto__":1}',
            '{"a":"\\ud800"}',
            '{"\\udfff":1}',
            '{"a":NaN}',
            '{"a":-Infinity}',
            '{"a":01}',
            '{"a":1,}',
            '{"a":"\x01"}',
            "\ufeff{}",
            "{} {}",
            "{'a':1}",
        ]:
            with self.subTest(text=text), self.assertRaises(JsonError):
                parse(text, depth=32)

    def test_a_complete_surrogate_pair_is_one_character(self) -> None:
        self.assertEqual(parse('{"a":"\\ud83d\\ude00"}', depth=32), {"a": "😀"})

    def test_depth_counts_every_level_but_not_brackets_inside_strings(self) -> None:
        self.assertEqual(parse('{"a":["]["]}', depth=2), {"a": ["]["]})
        with self.assertRaises(JsonError):
            parse("[" * 3 + "]" * 3, depth=2)
        with self.assertRaises(JsonError):
            parse("[" * 60_000, depth=32)

    def test_an_unterminated_string_is_not_slower_to_reject(self) -> None:
        begun = time.monotonic()
        with self.assertRaises(JsonError):
            parse('"' + '\\"' * 32_000, depth=32)
        self.assertLess(time.monotonic() - begun, 1)

    def test_numbers_that_parsers_change_are_detected(self) -> None:
        for text in ['{"a":[9007199254740993]}', '{"a":[-1e17]}', '{"a":[1e400]}', '{"a":[' + "9" * 5000 + "]}"]:
            with self.subTest(text=text[:20]):
                self.assertEqual(find_huge_number(parse(text, depth=32)), "/a/0")
        self.assertIsNone(find_huge_number(parse('{"a":9007199254740991,"b":1e-300,"c":true}', depth=32)))


class CommandReaderTest(unittest.TestCase):
    def test_each_refusal_has_a_reason_a_pointer_and_the_command_id(self) -> None:
        for text, code, pointer, command_id in [
            ("[]", "invalid_json", None, None),
            ('{"id":"a","data":{}}', "invalid_message", "/type", "a"),
            ('{"type":5,"id":"a","data":{}}', "invalid_message", "/type", "a"),
            ('{"type":"nope","id":"a","data":{}}', "unknown_type", "/type", "a"),
            ('{"type":"event","id":"a","data":{}}', "unknown_type", "/type", "a"),
            ('{"type":"ping","id":"a"}', "invalid_message", "/data", "a"),
            ('{"type":"ping","id":5,"data":{}}', "invalid_message", "/id", None),
            ('{"type":"ping","id":"","data":{}}', "invalid_message", "/id", None),
            ('{"type":"ping","id":"a\\n","data":{}}', "invalid_message", "/id", None),
            ('{"type":"ping","id":"a","data":{},"x":1}', "invalid_message", "/x", "a"),
            ('{"type":"ping","id":"a","data":{"a/b~c":1}}', "invalid_message", "/data/a~1b~0c", "a"),
            ('{"type":"subscribe","data":{"event":["*"]}}', "invalid_message", "/data/event", None),
            ('{"type":"subscribe","data":{}}', "invalid_message", "/data/events", None),
            ('{"type":"subscribe","data":{"events":[]}}', "invalid_message", "/data/events", None),
            ('{"type":"subscribe","data":{"events":["A"]}}', "invalid_message", "/data/events/0", None),
            ('{"type":"subscribe","data":{"events":["*"],"stream":"main\\n"}}', "stream_invalid", "/data/stream", None),
            (
                '{"type":"subscribe","data":{"events":["*"],"filter":{"paths":[]}}}',
                "filter_invalid",
                "/data/filter/paths",
                None,
            ),
            (
                '{"type":"subscribe","data":{"events":["*"],"filter":{"path":[]}}}',
                "invalid_message",
                "/data/filter/path",
                None,
            ),
            (
                '{"type":"subscribe","data":{"events":["*"],"replay":{"mode":"resume","after":{"epoch":"e","sequenceId":1e400}}}}',
                "invalid_message",
                "/data/replay/after/sequenceId",
                None,
            ),
            (
                '{"type":"subscribe","data":{"events":["*"],"replay":{"mode":"warm","after":{}}}}',
                "invalid_message",
                "/data/replay/after",
                None,
            ),
            ('{"type":"unsubscribe","data":{"all":false}}', "invalid_message", "/data/all", None),
            (
                '{"type":"broadcast","data":{"stream":"main","event":"a.b","payload":{"n":9007199254740993}}}',
                "invalid_message",
                "/data/payload/n",
                None,
            ),
        ]:
            with self.subTest(text=text), self.assertRaises(ProtocolError) as caught:
                READER.read(text)
            error = caught.exception
            self.assertEqual((error.code, error.pointer, error.command_id), (code, pointer, command_id))

    def test_a_pointer_to_an_overlong_name_ends_at_its_parent(self) -> None:
        with self.assertRaises(ProtocolError) as caught:
            READER.read('{"type":"ping","data":{"' + "x" * 5000 + '":1}}')
        self.assertEqual(caught.exception.data(False)["pointer"], "/data")
        self.assertLess(len(caught.exception.text), 200)
