/** The type of a contract as it is written in the file. A contract has this type only after `checkExtensions` has accepted it. */
import type {
  Clause,
  CloseCode,
  ErrorSpec,
  Example,
  FilterField,
  Limit,
  ReplaySpec,
  StreamSpec,
  Schema,
  Scopes,
} from './model.ts';

export interface Ref {
  readonly $ref: string;
}

export interface RawMessage {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly payload: Ref;
  readonly examples: readonly Example[];
  readonly traits?: unknown;
  readonly 'x-requirements'?: readonly string[];
  readonly 'x-error-pointers'?: Readonly<Record<string, string>>;
  readonly 'x-ordered'?: true;
  readonly 'x-event'?: string;
  readonly 'x-payload'?: string;
  readonly 'x-replay'?: ReplaySpec;
  readonly 'x-stream'?: StreamSpec;
  readonly 'x-filterable'?: Readonly<Record<string, readonly string[]>>;
}

export interface RawOperation {
  readonly action: 'send' | 'receive';
  readonly channel: Ref;
  readonly summary: string;
  readonly description: string;
  readonly tags?: readonly { readonly name: string }[];
  readonly messages: readonly Ref[];
  readonly reply?: { readonly channel?: Ref; readonly messages: readonly Ref[] };
  readonly bindings?: { readonly http?: { readonly method: string; readonly query?: Schema } };
  readonly 'x-scopes'?: readonly string[];
  readonly 'x-before-authentication'?: true;
  readonly 'x-any-origin'?: true;
  readonly 'x-full-scopes'?: readonly string[];
  readonly 'x-requirements'?: readonly string[];
}

export interface RawChannel {
  readonly address: string;
  readonly title?: string;
  readonly description: string;
  readonly messages: Readonly<Record<string, Ref>>;
  readonly 'x-serves-below'?: true;
  readonly 'x-requirements'?: readonly string[];
}

export interface RawContract {
  readonly asyncapi: string;
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description: string;
    readonly license: { readonly name: string };
    readonly tags?: readonly { readonly name: string; readonly description: string }[];
  };
  readonly channels: Readonly<Record<string, RawChannel>>;
  readonly operations: Readonly<Record<string, RawOperation>>;
  readonly components: {
    readonly messages: Readonly<Record<string, RawMessage>>;
    readonly schemas: Readonly<Record<string, Schema>>;
  };
  /** The own-events documents that were merged into this contract. */
  readonly 'x-own-events'?: readonly {
    readonly title: string;
    readonly version: string;
    readonly events: readonly string[];
  }[];
  readonly 'x-subprotocol': string;
  readonly 'x-credential-parameters': readonly string[];
  readonly 'x-errors': Readonly<Record<string, ErrorSpec>>;
  readonly 'x-close-codes': Readonly<Record<string, CloseCode>>;
  readonly 'x-close-classes': Readonly<Record<string, string>>;
  readonly 'x-limits': Readonly<Record<string, Limit>>;
  readonly 'x-scopes': Scopes;
  readonly 'x-filters': Readonly<Record<string, FilterField>>;
  readonly 'x-replay-policies': Readonly<Record<string, string>>;
  readonly 'x-gap-reasons': Readonly<Record<string, string>>;
  readonly 'x-requirements': Readonly<Record<string, Clause>>;
}

/** The name of the channel of the WebSocket. Every other channel is an HTTP resource. */
export const CONNECTION = 'connection';

/** The last part of a reference, which is the name: names of channels, messages and schemas contain no `/`. */
export function refName(ref: Ref): string {
  return ref.$ref.slice(ref.$ref.lastIndexOf('/') + 1);
}

/**
 * Follows a reference such as `#/channels/connection/messages/x` through the channel, and returns the name in
 * `components.messages`.
 */
export function messageName(raw: RawContract, ref: Ref): string {
  const [, , channel = '', , key = ''] = ref.$ref.split('/');
  const target = raw.channels[channel]?.messages[key];
  return target === undefined ? refName(ref) : refName(target);
}
