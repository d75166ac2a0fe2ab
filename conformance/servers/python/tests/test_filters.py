import json
import time
import unittest

from tidemark.contract import ROOT, Contract, Limits
from tidemark.errors import ProtocolError
from tidemark.filters import (
    ExtensionPattern,
    Filter,
    PathPattern,
    covers_event,
    normalise_extension,
    normalise_path,
)

CONTRACT = Contract.load()
LIMITS = Limits.of(CONTRACT, {})
SOURCE = {"name": "indexer", "principal": "key:indexer"}


def read(events: list[str], **fields: list[str]) -> Filter:
    return Filter.read(CONTRACT, LIMITS, {"events": events, "filter": fields})


def matches(wanted: Filter, name: str, **payload: object) -> bool:
    return wanted.mismatch(name, payload, SOURCE) is None


class PathsTest(unittest.TestCase):
    def test_a_plain_path_matches_itself_and_everything_below_it(self) -> None:
        self.assertTrue(PathPattern("src").matches("src"))
        self.assertTrue(PathPattern("src").matches("src/a/b.ts"))
        self.assertFalse(PathPattern("src").matches("src-old/a.ts"))
        self.assertFalse(PathPattern("src/a").matches("src"))

    def test_globs_support_only_star_question_mark_and_double_star(self) -> None:
        for pattern, path, fits in [
            ("src/*.ts", "src/a.ts", True),
            ("src/*.ts", "src/a/b.ts", False),
            ("src/**/*.ts", "src/a.ts", True),
            ("src/**/*.ts", "src/a/b/c.ts", True),
            ("**", "a/b", True),
            ("src/**", "src/.hidden/x", True),
            ("src/**", "lib/src/x", False),
            ("a?c", "abc", True),
            ("a?c", "a/c", False),
            ("app/[id]/(group)/*.tsx", "app/[id]/(group)/page.tsx", True),
            ("app/[id]/*.tsx", "app/i/page.tsx", False),
            ("*.{ts,js}", "a.ts", False),
            ("*.{ts,js}", "a.{ts,js}", True),
            ("!a*", "b", False),
            ("a**b", "axxb", True),
            ("a**b", "ax/xb", False),
            ("*", "😀", True),
            ("?", "😀", True),
        ]:
            with self.subTest(pattern=pattern, path=path):
                self.assertEqual(PathPattern(normalise_path(pattern)).matches(path), fits)

    def test_paths_are_case_sensitive_and_compared_in_nfc(self) -> None:
        self.assertFalse(PathPattern("src").matches("SRC/a"))
        self.assertTrue(PathPattern(normalise_path("caf\u0065\u0301")).matches("caf\u00e9/x"))

    def test_matching_time_is_at_most_pattern_length_times_path_length(self) -> None:
        begun = time.monotonic()
        self.assertFalse(PathPattern("*a" * 127 + "*b").matches("a" * 4096))
        self.assertFalse(PathPattern("/".join(["**", "a"] * 64) + "/b").matches("/".join(["a"] * 2048)))
        self.assertLess(time.monotonic() - begun, 2)

    def test_paths_that_lead_out_of_the_root_are_refused(self) -> None:
        for path in ["/src", "../x", "a/../b", "a/..", "a\\b", ".", "./", "a\x00", "a//b", "a/./b"]:
            with self.subTest(path=path), self.assertRaises(ValueError):
                normalise_path(path)
        self.assertEqual(normalise_path("./src/"), "src")
        self.assertEqual(normalise_path("a/..b"), "a/..b")


class ExtensionsTest(unittest.TestCase):
    def test_the_leading_dot_is_optional(self) -> None:
        self.assertEqual(normalise_extension("TS"), ".ts")
        self.assertEqual(normalise_extension(".d.ts"), ".d.ts")

    def test_it_matches_the_end_of_the_file_name_after_a_dot(self) -> None:
        pattern = ExtensionPattern(".ts")
        self.assertTrue(pattern.matches("a.d.ts"))
        self.assertTrue(pattern.matches("src/A.TS"))
        self.assertFalse(pattern.matches("a.mts"))
        self.assertFalse(pattern.matches("a.ts/readme"))


class FiltersTest(unittest.TestCase):
    def test_the_cases_shared_by_server_and_suite_pass(self) -> None:
        table = json.loads((ROOT / "conformance" / "filters" / "filters.json").read_text("utf-8"))
        cases = [case for group in table["groups"] for case in group["cases"]]
        self.assertGreater(len(cases), 50)
        for case in cases:
            with self.subTest(case=case):
                source = {"name": case.get("source", "suite"), "principal": "user:x"}
                wanted = read(case["events"], **case["filter"])
                seen = wanted.mismatch(case["event"], case["payload"], source) is None
                self.assertEqual(seen, case["matches"])

    def test_fields_narrow_together_and_values_are_alternatives(self) -> None:
        wanted = read(["file_change"], paths=["src", "lib"], extensions=[".ts"])
        self.assertTrue(matches(wanted, "file_change", path="lib/a.ts"))
        self.assertFalse(matches(wanted, "file_change", path="lib/a.js"))
        self.assertFalse(matches(wanted, "file_change", path="test/a.ts"))

    def test_a_rename_matches_by_its_old_or_its_new_path(self) -> None:
        wanted = read(["file_change"], paths=["src"])
        self.assertTrue(matches(wanted, "file_change", path="lib/a.ts", previousPath="src/a.ts"))

    def test_a_field_constrains_only_the_events_that_declare_it(self) -> None:
        wanted = read(["*"], paths=["src"])
        self.assertTrue(matches(wanted, "relationship_created", id="r"))
        self.assertTrue(matches(wanted, "team.own"))
        self.assertFalse(matches(wanted, "entity_created", id="e"))

    def test_sources_match_the_label_or_the_principal(self) -> None:
        self.assertTrue(matches(read(["team.own"], sources=["key:indexer"]), "team.own"))
        self.assertTrue(matches(read(["team.own"], sources=["indexer"]), "team.own"))
        self.assertFalse(matches(read(["team.own"], sources=["other"]), "team.own"))

    def test_a_field_that_no_event_declares_is_refused(self) -> None:
        for events in (["team.own"], ["sync_status"], ["relationship_*"]):
            with self.subTest(events=events), self.assertRaises(ProtocolError) as caught:
                read(events, paths=["src"])
            self.assertEqual(caught.exception.code, "filter_not_applicable")
        read(["entity_*"], paths=["src"])

    def test_the_filter_in_force_is_normalised(self) -> None:
        wanted = read(["file_change"], paths=["./src/", "src"], extensions=["TS"])
        self.assertEqual(wanted.fields, {"paths": ["src"], "extensions": [".ts"]})

    def test_event_patterns_cover_names_with_their_prefix(self) -> None:
        self.assertTrue(covers_event("entity_*", "entity_created"))
        self.assertFalse(covers_event("entity_*", "entity"))
        self.assertFalse(covers_event("entity", "entity_created"))
