/** The one HTTP answer for everything that fails (OPS-0): its status, its headers and its body, however it is then written. */
import { ERRORS } from '../../generated/protocol.ts';
import type { ProtocolError } from '../errors.ts';
import { errorData } from './codec.ts';

/** Sent as Retry-After with 429 and 503, where the error does not say more exactly. */
export const RETRY_AFTER_S = 2;

export interface HttpFailure {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

const HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'www-authenticate': 'Bearer' },
  // RFC 9110, 15.5.22: the answer names the protocol to upgrade to.
  426: { upgrade: 'websocket', 'sec-websocket-version': '13' },
  429: { 'retry-after': String(RETRY_AFTER_S) },
  503: { 'retry-after': String(RETRY_AFTER_S) },
};

/** @param status by default that of the error's code in the contract */
export function httpFailure(error: ProtocolError, status: number = ERRORS[error.code].httpStatus): HttpFailure {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...HEADERS[status], ...retryAfter(error, status) },
    body: JSON.stringify({ type: 'error', data: errorData(error) }),
  };
}

/** In whole seconds, and never sooner than the body says. */
function retryAfter({ retryAfterMs }: ProtocolError, status: number): Readonly<Record<string, string>> {
  if (status !== 429 || retryAfterMs === undefined) return {};
  return { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
}
