/**
 * A small contract and the facade that codegen would generate for it, so that the runtime is tested without generated
 * code.
 */
import { ClientCore } from '../client-core.ts';
import { isEventAmong, isEventNamed } from '../events.ts';
import type { EventFor, IsDeclared, IsEvent, SubscriptionGap } from '../events.ts';
import type { ClientOptions } from '../settings.ts';
import type { Position, ProtocolSpec } from '../wire.ts';

interface EventCommon {
  readonly subscriptionIds: readonly string[];
  readonly isReplay: boolean;
  readonly replayReason?: 'warm' | 'resume';
  readonly stream: string;
  readonly epoch: string;
  readonly sequenceId: number;
}

export interface FileChangeEvent extends EventCommon {
  readonly event: 'file_change';
  readonly payload: { readonly path: string };
}

export interface EntityCreatedEvent extends EventCommon {
  readonly event: 'entity_created';
  readonly payload: { readonly id: string };
}

export interface EntityDeletedEvent extends EventCommon {
  readonly event: 'entity_deleted';
  readonly payload: { readonly id: string };
}

export interface CustomEvent extends EventCommon {
  readonly event: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

interface Subscribed {
  readonly subscriptionId: string;
  readonly stream: string;
  readonly position: Position;
  readonly recovery: { readonly attempted: boolean; readonly recovered?: boolean; readonly reason?: string };
}

export interface SampleContract {
  readonly commands: {
    readonly subscribe: {
      readonly subscriptionId?: string;
      readonly stream?: string;
      readonly events: readonly string[];
      readonly filter?: { readonly extensions?: readonly string[] };
      readonly replay?: { readonly mode: 'none' | 'warm' } | { readonly mode: 'resume'; readonly after: Position };
    };
    readonly unsubscribe: { readonly subscriptionId: string } | { readonly all: true };
    readonly list_subscriptions: Readonly<Record<string, never>>;
    readonly broadcast: { readonly stream?: string; readonly event: string; readonly payload: object };
    readonly authenticate: { readonly token: string } | { readonly apiKey: string };
    readonly sync: { readonly stream: string };
    readonly ping: Readonly<Record<string, never>>;
  };
  readonly replies: {
    readonly subscribe: Subscribed;
    readonly unsubscribe: { readonly subscriptionIds: readonly string[] };
    readonly list_subscriptions: { readonly items: readonly Subscribed[] };
    readonly broadcast: Position & { readonly stream: string };
    readonly authenticate: { readonly principal: { readonly id: string; readonly expiresAt?: string } };
    readonly sync: { readonly stream: string; readonly position: Position };
    readonly ping: { readonly time: string };
  };
  readonly pushes: {
    readonly welcome: { readonly connectionId: string; readonly heartbeatIntervalMs: number };
    readonly gap: {
      readonly reason: 'epoch_changed' | 'window_exceeded' | 'slow_consumer' | 'source_overflow' | 'broker_lost';
      readonly from: Position;
      readonly to: Position;
      readonly repair?: { readonly kind: 'rescan'; readonly paths: readonly string[] };
    };
    readonly closing: { readonly code: number; readonly name: string; readonly retryAfterMs?: number };
  };
  readonly events: {
    readonly file_change: FileChangeEvent;
    readonly entity_created: EntityCreatedEvent;
    readonly entity_deleted: EntityDeletedEvent;
  };
  readonly payloads: {
    readonly file_change: FileChangeEvent['payload'];
    readonly entity_created: EntityCreatedEvent['payload'];
    readonly entity_deleted: EntityDeletedEvent['payload'];
  };
  readonly customEvent: CustomEvent;
}

export const SPEC: ProtocolSpec = {
  subprotocol: 'tidemark.v1',
  contractDigest: 'sha256:sample',
  events: ['file_change', 'entity_created', 'entity_deleted'],
  credentialParameters: ['access_token', 'token', 'api_key', 'key'],
  commands: {
    subscribe: { reply: 'subscribed' },
    unsubscribe: { reply: 'unsubscribed' },
    list_subscriptions: { reply: 'subscriptions' },
    broadcast: { reply: 'broadcasted' },
    authenticate: { reply: 'authenticated' },
    sync: { reply: 'synced' },
    ping: { reply: 'pong' },
  },
  closeCodes: {
    4000: { name: 'protocol_error', class: 'do-not-retry' },
    4100: { name: 'token_expired', class: 'refresh' },
    4200: { name: 'shutdown', class: 'retry-resume' },
    4300: { name: 'state_invalidated', class: 'retry-fresh' },
  },
};

const ENTITY = { policy: 'latest-per-key', key: '/payload/id', keySpace: 'entity' } as const;

/** The replay policies, in the form of the generated `EVENTS`. */
export const DECLARED = {
  file_change: { replay: { policy: 'none' } },
  entity_created: { replay: ENTITY },
  entity_deleted: { replay: { ...ENTITY, clears: true } },
} as const;

export class SampleClient extends ClientCore<SampleContract> {
  constructor(options: ClientOptions) {
    super(SPEC, options);
  }
}

export const isEvent: IsEvent<SampleContract> = isEventNamed as IsEvent<SampleContract>;
export const isDeclared = ((item: object) => isEventAmong(item, SPEC.events)) as IsDeclared<SampleContract>;
export type SampleEvent<Pattern extends string> = EventFor<SampleContract, Pattern>;
export type SampleGap = SubscriptionGap<SampleContract>;
