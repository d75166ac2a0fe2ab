/** Rules about events: names, payloads, replay policies and filters. */
import { refName } from '../raw.ts';
import type { RawContract, RawMessage } from '../raw.ts';
import { schemaName } from '../model.ts';
import type { Path, Rule } from './rule.ts';
import { compareNames, schemaAt } from './rule.ts';

const CUSTOM = '*';
/** The policy that keeps the newest event of each key, and therefore needs a key. */
const PER_KEY = 'latest-per-key';

function eventsOf(raw: RawContract): { readonly message: RawMessage; readonly event: string; readonly path: Path }[] {
  return Object.entries(raw.components.messages).flatMap(([name, message]) => {
    const event = message['x-event'];
    return event === undefined ? [] : [{ message, event, path: ['components', 'messages', name] }];
  });
}

/** Whether a pointer leads to a value in the `data` of an event. */
function inEvent(raw: RawContract, message: RawMessage, pointer: string): boolean {
  return pointer.startsWith('/') && schemaAt(raw, refName(message.payload), `/data${pointer}`) !== undefined;
}

export const EVENT_RULES: Readonly<Record<string, Rule>> = {
  'event-name': (raw, report) => {
    const seen = new Set<string>();
    for (const { message, event, path } of eventsOf(raw)) {
      const constant = schemaAt(raw, refName(message.payload), '/data/event')?.const;
      if (seen.has(event))
        report([...path, 'x-event'], `is ${event}, which another message already has. Use one message for each event.`);
      seen.add(event);
      if (event !== CUSTOM && event !== message.name)
        report(
          [...path, 'x-event'],
          `is ${event}, but the message is named ${message.name}. Give the message and its event the same name.`,
        );
      if (constant !== (event === CUSTOM ? undefined : event))
        report(
          [...path, 'x-event'],
          `is ${event}, but data.event of its schema ${constant === undefined ? 'has no constant' : `is ${JSON.stringify(constant)}`}. Make the two the same; only ${CUSTOM} has no constant.`,
        );
    }
    if (!seen.has(CUSTOM))
      report(
        ['components', 'messages'],
        `have no message with x-event: "${CUSTOM}". Add one for custom events (EVT-4).`,
      );
  },

  'event-payload': (raw, report) => {
    for (const { message, path } of eventsOf(raw)) {
      const payload = message['x-payload'] ?? '';
      const data = schemaAt(raw, refName(message.payload), '/data');
      const ref = data?.properties?.['payload']?.$ref ?? '';
      if (schemaName(ref) !== payload)
        report(
          [...path, 'x-payload'],
          `is ${payload}, but data.payload refers to ${schemaName(ref) || 'no named schema'}. Make them the same.`,
        );
    }
  },

  'event-replay': (raw, report) => {
    for (const { message, path } of eventsOf(raw)) {
      const { policy, key, keySpace, clears } = message['x-replay'] ?? { policy: '' };
      const at = [...path, 'x-replay'];
      if (!Object.hasOwn(raw['x-replay-policies'], policy))
        report(at, `has the unknown policy ${policy}. Use one of ${Object.keys(raw['x-replay-policies']).join(', ')}.`);
      if (policy === PER_KEY && (key === undefined || keySpace === undefined))
        report(at, `has the policy ${PER_KEY}, which needs both key and keySpace. Add what is missing.`);
      if (policy !== PER_KEY && (key !== undefined || keySpace !== undefined || clears !== undefined))
        report(at, `has key, keySpace or clears, which only the policy ${PER_KEY} uses. Remove these members.`);
      if (key !== undefined && !inEvent(raw, message, key))
        report([...at, 'key'], `${key} does not exist in the event's data. Correct the pointer.`);
    }
  },

  'event-filterable': (raw, report) => {
    for (const { message, path } of eventsOf(raw)) {
      for (const [field, pointers] of Object.entries(message['x-filterable'] ?? {})) {
        const at = [...path, 'x-filterable', field];
        if (!Object.hasOwn(raw['x-filters'], field))
          report(at, `is not a field of x-filters. Use one of ${Object.keys(raw['x-filters']).join(', ')}.`);
        for (const [index, pointer] of pointers.entries()) {
          if (!inEvent(raw, message, pointer))
            report([...at, index], `${pointer} does not exist in the event's data. Correct the pointer.`);
        }
      }
    }
  },

  'event-stream': (raw, report) => {
    for (const { message, path } of eventsOf(raw)) {
      const id = message['x-stream']?.id;
      if (id !== undefined && !inEvent(raw, message, id))
        report([...path, 'x-stream', 'id'], `${id} does not exist in the event's data. Correct the pointer.`);
    }
  },

  'filter-declared': (raw, report) => {
    const declared = new Set(eventsOf(raw).flatMap(({ message }) => Object.keys(message['x-filterable'] ?? {})));
    const fields = Object.keys(raw['x-filters']);
    for (const field of fields.filter((each) => !declared.has(each)))
      report(['x-filters', field], 'is not used by any event. Add it to the x-filterable of an event, or remove it.');
    const names = raw.components.schemas['SubscriptionFilter']?.properties;
    if (names === undefined) return;
    compareNames(report, {
      path: ['components', 'schemas', 'SubscriptionFilter', 'properties'],
      names: Object.keys(names),
      expected: fields,
      where: 'x-filters',
    });
  },
};
