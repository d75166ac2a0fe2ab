/**
 * The members of messages that the client's hand-written runtime sends and reads. If a contract lacks these members,
 * the generated client compiles but delivers nothing. So this check is needed in addition to types.
 */
import type { RawContract } from './raw.ts';
import { messageName, refName } from './raw.ts';
import { schemaAt } from './rules/rule.ts';
import { toPointer } from './source.ts';
import type { Finding, Source } from './source.ts';

/** For each command: the members that the runtime sends, and the members of the success reply that the runtime reads. */
const COMMANDS: Readonly<Record<string, { readonly sent: readonly string[]; readonly read: readonly string[] }>> = {
  subscribe: {
    sent: ['/data/subscriptionId', '/data/stream', '/data/events', '/data/replay'],
    read: ['/data/subscriptionId', '/data/position/epoch', '/data/position/sequenceId', '/data/recovery'],
  },
  unsubscribe: { sent: [], read: [] },
  list_subscriptions: { sent: [], read: [] },
  broadcast: { sent: ['/data/event', '/data/payload'], read: [] },
  authenticate: { sent: [], read: [] },
  sync: { sent: [], read: ['/data/position/epoch', '/data/position/sequenceId'] },
  ping: { sent: [], read: [] },
};

/** For each push: the members that the runtime reads. */
const PUSHES: Readonly<Record<string, readonly string[]>> = {
  welcome: ['/data/heartbeatIntervalMs'],
  event: ['/data/subscriptionIds', '/data/isReplay', '/data/stream', '/data/epoch', '/data/sequenceId', '/data/event'],
  replay_complete: ['/data/subscriptionId', '/data/position/epoch', '/data/position/sequenceId'],
  gap: ['/data/subscriptionIds', '/data/reason', '/data/from', '/data/to'],
  heartbeat: ['/data/delivered', '/data/positions/stream', '/data/positions/epoch', '/data/positions/sequenceId'],
  subscription_closed: ['/data/subscriptionId'],
  closing: ['/data/code'],
};

/** Checks the rule `client`. Expects a contract that satisfies all other rules. */
export function checkClientNeeds(source: Source): Finding[] {
  const raw = source.value as RawContract;
  const findings: Finding[] = [];
  const report = (path: readonly string[], text: string): void => {
    findings.push({
      rule: 'client',
      pointer: toPointer(path),
      line: source.lineOf(path),
      text: `${text}, which the generated client needs. Copy the definitions from the stock contract of Tidemark.`,
    });
  };
  const absent = [...Object.keys(COMMANDS), ...Object.keys(PUSHES)].filter(
    (name) => raw.operations[name] === undefined,
  );
  if (absent.length > 0) report(['operations'], `lack ${absent.join(', ')}`);
  for (const { message, members } of needsOf(raw)) {
    const schema = refName(raw.components.messages[message]?.payload ?? { $ref: '' });
    const missing = members.filter((pointer) => schemaAt(raw, schema, pointer) === undefined);
    if (missing.length > 0) report(['components', 'messages', message, 'payload'], `lacks ${missing.join(', ')}`);
  }
  return findings;
}

function* needsOf(raw: RawContract): Generator<{ readonly message: string; readonly members: readonly string[] }> {
  for (const [name, { sent, read }] of Object.entries(COMMANDS)) {
    const [success] = raw.operations[name]?.reply?.messages ?? [];
    if (success === undefined) continue;
    yield { message: name, members: sent };
    yield { message: messageName(raw, success), members: read };
  }
  for (const [name, members] of Object.entries(PUSHES)) {
    for (const ref of raw.operations[name]?.messages ?? []) yield { message: messageName(raw, ref), members };
  }
}
