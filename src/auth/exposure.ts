/** Where a gateway may be reached without credentials (SEC-5). */
import { isLoopback } from './loopback.ts';
import type { ClientAddress } from './trusted-proxies.ts';

/** Any client that can reach such an address could read and publish everything. */
export class ExposureError extends Error {
  override readonly name = 'ExposureError';
}

export interface Exposure {
  readonly host: string;
  /** Whether clients must present a credential. */
  readonly required: boolean;
  /** The operator has stated that something else, such as a proxy, checks who may connect. */
  readonly insecure: boolean;
}

/** @throws {ExposureError} if anyone who can reach the machine would have full access and the operator has not allowed this */
export function assertProtected({ host, required, insecure }: Exposure): void {
  if (required || insecure || isLoopback(host)) return;
  throw new ExposureError(
    `The gateway would listen on ${host}, and no credential is configured: anyone who can reach this machine could read and ` +
      'publish everything (SEC-5). Listen on 127.0.0.1, give an `authenticator`, or set `insecure` if a proxy checks who may connect.',
  );
}

/**
 * Why a connection to this local address is rejected. An attached gateway does not choose where its host listens.
 * `localAddress` is undefined for a socket in the file system, which file permissions protect.
 */
export function exposureOf(
  localAddress: string | undefined,
  { required, insecure }: Omit<Exposure, 'host'>,
): string | undefined {
  if (required || insecure || localAddress === undefined) return undefined;
  if (isLoopback(localAddress.replace(/^::ffff:/, ''))) return undefined;
  return 'Without credentials, the gateway serves only its own machine (SEC-5).';
}

/** A proxy on this machine could forward clients of other machines to a gateway that serves only loopback. */
export function forwardedExposureOf(
  { address, from }: ClientAddress,
  { required, insecure }: Omit<Exposure, 'host'>,
): string | undefined {
  if (required || insecure || from === 'peer' || isLoopback(address)) return undefined;
  return (
    'Without credentials, the gateway serves only its own machine, but a proxy forwarded this request from another (SEC-5). Its ' +
    'operator can configure `auth`, or set `insecure` if the proxy checks who may connect.'
  );
}
