/** Checks whether a principal may perform an operation. No other code checks the scopes that the contract requires (SEC-1). */
import type { Catalogue } from '../catalogue/catalogue.ts';
import { targetStream } from '../catalogue/home-stream.ts';
import { ProtocolError } from '../errors.ts';
import type { Audit, AuditEntry } from './audit.ts';
import type { Principal } from './principal.ts';
import { isAdminAction, permits, permitsAny, permittedStreams } from './scope.ts';
import type { Action } from './scope.ts';

/** An operation as the generated tables `COMMANDS` and `HTTP_OPERATIONS` describe it. */
export interface ScopedOperation {
  readonly scopes: readonly string[];
}

export interface Caller {
  readonly principal: Principal;
  readonly remoteAddress: string;
}

/** The events and streams to which an operation refers. */
interface Subject {
  readonly events: readonly string[];
  /** Usually the name of one stream. For a subscription to many streams, the names and patterns of these streams. */
  readonly streams: readonly string[];
}

interface MissingScope {
  readonly action: Action;
  readonly scope: string;
  readonly event?: string;
  readonly stream?: string;
}

const AUDIT_KINDS: Readonly<Record<Action, AuditEntry['kind']>> = {
  subscribe: 'subscribe',
  publish: 'broadcast',
  'admin:read': 'introspect',
  'admin:write': 'disconnect',
};

/**
 * The form in which the contract states a required scope. `<event>` requires a scope for each event that the request names. `<any>`
 * requires a scope for at least one event of the stream. The name of an event requires a scope for this event.
 */
const TEMPLATE = /^(subscribe|publish):(<event>|<any>|\w+)@<stream>$/;

/**
 * Checks the scopes that an operation requires. A rejection is recorded in the audit log.
 * @param data the request, already validated against its schema
 * @throws {ProtocolError} `forbidden`, with the missing scope
 */
export function authorise(
  operation: ScopedOperation,
  data: unknown,
  caller: Caller,
  { audit, catalogue }: { readonly audit: Audit; readonly catalogue: Catalogue },
): void {
  if (operation.scopes.length === 0) return;
  const { principal, remoteAddress } = caller;
  const subject = subjectOf(data, catalogue);
  for (const template of operation.scopes) {
    const missing = missingScope(template, principal, subject);
    if (missing === undefined) continue;
    const { action, scope, event, stream } = missing;
    const about = { ...(stream === undefined ? {} : { stream }), ...(event === undefined ? {} : { event }) };
    const kind = AUDIT_KINDS[action];
    audit.record({ kind, principal: principal.id, remoteAddress, ...about, outcome: 'denied' });
    throw new ProtocolError('forbidden', `${principal.id} needs the scope ${scope}.`, { details: { scope } });
  }
}

/** Whether the principal has every one of these scopes for the events and streams in `data`. */
export function hasScopes(
  scopes: readonly string[],
  data: unknown,
  principal: Principal,
  catalogue: Catalogue,
): boolean {
  return scopes.every((template) => missingScope(template, principal, subjectOf(data, catalogue)) === undefined);
}

function missingScope(template: string, principal: Principal, { events, streams }: Subject): MissingScope | undefined {
  for (const stream of streams) {
    const missing = missingOn(stream, template, principal, events);
    if (missing !== undefined) return missing;
  }
  return undefined;
}

function missingOn(
  stream: string,
  template: string,
  { scopes }: Principal,
  named: readonly string[],
): MissingScope | undefined {
  if (isAdminAction(template)) {
    return permits(scopes, template) ? undefined : { action: template, scope: template };
  }
  const [, action, extent] = TEMPLATE.exec(template) ?? [];
  if (action !== 'subscribe' && action !== 'publish')
    throw new Error(`The contract requires the scope ${template}, which this gateway cannot check.`);
  if (extent === '<any>') {
    const scope = `${action}:<any event>@${stream}`;
    return permitsAny(scopes, action, stream) ? undefined : { action, scope, stream };
  }
  const events = extent === undefined || extent === '<event>' ? named : [extent];
  // A pattern of streams is allowed if the scopes cover a part of its streams. The client then receives only this part (MUL-2).
  if (stream.endsWith('*') && permittedStreams([stream], events, scopes).length > 0) return undefined;
  const event = events.length === 0 ? '*' : events.find((each) => !permits(scopes, action, each, stream));
  if (event === undefined) return undefined;
  return { action, scope: `${action}:${event}@${stream}`, event, stream };
}

/**
 * The events and streams to which a request refers. Commands and HTTP requests use the same members for them: `event`, `events`, `stream`
 * and `streams`. If a request names no stream, the default stream is used (SUB-1, STR-5).
 */
function subjectOf(data: unknown, catalogue: Catalogue): Subject {
  const { events, event, streams } = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>;
  const named: readonly unknown[] = Array.isArray(events) ? events : [event];
  return {
    events: named.filter((each) => typeof each === 'string'),
    streams: isTexts(streams) ? streams : [targetStream(data, catalogue)],
  };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
}
