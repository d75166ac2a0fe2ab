"""Compiles under ``mypy --strict``: events are typed by the names that are subscribed to."""

from tidemark_client import Client, is_event


async def use(client: Client) -> None:
    async with client.subscribe(["file_change"], filter={"extensions": [".ts"]}) as changes:
        async for change in changes:
            path: str = change["payload"]["path"]
            print(path)
    async for declared in client.subscribe(["file_change", "entity_created"]):
        if declared["event"] == "entity_created":
            name: str = declared["payload"]["name"]
            print(name)
    async for event in client.subscribe(["*"]):
        if is_event(event, "session_event"):
            actor = event["payload"]["sessionId"]
            print(actor.upper())
    placed = await client.broadcast("entity_created", {"id": "a", "entityType": "function", "name": "a"})
    number: int = placed["sequenceId"]
    await client.broadcast_custom("modified_cluster", {"cluster": "billing", "files": number})
    waited = await client.wait_for("entity_created", lambda event: event["payload"]["name"] == "a", timeout=1)
    seen: str = waited.event["payload"]["id"]
    async with client.mirror("entity_*") as entities:
        entity = entities.get(seen)
        if entity is not None:
            print(entity["payload"]["name"])
        async for moved in entities.changes():
            print(moved.key, moved.event is None or moved.event["payload"]["name"])
    async with client.follow_streams(["main", "session:*"], ["session_event"], replay={}) as sessions:
        async for moment in sessions:
            session: str = moment["payload"]["sessionId"]
            print(moment["stream"], session, sessions.positions)
    anywhere = await client.wait_on_streams(["session:*"], "session_event", since={}, timeout=1)
    print(anywhere.event["stream"], anywhere.positions)
    print([each.lag for each in client.diagnosis.subscriptions])
