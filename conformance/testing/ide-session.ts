/**
 * A realistic session of an editor and agents, on real files and with the generated client: an explorer that subscribes
 * to source files, a graph view, an indexer that publishes, an agent that subscribes to everything, a connection that
 * breaks, and work that is handed over.
 *
 *     node conformance/testing/ide-session.ts ws://127.0.0.1:9000/ws DIRECTORY
 *
 * DIRECTORY is the directory that the gateway watches. The program ends when every client has received the expected
 * events.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { createClient } from '../../generated/client.ts';
import type { TidemarkClient, TidemarkEvent } from '../../generated/client.ts';
import type { SessionEventPayload } from '../../generated/types.ts';

const [url = 'ws://127.0.0.1:9000/ws', directory = '.'] = process.argv.slice(2);

/** An address on which nothing listens. */
const NOWHERE = 'ws://127.0.0.1:1/ws';

/** A client whose connection can be broken and restored. */
class Line {
  readonly #link: { socket?: WebSocket; broken: boolean } = { broken: false };
  readonly client: TidemarkClient;

  constructor() {
    const link = this.#link;
    class Linked extends WebSocket {
      constructor(address: string, protocols: string[]) {
        super(link.broken ? NOWHERE : address, protocols, { perMessageDeflate: false });
        link.socket = this;
      }
    }
    this.client = createClient({ url, WebSocket: Linked });
  }

  cut(): void {
    this.#link.broken = true;
    this.#link.socket?.terminate();
  }

  mend(): void {
    this.#link.broken = false;
  }
}

/** The events that a client has received, and a way to wait for more. */
class Log {
  readonly #events: TidemarkEvent[] = [];
  #wake: () => void = () => undefined;

  async follow(events: AsyncIterable<TidemarkEvent>): Promise<void> {
    for await (const event of events) {
      this.#events.push(event);
      this.#wake();
    }
  }

  async until(fits: (event: TidemarkEvent) => boolean): Promise<void> {
    while (!this.#events.some(fits))
      await new Promise<void>((done) => {
        this.#wake = done;
      });
  }
}

const file = (path: string, changeType: string) => (event: TidemarkEvent) =>
  event.event === 'file_change' && event.payload['path'] === path && event.payload['changeType'] === changeType;
const entity = (id: string, name: string) => (event: TidemarkEvent) =>
  event.event === name && 'id' in event.payload && event.payload.id === id;

async function edit(path: string, text: string): Promise<void> {
  await mkdir(join(directory, path, '..'), { recursive: true });
  await writeFile(join(directory, path), text);
}

const lines = { explorer: new Line(), graph: new Line(), agent: new Line(), indexer: new Line() };
const explorer = new Log();
const graph = new Log();
const agent = new Log();
const followed: Promise<void>[] = [];

function follow(log: Log, line: Line, request: Parameters<TidemarkClient['subscribe']>[0]): Promise<unknown> {
  const subscription = line.client.subscribe(request);
  followed.push(log.follow(subscription as AsyncIterable<TidemarkEvent>));
  return subscription.caughtUp;
}

const index = (event: string, payload: Readonly<Record<string, unknown>>): Promise<unknown> =>
  lines.indexer.client.broadcast({ stream: 'main', event, payload });

// The indexer publishes before any client subscribes.
for (const name of ['parse', 'render', 'print'])
  await index('entity_created', { id: `fn:${name}`, entityType: 'function', name, path: 'src/parse.ts' });
await index('entity_created', { id: 'class:App', entityType: 'class', name: 'App' });
await index('entity_updated', { id: 'fn:print', entityType: 'function', name: 'print', changedFields: ['hash'] });

await follow(agent, lines.agent, { events: ['*'], replay: { mode: 'none' } });
const sources = { events: ['file_change'], filter: { extensions: ['.ts', '.md'] }, replay: { mode: 'none' } } as const;
await follow(explorer, lines.explorer, sources);
await follow(graph, lines.graph, {
  events: ['entity_*', 'relationship_*'],
  filter: { entityTypes: ['function'], relationshipTypes: ['calls'] },
});

// Files are edited.
await edit('src/parse.ts', 'export const parse = 1;\n');
await explorer.until(file('src/parse.ts', 'create'));
await edit('src/parse.ts', 'export const parse = 2;\n');
await explorer.until(file('src/parse.ts', 'modify'));
await edit('src/notes.mts', '// not for the explorer\n');
await agent.until(file('src/notes.mts', 'create'));
await index('entity_updated', { id: 'fn:parse', entityType: 'function', name: 'parse', changedFields: ['hash'] });
await index('entity_updated', { id: 'class:App', entityType: 'class', name: 'App', changedFields: ['name'] });
await index('relationship_created', {
  id: 'calls:1',
  relationshipType: 'calls',
  fromEntityId: 'fn:render',
  toEntityId: 'fn:parse',
});
await graph.until(entity('calls:1', 'relationship_created'));

await edit('src/render.ts', 'export const render = 1;\n');
await explorer.until(file('src/render.ts', 'create'));

// The explorer's connection breaks while edits continue, and is restored after the last edit. The first event that the
// explorer misses matches its filter. So a server that loses any event at the resume is detected.
lines.explorer.cut();
await rename(join(directory, 'src/parse.ts'), join(directory, 'src/parser.ts'));
await agent.until(file('src/parser.ts', 'rename'));
await edit('docs/late.md', 'late\n');
await agent.until(file('docs/late.md', 'create'));
await rm(join(directory, 'src/notes.mts'));
await agent.until(file('src/notes.mts', 'delete'));
lines.explorer.mend();
await explorer.until(file('docs/late.md', 'create'));

// One agent hands over its work. A later subscriber receives the events of the whole session.
const session = (
  sessionEvent: SessionEventPayload['sessionEvent'],
  more: Partial<SessionEventPayload>,
): Promise<unknown> =>
  lines.agent.client.broadcast({
    stream: 'session:refactor-17',
    event: 'session_event',
    payload: { sessionId: 'refactor-17', sessionEvent, ...more },
  });
await session('session_started', { actor: 'agent-a' });
await session('modified', {
  actor: 'agent-a',
  changeInfo: { elementType: 'function', entityIds: ['fn:parse'], operation: 'renamed' },
});
await session('session_handoff', { actor: 'agent-a', details: { to: 'agent-b' } });
await follow(graph, lines.graph, { events: ['session_*'], stream: 'session:refactor-17' });
await session('session_teardown', { actor: 'agent-b', status: 'done' });
await graph.until((event) => event.event === 'session_event' && event.payload['sessionEvent'] === 'session_teardown');

await lines.agent.client.sync('main');
for (const { client } of Object.values(lines)) await client.close();
await Promise.all(followed);
