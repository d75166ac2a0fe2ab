/**
 * Decides whether an upgrade or a plain HTTP request is allowed, by its local address, host name and page origin (SEC-4, SEC-5). A proxy
 * must pass on the headers Host and Origin. A forwarded name (`X-Forwarded-Host`) is ignored: a malicious page whose domain name resolves
 * to this machine can set that header on its requests, but cannot set Host.
 */
import type { IncomingMessage } from 'node:http';
import { requestHost } from './request-target.ts';
import type { Authenticator } from './authenticator.ts';
import { exposureOf, forwardedExposureOf } from './exposure.ts';
import { checkHost, checkOrigin } from './origin.ts';
import type { OriginPolicy } from './origin.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

/** The pages that may read the response: those of allowed origins, or all pages if the contract gives the operation `x-any-origin`. */
export type AdmittedPages = 'of allowed origins' | 'of any origin';

export interface AdmissionOptions {
  readonly authenticator: Pick<Authenticator, 'required'>;
  readonly origins: OriginPolicy;
  /** Whether the operator has declared that something else, such as a proxy, checks which clients may connect. */
  readonly insecure: boolean;
  /** The pages that may read the response; by default, only pages of allowed origins. */
  readonly pages?: AdmittedPages;
  readonly proxies: TrustedProxies;
}

/** Why the request is rejected; undefined if it is allowed. */
export function admissionFault(
  request: IncomingMessage,
  { authenticator: { required }, origins, insecure, pages, proxies }: AdmissionOptions,
): string | undefined {
  const host = requestHost(request);
  return (
    exposureOf(request.socket.localAddress, { required, insecure }) ??
    forwardedExposureOf(proxies.clientOf(request), { required, insecure }) ??
    checkHost(host, origins) ??
    (pages === 'of any origin' ? undefined : checkOrigin(request.headers.origin, host, origins))
  );
}
