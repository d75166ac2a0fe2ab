/** Who may come in over HTTP, and what they may do: every operation passes here before it is answered (SEC-1, SEC-2, SEC-4). */
import type { FastifyRequest } from 'fastify';
import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { HttpOperationName } from '../../generated/protocol.ts';
import type { Validator } from '../../generated/validators.js';
import type { Audit } from '../auth/audit.ts';
import { identify } from '../auth/authenticator.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { authorise } from '../auth/authorise.ts';
import type { Caller } from '../auth/authorise.ts';
import { credentialFrom, refuseCredentialInAddress } from '../auth/credential.ts';
import type { OriginPolicy } from '../auth/origin.ts';
import type { Principal } from '../auth/principal.ts';
import { admissionFault } from '../auth/request-origin.ts';
import type { AdmittedPages } from '../auth/request-origin.ts';
import type { TrustedProxies } from '../auth/trusted-proxies.ts';
import { ProtocolError } from '../errors.ts';
import { checkRequest } from '../wire/schema-error.ts';

export interface GuardOptions {
  readonly authenticator: Authenticator;
  readonly audit: Audit;
  readonly origins: OriginPolicy;
  readonly insecure: boolean;
  readonly proxies: TrustedProxies;
}

export class Guard {
  readonly #options: GuardOptions;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Refuses what a page of another site, or a rebound name, may have sent (SEC-4), and credentials that would be logged (SEC-2). */
  checkAdmission(request: FastifyRequest, pages: AdmittedPages): void {
    const fault = admissionFault(request.raw, { ...this.#options, pages });
    try {
      if (fault !== undefined) throw new ProtocolError('forbidden', fault);
      refuseCredentialInAddress(request.raw);
    } catch (error) {
      this.#options.audit.record({ kind: 'connect', remoteAddress: this.#addressOf(request), outcome: 'denied' });
      throw error;
    }
  }

  /**
   * Checks the credential, then the body, then the scopes. An operation that needs no scope is open to everyone.
   * @param fits the schema of the body, where the operation has one
   */
  async admit(name: HttpOperationName, request: FastifyRequest, fits?: Validator): Promise<Caller> {
    const { authenticator, audit } = this.#options;
    const operation = HTTP_OPERATIONS[name];
    const open = operation.scopes.length === 0;
    const principal = open ? authenticator.anonymous : await this.#principal(request);
    if (fits !== undefined) checkRequest(request.body, fits, operation.errorPointers);
    const caller = { principal, remoteAddress: this.#addressOf(request) };
    authorise(operation, request.body, caller, audit);
    return caller;
  }

  async #principal(request: FastifyRequest): Promise<Principal> {
    const { authenticator, audit } = this.#options;
    const credential = credentialFrom(request.raw);
    if (credential !== undefined)
      return identify(credential, { authenticator, audit, remoteAddress: this.#addressOf(request) });
    if (!authenticator.required) return authenticator.anonymous;
    audit.record({ kind: 'authenticate', remoteAddress: this.#addressOf(request), outcome: 'denied' });
    throw new ProtocolError('unauthenticated', 'Send Authorization: Bearer or X-API-Key.');
  }

  #addressOf({ raw }: FastifyRequest): string {
    return this.#options.proxies.clientOf(raw).address;
  }
}
