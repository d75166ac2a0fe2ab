import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { Invariant } from '../trace/finding.ts';
import { isArray, member, textAt } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import type { ConnectionReading, Life } from '../trace/reading.ts';
import type { Frame } from '../trace/trace.ts';

interface Query {
  readonly frame: Frame;
  readonly connectionId: string;
  readonly items: readonly Json[];
}

/** Answers of `GET /ws/subscriptions?connection=…` that hold all of a connection's subscriptions. */
function queriesIn(frames: readonly Frame[]): readonly Query[] {
  return frames.flatMap((frame) => {
    if (frame.kind !== 'http' || frame.dir !== '<<') return [];
    const path = textAt(frame.json, 'path') ?? '';
    const query = new URL(path, 'http://target').searchParams;
    const connectionId = query.get('connection');
    const items = member(member(frame.json, 'body'), 'items');
    const isWhole = [...query.keys()].length === 1 && path.startsWith(`${HTTP_OPERATIONS.get_subscriptions.path}?`);
    return connectionId === null || !isArray(items) || !isWhole ? [] : [{ frame, connectionId, items }];
  });
}

/** The connection did nothing and got nothing between the query and its answer that would change what it says. */
function isSettled(connection: ConnectionReading, { frame }: Query): boolean {
  // Who does not read does not know what has become of its connection.
  const reading = connection.frames.findLast(
    ({ kind, n, text }) => kind === 'mark' && n < frame.n && text.startsWith('reading'),
  );
  if (reading?.text === 'reading off') return false;
  const asked = connection.commands.filter((each) => each.frame.n < frame.n);
  return asked.every(({ reply }) => reply !== undefined && reply.n < frame.n);
}

function describe(life: Life): string {
  return `${life.id} on ${life.stream}`;
}

/** What an operator is told of a connection is what the connection was told. */
export const introspection: Invariant = {
  id: 'invariants/introspection',
  clauses: ['OPS-2'],
  why: 'When nothing moves, GET /ws/subscriptions lists exactly the living subscriptions of a connection.',
  needs: ['http'],
  look: ({ connections, trace }, report) => {
    const byId = new Map(connections.map((each) => [textAt(each.welcome, 'connectionId'), each] as const));
    const queries = queriesIn(trace.frames);
    for (const query of queries) {
      const connection = byId.get(query.connectionId);
      if (connection === undefined || !isSettled(connection, query)) continue;
      const over = connection.left ?? connection.closed;
      const isOver = over !== undefined && over.n < query.frame.n;
      // An end takes its time to be noticed: of the answers after it, the last one counts.
      if (isOver && queries.some((each) => each.connectionId === query.connectionId && each.frame.n > query.frame.n))
        continue;
      report.fire();
      const living = isOver
        ? []
        : connection.lives.filter(
            (life) => life.subscribed.n < query.frame.n && !(life.ended !== undefined && life.ended.n < query.frame.n),
          );
      const listed = query.items.map(
        (each) => `${textAt(each, 'subscriptionId') ?? ''} on ${textAt(each, 'stream') ?? ''}`,
      );
      const missing = living.find((life) => !listed.includes(describe(life)));
      if (missing !== undefined) report.violate(`${describe(missing)} is not listed`, missing.subscribed, query.frame);
      const extra = listed.find((each) => !living.some((life) => describe(life) === each));
      if (extra !== undefined)
        report.violate(`${extra} is listed, but does not live`, isOver ? over : undefined, query.frame);
    }
  },
};
