import asyncio
import signal
from typing import Any

from .target import Client, Message, ServerTest, note, numbers


class ReplayTest(ServerTest):
    async def resume(self, client: Client, epoch: str, after: int, **more: Any) -> dict[str, Any]:
        replay = {"mode": "resume", "after": {"epoch": epoch, "sequenceId": after}}
        subscribed = await client.ask("subscribe", **{"events": ["*"], "replay": replay, **more})
        await client.until("replay_complete")
        data: dict[str, Any] = subscribed["data"]
        return data

    async def test_a_resume_sends_everything_after_the_position_in_order(self) -> None:
        client = await self.connect()
        for n in range(1, 6):
            epoch = (await client.ask("broadcast", **note(n)))["data"]["epoch"]
        data = await self.resume(client, epoch, 2)
        self.assertEqual(data["recovery"], {"attempted": True, "recovered": True})
        self.assertEqual(numbers(client.events(isReplay=True, replayReason="resume")), [3, 4, 5])
        complete = client.seen[-1]["data"]
        self.assertEqual((complete["count"], complete["truncated"], complete["position"]), (3, False, data["position"]))
        await client.ask("broadcast", **note(6))
        await client.ask("sync", stream="main")
        self.assertEqual(numbers(client.events(isReplay=False)), [6])

    async def test_a_failed_resume_reports_its_reason_and_replays_warm(self) -> None:
        client = await self.connect()
        for n in (1, 2):
            epoch = (await client.ask("broadcast", **note(n)))["data"]["epoch"]
        for position, reason in [(("other", 1), "epoch_changed"), ((epoch, 3), "unknown_position")]:
            with self.subTest(reason=reason):
                client.seen.clear()
                data = await self.resume(client, *position)
                self.assertEqual(data["recovery"], {"attempted": True, "recovered": False, "reason": reason})
                self.assertEqual(
                    [message["type"] for message in client.seen], ["subscribed", "gap", "event", "replay_complete"]
                )
                gap = client.seen[1]["data"]
                self.assertEqual(gap["from"], {"epoch": position[0], "sequenceId": position[1]})
                self.assertEqual((gap["to"], gap["reason"]), (data["position"], reason))
                self.assertEqual(numbers(client.events(replayReason="warm")), [2])

    async def test_a_warm_picture_contains_only_existing_entities(self) -> None:
        client = await self.connect()

        async def publish(event: str, payload: dict[str, Any]) -> None:
            self.assertEqual((await client.ask("broadcast", event=event, payload=payload))["type"], "broadcasted")

        entity = {"entityType": "function", "name": "f"}
        await publish("entity_created", {"id": "a", **entity, "path": "src/a.ts"})
        await publish("entity_created", {"id": "b", **entity})
        await publish("entity_updated", {"id": "a", **entity, "path": "lib/a.ts", "changedFields": ["path"]})
        await publish("entity_deleted", {"id": "b", "entityType": "function"})
        await publish(
            "relationship_created", {"id": "a", "relationshipType": "calls", "fromEntityId": "a", "toEntityId": "b"}
        )
        await publish("file_change", {"path": "a", "root": "r", "changeType": "create", "fileType": "file"})
        await publish("sync_status", {"status": "running"})
        await publish("sync_status", {"status": "completed"})
        await publish("session_event", {"sessionId": "s", "sessionEvent": "session_started"})
        await publish("session_event", {"sessionId": "s", "sessionEvent": "session_keepalive"})
        cases: list[tuple[Message, list[int]]] = [
            ({"events": ["*"]}, [3, 5, 8]),
            ({"events": ["*"], "stream": "session:s"}, [1, 2]),
            ({"events": ["entity_*"], "filter": {"paths": ["src"]}}, [1]),
        ]
        for wanted, sequence in cases:
            with self.subTest(wanted=wanted):
                client.seen.clear()
                await client.ask("subscribe", **wanted)
                await client.until("replay_complete")
                self.assertEqual([event["sequenceId"] for event in client.events()], sequence)

    async def test_replay_mode_none_sends_no_replay_and_no_replay_complete(self) -> None:
        client = await self.connect()
        await client.ask("broadcast", **note(1))
        await client.ask("subscribe", events=["*"], replay={"mode": "none"})
        await client.ask("sync", stream="main")
        self.assertNotIn("replay_complete", [message["type"] for message in client.seen])
        self.assertEqual(client.events(), [])

    async def test_a_long_replay_is_complete_and_precedes_live_events(self) -> None:
        publisher, client = await self.connect(), await self.connect()
        for n in range(3):
            for _ in range(30):
                await publisher.send("broadcast", note(n, stream="session:s"))
            epoch = (await publisher.ask("sync", stream="session:s"))["data"]["position"]["epoch"]
            await asyncio.sleep(0.5)
        await publisher.send("broadcast", note(99, stream="session:s"))
        await self.resume(client, epoch, 0, stream="session:s")
        await client.ask("sync", stream="session:s")
        self.assertEqual([event["sequenceId"] for event in client.events()], list(range(1, 92)))

    async def test_the_end_of_an_epoch_is_reported_to_subscribers_of_the_stream(self) -> None:
        client = await self.connect()
        await client.ask("subscribe", subscriptionId="one", events=["*"])
        before = (await client.ask("broadcast", **note(1)))["data"]
        self.send_signal(signal.SIGUSR1)
        gap = (await client.until("gap"))["data"]
        self.assertEqual(gap["reason"], "epoch_changed")
        self.assertEqual(gap["from"], {"epoch": before["epoch"], "sequenceId": 1})
        after = (await client.ask("broadcast", **note(1)))["data"]
        self.assertEqual((after["epoch"], after["sequenceId"]), (gap["to"]["epoch"], 1))
        self.assertNotEqual(after["epoch"], before["epoch"])


    async def test_the_ids_of_many_streams_name_the_new_epochs_after_their_gaps(self) -> None:
        client, streams = await self.connect(), ["main", "workspace:w"]
        for stream in streams:
            await client.ask("broadcast", **note(1, stream))
        events = await self.event_stream("streams=main&streams=workspace:w&events=*")
        await events.until("replay_complete")
        self.send_signal(signal.SIGUSR1)
        gaps = [(await events.until("gap"))["data"] for _ in streams]
        await client.ask("broadcast", **note(2))
        await events.until("event")
        reached = {"main": 1, "workspace:w": 0}
        places = [f"{gap['to']['epoch']}/{reached[gap['stream']]}/{gap['stream']}" for gap in gaps]
        self.assertEqual(sorted(events.last_id.split("|")), sorted(places))


class BoundedHistoryTest(ServerTest):
    arguments = (
        "--broadcast",
        "--limit",
        "historyEvents=3",
        "--limit",
        "sessionHistoryEvents=3",
        "--limit",
        "retainedKeys=2",
    )

    async def test_a_position_older_than_history_fails_with_window_exceeded(self) -> None:
        client = await self.connect()
        for n in range(1, 6):
            epoch = (await client.ask("broadcast", **note(n)))["data"]["epoch"]
        for after, recovered in [(1, False), (2, True)]:
            replay = {"mode": "resume", "after": {"epoch": epoch, "sequenceId": after}}
            data = (await client.ask("subscribe", events=["*"], replay=replay))["data"]
            self.assertEqual(data["recovery"]["recovered"], recovered)
        self.assertEqual(data["recovery"], {"attempted": True, "recovered": True})

    async def test_a_picture_that_a_bound_has_shortened_is_marked_as_truncated(self) -> None:
        client = await self.connect()
        step = {"sessionId": "log", "sessionEvent": "modified"}
        for stream, event, payload, events, cut in [
            ("session:log", "session_event", step, ["session_event"], True),
            ("main", "suite.note", {}, ["sync_status"], False),
        ]:
            for _ in range(4):
                await client.ask("broadcast", stream=stream, event=event, payload=payload)
            await client.ask("subscribe", stream=stream, events=events)
            self.assertEqual((await client.until("replay_complete"))["data"]["truncated"], cut)

    async def test_the_newest_event_of_a_key_outlives_history_up_to_the_limit_of_keys(self) -> None:
        client = await self.connect()
        for n in range(2):
            await client.ask(
                "broadcast",
                stream="main",
                event="entity_created",
                payload={"id": f"e{n}", "entityType": "t", "name": "n"},
            )
        for n in range(5):
            await client.ask("broadcast", **note(n))
        await client.ask("subscribe", events=["entity_created"])
        self.assertFalse((await client.until("replay_complete"))["data"]["truncated"])
        self.assertEqual([event["payload"]["id"] for event in client.events()], ["e0", "e1"])
        await client.ask(
            "broadcast", stream="main", event="entity_created", payload={"id": "e2", "entityType": "t", "name": "n"}
        )
        await client.ask("subscribe", events=["entity_created"])
        complete = (await client.until("replay_complete"))["data"]
        self.assertEqual((complete["count"], complete["truncated"]), (2, True))


class ExpiryTest(ServerTest):
    arguments = ("--broadcast", "--limit", "sessionTtlMs=1000")

    async def test_an_expired_session_stream_with_a_subscriber_loses_its_events_and_keeps_its_epoch(self) -> None:
        watcher, client = await self.connect(), await self.connect()
        await watcher.ask("subscribe", stream="session:s", events=["*"], replay={"mode": "none"})
        first = (await client.ask("broadcast", **note(1, "session:s")))["data"]
        pictures: list[Message] = []

        async def has_no_picture() -> bool:
            await asyncio.sleep(0.1)
            await client.ask("subscribe", subscriptionId="new", stream="session:s", events=["*"])
            pictures.append((await client.until("replay_complete"))["data"])
            await client.ask("unsubscribe", subscriptionId="new")
            return bool(pictures[-1]["count"] == 0)

        await self.eventually(has_no_picture)
        self.assertTrue(pictures[-1]["truncated"])
        second = (await client.ask("broadcast", **note(2, "session:s")))["data"]
        self.assertEqual((second["epoch"], second["sequenceId"]), (first["epoch"], 2))
        await watcher.ask("sync", stream="session:s")
        self.assertEqual([message["type"] for message in watcher.seen if message["type"] == "gap"], [])
