/** Where a gateway may be reached without credentials (SEC-5). */
import type { ClientAddress } from './trusted-proxies.ts';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** Whoever reaches such an address could read and publish everything. */
export class ExposureError extends Error {
  override readonly name = 'ExposureError';
}

export interface Exposure {
  readonly host: string;
  /** Whether clients must present a credential. */
  readonly required: boolean;
  /** The operator has said that something else checks who comes. */
  readonly insecure: boolean;
}

/** @throws {ExposureError} when everyone who reaches the machine could do everything, and nobody has said that this is wanted. */
export function assertProtected({ host, required, insecure }: Exposure): void {
  if (required || insecure || isLoopback(host)) return;
  throw new ExposureError(
    `The gateway would listen on ${host}, and no credential is configured: anyone who can reach this machine could read and ` +
      'publish everything (SEC-5). Listen on 127.0.0.1, give an `authenticator`, or say `insecure` if a proxy in front checks who comes.',
  );
}

/**
 * Why a connection to this address of ours is refused. A gateway that is attached does not choose where its host listens.
 * `localAddress` is undefined for a socket in the file system, which has its own permissions.
 */
export function exposureOf(
  localAddress: string | undefined,
  { required, insecure }: Omit<Exposure, 'host'>,
): string | undefined {
  if (required || insecure || localAddress === undefined) return undefined;
  if (isLoopback(localAddress.replace(/^::ffff:/, ''))) return undefined;
  return 'Without credentials the gateway serves its own machine only (SEC-5).';
}

/** A proxy on this machine brings clients of other machines to a gateway that serves loopback only. */
export function forwardedExposureOf(
  { address, from }: ClientAddress,
  { required, insecure }: Omit<Exposure, 'host'>,
): string | undefined {
  if (required || insecure || from === 'peer' || isLoopback(address)) return undefined;
  return (
    'Without credentials the gateway serves its own machine only, and a proxy forwarded this request from another one (SEC-5). Its ' +
    'operator can configure `auth`, or set `insecure` if the proxy checks who may connect.'
  );
}
