/** Makes the messages of the suite's server. They are valid by the contract unless a tape changes them. */
import { CONTRACT_DIGEST, EVENTS, LIMITS, PROTOCOL_VERSION } from '../../generated/protocol.ts';
import { isObject, member, textAt, textsAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import type { AcceptStep, HeartbeatStep, CompleteStep, EmitStep } from './tape.ts';

/** The epoch of every stream, unless a tape sets another epoch. */
export const EPOCH = 'first-epoch';

/** The interval in `welcome`: so long that no client times out during a tape. A tape that needs heartbeats sets another. */
const HEARTBEAT_MS = 60_000;

/** Makes a ULID that contains a number. The rest of the ULID has no meaning. */
function ulid(prefix: string, number: number): string {
  return `${prefix}${String(number).padStart(26 - prefix.length, '0')}`;
}

function position(at: number, epoch: string | undefined): { readonly epoch: string; readonly sequenceId: number } {
  return { epoch: epoch ?? EPOCH, sequenceId: at };
}

export function welcomeMessage(connection: number, changes: JsonObject): JsonObject {
  const limits = Object.fromEntries(Object.entries(LIMITS).map(([name, each]) => [name, each.default]));
  const replay = Object.fromEntries(Object.entries(EVENTS).map(([name, each]) => [name, each.replay.policy]));
  return {
    type: 'welcome',
    data: {
      connectionId: ulid('01JD8Q6Z6M', connection),
      nodeId: 'suite',
      protocolVersion: PROTOCOL_VERSION,
      contractDigest: CONTRACT_DIGEST,
      heartbeatIntervalMs: HEARTBEAT_MS,
      limits: { ...limits, heartbeatIntervalMs: HEARTBEAT_MS },
      features: { broadcast: true, replay: { ...replay, '*': 'latest' } },
      principal: { kind: 'anonymous', id: 'anonymous', scopes: ['subscribe:*', 'publish:*'] },
      authenticationRequired: false,
      ...changes,
    },
  };
}

function recoveryOf(mode: string | undefined, failed: string | undefined): JsonObject {
  if (mode !== 'resume') return { attempted: false };
  return failed === undefined
    ? { attempted: true, recovered: true }
    : { attempted: true, recovered: false, reason: failed };
}

/** Makes the reply to a `subscribe`. */
export function subscribedMessage(command: Json, { at, epoch, failed }: AcceptStep): JsonObject {
  const data = member(command, 'data');
  const filter = member(data, 'filter');
  const streams = member(data, 'streams');
  return {
    type: 'subscribed',
    id: textAt(command, 'id') ?? 'none',
    data: {
      subscriptionId: textAt(data, 'subscriptionId') ?? 'made-up',
      // For several streams, the positions follow in a message of their own, `positions` (MUL-4).
      ...(streams === undefined
        ? { stream: textAt(data, 'stream') ?? 'main', position: position(at, epoch) }
        : { streams }),
      events: textsAt(data, 'events'),
      filter: isObject(filter) ? filter : {},
      recovery: recoveryOf(textAt(member(data, 'replay'), 'mode'), failed),
    },
  };
}

export function eventMessages({ numbers: [first, last], ...step }: EmitStep): readonly JsonObject[] {
  return Array.from({ length: last - first + 1 }, (_, index) => eventMessage(first + index, step));
}

function eventMessage(
  sequenceId: number,
  { subscriptions, replay, stream, epoch }: Omit<EmitStep, 'numbers'>,
): JsonObject {
  return {
    type: 'event',
    data: {
      subscriptionIds: subscriptions,
      isReplay: replay !== undefined,
      ...(replay === undefined ? {} : { replayReason: replay }),
      stream,
      ...position(sequenceId, epoch),
      eventId: ulid('01JD8QB3N0', sequenceId),
      event: 'file_change',
      emittedAt: new Date(Date.UTC(2026, 0, 1) + sequenceId).toISOString(),
      source: { name: 'suite', principal: 'service:suite' },
      payload: { path: `src/file-${sequenceId}.ts`, root: 'suite', changeType: 'modify', fileType: 'file' },
    },
  };
}

export function completeMessage({ subscription, at, epoch }: CompleteStep): JsonObject {
  return {
    type: 'replay_complete',
    data: { subscriptionId: subscription, position: position(at, epoch), count: 0, truncated: false },
  };
}

export function heartbeatMessage({ at, stream, epoch, extra }: HeartbeatStep, delivered: number): JsonObject {
  return {
    type: 'heartbeat',
    data: { delivered: delivered + extra, positions: [{ stream, ...position(at, epoch) }] },
  };
}
