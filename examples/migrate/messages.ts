/**
 * Maps the messages of the older system to those of Tidemark and back. The functions are pure, so that a team can copy
 * this file. Only the tables contain names of the older system, so only they need changes.
 */

type Json = unknown;
type Members = Readonly<Record<string, Json>>;

/** A command of Tidemark, without its id. */
export interface Command {
  readonly type: string;
  readonly data: Members;
}

/** The result for a message of the older system: a command, or the reason why there is none. */
export type Translation = { readonly command: Command } | { readonly fault: string };

/** Maps each channel of the older system to event patterns. Any other name is treated as an event name. */
const CHANNELS: Readonly<Record<string, readonly string[]>> = {
  all: ['*'],
  files: ['file_change'],
  graph: ['entity_*', 'relationship_*', 'graph_update'],
  sessions: ['session_event'],
  sync: ['sync_status'],
};

/** The filter fields of the older system, and their names in Tidemark. The older fields have one value, those of Tidemark are lists. */
const FIELDS: Readonly<Record<string, string>> = {
  path: 'paths',
  extension: 'extensions',
  changeType: 'changeTypes',
  entityType: 'entityTypes',
  relationshipType: 'relationshipTypes',
  sessionId: 'sessionIds',
  operationId: 'operationIds',
  sessionEvent: 'sessionEvents',
  actor: 'actors',
  source: 'sources',
};

/** Values that have another name in Tidemark. */
const VALUES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  changeTypes: { created: 'create', modified: 'modify', changed: 'modify', deleted: 'delete', renamed: 'rename' },
};

const isMembers = (value: Json): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: Json): value is string => typeof value === 'string';

/** Collects the members of a message. In the older system, members were beside `type` or inside `data`. */
function membersOf(message: Members): Members {
  return { ...message, ...(isMembers(message['data']) ? message['data'] : {}) };
}

export function toTidemark(message: Json): Translation {
  if (!isMembers(message) || !isText(message['type'])) return { fault: 'A message must be an object with a "type".' };
  const members = membersOf(message);
  switch (message['type']) {
    case 'subscribe':
      return subscribe(members);
    case 'unsubscribe':
      return isText(members['subscriptionId'])
        ? { command: { type: 'unsubscribe', data: { subscriptionId: members['subscriptionId'] } } }
        : {
            fault:
              'unsubscribe needs a subscriptionId, as in the reply to subscribe; unsubscribe_all ends all subscriptions.',
          };
    case 'unsubscribe_all':
      return { command: { type: 'unsubscribe', data: { all: true } } };
    case 'broadcastCustomEvent':
      return broadcast(message);
    case 'list_subscriptions':
    case 'ping':
      return { command: { type: message['type'], data: {} } };
    default:
      return { fault: `Unknown message type ${message['type']}.` };
  }
}

function subscribe(members: Members): Translation {
  const name = members['event'] ?? members['channel'];
  if (!isText(name)) return { fault: 'subscribe needs an event or a channel.' };
  const { filter, fault } = filterOf(members);
  if (fault !== undefined) return { fault };
  const events = (Object.hasOwn(CHANNELS, name) ? CHANNELS[name] : undefined) ?? [name];
  const narrowed = Object.keys(filter).length === 0 ? {} : { filter };
  // The older system replayed nothing, so its clients cannot distinguish replayed events from live ones.
  return { command: { type: 'subscribe', data: { events, ...narrowed, replay: { mode: 'none' } } } };
}

function filterOf(members: Members): { readonly filter: Record<string, string[]>; readonly fault?: string } {
  const nested = isMembers(members['filter']) ? members['filter'] : {};
  const beside = Object.entries(members).filter(([name]) => fieldOf(name) !== undefined);
  const filter: Record<string, string[]> = {};
  for (const [name, value] of [...beside, ...Object.entries(nested)]) {
    const field = fieldOf(name);
    if (field === undefined) return { filter, fault: `Unknown filter field ${name}.` };
    const values = (Array.isArray(value) ? (value as Json[]) : [value]).filter(isText);
    filter[field] = [...(filter[field] ?? []), ...values.map((each) => VALUES[field]?.[each] ?? each)];
  }
  return { filter };
}

/** Accepts both `path` and `paths`. */
function fieldOf(name: string): string | undefined {
  if (Object.hasOwn(FIELDS, name)) return FIELDS[name];
  return Object.values(FIELDS).find((field) => field === name);
}

function broadcast(message: Members): Translation {
  // `data` is the payload, unless it contains the whole publication.
  const data = isMembers(message['data']) ? message['data'] : {};
  const { event, payload } = isText(message['event']) ? { payload: data, ...message } : data;
  if (!isText(event) || !isMembers(payload)) return { fault: 'broadcastCustomEvent needs an event and a payload.' };
  return { command: { type: 'broadcast', data: { event, payload } } };
}

/** Maps a message of Tidemark to the messages for a client of the older system. */
export function toOlder(message: Json, oldId: Json): readonly Members[] {
  if (!isMembers(message) || !isText(message['type']) || !isMembers(message['data'])) return [];
  const { type, data } = message;
  const id = oldId === undefined ? {} : { id: oldId };
  if (type === 'event') return eventsFor(data);
  if (type === 'error') return [{ type, ...id, code: data['code'], message: data['message'] }];
  // Other pushes are about the connection, which the bridge manages itself; the older system has no names for them.
  if (['welcome', 'heartbeat', 'closing', 'replay_complete'].includes(type)) return [];
  return [{ type, ...id, ...data }];
}

/** The older system sent an event once for each subscription. */
function eventsFor({ subscriptionIds, event, emittedAt, payload }: Members): readonly Members[] {
  const ids = Array.isArray(subscriptionIds) ? (subscriptionIds as Json[]) : [];
  return ids.map((subscriptionId) => ({ type: 'event', subscriptionId, event, timestamp: emittedAt, data: payload }));
}
