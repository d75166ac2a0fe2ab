import { ConnectionError, WaitError } from '../../generated/client.ts';
import type { Position } from '../../generated/client.ts';
import type { SubscriptionFilter } from '../../generated/types.ts';
import { meetsAll } from '../../src/agents/condition.ts';
import type { Condition } from '../../src/agents/condition.ts';
import { writePosition } from '../../src/agents/position.ts';
import {
  EVENT,
  filterOf,
  filterSchema,
  objectSchema,
  PATTERN,
  POSITION,
  positionOf,
  STREAM,
  streamOf,
} from './tool.ts';
import type { Tool } from './tool.ts';

interface Asked {
  readonly event: string;
  readonly where?: readonly Condition[];
  readonly filter?: SubscriptionFilter;
  readonly stream?: string;
  readonly since?: string;
  readonly timeoutSeconds?: number;
}

/** Default time limit in seconds. It is shorter than the minute after which most clients cancel a request. */
const DEFAULT_TIMEOUT_S = 50;
const LONGEST_TIMEOUT_S = 3_600;

export const waitForEvent: Tool<Asked> = {
  name: 'wait_for_event',
  title: 'Wait for an event',
  description:
    'Waits for the first event that matches, and returns it with its position. Pass that position as `since` of the next call, so that ' +
    'no event between the two calls is missed. Without `since`, only new events count. ' +
    '`outcome` is `event`, `timeout` (nothing matched in time: call again with `since`), or `gap` (events were lost, and the awaited event ' +
    'may be among them: check the actual state, then continue with `since`).',
  isReadOnly: true,
  isIdempotent: false,
  input: (contract) =>
    objectSchema(
      {
        event: { ...PATTERN, examples: [...contract.events.keys()] },
        where: {
          type: 'array',
          description: 'Conditions on the event: members that must have a given value.',
          items: objectSchema(
            {
              pointer: { type: 'string', pattern: '^/', description: 'JSON pointer, such as /payload/status.' },
              value: { type: 'string', description: 'A string, or another value as JSON.' },
            },
            ['pointer', 'value'],
          ),
        },
        filter: filterSchema(contract),
        stream: STREAM,
        since: POSITION,
        timeoutSeconds: { type: 'number', exclusiveMinimum: 0, maximum: LONGEST_TIMEOUT_S, default: DEFAULT_TIMEOUT_S },
      },
      ['event'],
    ),
  output: () =>
    objectSchema(
      {
        outcome: { type: 'string', enum: ['event', 'timeout', 'gap'] },
        event: EVENT,
        position: POSITION,
        message: { type: 'string' },
      },
      ['outcome'],
    ),
  run: async ({ event: pattern, where = [], filter, stream, since, timeoutSeconds }, context) => {
    const name = streamOf(stream, [pattern], context.contract);
    const started = since === undefined ? undefined : positionOf(since);
    const client = await context.gateway.connected(context.signal);
    const selected = filterOf(filter);
    try {
      const { event, position } = await client.waitFor(pattern, (each) => meetsAll(each, where), {
        stream: name,
        since: started,
        timeoutMs: (timeoutSeconds ?? DEFAULT_TIMEOUT_S) * 1000,
        signal: context.signal,
        ...(selected === undefined ? {} : { filter: selected }),
      });
      return { outcome: 'event', event, position: writePosition(position) };
    } catch (error) {
      if (error instanceof WaitError)
        return { outcome: error.reason, message: error.message, ...lastOf(error.position) };
      if (error instanceof ConnectionError && error.retryable)
        return { outcome: 'timeout', message: error.message, ...lastOf(started) };
      throw error;
    }
  },
};

function lastOf(position: Position | undefined): { readonly position?: string } {
  return position === undefined ? {} : { position: writePosition(position) };
}
