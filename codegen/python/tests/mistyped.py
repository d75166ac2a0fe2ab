"""Three mistakes that ``mypy --strict`` must find."""

from tidemark_client import Client


async def use(client: Client) -> None:
    async for change in client.subscribe(["file_change"]):
        print(change["payload"]["colour"])
    await client.broadcast("entity_created", {"id": "a", "entityType": "function"})
    await client.broadcast("entity_creatd", {"id": "a", "entityType": "function", "name": "a"})
