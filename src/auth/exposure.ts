/** Decides at which addresses a gateway may be reachable without credentials (SEC-5). */
import { isLoopback } from './loopback.ts';
import { UNKNOWN_ADDRESS } from './trusted-proxies.ts';
import type { ClientAddress } from './trusted-proxies.ts';

const REMEDY = 'The operator can configure `auth`, or set `insecure` if a proxy checks who may connect.';

/** Thrown if other machines could reach a gateway that requires no credentials: any client could then read and publish everything. */
export class ExposureError extends Error {
  override readonly name = 'ExposureError';
}

export interface Exposure {
  readonly host: string;
  /** Whether clients must present a credential. */
  readonly required: boolean;
  /** Whether the operator has declared that something else, such as a proxy, checks which clients may connect. */
  readonly insecure: boolean;
}

/**
 * Checks the address on which a gateway will listen.
 * @throws {ExposureError} if any client that can reach this machine would have full access, and the operator has not allowed this
 */
export function assertProtected({ host, required, insecure }: Exposure): void {
  if (required || insecure || isLoopback(host)) return;
  throw new ExposureError(
    `The gateway would listen on ${host}, and no credential is configured: anyone who can reach this machine could read and ` +
      'publish everything (SEC-5). Listen on 127.0.0.1, give an `authenticator`, or set `insecure` if a proxy checks who may connect.',
  );
}

/**
 * Why a connection to this local address is rejected; undefined if it is allowed. This is checked for each connection, because a gateway
 * that is attached to an existing HTTP server does not choose the address of that server.
 * @param localAddress undefined for a Unix domain socket, which is protected by file permissions
 */
export function exposureOf(
  localAddress: string | undefined,
  { required, insecure }: Omit<Exposure, 'host'>,
): string | undefined {
  if (required || insecure || localAddress === undefined) return undefined;
  if (isLoopback(localAddress.replace(/^::ffff:/, ''))) return undefined;
  return `No credential is configured, so this gateway accepts only clients on its own machine (SEC-5). ${REMEDY}`;
}

/**
 * Why a forwarded request is rejected; undefined if it is allowed. A proxy on this machine could forward requests of other machines to a
 * gateway that is meant for this machine only. A request whose address is unknown may come from another machine, so it is rejected too.
 */
export function forwardedExposureOf(
  { address, from }: ClientAddress,
  { required, insecure }: Omit<Exposure, 'host'>,
): string | undefined {
  if (required || insecure || from === 'peer' || isLoopback(address)) return undefined;
  const only = 'No credential is configured, so this gateway accepts only clients on its own machine (SEC-5).';
  if (address !== UNKNOWN_ADDRESS) return `${only} A proxy forwarded this request from another machine. ${REMEDY}`;
  return (
    `${only} A proxy forwarded this request without a readable client address, so the client may be on another machine. The proxy must ` +
    `write the address of the client into the header that \`forwardedHeader\` names. ${REMEDY}`
  );
}
