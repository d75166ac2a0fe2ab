"""Drives the Python SDK for ``conformance client``::

    npx tidemark conformance client --command "python3 conformance/client/adapters/python.py"

In a clone it uses ``generated/python``, elsewhere the installed ``tidemark_client``.
docs/guides/conformance/test-your-client.md describes the lines that this program reads and writes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Optional, Union

SDK = Path(os.environ.get("TIDEMARK_PYTHON_SDK", Path(__file__).resolve().parents[3] / "generated" / "python"))
if SDK.is_dir():
    sys.path.insert(0, str(SDK))

from tidemark_client import Client, Gap, Position, StreamsSubscription, Subscription  # noqa: E402

Line = Mapping[str, Any]
Reader = Union[Subscription[object], StreamsSubscription[object]]

SUPPORTS = ["api-key", "backoff", "broadcast", "buffer", "echo", "open-timeout", "picture-resume", "reconnecting", "streams", "sync", "token"]


def report(notice: str, **members: object) -> None:
    sys.stdout.write(json.dumps({"notice": notice, **members}) + "\n")
    sys.stdout.flush()


def described(error: BaseException) -> dict[str, object]:
    code = getattr(error, "code", None)
    return {"message": str(error), **({} if code is None else {"code": code})}


def as_json(position: Optional[Position]) -> Optional[dict[str, object]]:
    return None if position is None else {"epoch": position.epoch, "sequenceId": position.sequence_id}


def token_of(tokens: list[str]) -> Union[str, Callable[[], str]]:
    """Makes a function that returns one token per call, and repeats the last token. Returns a single token as it is."""
    if len(tokens) == 1:
        return tokens[0]
    left = list(tokens)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def position_of(value: Line) -> Position:
    return Position(value["epoch"], value["sequenceId"])


def replay_of(value: Line) -> object:
    if "after" in value:
        return position_of(value["after"])
    if "positions" in value:
        return {each["stream"]: position_of(each) for each in value["positions"]}
    return value["mode"]


class Program:
    """One client and its subscriptions."""

    def __init__(self) -> None:
        self._client: Optional[Client] = None
        self._subscriptions: dict[str, Reader] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, line: Line) -> None:
        if line["do"] == "echo":
            report("result", ref=line["ref"], ok=True)
            return
        if line["do"] == "connect":
            self._connect(line)
            return
        client = self._client
        assert client is not None
        if line["do"] == "subscribe":
            self._subscribe(client, line)
        elif line["do"] == "unsubscribe":
            self._answer(line, self._subscriptions[line["id"]].unsubscribe())
        elif line["do"] == "release":
            self._read(line["id"])
        elif line["do"] == "ping":
            self._answer(line, client.ping())
        elif line["do"] == "sync":
            self._answer(line, client.sync(line["stream"]))
        elif line["do"] == "broadcast":
            self._answer(line, client.broadcast_custom(line["event"], line["payload"], stream=line.get("stream", "main")))
        elif line["do"] == "close":
            self._answer(line, client.close())

    def _connect(self, line: Line) -> None:
        options: dict[str, Any] = {}
        if "backoff" in line:
            options["backoff_min"] = line["backoff"]["minMs"] / 1000
            options["backoff_max"] = line["backoff"]["maxMs"] / 1000
        if "openTimeoutMs" in line:
            options["open_timeout"] = line["openTimeoutMs"] / 1000
        if "tokens" in line:
            options["token"] = token_of(line["tokens"])
        if "apiKey" in line:
            options["api_key"] = line["apiKey"]
        client = Client(line["url"], **options)
        client.on("gap", self._gap)
        client.on("reconnecting", self._reconnecting)
        client.on("closed", lambda end: report("closed", code=getattr(end, "code")))
        client.on("loss", lambda counts: report("loss", counts=counts))
        client.on("error", lambda error: report("error", message=str(error)))
        self._client = client
        self._answer(line, client.connect())

    def _gap(self, gap: object) -> None:
        if isinstance(gap, Gap):
            members = {"subscription": gap.subscription_id, "stream": gap.stream, "reason": gap.reason}
            report("gap", **members, **{"from": as_json(gap.start), "to": as_json(gap.end)}, noticedBy=gap.noticed_by)

    def _reconnecting(self, detail: object) -> None:
        if isinstance(detail, tuple):
            report("reconnecting", delayMs=detail[1] * 1000)

    def _subscribe(self, client: Client, line: Line) -> None:
        options: dict[str, Any] = {"subscription_id": line["id"]}
        for name in ("stream", "filter"):
            if name in line:
                options[name] = line[name]
        if "buffer" in line:
            options["buffer_limit"] = line["buffer"]
        if "replay" in line:
            options["replay"] = replay_of(line["replay"])
        subscription: Reader
        if "streams" in line:
            subscription = client.follow_streams(line["streams"], line["events"], **options)
        else:
            subscription = client.subscribe(line["events"], **options)
        self._subscriptions[line["id"]] = subscription
        self._start(self._confirm(line["id"], subscription))
        if line.get("hold") is not True:
            self._read(line["id"])

    async def _confirm(self, id_: str, subscription: Reader) -> None:
        try:
            await subscription.ready()
        except Exception:  # noqa: BLE001 - reported by the reader
            return
        report("subscribed", subscription=id_)

    def _read(self, id_: str) -> None:
        self._start(self._read_all(id_, self._subscriptions[id_]))

    async def _read_all(self, id_: str, subscription: Reader) -> None:
        try:
            async for event in subscription:
                report("event", subscription=id_, event=event)
        except Exception as error:  # noqa: BLE001 - whatever ended it is reported
            report("ended", subscription=id_, error=described(error))
        else:
            report("ended", subscription=id_)

    def _answer(self, line: Line, work: Awaitable[object]) -> None:
        self._start(self._report(line.get("ref"), work))

    async def _report(self, ref: Optional[str], work: Awaitable[object]) -> None:
        try:
            data = await work
        except Exception as error:  # noqa: BLE001 - whatever the call raises is reported
            report("result", ref=ref, ok=False, error=described(error))
        else:
            report("result", ref=ref, ok=True, data=data)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def main() -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    report("ready", client="tidemark-client for Python", supports=SUPPORTS)
    program = Program()
    while text := await lines.readline():
        line = json.loads(text)
        try:
            program.run(line)
        except Exception as error:  # noqa: BLE001 - whatever the call raises is reported
            report("result", ref=line.get("ref"), ok=False, error=described(error))
    # The result of "close" may not have been written yet.
    await asyncio.sleep(0)


asyncio.run(main())
