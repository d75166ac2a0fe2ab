/** Emits `README.md` of the Python package. Only the introduction depends on the contract. */
import type { Contract } from '../../model.ts';

export function emitPythonReadme({ version, digest, events, errors }: Contract): string {
  const introduction = `# tidemark-client for Python

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
  server rejected the command; \`code\` is one of ${Object.keys(errors).length} codes) or \`ConnectionLost\` (no reply).
- **Buffers.** At most \`buffer_limit\` events wait for a reader. Then the subscription is parked: it unsubscribes, and resumes when half
  of the buffer has been read. Events that leave the server's history meanwhile are reported as a gap.
- **Cancellation.** Cancelling the task that waits for the next event loses nothing. Leaving an \`async for\` loop does not end the
  subscription; \`async with\` and \`await subscription.unsubscribe()\` do.
`;
  return [introduction, PUBLISHING, WAITING, SEVERAL_STREAMS, MIRROR, LISTENING, OWN_CONTRACT].join('\n');
}

const PUBLISHING = `## Publish

\`\`\`python
from tidemark_client import Client, TidemarkError


async def publish(client: Client) -> None:
    try:
        placed = await client.broadcast("entity_created", {"id": "fn:start", "entityType": "function", "name": "start"})
        print("published as", placed["sequenceId"])
    except TidemarkError as error:
        print(error.code, error)  # forbidden: broadcast is off, or the credential has no scope for it
\`\`\`
`;

const WAITING = `## Wait for one event

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
`;

const SEVERAL_STREAMS = `## Follow several streams

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
stream resumes after its own position. The connection may end before the first warm replay (\`replay="warm"\`) of some streams is complete. For
each of these streams, a gap is reported and the replay is sent again. \`client.wait_on_streams\` waits for one event on several streams.
`;

const MIRROR = `## Mirror the current state

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
`;

const LISTENING = `## Listen to the client itself

\`client.on(name, listener)\` reports events about the client itself, such as \`reconnecting\`, \`closed\`, \`gap\`, \`parked\`, \`loss\` and
\`error\`. The docstring of \`on\` lists all of them. Without \`max_attempts\` a client tries to reconnect until it is closed. \`client.diagnosis\` contains counts of these events.
`;

const OWN_CONTRACT = `## From a contract of your own

\`npx tidemark generate --lang python --contract my.yaml --out src/\` writes the same package as sources.
`;
