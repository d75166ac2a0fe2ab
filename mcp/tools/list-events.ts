import type { EventKind } from '../contract/contract.ts';
import { nearest } from '../../src/catalogue/near-miss.ts';
import { UsageError } from '../gateway/failure.ts';
import { objectSchema } from './tool.ts';
import type { Tool } from './tool.ts';

interface Asked {
  readonly event?: string;
}

const TEXT = { type: 'string' } as const;
const TEXTS = { type: 'array', items: TEXT } as const;

/** Lists the events of the contract, without a request to the gateway. */
export const listEvents: Tool<Asked> = {
  name: 'list_events',
  title: 'List events',
  description:
    'Lists the events that the contract declares, each with its meaning, its filter fields, and the stream to which it ' +
    'belongs. With `event`, also returns the JSON Schema of its payload. Other event names may be published and awaited too.',
  isReadOnly: true,
  isIdempotent: true,
  input: () =>
    objectSchema({
      event: { type: 'string', description: 'Lists only this event, with the JSON Schema of its payload.' },
    }),
  output: () =>
    objectSchema(
      {
        contractVersion: TEXT,
        events: {
          type: 'array',
          items: objectSchema(
            {
              event: TEXT,
              summary: TEXT,
              description: TEXT,
              filters: TEXTS,
              stream: {
                ...TEXT,
                description: 'The kind of stream to which the event belongs; absent if the event may be on any stream.',
              },
              replay: {
                ...TEXT,
                description: 'Replay policy: which past events a new reader of the current state receives.',
              },
              payload: { type: 'object', description: 'JSON Schema of the payload.' },
            },
            ['event', 'summary', 'filters', 'replay'],
          ),
        },
      },
      ['contractVersion', 'events'],
    ),
  run: ({ event }, { contract }) => {
    if (event === undefined)
      return Promise.resolve({ contractVersion: contract.version, events: [...contract.events.values()].map(brief) });
    const kind = contract.events.get(event);
    if (kind === undefined) return Promise.reject(new UsageError(unknownText(event, contract.events.keys())));
    return Promise.resolve({ contractVersion: contract.version, events: [{ ...brief(kind), payload: kind.payload }] });
  },
};

function brief({ name, summary, description, filters, stream, replay }: EventKind): object {
  return {
    event: name,
    summary,
    ...(description === undefined ? {} : { description }),
    filters,
    ...(stream === undefined ? {} : { stream: `${stream}:ID` }),
    replay,
  };
}

function unknownText(event: string, names: Iterable<string>): string {
  const known = [...names];
  const meant = nearest(event, known);
  const hint = meant === undefined ? `Declared events: ${known.join(', ')}.` : `Did you mean ${meant}?`;
  return `The contract does not declare the event ${event}. As a custom event, it may have any JSON object as payload. ${hint}`;
}
