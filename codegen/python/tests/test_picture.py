"""Which events a mirror keeps, and under which keys."""

import unittest

from runtime.picture import KeyedEvent, PictureRules

DECLARED = {
    "order_placed": KeyedEvent("latest-per-key", "/payload/id", "order"),
    "order_changed": KeyedEvent("latest-per-key", "/payload/a~1b/id", "order"),
    "order_cancelled": KeyedEvent("latest-per-key", "/payload/id", "order", clears=True),
    "user_seen": KeyedEvent("latest-per-key", "/payload/id"),
    "load": KeyedEvent("latest"),
    "log_line": KeyedEvent("log"),
}


class TheRulesOfAPicture(unittest.TestCase):
    def test_cover_the_events_of_a_prefix_and_the_events_that_remove_their_keys(self) -> None:
        self.assertEqual(PictureRules(DECLARED, "order_placed").events, ["order_placed", "order_cancelled"])
        self.assertEqual(PictureRules(DECLARED, "order_*").events, ["order_placed", "order_changed", "order_cancelled"])

    def test_read_the_key_at_the_pointer_of_the_contract(self) -> None:
        rules = PictureRules(DECLARED, "order_*")
        self.assertEqual(rules.key_of({"event": "order_changed", "payload": {"a/b": {"id": "c"}}}), "c")
        self.assertIsNone(rules.key_of({"event": "order_placed", "payload": {"id": 7}}))
        self.assertTrue(rules.clears({"event": "order_cancelled"}))
        self.assertEqual(PictureRules(DECLARED, "load").key_of({"event": "load", "payload": {}}), "load")

    def test_are_refused_for_events_that_are_not_kept_by_key(self) -> None:
        kept = {name: event for name, event in DECLARED.items() if name != "log_line"}
        for declared, pattern, text in [
            (DECLARED, "nothing_*", "No declared event matches"),
            (DECLARED, "log_line", "cannot be mirrored"),
            (kept, "*", "several key spaces"),
        ]:
            with self.assertRaisesRegex(ValueError, text):
                PictureRules(declared, pattern)
