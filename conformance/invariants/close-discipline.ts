import { CLOSE_CODES } from '../../generated/protocol.ts';
import type { Invariant, Report } from '../trace/finding.ts';
import { followsLaterMinor } from './later-version.ts';
import { equal, member, numberAt } from '../trace/json.ts';
import type { ConnectionReading } from '../trace/reading.ts';
import { dataOf, typeOf } from '../trace/reading.ts';
import type { Frame } from '../trace/trace.ts';

/**
 * Close codes of RFC 6455 that a server may use. 1006 is not in the list, because it is never sent: it stands for a
 * missing close frame.
 */
const PROTOCOL_CODES: readonly number[] = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013];

function specOf(code: number | undefined): (typeof CLOSE_CODES)[keyof typeof CLOSE_CODES] | undefined {
  return Object.values(CLOSE_CODES).find((each) => each.code === code);
}

function judgeClosing(closing: Frame, end: Frame | undefined, connection: ConnectionReading, report: Report): void {
  const data = dataOf(closing);
  const code = numberAt(data, 'code');
  const spec = specOf(code);
  const name = Object.entries(CLOSE_CODES).find(([, each]) => each.code === code)?.[0];
  if (spec === undefined || member(data, 'name') !== name || member(data, 'retryable') !== spec.retryable)
    report.violate('the name or retryable flag in closing does not match its code in the contract', closing);
  if (end !== undefined && connection.left === undefined && !equal(member(end.json, 'code'), code))
    report.violate(
      `closing announced code ${code ?? 'none'}, but the close frame has ${JSON.stringify(member(end.json, 'code'))}`,
      closing,
      end,
    );
  const after = connection.received.find((frame) => frame.n > closing.n);
  if (after !== undefined) report.violate(`a ${typeOf(after)} came after closing`, closing, after);
}

/** A server announces the end of a connection with a code that tells the client whether to reconnect. */
export const closeDiscipline: Invariant = {
  id: 'invariants/close-discipline',
  clauses: ['CON-6', 'CON-5'],
  why: 'The server closes with a code of the contract or of RFC 6455. The code is the same as in closing, and nothing follows the close.',
  check: ({ connections, trace }, report) => {
    for (const connection of connections) {
      const { closed: end, left, received } = connection;
      const closing = received.find((frame) => typeOf(frame) === 'closing');
      if (closing !== undefined) judgeClosing(closing, end, connection, report);
      if (end === undefined) continue;
      const late = received.find((frame) => frame.n > end.n);
      if (late !== undefined) report.violate('a message came after the close', end, late);
      if (left !== undefined && left.n < end.n) continue;
      report.fire();
      const code = numberAt(end.json, 'code');
      const known = code !== undefined && (PROTOCOL_CODES.includes(code) || specOf(code) !== undefined);
      // A later minor version may have more codes. A client understands a new close code by its class (CON-6).
      const isNewer = code !== undefined && code >= 4000 && code < 4400 && followsLaterMinor(trace);
      if (!known)
        report[isNewer ? 'warn' : 'violate'](
          code === 1006
            ? 'the server ended the connection without a close frame'
            : `the contract has no close code ${code ?? ''}`,
          end,
        );
      if (specOf(code) !== undefined && closing === undefined)
        report.violate(`the connection was closed with ${code ?? ''} without a closing message before`, end);
    }
  },
};
