import type { Invariant } from '../trace/finding.ts';
import { member, textAt, textsAt } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import type { ConnectionReading } from '../trace/reading.ts';
import { dataOf, typeOf } from '../trace/reading.ts';

function covers(glob: string, name: string): boolean {
  return glob.endsWith('*') ? name.startsWith(glob.slice(0, -1)) : glob === name;
}

/** Whether one of the scopes allows the action. A scope has the form `subscribe:<event-glob>[@<stream-glob>]`. */
function allows(scopes: readonly string[], kind: 'subscribe' | 'publish', event: string, stream: string): boolean {
  return scopes.some((scope) => {
    const [what, streams = '*'] = scope.slice(kind.length + 1).split('@');
    return scope.startsWith(`${kind}:`) && covers(what ?? '', event) && covers(streams, stream);
  });
}

interface Era {
  readonly from: number;
  readonly scopes: readonly string[];
}

/** The scopes of a client, each set with the frame from which it applies: `welcome`, then each `authenticated`. */
function erasOf(connection: ConnectionReading): readonly Era[] {
  return connection.received
    .filter((frame) => ['welcome', 'authenticated'].includes(typeOf(frame)))
    .map((frame) => ({ from: frame.n, scopes: scopesOf(dataOf(frame)) }));
}

function scopesOf(data: Json | undefined): readonly string[] {
  return textsAt(member(data, 'principal'), 'scopes');
}

/**
 * No client receives or publishes an event outside the scopes that the server granted it. A check of a
 * client with full access is not counted, because it proves nothing.
 */
export const scopeGate: Invariant = {
  id: 'invariants/scope-gate',
  clauses: ['SEC-1', 'RPL-6', 'BRD-2', 'MUL-2'],
  why: 'Every delivered event and every accepted publication is covered by the scopes that the principal had at that moment.',
  needs: ['auth'],
  check: ({ connections }, report) => {
    for (const connection of connections) {
      const eras = erasOf(connection);
      const scopesAt = (n: number): readonly string[] =>
        (eras.findLast(({ from }) => from <= n) ?? eras[0])?.scopes ?? [];
      for (const { event, stream, frame } of connection.events) {
        if (!allows(scopesAt(frame.n), 'subscribe', '*', '*')) report.fire();
        if (!allows(scopesAt(frame.n), 'subscribe', event, stream))
          report.violate(`no scope covers receiving ${event} on ${stream}`, frame);
      }
      for (const { type, data, frame, reply } of connection.commands) {
        if (type !== 'broadcast' || reply === undefined || typeOf(reply) !== 'broadcasted') continue;
        if (!allows(scopesAt(frame.n), 'publish', '*', '*')) report.fire();
        const [event = '', stream = ''] = [textAt(data, 'event'), textAt(data, 'stream')];
        if (!allows(scopesAt(frame.n), 'publish', event, stream))
          report.violate(`no scope covers publishing ${event} on ${stream}`, frame, reply);
      }
      for (const subscription of connection.subscriptions) {
        const uncovered = subscription.events.find(
          (each) => !allows(scopesAt(subscription.subscribed.n), 'subscribe', each, subscription.stream),
        );
        if (uncovered !== undefined)
          report.violate(
            `no scope covers subscribing to ${uncovered} on ${subscription.stream}`,
            subscription.subscribed,
          );
      }
    }
  },
};
