"""A client that tests drive by JSON lines.

``{"open": url}`` connects and subscribes to one stream; ``{"open": url, "limit": n}`` subscribes to several streams with a buffer
of n items. ``{"report": true}`` prints what was received, ``{"close": true}`` closes the client.
"""

import asyncio
import json
import sys
from typing import Any

from tidemark_client import Client, is_gap


def place(position: Any) -> Any:
    return None if position is None else {"epoch": position.epoch, "sequenceId": position.sequence_id}


class Follower:
    def __init__(self, url: str) -> None:
        self.client = Client(url, backoff_min=0.001, backoff_max=0.005)
        self.gaps: list[Any] = []
        self.events: list[Any] = []
        self.reader = self.client.subscribe(["*"], replay="none", gaps="inline")
        self.task = asyncio.create_task(self.read())
        self.entities = self.client.mirror("entity_*")

    async def read(self) -> None:
        async for item in self.reader:
            if is_gap(item):
                self.gaps.append({"from": place(item.start), "to": place(item.end)})
            else:
                self.events.append({key: item.get(key) for key in ("epoch", "sequenceId", "replayReason")})  # type: ignore[union-attr]

    async def report(self) -> Any:
        await asyncio.wait_for(self.entities.sync(), 20)
        picture = [f"{each['epoch']} {each['sequenceId']} {each['event']}" for each in self.entities.values()]
        return {"picture": sorted(picture), "gaps": self.gaps, "events": self.events}


class StreamsFollower:
    def __init__(self, url: str, limit: int) -> None:
        self.client = Client(url, backoff_min=0.001, backoff_max=0.003)
        self.errors: list[str] = []
        self.client.on("error", lambda error: self.errors.append(str(error)))
        self.items: list[Any] = []
        self.reader = self.client.follow_streams(["main", "session:*"], ["*"], replay={}, gaps="inline", buffer_limit=limit)
        self.task = asyncio.create_task(self.read())

    async def read(self) -> None:
        async for item in self.reader:
            if is_gap(item):
                ends = {name: place(at) for name, at in (("from", item.start), ("to", item.end)) if at is not None}
                self.items.append({"kind": "gap", "stream": item.stream, **ends})
            else:
                kept = ("stream", "epoch", "sequenceId", "replayReason")
                self.items.append({key: item[key] for key in kept if key in item})  # type: ignore[index, operator, literal-required]

    async def report(self) -> Any:
        positions = self.reader.positions
        named = {} if positions is None else {"positions": [{"stream": name, **place(at)} for name, at in positions.items()]}
        return {"items": self.items, "errors": self.errors, **named}


async def main() -> None:
    loop = asyncio.get_running_loop()
    follower: Any = None
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        answer: Any = {}
        if "open" in order:
            limit = order.get("limit")
            follower = Follower(order["open"]) if limit is None else StreamsFollower(order["open"], limit)
            await follower.reader.ready()
        elif "report" in order:
            answer = await follower.report()
        else:
            await follower.client.close()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
