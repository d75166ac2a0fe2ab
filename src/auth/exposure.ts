/** Where a gateway may be reached without credentials (SEC-5). */
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
    `The gateway would listen on ${host}, and no credential is configured: everyone who reaches this machine could read and ` +
      'publish everything (SEC-5). Listen on 127.0.0.1, give an `authenticator`, or say `insecure` if a proxy in front checks who comes.',
  );
}
