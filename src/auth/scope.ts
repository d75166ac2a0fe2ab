/**
 * Scopes are the permissions of a principal (SEC-1). Their forms are `subscribe:<event-glob>[@<stream-glob>]`,
 * `publish:<event-glob>[@<stream-glob>]`, `admin:read` and `admin:write`. A glob is a name that may end with `*`. Without `@`, a scope
 * applies to every stream.
 *
 * @module tidemark/scopes
 */
import { PATTERNS } from '../../generated/protocol.ts';
import { intersectSelectors, normaliseSelectors } from '../broker/stream-selectors.ts';
import { covers } from '../catalogue/event-pattern.ts';

/** A permission that does not depend on events or streams. */
export type AdminAction = 'admin:read' | 'admin:write';

export type Action = 'subscribe' | 'publish' | AdminAction;

export type Scope =
  | {
      readonly action: 'subscribe' | 'publish';
      readonly events: string;
      readonly streams: string;
      readonly text: string;
    }
  | { readonly action: AdminAction; readonly text: string };

/** Parses a scope. @throws {RangeError} if the text is not a scope */
export function parseScope(text: string): Scope {
  if (!PATTERNS.Scope.test(text)) {
    throw new RangeError(
      `${JSON.stringify(text.slice(0, 256))} is not a scope; expected subscribe:<events>[@<streams>], publish:<events>[@<streams>], admin:read or admin:write.`,
    );
  }
  if (isAdminAction(text)) return { action: text, text };
  const colon = text.indexOf(':');
  const [events = '', streams = '*'] = text.slice(colon + 1).split('@');
  return { action: text.startsWith('subscribe:') ? 'subscribe' : 'publish', events, streams, text };
}

export function isAdminAction(text: string): text is AdminAction {
  return text === 'admin:read' || text === 'admin:write';
}

/** Whether one of the scopes permits the action. To publish or subscribe, this scope alone must cover the event pattern and the stream. */
export function permits(scopes: readonly Scope[], action: AdminAction): boolean;
export function permits(
  scopes: readonly Scope[],
  action: 'subscribe' | 'publish',
  event: string,
  stream: string,
): boolean;
export function permits(scopes: readonly Scope[], action: Action, event = '*', stream = '*'): boolean {
  return scopes.some((scope) => {
    if (scope.action !== action) return false;
    return !('events' in scope) || (covers(scope.events, event) && covers(scope.streams, stream));
  });
}

/** Whether one of the scopes permits the action on the stream, for at least one event. */
export function permitsAny(scopes: readonly Scope[], action: 'subscribe' | 'publish', stream: string): boolean {
  return scopes.some((scope) => scope.action === action && covers(scope.streams, stream));
}

/**
 * The part of `streams` on which the principal may subscribe to all of `events` (MUL-2). Each event pattern must be covered by one scope.
 * @param streams names and patterns of streams
 */
export function permittedStreams(
  streams: readonly string[],
  events: readonly string[],
  scopes: readonly Scope[],
): readonly string[] {
  return events.reduce((permitted, event) => {
    const covering = scopes.flatMap((each) =>
      each.action === 'subscribe' && covers(each.events, event) ? [each.streams] : [],
    );
    return intersectSelectors(permitted, covering);
  }, normaliseSelectors(streams));
}
