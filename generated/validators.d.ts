// Validators of messages and HTTP bodies.
// Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.

/** Why a value is not valid. */
export interface ValidationError {
  /** JSON pointer (RFC 6901) to the invalid value, from the top of the validated value. */
  readonly instancePath: string;
  readonly schemaPath: string;
  /** The JSON Schema keyword that the value violates. */
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

/** Checks whether a value is valid, and stops at the first error. `errors` describes the error of the latest call. */
export interface Validator {
  (value: unknown): boolean;
  readonly errors?: readonly ValidationError[] | null;
}

/** Strict validators of commands, by name. */
export declare const commandValidators: Readonly<Record<
  | 'subscribe'
  | 'unsubscribe'
  | 'list_subscriptions'
  | 'broadcast'
  | 'authenticate'
  | 'sync'
  | 'ping',
  Validator
>>;

/** Strict validators of payloads, by declared event. */
export declare const payloadValidators: Readonly<Record<
  | 'file_change'
  | 'entity_created'
  | 'entity_updated'
  | 'entity_deleted'
  | 'relationship_created'
  | 'relationship_updated'
  | 'relationship_deleted'
  | 'graph_update'
  | 'sync_status'
  | 'session_event',
  Validator
>>;

/** Validators of server messages, tolerant inside `data`. Keys are message names; for events, event names (`custom_event` for undeclared names). */
export declare const serverValidators: Readonly<Record<
  | 'subscribed'
  | 'unsubscribed'
  | 'subscriptions'
  | 'broadcasted'
  | 'authenticated'
  | 'synced'
  | 'pong'
  | 'error'
  | 'welcome'
  | 'replay_complete'
  | 'gap'
  | 'positions'
  | 'heartbeat'
  | 'subscription_closed'
  | 'closing'
  | 'file_change'
  | 'entity_created'
  | 'entity_updated'
  | 'entity_deleted'
  | 'relationship_created'
  | 'relationship_updated'
  | 'relationship_deleted'
  | 'graph_update'
  | 'sync_status'
  | 'session_event'
  | 'custom_event',
  Validator
>>;

/** Validators of HTTP bodies, by message: strict for requests, tolerant for responses. */
export declare const httpValidators: Readonly<Record<
  | 'empty'
  | 'health'
  | 'health_summary'
  | 'error'
  | 'probe'
  | 'subscriptions_page'
  | 'text'
  | 'nodes_report'
  | 'broadcast_request'
  | 'broadcast_result'
  | 'explain_request'
  | 'explanation'
  | 'files_request'
  | 'files_page'
  | 'disconnect_request'
  | 'disconnect_result',
  Validator
>>;
