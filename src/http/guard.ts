/** The access checks that every HTTP request passes before it is answered (SEC-1, SEC-2, SEC-4, SEC-5). */
import type { FastifyRequest } from 'fastify';
import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { HttpOperationName } from '../../generated/protocol.ts';
import type { Audit } from '../auth/audit.ts';
import { identify } from '../auth/authenticator.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { authorise, hasScopes } from '../auth/authorise.ts';
import type { Caller } from '../auth/authorise.ts';
import { credentialFrom, refuseCredentialInAddress } from '../auth/credential.ts';
import type { OriginPolicy } from '../auth/origin.ts';
import type { Principal } from '../auth/principal.ts';
import { admissionFault } from '../auth/request-origin.ts';
import type { AdmittedPages } from '../auth/request-origin.ts';
import type { TrustedProxies } from '../auth/trusted-proxies.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { ProtocolError } from '../errors.ts';
import type { RequestLimiter } from './request-limiter.ts';

export interface GuardOptions {
  readonly authenticator: Authenticator;
  readonly audit: Audit;
  readonly catalogue: Catalogue;
  readonly origins: OriginPolicy;
  readonly insecure: boolean;
  readonly proxies: TrustedProxies;
  readonly limiter: RequestLimiter;
}

/** The client of a request whose credential was checked. */
export interface Identified {
  /** Undefined if a credential is required and the request has none. */
  readonly principal: Principal | undefined;
  readonly remoteAddress: string;
  /** The client whose rate limit the request counts against: the principal or, without a credential, the address. */
  readonly payer: string;
}

export interface Admitted<Data = unknown> {
  readonly data: Data;
  readonly caller: Caller;
  /** `full` if the client has the scopes for the full response of the operation. */
  readonly detail: 'full' | 'summary';
  /** Charges the client for processing time of the response, in milliseconds. May be called several times. */
  readonly chargeWork: (ms: number) => void;
}

export class Guard {
  readonly #options: GuardOptions;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /**
   * Rejects a request
   * - that may come from a page of another site, or that uses a host name that the gateway does not expect (SEC-4);
   * - that comes from another machine, if no credential is configured and `insecure` is not set (SEC-5);
   * - that has a credential in its address, where the credential would be logged (SEC-2).
   */
  checkAdmission(request: FastifyRequest, pages: AdmittedPages): void {
    const fault = admissionFault(request.raw, { ...this.#options, pages });
    try {
      if (fault !== undefined) throw new ProtocolError('forbidden', fault);
      refuseCredentialInAddress(request.raw);
    } catch (error) {
      this.#options.audit.record({ kind: 'connect', remoteAddress: this.addressOf(request), outcome: 'denied' });
      throw error;
    }
  }

  /** Checks the credential of a request. */
  async identify(name: HttpOperationName, request: FastifyRequest): Promise<Identified> {
    const remoteAddress = this.addressOf(request);
    const principal = await this.#principalOf(name, request, remoteAddress);
    return { principal, remoteAddress, payer: this.#payerOf(principal, remoteAddress) };
  }

  /**
   * Checks the rate, the request and the scopes of a client, in this order. An operation without a scope is open to all clients.
   * @param read reads and checks the data of the request, to which the scopes apply
   */
  admit<Data>(
    name: HttpOperationName,
    { principal, remoteAddress, payer }: Identified,
    read: () => Data,
  ): Admitted<Data> {
    const { audit, catalogue, limiter } = this.#options;
    const operation = HTTP_OPERATIONS[name];
    limiter.take(name, payer);
    if (principal === undefined) throw this.#missingCredential(remoteAddress);
    const data = read();
    const caller = { principal, remoteAddress };
    authorise(operation, data, caller, { audit, catalogue });
    return {
      data,
      caller,
      detail: hasScopes(operation.fullScopes, data, principal, catalogue) ? 'full' : 'summary',
      chargeWork: limiter.meterOf(name, payer),
    };
  }

  /** The principal of a request. @returns undefined if a credential is required and the request has none */
  async #principalOf(
    name: HttpOperationName,
    request: FastifyRequest,
    remoteAddress: string,
  ): Promise<Principal | undefined> {
    const { authenticator, audit } = this.#options;
    const { scopes, fullScopes }: { readonly scopes: readonly string[]; readonly fullScopes: readonly string[] } =
      HTTP_OPERATIONS[name];
    if (scopes.length === 0 && fullScopes.length === 0) return authenticator.anonymous;
    const credential = credentialFrom(request.raw);
    if (credential !== undefined) return identify(credential, { authenticator, audit, remoteAddress });
    return authenticator.required && scopes.length > 0 ? undefined : authenticator.anonymous;
  }

  #payerOf(principal: Principal | undefined, remoteAddress: string): string {
    const isKnown = principal !== undefined && principal !== this.#options.authenticator.anonymous;
    return isKnown ? `principal ${principal.id}` : `address ${remoteAddress}`;
  }

  #missingCredential(remoteAddress: string): ProtocolError {
    this.#options.audit.record({ kind: 'authenticate', remoteAddress, outcome: 'denied' });
    return new ProtocolError('unauthenticated', 'Send a credential: `Authorization: Bearer <token>` or `X-API-Key`.');
  }

  /** The address of the client, even if the request came through a trusted proxy. */
  addressOf({ raw }: FastifyRequest): string {
    return this.#options.proxies.clientOf(raw).address;
  }
}
