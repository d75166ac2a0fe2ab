/**
 * Whether a request is allowed at all, for upgrades and plain HTTP, by its local address, host name and page origin (SEC-4,
 * SEC-5). The check uses Host and Origin, which the proxy passes on. A forwarded name (`X-Forwarded-Host`) is ignored: a page
 * whose name was made to point at this machine can set that header on its own requests, and cannot set Host.
 */
import type { IncomingMessage } from 'node:http';
import { requestHost } from './request-target.ts';
import type { Authenticator } from './authenticator.ts';
import { exposureOf, forwardedExposureOf } from './exposure.ts';
import { checkHost, checkOrigin } from './origin.ts';
import type { OriginPolicy } from './origin.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

/** Whose pages may read the answer: those that the operator allows, or all, where the contract says `x-any-origin`. */
export type AdmittedPages = 'of allowed origins' | 'of any origin';

export interface AdmissionOptions {
  readonly authenticator: Pick<Authenticator, 'required'>;
  readonly origins: OriginPolicy;
  /** The operator has stated that something else, such as a proxy, checks who may connect. */
  readonly insecure: boolean;
  /** The pages that may read the response; by default, only pages of allowed origins. */
  readonly pages?: AdmittedPages;
  readonly proxies: TrustedProxies;
}

/** Why the request is rejected, or undefined. */
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
