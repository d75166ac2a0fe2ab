/** `package.json` and `README.md` of the client package, which is published as it is generated. */
import type { Contract } from '../model.ts';

/** Node has a WebSocket of its own from 22.4 on. */
const NODE = '>=22.4';

const HOME = 'https://tidemark.example';

export function emitPackage(contract: Contract): string {
  const module = (name: string): object => ({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` });
  const manifest = {
    name: 'tidemark-client',
    version: contract.version,
    description:
      'Typed client of the Tidemark protocol: events over WebSocket with replay and reported gaps, without dependencies.',
    license: contract.license,
    homepage: HOME,
    bugs: { url: `${HOME}/issues` },
    repository: { type: 'git', url: `git+${HOME}/tidemark.git`, directory: 'generated' },
    keywords: ['events', 'websocket', 'client', 'sdk', 'real-time', 'typescript'],
    type: 'module',
    sideEffects: false,
    engines: { node: NODE },
    exports: {
      '.': module('client'),
      './types': module('types'),
      './protocol': module('protocol'),
      './validators': module('validators'),
      './handlers': module('handlers'),
      './schemas/*': './schemas/*',
      './contract.json': './contract.json',
      './package.json': './package.json',
    },
    files: ['dist', 'schemas', 'contract.json'],
    // From a clone (`npm install ../tidemark/generated`) npm links this directory; what it exports is compiled then.
    scripts: { prepare: 'node ../scripts/build.ts client' },
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

export function emitReadme(contract: Contract): string {
  const { version, digest, events, commands, errors } = contract;
  const list = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');
  return `# tidemark-client

Typed client of the Tidemark protocol ${version}. No dependencies; Node ${NODE} and browsers. Everything here is generated from
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
  that event's type; with a wildcard, tell events apart with \`isEvent(event, '${events[0]?.name ?? ''}')\`.
- **Reconnect and resume.** The connection comes back by itself, with backoff and by the class of the close code. Subscriptions
  resume where they were: each event comes once and in order. What could not be delivered is said as a gap (\`onGap\`, or
  \`gaps: 'inline'\` and \`isGap\`); \`subscription.position\` is where another process can go on.
- **Commands.** ${list(commands.map(({ name }) => name))}. They reject with \`TidemarkError\` (the server's answer; \`code\` is one of
  ${Object.keys(errors).length} codes) or \`ConnectionError\` (there was no answer).
- **Ending.** Leave the loop, call \`unsubscribe()\` or \`client.close()\`, or give an \`AbortSignal\`.

## Publishing

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

\`stream\` is required here, unlike in \`subscribe\`. The gateway must have broadcast turned on (\`tidemark serve --broadcast on\`);
otherwise the answer is \`forbidden\`. \`welcome.features.broadcast\` tells beforehand.

## When nobody answers

A client waits for its server and tries for ever: until then a loop over a subscription is silent. Listen to what the client
tells about itself, and set \`maxAttempts\` where a program should rather end:

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
there; commands reject after \`commandTimeoutMs\` in either case. \`client.on\` knows these events:

| event | when |
|---|---|
| \`connecting\`, \`open\`, \`welcome\`, \`authenticated\` | the steps of a connection |
| \`ready\` | it takes commands: the server has said \`welcome\` and accepted the credential, if there is one |
| \`closing\`, \`closed\`, \`reconnecting\` | the server is about to close; a socket has ended; the next one comes after \`delayMs\` |
| \`resumed\`, \`gap\` | a subscription is in force again; what could not be delivered |
| \`postponed\` | the server asked to wait with a subscribe or an unsubscribe; it is sent again after \`delayMs\` |
| \`parked\` | a loop reads too slowly: its subscription rests until half of its buffer has been read |
| \`loss\` | the server sent more events than came: the client reconnects to fetch them |
| \`error\` | what no call reports, such as a refused credential or the reason why the client gave up |

## From a contract of your own

\`npx tidemark generate --contract my.yaml --out src/events\` writes the same client as sources into a project, for any contract that
has what this one has. Its imports end in \`.js\`, which TypeScript reads with every setting and bundlers read too; where Node itself runs
the TypeScript, say \`--import-ending .ts\` (and \`allowImportingTsExtensions\` to the compiler).

## What can be imported

| import | what |
|---|---|
| \`tidemark-client\` | the client |
| \`tidemark-client/types\` | types of every message and payload |
| \`tidemark-client/protocol\` | names, codes, limits and policies as constants |
| \`tidemark-client/validators\` | validators without code generation at run time; strict for commands, tolerant for what servers send |
| \`tidemark-client/handlers\` | the handlers that a server must provide |
| \`tidemark-client/schemas/*.json\` | JSON Schema of every message and payload |
| \`tidemark-client/contract.json\` | the contract; its SHA-256 is \`CONTRACT_DIGEST\` |
`;
}
