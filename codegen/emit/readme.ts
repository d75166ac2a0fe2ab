/** Emits `README.md` of the client package. Only the introduction depends on the contract. */
import type { Contract } from '../model.ts';
import { NODE } from './package.ts';

export function emitReadme(contract: Contract): string {
  const { version, digest, events, commands, errors } = contract;
  const list = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');
  const introduction = `# tidemark-client

Typed client of the Tidemark protocol ${version}. No dependencies; Node ${NODE}, browsers and their workers, Deno and Bun. Everything here is generated from
the contract (\`contract.json\`, ${digest.slice(0, 19)}…): change the contract, not these files.

\`\`\`ts
import { createClient } from 'tidemark-client';

const client = createClient({ url: 'ws://127.0.0.1:7400/ws' });
const changes = client.subscribe({ events: ['file_change'], filter: { extensions: ['.ts'] } });

for await (const event of changes) {
  console.log(event.payload.changeType, event.payload.path); // typed by the contract
}
\`\`\`

- **Events.** ${list(events.map(({ name }) => name))}, and custom events of any other name. A subscription to a declared name yields
  that event's type; with a wildcard, narrow events with \`isEvent(event, '${events[0]?.name ?? ''}')\`, or with \`isDeclared(event)\` and
  an exhaustive \`switch (event.event)\`.
- **Reconnect and resume.** The client reconnects automatically, with backoff, as the class of the close code requires.
  Subscriptions resume at their positions: each event is yielded once and in order. Events that could not be delivered are reported
  as a gap (\`onGap\`, or \`gaps: 'inline'\` and \`isGap\`). Another process can resume from \`subscription.position\`.
- **Commands.** ${list(commands.map(({ name }) => name))}. They reject with \`TidemarkError\` (the server rejected the command; \`code\` is one of
  ${Object.keys(errors).length} codes) or \`ConnectionError\` (no reply).
- **Stopping.** Leave the loop, call \`unsubscribe()\` or \`client.close()\`, or pass an \`AbortSignal\`: when it is aborted, the loop ends without an error.
`;
  return [
    introduction,
    PUBLISHING,
    WAITING,
    GROUPING,
    MIRROR,
    SEVERAL_STREAMS,
    UNREACHABLE,
    OWN_CONTRACT,
    IMPORTS,
  ].join('\n');
}

const PUBLISHING = `## Publishing

\`\`\`ts
import { TidemarkError } from 'tidemark-client';

try {
  const payload = { id: 'fn:start', entityType: 'function', name: 'start' };
  const { sequenceId } = await client.broadcast({ stream: 'main', event: 'entity_created', payload });
  console.log('published as', sequenceId);
} catch (error) {
  if (!(error instanceof TidemarkError)) throw error;
  console.error(error.code, error.message); // forbidden: broadcast is off, or the credential has no scope for it
}
\`\`\`

Without \`stream\`, the event is published on \`main\`, or on the stream to which the contract assigns it (\`x-stream\`). The gateway must have
broadcast turned on (\`tidemark serve --broadcast on\`); otherwise the server answers \`forbidden\`. \`welcome.features.broadcast\` shows
whether it is on.
`;

const WAITING = `## Waiting for one event

\`\`\`ts
import { WaitError } from 'tidemark-client';

const { position: since } = await client.sync(); // the current position
try {
  const { event, position } = await client.waitFor('sync_status', ({ payload }) => payload.status === 'completed', {
    since,
    timeoutMs: 30_000,
  });
  console.log(event.payload.operationId, 'ended at', position.sequenceId);
} catch (error) {
  if (!(error instanceof WaitError)) throw error;
  console.error(error.reason, error.message); // timeout, or gap: events were lost
}
\`\`\`

With \`since\`, events after that position count, even if they were published before the call. Both the result and the error contain the
\`position\` from which to wait next. Without \`since\`, only events published from now on count. \`signal\` ends the wait; with
\`onGap\`, the wait continues after a gap.
`;

const GROUPING = `## Grouping the events of a burst

\`\`\`ts
import { settled } from 'tidemark-client';

const changes = client.subscribe({ events: ['file_change'], filter: { paths: ['src'] } });
for await (const group of settled(changes, { quietMs: 300 })) console.log(group.length, 'changes');
\`\`\`

\`settled\` yields the events of a burst as one group. A group ends when no event has arrived for \`quietMs\`, or after \`atMostMs\` at the
latest. If a group has several changes of one file, only the newest is kept.
`;

const MIRROR = `## A mirror of the current state

\`\`\`ts
import { mirror } from 'tidemark-client/mirror';

const entities = mirror(client, 'entity_*'); // a ReadonlyMap: id → newest event
await entities.ready;
console.log(entities.size, entities.get('fn:start')?.payload.name);
entities.on('change', ({ kind, key }) => console.log(kind, key)); // or: for await (const change of entities.changes())
await client.broadcast({ event: 'entity_deleted', payload: { id: 'fn:start' } });
await entities.sync(); // the map has everything that was published before
console.log(entities.has('fn:start'));
\`\`\`

A mirror begins with the state that the server keeps, and follows it, also across reconnects: an event sets its key, a deletion removes
the key. After a gap, a new epoch or a loss, it fetches the whole state again (\`state\` is \`repairing\` meanwhile, and the map shows the
old state) and reports the differences. The contract defines the keys and the deletions (\`x-replay\`), also for your own events; all events
that a pattern covers must have the same key space. There is no filter, because a filter would hide deletions that lack the filtered field.
\`truncated\` is true if the state is incomplete because the server's history is limited.
`;

const SEVERAL_STREAMS = `## Several streams in one subscription

\`\`\`ts
import { followStreams } from 'tidemark-client/streams';

const all = followStreams(client, { streams: ['main', 'session:*'], events: ['*'], replay: { mode: 'none' } });
for await (const event of all) console.log(event.stream, event.sequenceId, event.event);
\`\`\`

The subscription also follows streams that appear later. Order, positions and gaps are per stream: after a lost connection each stream
resumes at its own position, and a gap names its stream. \`all.positions\` resumes all of them in another process:
\`replay: { mode: 'resume', positions }\`. \`waitOnStreams\` waits for one event on several streams.
`;

const UNREACHABLE = `## When the server is unreachable

By default a client retries without limit, and a loop over a subscription waits. To see what happens, listen to the client's own
events; to stop after a number of attempts, set \`maxAttempts\`:

\`\`\`ts
import { ConnectionError, createClient } from 'tidemark-client';

const client = createClient({ url: 'ws://127.0.0.1:7400/ws', maxAttempts: 3 });
client.on('reconnecting', ({ attempt, delayMs }) => console.error(\`no connection; attempt \${attempt} in \${delayMs} ms\`));
client.on('error', (error) => console.error(error.message));

try {
  const welcome = await client.connect();
  console.log('connected to protocol', welcome.protocolVersion);
} catch (error) {
  if (!(error instanceof ConnectionError)) throw error;
  console.error(error.reason, error.message); // unreachable, refused
}
\`\`\`

\`client.state\` is \`idle\`, \`connecting\`, \`open\`, \`reconnecting\` or \`closed\`. Without \`maxAttempts\`, \`connect()\` waits until the server is
reachable; commands reject after \`commandTimeoutMs\` in either case. \`client.on\` accepts these events:

| event | when |
|---|---|
| \`connecting\`, \`open\`, \`welcome\`, \`authenticated\` | the steps of a connection |
| \`ready\` | commands can be sent: \`welcome\` was received and the credential, if any, was accepted |
| \`closing\`, \`closed\`, \`reconnecting\` | the server is about to close; a socket has ended; the next socket is opened after \`delayMs\` |
| \`resumed\`, \`gap\` | a subscription is active again; some events could not be delivered |
| \`postponed\` | the server temporarily refused a subscribe or unsubscribe; it is retried after \`delayMs\` |
| \`parked\` | a loop reads too slowly: its subscription is paused until half of its buffer has been read |
| \`loss\` | the server sent more events than were received: the client reconnects to fetch them |
| \`error\` | an error that no call reports, such as a rejected credential or the reason why the client no longer reconnects |

\`client.diagnosis\` contains counts of connections, failed attempts and gaps, the latest close, and how far the reader of each subscription
lags. A WebSocket does not reveal why it could not be opened. \`diagnose\` asks the server by HTTP, and distinguishes an unreachable
server, a wrong path, an origin that is not allowed, and an invalid credential:

\`\`\`ts
import { diagnose } from 'tidemark-client/diagnose';

client.on('reconnecting', async ({ attempt }) => {
  if (attempt === 3) console.error((await diagnose(client)).advice);
});
\`\`\`
`;

const OWN_CONTRACT = `## From a contract of your own

\`npx tidemark generate --contract my.yaml --out src/events\` writes the same client as sources into a project, for any contract with
the same protocol. Its imports end in \`.js\`, which TypeScript and bundlers accept with every setting. If Node runs the TypeScript
files directly, pass \`--import-ending .ts\` (and set \`allowImportingTsExtensions\` for the compiler).
`;

const IMPORTS = `## What can be imported

| import | contents |
|---|---|
| \`tidemark-client\` | the client |
| \`tidemark-client/mirror\` | \`mirror(client, 'entity_*')\`: a map that follows the current state |
| \`tidemark-client/streams\` | \`followStreams\` and \`waitOnStreams\`: several streams in one subscription |
| \`tidemark-client/diagnose\` | \`diagnose(client)\`: why the client does not connect |
| \`tidemark-client/types\` | types of every message and payload |
| \`tidemark-client/protocol\` | names, codes, limits and policies as constants |
| \`tidemark-client/validators\` | validators without code generation at run time; strict for commands, tolerant for what servers send |
| \`tidemark-client/handlers\` | the handlers that a server must provide |
| \`tidemark-client/schemas/*.json\` | JSON Schema of every message and payload |
| \`tidemark-client/contract.json\` | the contract; its SHA-256 is \`CONTRACT_DIGEST\` |
`;
