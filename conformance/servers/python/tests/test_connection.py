import asyncio
import json
import signal

from .target import ServerTest, note, numbers


class ConnectionTest(ServerTest):
    async def test_welcome_identifies_server_and_client(self) -> None:
        client = await self.connect()
        welcome = client.seen[0]["data"]
        self.assertEqual(welcome["principal"]["id"], "anonymous")
        self.assertEqual(welcome["features"]["replay"]["file_change"], "none")
        self.assertEqual(welcome["features"]["replay"]["*"], "latest")
        self.assertFalse(welcome["authenticationRequired"])

    async def test_subprotocols_without_tidemark_are_refused(self) -> None:
        self.assertEqual(await self.refused(subprotocols=["graphql-transport-ws"]), 400)
        self.assertEqual((await self.connect(subprotocols=["x", "tidemark.v1"])).socket.subprotocol, "tidemark.v1")
        self.assertIsNone((await self.connect(subprotocols=None)).socket.subprotocol)

    async def test_a_binary_frame_is_answered_with_1003(self) -> None:
        client = await self.connect()
        await client.socket.send(b"{}")
        self.assertEqual(await client.closed(), 1003)

    async def test_an_oversized_message_is_answered_with_1009(self) -> None:
        client = await self.connect()
        await client.socket.send("x" * 65537)
        self.assertEqual(await client.closed(), 1009)

    async def test_fragments_form_one_message_whose_total_size_is_limited(self) -> None:
        client = await self.connect()
        await client.socket.send(['{"type":"ping","id":"a",', "", '"data":{}}'])
        self.assertEqual((await client.until("pong"))["id"], "a")
        await client.socket.send(["x" * 40000, "x" * 40000])
        self.assertEqual(await client.closed(), 1009)

    async def test_a_command_without_id_is_answered_without_id(self) -> None:
        client = await self.connect()
        await client.send("ping", {})
        self.assertNotIn("id", await client.until("pong"))

    async def test_the_twentieth_bad_message_within_a_minute_closes(self) -> None:
        client = await self.connect()
        for _ in range(19):
            self.assertEqual((await client.ask_text("{"))["data"]["code"], "invalid_json")
        self.assertEqual((await client.ask("ping"))["type"], "pong")
        await client.socket.send("{")
        self.assertEqual(await client.closed(), 4000)
        self.assertEqual(
            client.seen[-1], {"type": "closing", "data": {"code": 4000, "name": "protocol_error", "retryable": False}}
        )

    async def test_commands_beyond_the_burst_are_refused_with_a_retry_delay(self) -> None:
        client = await self.connect()
        for _ in range(130):
            await client.send("ping", {})
        error = await client.until("error")
        self.assertEqual(error["data"]["code"], "rate_limited")
        self.assertGreater(error["data"]["retryAfterMs"], 0)

    async def test_a_command_that_precedes_a_close_is_executed(self) -> None:
        leaving, staying = await self.connect(), await self.connect()
        await staying.ask("subscribe", events=["*"], replay={"mode": "none"})
        await leaving.send("broadcast", note(1))
        await leaving.socket.close()
        self.assertEqual(numbers([(await staying.until("event"))["data"]]), [1])

    async def test_one_live_message_names_all_matching_subscriptions(self) -> None:
        client = await self.connect()
        await client.ask("subscribe", subscriptionId="one", events=["*"], replay={"mode": "none"})
        await client.ask("subscribe", subscriptionId="two", events=["suite.*"], replay={"mode": "none"})
        await client.ask("subscribe", subscriptionId="three", events=["sync_status"], replay={"mode": "none"})
        first = await client.ask("broadcast", **note(1))
        await client.ask("sync", stream="main")
        (event,) = client.events()
        self.assertEqual(event["subscriptionIds"], ["one", "two"])
        self.assertEqual(list(event)[:2], ["subscriptionIds", "isReplay"])
        self.assertEqual(event["source"], {"name": "anonymous", "principal": "anonymous"})
        self.assertEqual(first["data"]["sequenceId"], 1)

    async def test_a_repeated_idempotency_key_publishes_once(self) -> None:
        client = await self.connect()
        first = await client.ask("broadcast", **note(1, idempotencyKey="k"))
        again = await client.ask("broadcast", **note(2, idempotencyKey="k"))
        elsewhere = await client.ask("broadcast", **note(3, stream="workspace:w", idempotencyKey="k"))
        self.assertEqual(again["data"], {**first["data"], "duplicate": True})
        self.assertFalse(elsewhere["data"]["duplicate"])

    async def test_a_payload_that_breaks_its_schema_is_not_stored(self) -> None:
        client = await self.connect()
        error = await client.ask("broadcast", stream="main", event="sync_status", payload={"status": "odd"})
        self.assertEqual((error["data"]["code"], error["data"]["pointer"]), ("payload_invalid", "/data/payload/status"))
        self.assertEqual((await client.ask("sync", stream="main"))["data"]["position"]["sequenceId"], 0)

    async def test_unsubscribe_ends_only_the_named_subscriptions(self) -> None:
        client = await self.connect()
        for name in ("one", "two", "three"):
            await client.ask("subscribe", subscriptionId=name, events=["*"], replay={"mode": "none"})
        again = await client.ask("subscribe", subscriptionId="one", events=["sync_status"])
        self.assertEqual(again["data"]["code"], "subscription_exists")
        self.assertEqual((await client.ask("unsubscribe", subscriptionId="one"))["data"], {"subscriptionIds": ["one"]})
        unknown = await client.ask("unsubscribe", subscriptionId="one")
        self.assertEqual(unknown["data"]["code"], "subscription_not_found")
        await client.ask("broadcast", **note(1))
        await client.ask("sync", stream="main")
        self.assertEqual(client.events()[0]["subscriptionIds"], ["two", "three"])
        self.assertEqual((await client.ask("unsubscribe", all=True))["data"], {"subscriptionIds": ["two", "three"]})
        self.assertEqual((await client.ask("list_subscriptions"))["data"], {"items": []})

    async def test_a_list_repeats_the_data_of_subscribed_and_has_counts(self) -> None:
        client = await self.connect()
        await client.ask("broadcast", **note(1))
        reply = await client.ask("subscribe", subscriptionId="one", events=["*"])
        await client.ask("broadcast", **note(2))
        (item,) = (await client.ask("list_subscriptions"))["data"]["items"]
        self.assertEqual((item["delivered"], item["replayed"]), (1, 1))
        self.assertEqual(
            {key: item[key] for key in ("filter", "recovery")},
            {key: reply["data"][key] for key in ("filter", "recovery")},
        )


class HeartbeatTest(ServerTest):
    arguments = ("--broadcast", "--limit", "heartbeatIntervalMs=150")

    async def test_a_heartbeat_counts_what_was_written_and_names_every_stream(self) -> None:
        client = await self.connect()
        await client.ask("subscribe", events=["suite.other"], stream="session:s", replay={"mode": "none"})
        await client.ask("subscribe", events=["*"], replay={"mode": "none"})
        await client.ask("broadcast", **note(1))
        await client.ask("broadcast", **note(2, stream="session:s"))
        await client.until("heartbeat")
        beat = (await client.until("heartbeat"))["data"]
        self.assertEqual(beat["delivered"], len(client.events()))
        self.assertEqual(
            {each["stream"]: each["sequenceId"] for each in beat["positions"]}, {"main": 1, "session:s": 1}
        )

    async def test_a_silent_peer_is_closed_with_4203(self) -> None:
        host, _, port = self.http_url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = [
            "GET /ws HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "",
            "",
        ]
        writer.write("\r\n".join(head).encode())
        received = await asyncio.wait_for(reader.read(-1), 10)
        writer.close()
        self.assertIn(b'"code":4203', received)
        self.assertIn((4203).to_bytes(2, "big") + b"heartbeat_timeout", received)


class DrainTest(ServerTest):
    async def test_clients_receive_closing_and_new_connections_are_refused(self) -> None:
        client = await self.connect()
        await client.ask("subscribe", events=["*"])
        self.send_signal(signal.SIGTERM)
        await self.eventually(self.is_draining)
        self.assertEqual(await self.refused(), 503)
        self.assertEqual(await client.closed(), 4200)
        heartbeat, closing = client.seen[-2:]
        self.assertEqual((heartbeat["type"], closing["type"]), ("heartbeat", "closing"))
        self.assertEqual((closing["data"]["name"], closing["data"]["retryable"]), ("shutdown", True))
        self.assertGreater(closing["data"]["retryAfterMs"], 0)
        self.assertEqual(await asyncio.wait_for(self.process.wait(), 10), 0)

    async def is_draining(self) -> bool:
        status, body, _ = await self.http("GET", "/readyz")
        return (status, body) == (503, {"status": "draining"})


class SlowConsumerTest(ServerTest):
    arguments = (
        "--broadcast",
        "--limit",
        "sendQueueMessages=16",
        "--limit",
        "commandsPerSecond=100000",
        "--limit",
        "commandBurst=100000",
    )

    async def test_a_client_that_does_not_read_is_closed_and_others_are_not_affected(self) -> None:
        slow = await self.connect(max_queue=1, read_limit=1024, close_timeout=1)
        await slow.ask("subscribe", events=["*"], replay={"mode": "none"})
        slow.socket.transport.pause_reading()
        busy = await self.connect()
        for n in range(2000):
            reply = await busy.ask(
                "broadcast", stream="main", event="suite.big", payload={"n": n, "text": "x" * 20_000}
            )
            self.assertEqual(reply["type"], "broadcasted")
            if n % 100 == 0 and (await self.closed_slow()) == 1:
                break
        self.assertEqual(await self.closed_slow(), 1)
        slow.socket.transport.resume_reading()
        self.assertEqual(await slow.closed(), 4201)
        self.assertEqual(slow.seen[-1]["data"]["name"], "slow_consumer")

    async def closed_slow(self) -> int:
        _, body, _ = await self.http("GET", "/ws/health")
        count: int = body["backpressure"]["closedSlow"]
        return count


class InvalidUtf8Test(ServerTest):
    async def test_text_that_is_not_utf_8_ends_the_connection_with_1007(self) -> None:
        client = await self.connect()
        await client.socket.write_frame(True, 1, b'{"type":"\xff"}')
        self.assertEqual(await client.closed(), 1007)

    async def test_hostile_texts_are_answered_and_change_nothing(self) -> None:
        client = await self.connect()
        for text in [
            "[" * 40_000,
            '{"type":"ping","data":{"__proto__":{}}}',
            '{"type":"ping","type":"ping","data":{}}',
            json.dumps("\ud800"),
        ]:
            self.assertEqual((await client.ask_text(text))["data"]["code"], "invalid_json")
        self.assertEqual((await client.ask("ping"))["type"], "pong")
