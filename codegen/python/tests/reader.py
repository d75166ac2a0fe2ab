"""A reader that tests drive: subscribes with the options in its argument, and prints what it receives, one JSON object
per line."""

import asyncio
import json
import sys
from typing import Any

from tidemark_client import Client, ConnectionLost, Position, SubscriptionEnded, TidemarkError, is_gap


def report(kind: str, **detail: Any) -> None:
    print(json.dumps({"kind": kind, **detail}), flush=True)


def place(position: Any) -> Any:
    return None if position is None else [position.epoch, position.sequence_id]


async def read(options: dict[str, Any]) -> None:
    client = Client(options["url"], token=options.get("token"), backoff_min=0.005, backoff_max=0.05, max_attempts=options.get("maxAttempts"))
    client.on("reconnecting", lambda detail: report("reconnecting"))
    client.on("closed", lambda end: report("closed", code=end.code, willReconnect=end.will_reconnect))  # type: ignore[attr-defined]
    client.on("contract_mismatch", lambda match: report("mismatch", missing=match.missing_events, unknown=match.unknown_events))  # type: ignore[attr-defined]
    client.on("parked", lambda _: report("parked"))
    client.on("loss", lambda detail: report("loss"))
    client.on("error", lambda error: report("error", error=type(error).__name__, text=str(error)))
    after = options.get("after")
    common: Any = {"filter": options.get("filter"), "buffer_limit": options.get("bufferLimit", 10_000), "gaps": "inline"}
    replay: Any = Position(*after) if after else options.get("replay", "warm")
    subscription: Any
    if "streams" in options:
        subscription = client.follow_streams(options["streams"], options["events"], replay=replay, **common)
    else:
        subscription = client.subscribe(options["events"], stream=options.get("stream", "main"), replay=replay, **common)
    try:
        await subscription.caught_up()
        report("caught_up")
        async for item in subscription:
            if is_gap(item):
                report("gap", stream=item.stream, reason=item.reason, start=place(item.start), end=place(item.end), repair=item.repair)
            else:
                report("event", **{key: item[key] for key in ("event", "stream", "sequenceId", "isReplay", "payload")})
            await asyncio.sleep(options.get("pauseMs", 0) / 1000)
    except (ConnectionLost, SubscriptionEnded, TidemarkError) as error:
        report("ended", error=type(error).__name__, reason=getattr(error, "reason", getattr(error, "code", None)))
    finally:
        await client.close()


asyncio.run(read(json.loads(sys.argv[1])))
