/** Emits the Python package: its sources, and the files that `pip` needs. */
import { readdir, readFile } from 'node:fs/promises';
import type { Contract } from '../../model.ts';
import { emitPythonClient } from './client.ts';
import { emitPythonProtocol } from './protocol.ts';
import { emitPythonTypes } from './types.ts';

const PYTHON_PACKAGE = 'tidemark_client';

/** The text of every source, by its path relative to the directory that contains the package. */
export async function emitPythonSources(contract: Contract, banner: string): Promise<ReadonlyMap<string, string>> {
  const at = (path: string): string => `${PYTHON_PACKAGE}/${path}`;
  return new Map([
    [at('__init__.py'), init(contract, banner)],
    [at('client.py'), emitPythonClient(contract, banner)],
    [at('protocol.py'), emitPythonProtocol(contract, banner)],
    [at('py.typed'), ''],
    [at('types.py'), emitPythonTypes(contract, banner)],
    ...(await readRuntime()).map(([path, text]): [string, string] => [at(`runtime/${path}`), text]),
  ]);
}

/** The sources, and the files of a distribution. */
export async function emitPythonPackage(contract: Contract, banner: string): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ...(await emitPythonSources(contract, banner)),
    ['README.md', readme(contract)],
    ['pyproject.toml', project(contract)],
  ]);
}

async function readRuntime(): Promise<[string, string][]> {
  const directory = new URL('../../python/runtime/', import.meta.url);
  const names = (await readdir(directory)).filter((name) => name.endsWith('.py')).toSorted();
  return Promise.all(names.map(async (name) => [name, await readFile(new URL(name, directory), 'utf8')]));
}

function init({ version }: Contract, banner: string): string {
  return `"""Typed asyncio client of the Tidemark protocol.

${banner}
"""

from .client import Client, EventName, is_event, is_gap
from .runtime.contract_match import ContractMatch
from .runtime.diagnosis import Diagnosis, SubscriptionDiagnosis
from .runtime.errors import ConnectionLost, ProtocolViolation, SubscriptionEnded, TidemarkError, WaitFailed
from .runtime.mirror import Mirror, MirrorChange
from .runtime.settled import settled
from .runtime.streams import StreamsSubscription, StreamsSummary
from .runtime.subscription import ReplaySummary, Subscription
from .runtime.subscription_port import Gap
from .runtime.wait import StreamsWaited, Waited
from .runtime.wire import Position

__version__ = ${JSON.stringify(version)}

__all__ = [
    "Client",
    "ConnectionLost",
    "ContractMatch",
    "Diagnosis",
    "EventName",
    "Gap",
    "Mirror",
    "MirrorChange",
    "Position",
    "ProtocolViolation",
    "ReplaySummary",
    "StreamsSubscription",
    "StreamsSummary",
    "StreamsWaited",
    "Subscription",
    "SubscriptionDiagnosis",
    "SubscriptionEnded",
    "TidemarkError",
    "WaitFailed",
    "Waited",
    "is_event",
    "is_gap",
    "settled",
]
`;
}

function project({ version, license }: Contract): string {
  return `[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "tidemark-client"
version = ${JSON.stringify(version)}
description = "Typed asyncio client of the Tidemark protocol: events over WebSocket with replay and reported gaps."
readme = "README.md"
license = { text = ${JSON.stringify(license)} }
requires-python = ">=3.11"
dependencies = ["websockets>=10.4"]
keywords = ["events", "websocket", "client", "sdk", "asyncio"]
classifiers = ["Typing :: Typed", "Framework :: AsyncIO"]

[project.urls]
Homepage = "https://tidemark.example"

[tool.setuptools]
packages = ["${PYTHON_PACKAGE}", "${PYTHON_PACKAGE}.runtime"]

[tool.setuptools.package-data]
${PYTHON_PACKAGE} = ["py.typed"]

[tool.mypy]
strict = true
`;
}

function readme({ version, digest, events, errors }: Contract): string {
  return `# tidemark-client for Python

Typed asyncio client of the Tidemark protocol ${version}. Python 3.11 or later and
[websockets](https://pypi.org/project/websockets/); nothing else. Everything here is generated from the contract (${digest.slice(0, 19)}…): change the contract,
not these files.

\`\`\`console
$ pip install ./generated/python        # from a clone
\`\`\`

\`\`\`python
import asyncio
from tidemark_client import Client


async def main() -> None:
    async with Client("ws://127.0.0.1:7400/ws") as client:
        async with client.subscribe(["file_change"], filter={"extensions": [".ts"]}) as changes:
            async for event in changes:
                print(event["payload"]["changeType"], event["payload"]["path"])  # typed by the contract


asyncio.run(main())
\`\`\`

- **Events.** ${events.map(({ name }) => `\`${name}\``).join(', ')}, and custom events of any other name. A subscription to one declared name
  yields that event's type. With several names or a wildcard, narrow with \`is_event(event, "${events[0]?.name ?? 'name'}")\`.
- **Reconnect and resume.** The client reconnects automatically, with backoff, as the class of the close code requires. Subscriptions resume
  at their positions: each event is yielded once and in order. Events that could not be delivered are reported as a \`Gap\` (\`on_gap=\`, or
  \`gaps="inline"\` and \`is_gap\`). Another process can resume from \`subscription.position\`: \`replay=Position(...)\`.
- **Commands.** \`broadcast\`, \`broadcast_custom\`, \`ping\`, \`sync\`, \`list_subscriptions\`, \`authenticate\`. They raise \`TidemarkError\` (the
  server's answer; \`code\` is one of ${Object.keys(errors).length}) or \`ConnectionLost\` (no reply).
- **Buffers.** At most \`buffer_limit\` events wait for a reader. Then the subscription is parked: it unsubscribes, and resumes when half
  has been read. Events that leave the server's history meanwhile are reported as a gap.
- **Cancellation.** Cancelling the task that waits for the next event loses nothing. Leaving an \`async for\` loop does not end the
  subscription; \`async with\` and \`await subscription.unsubscribe()\` do.

## Publish

\`\`\`python
from tidemark_client import Client, TidemarkError


async def publish(client: Client) -> None:
    try:
        placed = await client.broadcast("entity_created", {"id": "fn:start", "entityType": "function", "name": "start"})
        print("published as", placed["sequenceId"])
    except TidemarkError as error:
        print(error.code, error)  # forbidden: broadcast is off, or the credential has no scope for it
\`\`\`

## Wait for one event

\`\`\`python
from tidemark_client import Client, Position, WaitFailed


async def wait(client: Client) -> None:
    since = (await client.sync())["position"]  # the current position
    try:
        waited = await client.wait_for(
            "sync_status",
            lambda event: event["payload"]["status"] == "completed",
            since=Position(since["epoch"], since["sequenceId"]),
            timeout=30,
        )
        print(waited.event["payload"], waited.position)
    except WaitFailed as error:
        print(error.reason, error)  # timeout, or gap: events were lost
\`\`\`

## Follow several streams

\`\`\`python
from tidemark_client import Client


async def watch(client: Client) -> None:
    async with client.follow_streams(["main", "session:*"], ["*"], replay="none") as everything:
        async for event in everything:
            print(event["stream"], event["event"])
            stored = everything.positions  # pass them as replay= to continue later, also in another process
            print(stored)
\`\`\`

The subscription also follows streams that appear later. Each stream has its own order, position and gaps; \`Gap.stream\` names the stream. After a lost connection each
stream resumes after its own position. If the first picture (\`replay="warm"\`) is cut off, a gap is reported for each stream whose own picture was not complete, and
that picture arrives again. \`client.wait_on_streams\` waits for one event on several streams.

## Mirror the current state

\`\`\`python
from tidemark_client import Client


async def follow(client: Client) -> None:
    async with client.mirror("entity_*") as entities:  # a Mapping: id -> newest event
        print(len(entities), entities.get("fn:start"))
        async for change in entities.changes():
            print(change.key, "deleted" if change.event is None else change.event["payload"]["name"])
\`\`\`

A mirror begins with the state that the server keeps, and follows it: an event sets its key, a deletion removes the key. After a gap, a
new epoch or a loss, the mirror fetches the whole state again, and shows the old state until the new one is complete. \`await entities.sync()\` returns when the mirror has every event that was published before the call.

## Listen to the client itself

\`client.on(name, listener)\` reports events about the client itself: \`reconnecting\`, \`closed\`, \`gap\`, \`parked\`, \`loss\`, \`error\` and others, listed in
its docstring. Without \`max_attempts\` a client tries to reconnect until it is closed. \`client.diagnosis\` contains counts of these events.

## From a contract of your own

\`npx tidemark generate --lang python --contract my.yaml --out src/\` writes the same package as sources.
`;
}
