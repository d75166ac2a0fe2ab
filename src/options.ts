/** The options of a gateway, and their defaults. */
import type { Logger } from 'pino';
import pino from 'pino';
import { ulid } from 'ulid';
import { LIMITS } from '../generated/protocol.ts';
import type { LimitName, ReplayPolicy } from '../generated/protocol.ts';
import type { PayloadMap } from '../generated/types.ts';
import { Audit } from './auth/audit.ts';
import type { AuditSink } from './auth/audit.ts';
import type { Authenticator } from './auth/authenticator.ts';
import { openAuthenticator } from './auth/authenticator.ts';
import type { ForwardedHeader } from './auth/forwarded-hops.ts';
import type { OriginPolicy } from './auth/origin.ts';
import { originPolicy } from './auth/origin.ts';
import { GATEWAY_PRINCIPAL } from './auth/principal.ts';
import type { Principal } from './auth/principal.ts';
import { TrustedProxies } from './auth/trusted-proxies.ts';
import type { Broker, BrokerFactory } from './broker/broker.ts';
import { MemoryBroker } from './broker/memory.ts';
import { catalogueOf } from './catalogue/built-contract.ts';
import type { BuiltContract } from './catalogue/built-contract.ts';
import { stockCatalogue } from './catalogue/catalogue.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import { eventTable } from './catalogue/event-table.ts';
import type { EventTable } from './catalogue/event-table.ts';
import { packageVersion } from './version.ts';

export type Limits = Readonly<Record<LimitName, number>>;

export interface GatewayOptions<Payloads = PayloadMap> {
  /** Name of this node, which no other node with the same broker may have. Random by default. */
  readonly nodeId?: string;
  /**
   * Path of the WebSocket; `/ws` by default. The contract determines the paths of all requests. If a path begins with `/ws/` in the
   * contract, this option replaces its `/ws`.
   */
  readonly path?: string;
  /**
   * Orders events and keeps their history. The default is the memory broker, which works within one process. `redisBroker` of
   * `tidemark/redis` connects several nodes.
   */
  readonly broker?: Broker | BrokerFactory;
  /**
   * The contract to serve; the contract of this version by default. For a contract with your own events, pass the export `contract` of the
   * directory that `tidemark contract build` wrote, or the result of `loadContract` of `tidemark/contract`.
   */
  readonly contract?: BuiltContract<Payloads>;
  /** Limits that differ from the defaults in the contract. */
  readonly limits?: Partial<Limits>;
  /** Authenticates clients. Without it, every client has every scope, and the gateway only serves loopback addresses (SEC-5). */
  readonly authenticator?: Authenticator;
  /** Whether to serve public addresses although no credentials are configured, because a proxy authenticates clients. Off by default. */
  readonly insecure?: boolean;
  /**
   * Origins of pages that may connect, in addition to the gateway's own origin. They are compared exactly; for example
   * `https://ide.example`.
   */
  readonly allowedOrigins?: readonly string[];
  /** Host names under which clients reach the gateway, in addition to the loopback names. */
  readonly allowedHosts?: readonly string[];
  /**
   * Addresses and CIDR ranges of trusted proxies in front of the gateway, for example `10.0.0.0/24`; none by default. For a request from a
   * trusted proxy, the client's address is the one that the proxies wrote into `forwardedHeader`. This address is used for limits, the
   * audit log and the log.
   */
  readonly trustedProxies?: readonly string[];
  /**
   * The header that the trusted proxies write: `x-forwarded-for` (the default) or `forwarded`. The header that is not chosen is ignored,
   * because a client may have sent it.
   */
  readonly forwardedHeader?: ForwardedHeader;
  /** Whether clients may publish by the `broadcast` command; off by default (BRD-2). */
  readonly broadcast?: 'on' | 'off';
  /** Replay policies that differ from those in the contract, by event name; `*` stands for custom events (RPL-3). */
  readonly replay?: Readonly<Record<string, ReplayPolicy>>;
  /** The logger of the gateway. By default, warnings and errors are written to standard error. */
  readonly log?: Logger;
  readonly auditSink?: AuditSink;
  /**
   * Creates the response of `GET /metrics`. A host that runs several gateways behind one address can combine their metrics here. By
   * default, the response contains the metrics of this gateway ({@link Gateway.metrics}).
   */
  readonly collectMetrics?: CollectMetrics;
  /** Returns the current time, in milliseconds since the Unix epoch. */
  readonly now?: () => number;
  /** Returns a random number for jitter: at least 0 and below 1, as `Math.random` does. */
  readonly random?: () => number;
}

export type CollectMetrics = (own: () => Promise<string>) => Promise<string>;

export interface ResolvedOptions {
  readonly collectMetrics: CollectMetrics;
  readonly nodeId: string;
  readonly version: string;
  readonly path: string;
  readonly catalogue: Catalogue;
  readonly broker: Broker;
  readonly limits: Limits;
  readonly authenticator: Authenticator;
  readonly insecure: boolean;
  readonly origins: OriginPolicy;
  readonly proxies: TrustedProxies;
  readonly broadcast: 'on' | 'off';
  readonly events: EventTable;
  readonly gatewayPrincipal: Principal;
  readonly audit: Audit;
  readonly log: Logger;
  readonly onFault: (error: unknown) => void;
  readonly now: () => number;
  readonly random: () => number;
}

/**
 * The default limits of the contract, with the changes of the host.
 * @throws {RangeError} if a limit is out of its bounds; names the limit
 */
export function resolveLimits(changes: Partial<Limits> = {}): Limits {
  const names = Object.keys(LIMITS) as LimitName[];
  const entries = names.map((name) => {
    const { default: standard, minimum, maximum, unit } = LIMITS[name];
    const value = changes[name] ?? standard;
    if (!Number.isInteger(value) || value < minimum || value > maximum) {
      throw new RangeError(
        `The limit ${name} is ${value}; it must be a whole number of ${unit} from ${minimum} to ${maximum}.`,
      );
    }
    return [name, value] as const;
  });
  return Object.fromEntries(entries) as Limits;
}

export function resolveOptions(options: GatewayOptions<unknown>): ResolvedOptions {
  const limits = resolveLimits(options.limits);
  const now = options.now ?? Date.now;
  const nodeId = options.nodeId ?? `node-${ulid().slice(-8).toLowerCase()}`;
  const log = (options.log ?? pino({ level: 'warn' }, pino.destination(2))).child({ nodeId });
  const catalogue = options.contract === undefined ? stockCatalogue : catalogueOf(options.contract);
  const events = eventTable(options.replay, catalogue);
  const broker = options.broker ?? new MemoryBroker({ limits, now, events });
  return {
    nodeId,
    version: packageVersion(),
    path: options.path ?? '/ws',
    catalogue,
    broker: typeof broker === 'function' ? broker({ limits, events, log }) : broker,
    limits,
    authenticator: options.authenticator ?? openAuthenticator(),
    insecure: options.insecure ?? false,
    origins: originPolicy({ allowedOrigins: options.allowedOrigins ?? [], allowedHosts: options.allowedHosts ?? [] }),
    proxies: new TrustedProxies({
      trustedProxies: options.trustedProxies ?? [],
      forwardedHeader: options.forwardedHeader ?? 'x-forwarded-for',
    }),
    broadcast: options.broadcast ?? 'off',
    events,
    gatewayPrincipal: GATEWAY_PRINCIPAL,
    audit: new Audit(options.auditSink),
    collectMetrics: options.collectMetrics ?? ((own) => own()),
    log,
    onFault: (error) => log.error({ err: error }, 'the gateway failed'),
    now,
    random: options.random ?? Math.random,
  };
}
