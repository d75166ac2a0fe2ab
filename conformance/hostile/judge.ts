/** Compares the observations of a case with its expected outcomes, without any connection of its own. */
import { CLOSE_CODES, PUSHES } from '../../generated/protocol.ts';
import type { ErrorCode } from '../../generated/protocol.ts';
import { httpValidators } from '../../generated/validators.js';
import { amountOf } from './expand.ts';
import type { HttpAnswer } from './http-reader.ts';
import type { Case, Outcome } from './row.ts';
import type { Ending, Message } from './wire.ts';

export interface Observation {
  readonly answers: readonly HttpAnswer[];
  /** All received messages, except the reply to the command with which the runner checks whether the connection is alive. */
  readonly messages: readonly Message[];
  readonly close: { readonly code: number; readonly reason: string } | undefined;
  readonly ending: Ending;
  readonly gone: boolean;
  /** Whether the server replied to the check that ends the case. */
  readonly alive: boolean;
  /** Number of subscriptions at the end; undefined if it could not be determined. */
  readonly subscriptions: number | undefined;
  readonly faults: readonly string[];
  readonly leaks: readonly string[];
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

const PUSHED: ReadonlySet<string> = new Set(PUSHES);

function repliesOf({ messages }: Observation): readonly Message[] {
  return messages.filter((each) => !PUSHED.has(each.type));
}

/** The observations as short text. */
export function describe(seen: Observation): string {
  const parts: string[] = [];
  for (const { status } of seen.answers) parts.push(status === 101 ? 'the upgrade' : `status ${status}`);
  const replies = repliesOf(seen);
  for (const { type, data } of replies.slice(0, 3)) {
    const code = typeof data['code'] === 'string' ? ` ${data['code']}` : '';
    const pointer = typeof data['pointer'] === 'string' ? ` at ${JSON.stringify(data['pointer'].slice(0, 80))}` : '';
    parts.push(`${type}${code}${pointer}`);
  }
  if (replies.length > 3) parts.push(`${replies.length - 3} more replies`);
  if (seen.close !== undefined) parts.push(`close ${seen.close.code}`);
  if (seen.ending !== 'open') parts.push(seen.ending === 'fin' ? 'the end of the connection' : 'a reset');
  else if (!seen.alive) parts.push('silence');
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

function aliveAnd(seen: Observation, fault: string | undefined): string | undefined {
  if (fault !== undefined) return fault;
  if (seen.close !== undefined || seen.ending !== 'open') return 'the connection should have stayed open';
  return seen.alive ? undefined : 'the server no longer replies on the connection';
}

function countFault(
  fitting: readonly Message[],
  all: readonly Message[],
  times: number | 'some',
  what: string,
): string | undefined {
  if (times === 'some') return fitting.length > 0 ? undefined : `no ${what}`;
  if (fitting.length !== times) return `${fitting.length} × ${what} instead of ${times}`;
  return all.length === fitting.length ? undefined : `${all.length - fitting.length} other replies beside ${what}`;
}

type Limits = Readonly<Record<string, number>>;

function timesOf(times: number | string | undefined, limits: Limits): number | 'some' {
  return times === 'some' ? 'some' : amountOf(times ?? 1, limits);
}

function judgeError(
  expected: Extract<Outcome, { error: unknown; status?: never }>,
  seen: Observation,
  limits: Limits,
): string | undefined {
  const codes = listOf<ErrorCode>(expected.error);
  const replies = repliesOf(seen);
  const fitting = replies.filter(
    ({ type, data }) =>
      type === 'error' &&
      codes.includes(data['code'] as ErrorCode) &&
      (expected.pointer === undefined || data['pointer'] === expected.pointer),
  );
  const what = `error ${codes.join(' or ')}${expected.pointer === undefined ? '' : ` at ${JSON.stringify(expected.pointer)}`}`;
  const times = timesOf(expected.times, limits);
  const fault = aliveAnd(seen, countFault(fitting, replies, times, what));
  if (fault !== undefined) return fault;
  if ((seen.subscriptions ?? 0) > 0 && times !== 'some') return 'the refused command left a subscription behind';
  return undefined;
}

function judgeReply(
  expected: Extract<Outcome, { reply: unknown }>,
  seen: Observation,
  limits: Limits,
): string | undefined {
  const replies = repliesOf(seen);
  const fitting = replies.filter((each) => each.type === expected.reply);
  return aliveAnd(seen, countFault(fitting, replies, timesOf(expected.times, limits), expected.reply));
}

function judgeClose(expected: Extract<Outcome, { close: unknown }>, seen: Observation): string | undefined {
  const codes = listOf<number | keyof typeof CLOSE_CODES>(expected.close).map((each) =>
    typeof each === 'number' ? each : CLOSE_CODES[each].code,
  );
  if (seen.close === undefined) return `no close ${codes.join(' or ')}`;
  if (!codes.includes(seen.close.code)) return `close ${seen.close.code} instead of ${codes.join(' or ')}`;
  return seen.ending === 'open' ? 'the server did not end the connection after the close' : undefined;
}

function readBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Why the body of a failed request is not the expected `error` message (OPS-0). */
function errorFault(
  { status, body }: HttpAnswer,
  { error, pointer }: Extract<Outcome, { status: unknown }>,
): string | undefined {
  const value = readBody(body);
  if (!httpValidators.error(value)) return `status ${status} without the error message of the contract`;
  const { data } = value as Message;
  const codes = error === undefined ? undefined : listOf<ErrorCode>(error);
  if (codes !== undefined && !codes.includes(data['code'] as ErrorCode))
    return `error ${String(data['code'])} instead of ${codes.join(' or ')}`;
  if (pointer !== undefined && data['pointer'] !== pointer)
    return `the pointer ${JSON.stringify(data['pointer'])} instead of ${JSON.stringify(pointer)}`;
  return undefined;
}

export function judgeStatus(
  expected: Extract<Outcome, { status: unknown }>,
  seen: Pick<Observation, 'answers' | 'gone'>,
): string | undefined {
  const statuses = listOf<number>(expected.status);
  const [answer] = seen.answers;
  if (answer === undefined) return `no response with status ${statuses.join(' or ')}`;
  if (!statuses.includes(answer.status)) return `status ${answer.status} instead of ${statuses.join(' or ')}`;
  if (answer.status >= 400) {
    const fault = errorFault(answer, expected);
    if (fault !== undefined) return fault;
  } else if (expected.body !== undefined && !httpValidators[expected.body](readBody(answer.body))) {
    const [error] = httpValidators[expected.body].errors ?? [];
    return `a body that is not a valid ${expected.body}: ${error?.instancePath ?? ''} ${error?.message ?? ''}`;
  }
  const unwanted = expected.without?.find((each) => answer.headers.has(each.toLowerCase()));
  if (unwanted !== undefined) return `the header ${unwanted}: ${answer.headers.get(unwanted.toLowerCase())}`;
  if (expected.gone === true && !seen.gone) return 'the server keeps its side of a refused connection open';
  return undefined;
}

function judgeOutcome(expected: Outcome, seen: Observation, limits: Limits): string | undefined {
  if ('status' in expected) return judgeStatus(expected, seen);
  if ('error' in expected) return judgeError(expected, seen, limits);
  if ('reply' in expected) return judgeReply(expected, seen, limits);
  if ('close' in expected) return judgeClose(expected, seen);
  if ('ignored' in expected)
    return aliveAnd(seen, repliesOf(seen).length === 0 ? undefined : 'the message should have been ignored');
  if (seen.answers.some(({ status }) => status !== 101) || seen.close !== undefined)
    return 'the connection should have ended without a response';
  return seen.ending === 'open' ? 'the connection should have ended' : undefined;
}

/** Faults of the server that no case allows. */
function alwaysFindings(seen: Observation): readonly string[] {
  const findings = [...seen.faults, ...seen.leaks.map((each) => `the server leaked ${each}`)];
  const { close } = seen;
  const announced = seen.messages.find((each) => each.type === 'closing');
  const ours = Object.values(CLOSE_CODES).some(({ code }) => code === close?.code);
  if (close !== undefined && ours && announced?.data['code'] !== close.code)
    findings.push(`close ${close.code} was not announced by \`closing\` (CON-6)`);
  return findings;
}

/** All findings; empty if the case passed. */
export function judge(entry: Case, seen: Observation, limits: Limits): readonly string[] {
  const faults = entry.expect.map((each) => judgeOutcome(each, seen, limits));
  const always = alwaysFindings(seen);
  if (faults.includes(undefined)) return always;
  const expected = [...new Set(faults)].join('; or ');
  return [expected, ...always];
}
