/** The HTTP response of a failed request (OPS-0): status, headers and body. All failures use it. */
import { ERRORS } from '../../generated/protocol.ts';
import type { ProtocolError } from '../errors.ts';
import { errorData } from './codec.ts';

/** Seconds in Retry-After with 429 and 503, if the error has no delay of its own. */
export const RETRY_AFTER_S = 2;

export interface HttpFailure {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

const HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'www-authenticate': 'Bearer' },
  // RFC 9110, 15.5.22: the response names the protocol to upgrade to.
  426: { upgrade: 'websocket', 'sec-websocket-version': '13' },
  429: { 'retry-after': String(RETRY_AFTER_S) },
  503: { 'retry-after': String(RETRY_AFTER_S) },
};

/** @param status defaults to the HTTP status of the error's code in the contract */
export function httpFailure(error: ProtocolError, status: number = ERRORS[error.code].httpStatus): HttpFailure {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...HEADERS[status], ...retryAfter(error, status) },
    body: JSON.stringify({ type: 'error', data: errorData(error) }),
  };
}

/** In whole seconds, rounded up so that it is never less than `retryAfterMs` in the body. */
function retryAfter({ retryAfterMs }: ProtocolError, status: number): Readonly<Record<string, string>> {
  if (status !== 429 || retryAfterMs === undefined) return {};
  return { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
}
