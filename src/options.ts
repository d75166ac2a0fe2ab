/** The options of a gateway, and their defaults. */
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import pino from 'pino';
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
  /** Identifies this node; random by default. */
  readonly nodeId?: string;
  /** Path of the WebSocket; `/ws` by default. The other addresses are below or beside it, as in the contract. */
  readonly path?: string;
  /** The memory broker of one process by default; `redisBroker` of `tidemark/redis` connects several nodes. */
  readonly broker?: Broker | BrokerFactory;
  /**
   * A contract with own events: `contract` from the directory that `tidemark contract build` wrote, or the result of `loadContract` of
   * `tidemark/contract`. The contract of this version by default.
   */
  readonly contract?: BuiltContract<Payloads>;
  /** Limits that differ from the contract's defaults. */
  readonly limits?: Partial<Limits>;
  /** Authenticates clients. By default every client has every scope, and the gateway serves loopback only (SEC-5). */
  readonly authenticator?: Authenticator;
  /** Whether public addresses may be served without credentials, because a proxy authenticates clients; off by default. */
  readonly insecure?: boolean;
  /** Exact origins of pages that may connect, in addition to the gateway's own, for example `https://ide.example`. */
  readonly allowedOrigins?: readonly string[];
  /** Host names of the gateway in addition to the loopback names. */
  readonly allowedHosts?: readonly string[];
  /**
   * Addresses and CIDR ranges of the proxies in front, for example `10.0.0.0/24`. For a request from one of them the client's address,
   * for limits, the audit log and the log, is the one that the proxies wrote into `forwardedHeader`; none by default.
   */
  readonly trustedProxies?: readonly string[];
  /** The header that the proxies write; `x-forwarded-for` by default. The other header is ignored, because a client may have sent it. */
  readonly forwardedHeader?: ForwardedHeader;
  /** Whether clients may publish by the `broadcast` command; off by default (BRD-2). */
  readonly broadcast?: 'on' | 'off';
  /** Replay policies that differ from the contract's, per event name; `*` for custom events (RPL-3). */
  readonly replay?: Readonly<Record<string, ReplayPolicy>>;
  /** By default warnings and errors are written to standard error. */
  readonly log?: Logger;
  readonly auditSink?: AuditSink;
  /**
   * Makes the response of `GET /metrics` from this gateway's own metrics. For a host that runs several gateways behind one address;
   * by default the response is the gateway's own metrics ({@link Gateway.metrics}).
   */
  readonly collectMetrics?: CollectMetrics;
  /** Milliseconds since the Unix epoch. */
  readonly now?: () => number;
  /** Returns a number from 0 up to 1, for jitter. */
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

/** The contract's defaults with the host's changes. @throws {RangeError} with the name of a limit that is out of its bounds */
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
  const nodeId = options.nodeId ?? hostname();
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
