/**
 * Whether a request may come in at all, be it an upgrade or plain HTTP: over which address, under which name and from which page
 * (SEC-4, SEC-5).
 */
import type { IncomingMessage } from 'node:http';
import { requestHost } from './request-target.ts';
import type { Authenticator } from './authenticator.ts';
import { exposureOf } from './exposure.ts';
import { checkHost, checkOrigin } from './origin.ts';
import type { OriginPolicy } from './origin.ts';

/** Whose pages may read the answer: those that the operator allows, or all, where the contract says `x-any-origin`. */
export type AdmittedPages = 'of allowed origins' | 'of any origin';

export interface AdmissionOptions {
  readonly authenticator: Pick<Authenticator, 'required'>;
  readonly origins: OriginPolicy;
  /** The operator has said that something else checks who comes. */
  readonly insecure: boolean;
  /** By default, only those of allowed origins. */
  readonly pages?: AdmittedPages;
}

/** Why it may not, or undefined. */
export function admissionFault(
  request: IncomingMessage,
  { authenticator: { required }, origins, insecure, pages }: AdmissionOptions,
): string | undefined {
  const host = requestHost(request);
  return (
    exposureOf(request.socket.localAddress, { required, insecure }) ??
    checkHost(host, origins) ??
    (pages === 'of any origin' ? undefined : checkOrigin(request.headers.origin, host, origins))
  );
}
