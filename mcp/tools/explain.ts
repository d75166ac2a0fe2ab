import type { Explanation, OpenObject } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import { refTo } from '../contract/schema.ts';
import { objectSchema } from './tool.ts';
import type { Tool } from './tool.ts';

interface Asked {
  readonly event: string;
  readonly payload: OpenObject;
  readonly stream?: string;
  readonly source?: string;
  readonly connectionId?: string;
}

export const explain: Tool<Asked> = {
  name: 'explain',
  title: 'Explain who receives an event',
  description:
    'Reports which subscriptions would receive an event, and which condition prevents the others from receiving it. Publishes nothing. Needs the scope admin:read.',
  isReadOnly: true,
  isIdempotent: true,
  input: (contract) =>
    objectSchema(
      {
        event: { ...refTo('EventName'), examples: [...contract.events.keys()] },
        payload: refTo('OpenObject'),
        stream: refTo('StreamName'),
        source: refTo('Label'),
        connectionId: { ...refTo('Ulid'), description: 'Reports only the subscriptions of this connection.' },
      },
      ['event', 'payload'],
    ),
  output: () => ({ type: 'object', ...refTo('Explanation') }),
  run: async (request, { gateway }) =>
    (await gateway.call({
      method: 'POST',
      below: '/explain',
      body: request,
      fits: httpValidators.explanation,
    })) as Explanation,
};
