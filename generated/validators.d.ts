// Validators of the wire.
// Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.

/** Why a value does not fit. */
export interface ValidationError {
  /** RFC 6901 pointer to the value at fault, from the top of what was validated. */
  readonly instancePath: string;
  readonly schemaPath: string;
  /** The keyword of JSON Schema that the value breaks. */
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

/** Whether a value fits. Stops at the first fault; `errors` belongs to the latest call. */
export interface Validator {
  (value: unknown): boolean;
  readonly errors?: readonly ValidationError[] | null;
}

/** What a client sends, by command; strict. */
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

/** Payloads, by declared event; strict. */
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

/** What a server sends, by message, events by the name of the event (`custom_event` for names that are not declared); tolerant inside `data`. */
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

/** Bodies over HTTP, by message: requests strict, answers tolerant. */
export declare const httpValidators: Readonly<Record<
  | 'empty'
  | 'health'
  | 'health_summary'
  | 'error'
  | 'probe'
  | 'subscriptions_page'
  | 'broadcast_request'
  | 'broadcast_result'
  | 'explain_request'
  | 'explanation'
  | 'text',
  Validator
>>;
