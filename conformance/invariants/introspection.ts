import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { Invariant } from '../trace/finding.ts';
import { isArray, member, textAt, textsAt } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import type { ConnectionReading, ManyStreamsSubscription, StreamSubscription } from '../trace/reading.ts';
import type { Frame } from '../trace/trace.ts';

interface Query {
  readonly frame: Frame;
  readonly connectionId: string;
  readonly items: readonly Json[];
}

/** Responses of `GET /ws/subscriptions?connection=…` that list all subscriptions of a connection. */
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

/**
 * Whether the trace shows which subscriptions the connection had when the response arrived: the client was reading, and every
 * command had its reply.
 */
function isSettled(connection: ConnectionReading, { frame }: Query): boolean {
  // A client that has stopped reading does not know the state of its connection.
  const reading = connection.frames.findLast(
    ({ kind, n, text }) => kind === 'mark' && n < frame.n && text.startsWith('reading'),
  );
  if (reading?.text === 'reading off') return false;
  const asked = connection.commands.filter((each) => each.frame.n < frame.n);
  return asked.every(({ reply }) => reply !== undefined && reply.n < frame.n);
}

function describe(span: StreamSubscription | ManyStreamsSubscription): string {
  return `${span.id} on ${'stream' in span ? span.stream : span.streams.join(', ')}`;
}

/** A query by an operator lists exactly the subscriptions that the client of the connection has. */
export const introspection: Invariant = {
  id: 'invariants/introspection',
  clauses: ['OPS-2'],
  why: 'While nothing changes, GET /ws/subscriptions lists exactly the active subscriptions of a connection.',
  needs: ['http'],
  check: ({ connections, trace }, report) => {
    const byId = new Map(connections.map((each) => [textAt(each.welcome, 'connectionId'), each] as const));
    const queries = queriesIn(trace.frames);
    for (const query of queries) {
      const connection = byId.get(query.connectionId);
      if (connection === undefined || !isSettled(connection, query)) continue;
      const over = connection.left ?? connection.closed;
      const isOver = over !== undefined && over.n < query.frame.n;
      // The server may notice the end of a connection late, so after the end only the last response counts.
      if (isOver && queries.some((each) => each.connectionId === query.connectionId && each.frame.n > query.frame.n))
        continue;
      report.fire();
      const living = isOver
        ? []
        : [...connection.subscriptions, ...connection.manyStreamsSubscriptions].filter(
            (subscription) =>
              subscription.subscribed.n < query.frame.n &&
              !(subscription.ended !== undefined && subscription.ended.n < query.frame.n),
          );
      const listed = query.items.map(
        (each) =>
          `${textAt(each, 'subscriptionId') ?? ''} on ${textAt(each, 'stream') ?? textsAt(each, 'streams').join(', ')}`,
      );
      const missing = living.find((subscription) => !listed.includes(describe(subscription)));
      if (missing !== undefined)
        report.violate(`the subscription ${describe(missing)} is not listed`, missing.subscribed, query.frame);
      const extra = listed.find((each) => !living.some((subscription) => describe(subscription) === each));
      if (extra !== undefined)
        report.violate(`the subscription ${extra} is listed but not active`, isOver ? over : undefined, query.frame);
    }
  },
};
