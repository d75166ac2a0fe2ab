import asyncio
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from .target import PATIENCE, PROGRAM, Message, ServerTest

ROOT = Path(__file__).resolve().parents[4]


class HttpTest(ServerTest):
    async def test_probes_and_health_answer(self) -> None:
        self.assertEqual((await self.http("GET", "/healthz"))[:2], (200, {"status": "ok"}))
        self.assertEqual((await self.http("GET", "/readyz"))[:2], (200, {"status": "ok"}))
        client = await self.connect()
        await client.ask("subscribe", events=["entity_*", "*"])
        status, health, _ = await self.http("GET", "/ws/health")
        self.assertEqual((status, health["status"], health["connections"]), (200, "ok", 1))
        self.assertEqual(health["subscriptions"], {"total": 1, "byEvent": {"entity_*": 1, "*": 1}})
        self.assertEqual([each["stream"] for each in health["streams"]], ["main"])

    async def test_an_address_in_use_is_reported_in_one_line(self) -> None:
        port = self.http_url.rpartition(":")[2]
        second = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), "--port", port, stderr=asyncio.subprocess.PIPE
        )
        _, errors = await asyncio.wait_for(second.communicate(), PATIENCE)
        self.assertEqual(second.returncode, 2)
        self.assertRegex(errors.decode(), rf"^cannot listen on 127\.0\.0\.1:{port}: .*--port 0 chooses a free port\n$")

    async def test_a_websocket_request_without_an_upgrade_is_answered_with_426(self) -> None:
        status, body, headers = await self.http("GET", "/ws")
        self.assertEqual((status, body["type"], headers["upgrade"]), (426, "error", "websocket"))

    async def test_the_contract_is_served_byte_for_byte(self) -> None:
        self.assertEqual((await self.http("GET", "/asyncapi.yaml"))[1], (ROOT / "asyncapi.yaml").read_text("utf-8"))

    async def test_the_contract_is_json_for_a_client_that_prefers_json(self) -> None:
        for accept, media_type in [
            ("application/json", "application/json"),
            ("application/json;q=0.5, application/yaml", "application/yaml"),
            ("application/json;q=0, */*", "application/yaml"),
        ]:
            _, _, headers = await self.http("GET", "/asyncapi.yaml", accept=accept)
            self.assertEqual(headers["content-type"], f"{media_type}; charset=utf-8")
            self.assertEqual((headers["access-control-allow-origin"], headers["vary"]), ("*", "Accept"))

    async def test_documents_are_served(self) -> None:
        for path in ("/docs", "/console", "/metrics"):
            self.assertEqual((await self.http("GET", path))[0], 200)

    async def test_the_reference_is_markdown_for_a_client_that_names_markdown(self) -> None:
        for accept, media_type in [
            ("text/markdown, text/html, */*", "text/markdown"),
            ("text/markdown;q=0.5, text/html", "text/html"),
            ("*/*", "text/html"),
        ]:
            _, _, headers = await self.http("GET", "/docs", accept=accept)
            self.assertEqual((headers["content-type"], headers["vary"]), (f"{media_type}; charset=utf-8", "Accept"))

    async def test_the_root_redirects_to_the_reference(self) -> None:
        status, _, headers = await self.http("GET", "/")
        self.assertEqual((status, headers["location"]), (302, "docs"))

    async def test_a_broadcast_over_http_is_the_same_operation_as_the_command(self) -> None:
        body = {"stream": "main", "event": "suite.note", "payload": {}, "idempotencyKey": "k", "source": "label"}
        client = await self.connect()
        await client.ask("subscribe", events=["*"])
        first = (await self.http("POST", "/ws/broadcast", body))[:2]
        self.assertEqual((first[0], first[1]["sequenceId"], first[1]["duplicate"]), (200, 1, False))
        self.assertTrue((await self.http("POST", "/ws/broadcast", body))[1]["duplicate"])
        self.assertTrue((await client.ask("broadcast", **body))["data"]["duplicate"])
        await client.ask("sync", stream="main")
        (event,) = client.events()
        self.assertEqual(event["source"], {"name": "label", "principal": "anonymous"})

    async def test_failures_have_the_error_message_and_its_status(self) -> None:
        good: Message = {"stream": "main", "event": "suite.note", "payload": {}}
        cases: list[tuple[Any, int, str, str | None]] = [
            (b"{", 400, "invalid_json", None),
            (b"\xff", 400, "invalid_json", None),
            ([], 400, "invalid_json", None),
            ({**good, "x": 1}, 400, "invalid_message", "/x"),
            ({**good, "stream": "nope"}, 422, "stream_invalid", "/stream"),
            ({**good, "event": "sync_status"}, 422, "payload_invalid", "/payload/status"),
            ({**good, "payload": {"text": "x" * 66_000}}, 413, "payload_too_large", None),
        ]
        for body, status, code, pointer in cases:
            with self.subTest(code=code, pointer=pointer):
                seen, answer, _ = await self.http("POST", "/ws/broadcast", body)
                self.assertEqual((seen, answer["type"]), (status, "error"))
                self.assertEqual((answer["data"]["code"], answer["data"].get("pointer")), (code, pointer))

    async def test_an_unknown_address_gets_404_and_a_wrong_method_405(self) -> None:
        self.assertEqual((await self.http("GET", "/nope"))[0], 404)
        status, _, headers = await self.http("POST", "/ws/health")
        self.assertEqual((status, headers["allow"]), (405, "GET"))

    async def test_subscriptions_are_paged_and_can_be_filtered(self) -> None:
        client = await self.connect()
        for n in range(5):
            await client.ask(
                "subscribe",
                subscriptionId=f"s{n}",
                events=["file_change"],
                filter={"paths": ["src"]},
                stream=f"session:{n % 2}",
            )
        seen, query = [], "?limit=2"
        while query:
            status, page, _ = await self.http("GET", f"/ws/subscriptions{query}")
            self.assertEqual((status, page["total"], page["partial"]), (200, 5, False))
            seen += [item["subscriptionId"] for item in page["items"]]
            query = f"?limit=2&cursor={page['nextCursor']}" if "nextCursor" in page else ""
        self.assertEqual(seen, ["s0", "s1", "s2", "s3", "s4"])
        self.assertEqual(page["aggregates"]["directories"], {"src": 5})
        self.assertEqual((await self.http("GET", "/ws/subscriptions?stream=session:1"))[1]["total"], 2)
        self.assertEqual(
            (await self.http("GET", "/ws/subscriptions?event=file_change&principal=nobody"))[1]["total"], 0
        )
        for query in ("?limit=0", "?limit=x", "?nope=1", "?cursor=%00"):
            self.assertEqual((await self.http("GET", f"/ws/subscriptions{query}"))[0], 400)

    async def test_an_explanation_names_the_condition_that_fails(self) -> None:
        client = await self.connect()
        await client.ask("subscribe", subscriptionId="all", events=["*"])
        await client.ask(
            "subscribe", subscriptionId="ts", events=["file_change"], filter={"paths": ["src"], "extensions": ["ts"]}
        )
        await client.ask("subscribe", subscriptionId="graph", events=["entity_*"])
        await client.ask("subscribe", subscriptionId="there", events=["*"], stream="session:1")
        payload = {"path": "src/a.mts", "root": "r", "changeType": "modify", "fileType": "file"}
        status, answer, _ = await self.http("POST", "/ws/explain", {"event": "file_change", "payload": payload})
        self.assertEqual((status, [each["subscriptionId"] for each in answer["matches"]]), (200, ["all"]))
        mismatches = {each["subscriptionId"]: (each["clause"], each["wanted"], each["seen"]) for each in answer["mismatches"]}
        self.assertEqual(mismatches["ts"], ("extensions", [".ts"], ["src/a.mts"]))
        self.assertEqual(mismatches["graph"], ("events", ["entity_*"], ["file_change"]))
        self.assertEqual(mismatches["there"], ("stream", ["session:1"], ["main"]))

    async def test_an_operator_can_end_one_connection(self) -> None:
        cases: list[tuple[Message, int]] = [({}, 4205), ({"reconnect": False}, 4009)]
        for more, code in cases:
            client, other = await self.connect(), await self.connect()
            body = {"connectionId": client.seen[0]["data"]["connectionId"], **more}
            status, answer, _ = await self.http("POST", "/ws/disconnect", body)
            self.assertEqual((status, answer["disconnected"]), (200, True))
            self.assertEqual(await client.closed(), code)
            self.assertFalse((await self.http("POST", "/ws/disconnect", body))[1]["disconnected"])
            self.assertEqual((await other.ask("ping"))["type"], "pong")

    async def test_unknown_hosts_and_origins_are_refused(self) -> None:
        self.assertEqual((await self.http("GET", "/ws/health", host="evil.example"))[0], 403)
        self.assertEqual(await self.refused(origin="https://evil.example"), 403)
        await self.connect(origin=self.http_url)

    async def test_a_credential_in_the_address_is_refused(self) -> None:
        for name in ("token", "access_token", "apiKey"):
            self.assertEqual((await self.http("GET", f"/ws/health?{name}=secret"))[0], 400)


class CredentialsTest(ServerTest):
    async def asyncSetUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.file = Path(directory.name) / "tokens.json"
        self.write(
            {
                "admin": {"principal": "user:ana", "scopes": ["subscribe:*", "publish:*", "admin:read"]},
                "reader": {"principal": "agent:r", "scopes": ["subscribe:entity_*@main", "subscribe:suite.*"]},
                "sessions": {"principal": "key:s", "scopes": ["subscribe:*@session:1"]},
            }
        )
        self.arguments = ("--broadcast", "--tokens", str(self.file), "--limit", "authTimeoutMs=600")
        await super().asyncSetUp()

    def write(self, tokens: dict[str, object]) -> None:
        self.file.write_text(json.dumps(tokens), "utf-8")

    async def test_a_credential_is_accepted_in_headers_and_in_the_first_command(self) -> None:
        ana = await self.connect(extra_headers={"Authorization": "Bearer admin"})
        self.assertEqual(ana.seen[0]["data"]["principal"]["kind"], "user")
        key = await self.connect(extra_headers={"X-API-Key": "sessions"})
        self.assertEqual(key.seen[0]["data"]["principal"]["kind"], "api_key")
        self.assertEqual(await self.refused(extra_headers={"Authorization": "Bearer nope"}), 401)
        late = await self.connect()
        self.assertTrue(late.seen[0]["data"]["authenticationRequired"])
        self.assertEqual((await late.ask("ping"))["type"], "pong")
        self.assertEqual((await late.ask("sync", stream="main"))["data"]["code"], "unauthenticated")
        self.assertEqual((await late.ask("authenticate", token="nope"))["data"]["code"], "unauthenticated")
        self.assertEqual((await late.ask("authenticate", token="reader"))["data"]["principal"]["id"], "agent:r")

    async def test_a_client_that_does_not_authenticate_in_time_is_closed_with_4008(self) -> None:
        self.assertEqual(await (await self.connect()).closed(), 4008)

    async def test_one_scope_must_cover_the_whole_pattern_on_the_stream(self) -> None:
        client = await self.connect(extra_headers={"Authorization": "Bearer reader"})
        cases: list[tuple[Message, str]] = [
            ({"events": ["entity_*"]}, "subscribed"),
            ({"events": ["entity_created"]}, "subscribed"),
            ({"events": ["entity_created"], "stream": "session:1"}, "error"),
            ({"events": ["suite.a"], "stream": "session:1"}, "subscribed"),
            ({"events": ["*"]}, "error"),
            ({"events": ["entity_*", "file_change"]}, "error"),
        ]
        for wanted, kind in cases:
            with self.subTest(wanted=wanted):
                self.assertEqual((await client.ask("subscribe", **wanted))["type"], kind)
        sessions = await self.connect(extra_headers={"X-API-Key": "sessions"})
        self.assertEqual((await sessions.ask("subscribe", events=["*"], stream="session:1"))["type"], "subscribed")
        self.assertEqual(
            (await sessions.ask("subscribe", events=["*"], stream="session:10"))["data"]["code"], "forbidden"
        )
        refused = await sessions.ask("broadcast", stream="session:1", event="suite.a", payload={})
        self.assertEqual(refused["data"]["code"], "forbidden")

    async def test_a_narrower_credential_ends_the_subscriptions_that_it_does_not_cover(self) -> None:
        client = await self.connect(extra_headers={"Authorization": "Bearer admin"})
        await client.ask("subscribe", subscriptionId="all", events=["*"])
        await client.ask("subscribe", subscriptionId="graph", events=["entity_*"])
        await client.ask("authenticate", token="reader")
        closed = await client.until("subscription_closed")
        self.assertEqual(closed["data"], {"subscriptionId": "all", "reason": "forbidden"})
        items = (await client.ask("list_subscriptions"))["data"]["items"]
        self.assertEqual([item["subscriptionId"] for item in items], ["graph"])

    async def test_a_revoked_credential_ends_its_connections_with_4101(self) -> None:
        client = await self.connect(extra_headers={"Authorization": "Bearer reader"})
        self.write({"admin": {"principal": "user:ana", "scopes": []}})
        self.send_signal(signal.SIGHUP)
        self.assertEqual(await client.closed(), 4101)

    async def test_http_requires_the_same_credentials(self) -> None:
        body = {"stream": "main", "event": "suite.note", "payload": {}}
        cases: list[tuple[str, dict[str, str], int]] = [
            ("/ws/subscriptions", {}, 401),
            ("/ws/subscriptions", {"authorization": "Bearer reader"}, 403),
            ("/ws/subscriptions", {"authorization": "Bearer admin"}, 200),
            ("/ws/health", {}, 200),
        ]
        for path, credential, status in cases:
            self.assertEqual((await self.http("GET", path, **credential))[0], status)
        self.assertEqual((await self.http("POST", "/ws/broadcast", body))[0], 401)
        self.assertEqual((await self.http("POST", "/ws/broadcast", body, x_api_key="reader"))[0], 403)
        self.assertEqual((await self.http("POST", "/ws/broadcast", body, x_api_key="admin"))[0], 200)
