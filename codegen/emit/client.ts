/**
 * Emits `client.ts`: a facade that gives the hand-written runtime the names and types of the contract. The runtime is
 * copied beside the file.
 */
import type { Contract } from '../model.ts';
import { typeNameOf } from '../names.ts';
import { banner, key, quote } from './text.ts';

const FACADE = `import { ClientCore } from './runtime/client-core.ts';
import { isEventAmong, isEventNamed } from './runtime/events.ts';
import type { EventFor, IsDeclared, IsEvent, SubscriptionGap } from './runtime/events.ts';
import type { ClientOptions } from './runtime/settings.ts';
import type { Subscription } from './runtime/subscription.ts';
import { CONTRACT_DIGEST, CREDENTIAL_PARAMETERS, SUBPROTOCOL } from './protocol.ts';
import type { CommandDataMap, @custom as CustomEventData, EventMap, PayloadMap, PushDataMap, ReplyDataMap } from './types.ts';

/** The contract's types, in the form that the runtime expects. */
export interface TidemarkProtocol {
  readonly commands: CommandDataMap;
  readonly replies: ReplyDataMap;
  readonly pushes: PushDataMap;
  readonly events: EventMap;
  readonly payloads: PayloadMap;
  readonly customEvent: CustomEventData;
}

const SPEC = {
  contractDigest: CONTRACT_DIGEST,
  events: [@names],
  subprotocol: SUBPROTOCOL,
  // Contains only what the client reads. COMMANDS and CLOSE_CODES have more members, which web pages would have to load.
  commands: { @commands },
  closeCodes: { @closeCodes },
  credentialParameters: CREDENTIAL_PARAMETERS,
};

/** A client that reconnects automatically. Its subscriptions resume at their positions. */
export class TidemarkClient extends ClientCore<TidemarkProtocol> {
  /** @throws {TypeError} when the address is invalid, or the platform has no WebSocket. */
  constructor(options: ClientOptions) {
    super(SPEC, options);
  }
}

/**
 * Creates a client that does not connect yet. The first subscription, command or \`connect()\` opens the connection.
 * @throws {TypeError} in the same cases as the constructor of {@link TidemarkClient}.
 */
export function createClient(options: ClientOptions): TidemarkClient {
  return new TidemarkClient(options);
}

/** Narrows an event of a wildcard subscription to one declared event: \`if (isEvent(event, '@event')) …\`. */
export const isEvent: IsEvent<TidemarkProtocol> = isEventNamed as IsEvent<TidemarkProtocol>;

/**
 * Narrows an event of a wildcard subscription to the declared events, so that a \`switch\` over \`event.event\` can be
 * exhaustive without a cast. A custom event may have any name, so handle it outside the \`switch\`.
 */
export const isDeclared = ((item: object) => isEventAmong(item, SPEC.events)) as IsDeclared<TidemarkProtocol>;

/** The type of events that a subscription to \`Pattern\` yields. */
export type TidemarkEvent<Pattern extends string = '*'> = EventFor<TidemarkProtocol, Pattern>;
export type TidemarkSubscription<Item = TidemarkEvent> = Subscription<TidemarkProtocol, Item>;
export type TidemarkGap = SubscriptionGap<TidemarkProtocol>;

export { isGap } from './runtime/events.ts';
export { ConnectionError, ProtocolViolation, SubscriptionError, TidemarkError, WaitError } from './runtime/errors.ts';
export type { ContractMatch } from './runtime/contract-match.ts';
export type { Diagnosis, SubscriptionDiagnosis } from './runtime/diagnosis.ts';
export type { ClientOptions } from './runtime/settings.ts';
export { settled } from './runtime/settled.ts';
export type { SettleOptions } from './runtime/settled.ts';
export type { Waited, WaitOptions } from './runtime/wait.ts';
export type { Position } from './runtime/wire.ts';
`;

export function emitClient({ closeCodes, commands, events, customEvent }: Contract): string {
  const names = events.map(({ name }) => quote(name));
  const replies = commands.map(({ name, reply }) => `${key(name)}: { reply: ${quote(reply)} }`);
  const closes = Object.entries(closeCodes).map(
    ([code, each]) => `${code}: { name: ${quote(each.name)}, class: ${quote(each.class)} as const }`,
  );
  const facade = FACADE.replaceAll('@custom', typeNameOf(customEvent.schema))
    .replaceAll('@event', events[0]?.name ?? 'name')
    // Pass a function, because `replace` would expand `$&` in a name if the name were passed as text.
    .replace('@names', () => names.join(', '))
    .replace('@commands', () => replies.join(', '))
    .replace('@closeCodes', () => closes.join(', '));
  return `${banner('The client: gives the runtime the types and constants of the contract.')}\n${facade}`;
}
