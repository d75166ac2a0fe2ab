/**
 * Creates the HTTP response to a failed request (OPS-0): status, headers and body. The responses to all failed requests are created here.
 */
import { ERRORS } from '../../generated/protocol.ts';
import type { ProtocolError } from '../errors.ts';
import { errorData } from './codec.ts';

/** The value of `Retry-After` for 503, and for 429 if the error contains no delay, in seconds. */
export const RETRY_AFTER_S = 2;

export interface HttpFailure {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The error message as JSON. */
  readonly body: string;
}

const HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'www-authenticate': 'Bearer' },
  // The response must name the protocol to upgrade to (RFC 9110, 15.5.22).
  426: { upgrade: 'websocket', 'sec-websocket-version': '13' },
  429: { 'retry-after': String(RETRY_AFTER_S) },
  503: { 'retry-after': String(RETRY_AFTER_S) },
};

/** Creates the response for an error. @param status by default, the HTTP status that the contract gives the error's code */
export function httpFailure(error: ProtocolError, status: number = ERRORS[error.code].httpStatus): HttpFailure {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...HEADERS[status], ...retryAfter(error, status) },
    body: JSON.stringify({ type: 'error', data: errorData(error) }),
  };
}

/** The delay in whole seconds. It is rounded up, so that it is never shorter than `retryAfterMs` in the body. */
function retryAfter({ retryAfterMs }: ProtocolError, status: number): Readonly<Record<string, string>> {
  if (status !== 429 || retryAfterMs === undefined) return {};
  return { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
}
