"""A client that connects to a server with another contract reports the differences."""

import unittest

from runtime.contract_match import match_contract
from runtime.wire import JsonObject, ProtocolSpec

SPEC = ProtocolSpec("tidemark.v1", frozenset(), {}, {}, contract_digest="sha256:own", events=("file_change", "build_finished"))


class TheContractOfAServer(unittest.TestCase):
    def test_matches_if_the_digests_are_equal(self) -> None:
        found = match_contract(SPEC, {"contractDigest": "sha256:own", "features": {"replay": {"file_change": "none", "build_finished": "log", "*": "latest"}}})
        self.assertTrue(found.matches)
        self.assertEqual((found.missing_events, found.unknown_events), ((), ()))

    def test_with_another_digest_is_compared_event_by_event(self) -> None:
        found = match_contract(SPEC, {"contractDigest": "sha256:other", "features": {"replay": {"file_change": "none", "tick": "latest", "*": "latest"}}})
        self.assertFalse(found.matches)
        self.assertEqual((found.own_digest, found.server_digest), ("sha256:own", "sha256:other"))
        self.assertEqual((found.missing_events, found.unknown_events), (("build_finished",), ("tick",)))

    def test_without_a_list_of_events_may_have_all_events(self) -> None:
        welcomes: list[JsonObject] = [{}, {"features": {}}, {"features": {"replay": []}}, {"contractDigest": 7}]
        for welcome in welcomes:
            found = match_contract(SPEC, welcome)
            self.assertEqual((found.matches, found.server_digest, found.missing_events), (False, None, ()))


if __name__ == "__main__":
    unittest.main()
