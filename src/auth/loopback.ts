/** The loopback addresses and names, which only programs on this machine can reach (SEC-4, SEC-5). */

/** The address on which a gateway listens by default. */
export const LOOPBACK_ADDRESS = '127.0.0.1';

/** The host names that every gateway accepts, as they appear in a Host header or a URL. */
export const LOOPBACK_NAMES: readonly string[] = ['localhost', LOOPBACK_ADDRESS, '[::1]'];

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

/** Whether only programs on this machine can reach the address. An IPv6 address is given without brackets. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
