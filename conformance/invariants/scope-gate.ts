import type { Invariant } from '../trace/finding.ts';
import { member, textAt, textsAt } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import type { ConnectionReading } from '../trace/reading.ts';
import { dataOf, typeOf } from '../trace/reading.ts';

function covers(glob: string, name: string): boolean {
  return glob.endsWith('*') ? name.startsWith(glob.slice(0, -1)) : glob === name;
}

/** `subscribe:<event-glob>[@<stream-glob>]`: whether one of the scopes allows it. */
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

/** What the client may do, and since which frame: `welcome` says it first, every `authenticated` anew. */
function erasOf(connection: ConnectionReading): readonly Era[] {
  return connection.received
    .filter((frame) => ['welcome', 'authenticated'].includes(typeOf(frame)))
    .map((frame) => ({ from: frame.n, scopes: scopesOf(dataOf(frame)) }));
}

function scopesOf(data: Json | undefined): readonly string[] {
  return textsAt(member(data, 'principal'), 'scopes');
}

/**
 * Nobody sees or publishes what the scopes that the server itself named do not cover. Whoever may do everything
 * proves nothing.
 */
export const scopeGate: Invariant = {
  id: 'invariants/scope-gate',
  clauses: ['SEC-1', 'RPL-6', 'BRD-2'],
  why: 'Every event delivered and every publication accepted is covered by the scopes of the principal at that moment.',
  needs: ['auth'],
  look: ({ connections }, report) => {
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
      for (const life of connection.lives) {
        const uncovered = life.events.find(
          (each) => !allows(scopesAt(life.subscribed.n), 'subscribe', each, life.stream),
        );
        if (uncovered !== undefined)
          report.violate(`no scope covers subscribing to ${uncovered} on ${life.stream}`, life.subscribed);
      }
    }
  },
};
