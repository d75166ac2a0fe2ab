import asyncio
import json
import sys
import unittest
from typing import Any

from .target import PATIENCE, PROGRAM, ServerTest


async def listed(option: str) -> list[dict[str, str]]:
    process = await asyncio.create_subprocess_exec(sys.executable, str(PROGRAM), option, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    variants: list[dict[str, str]] = json.loads(output)
    return variants


class VariantsTest(unittest.IsolatedAsyncioTestCase):
    async def test_every_mutant_names_a_clause_of_the_contract(self) -> None:
        from tidemark.contract import BUNDLE

        clauses = json.loads(BUNDLE.read_bytes())["x-requirements"]
        known = clauses if isinstance(clauses, dict) else {each["id"] for each in clauses}
        mutants = await listed("--list-mutants")
        self.assertGreater(len(mutants), 50)
        for mutant in mutants:
            self.assertIn(mutant["clause"], known)

    async def test_benign_variants_break_no_clause(self) -> None:
        for variant in await listed("--list-benign"):
            self.assertEqual(set(variant), {"name", "what"})


class BenignTest(ServerTest):
    """A server with all benign variants at once, except `bursts`. With `bursts`, the server would wait 20 ms after every
    byte of `one-byte-writes`."""

    async def asyncSetUp(self) -> None:
        names = [variant["name"] for variant in await listed("--list-benign") if variant["name"] != "bursts"]
        self.arguments = ("--broadcast", *(part for name in names for part in ("--benign", name)))
        await super().asyncSetUp()

    async def test_an_unusual_server_satisfies_every_clause(self) -> None:
        client = await self.connect()
        note: dict[str, Any] = {"stream": "session:s", "event": "suite.note", "payload": {"text": "ü/€"}}
        for _ in range(3):
            first = (await client.ask("broadcast", **note))["data"]
        replay = {"mode": "resume", "after": {"epoch": first["epoch"], "sequenceId": 1}}
        await client.ask("subscribe", stream="session:s", events=["*"], replay=replay)
        await client.until("replay_complete")
        await client.ask("broadcast", **note)
        await client.ask("sync", stream="session:s")
        events = client.events(stream="session:s")
        self.assertEqual(
            [(event["sequenceId"], event["isReplay"]) for event in events], [(2, True), (3, True), (4, False)]
        )
        self.assertEqual(events[0]["payload"], {"text": "ü/€"})
        self.assertGreater((await client.ask("sync", stream="main"))["data"]["position"]["sequenceId"], 4_000_000_000)


class EscapedTextTest(ServerTest):
    arguments = ("--benign", "escaped-text")

    async def test_a_text_with_line_breaks_is_one_server_sent_event(self) -> None:
        host, _, port = self.http_url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET /ws/events?events=* HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n".encode())
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        types = []
        for _ in range(2):
            lines = (await asyncio.wait_for(reader.readuntil(b"\n\n"), PATIENCE)).decode().split("\n")
            data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
            self.assertGreater(len(data), 1)
            types.append(json.loads("\n".join(data))["type"])
        writer.close()
        self.assertEqual(types, ["welcome", "subscribed"])


class MutantTest(ServerTest):
    arguments = ("--broadcast", "--mutant", "resume-inclusive", "--benign", "shuffled-keys")

    async def test_a_mutant_differs_from_the_server_only_in_its_fault(self) -> None:
        client = await self.connect()
        for n in range(3):
            reply = await client.ask("broadcast", stream="main", event="suite.note", payload={"n": n})
        replay = {"mode": "resume", "after": {"epoch": reply["data"]["epoch"], "sequenceId": 2}}
        await client.ask("subscribe", events=["*"], replay=replay)
        await client.until("replay_complete")
        self.assertEqual([event["sequenceId"] for event in client.events()], [2, 3])
