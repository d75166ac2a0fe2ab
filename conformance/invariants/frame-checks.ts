/**
 * Checks every frame, in both directions, against the contract. Faults in frames that the suite itself sent
 * are reported separately, as faults of the suite.
 */
import { COMMANDS, ERRORS, PUSHES } from '../../generated/protocol.ts';
import type { ClauseId } from '../../generated/protocol.ts';
import { commandValidators, httpValidators } from '../../generated/validators.js';
import type { Validator } from '../../generated/validators.js';
import { clausesOfMessage, clausesOfOperation, httpOperation } from './contract.ts';
import { isObject, member, textAt } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import { isDeclared, validatorOf, withoutOwnFields } from '../filters/declared-events.ts';
import { followsLaterMinor } from './later-version.ts';
import type { Finding, TraceCheck, Violation } from '../trace/finding.ts';
import type { Frame, Trace } from '../trace/trace.ts';

const REPLIES: readonly string[] = [...Object.values(COMMANDS).map(({ reply }) => reply), 'error'];
const PUSH_NAMES: readonly string[] = PUSHES;

function received(trace: Trace): readonly Frame[] {
  return trace.frames.filter(
    ({ dir, kind }) => dir === '<<' && (kind === 'text' || kind === 'binary' || kind === 'mark'),
  );
}

function isTyped(frame: Frame, types: readonly string[]): boolean {
  return types.includes(textAt(frame.json, 'type') ?? '');
}

/** The name of a message in the contract; for an event, the name of the event. */
export function messageName(json: Json | undefined): string {
  const type = textAt(json, 'type') ?? '';
  if (type !== 'event') return type;
  const event = textAt(member(json, 'data'), 'event') ?? '';
  return isDeclared(event) ? event : 'custom_event';
}

function faultOf(validator: Validator | undefined, value: unknown): string | undefined {
  if (validator === undefined) return 'the contract has no such message';
  if (validator(value)) return undefined;
  const [first] = validator.errors ?? [];
  return `${first?.instancePath === '' ? 'the message' : (first?.instancePath ?? 'it')} ${first?.message ?? 'does not fit'}`;
}

/** Checks each frame by itself. */
function perFrame(frames: readonly Frame[], judge: (frame: Frame) => Omit<Violation, 'frames'> | undefined): Finding {
  const violations = frames.flatMap((frame) => {
    const found = judge(frame);
    return found === undefined ? [] : [{ ...found, frames: [frame.n] }];
  });
  return { violations, fired: frames.length };
}

function envelopeFault(frame: Frame): Omit<Violation, 'frames'> | undefined {
  const { kind, json, text: frameText } = frame;
  const fault = (text: string, clause: ClauseId = 'ENV-1'): Omit<Violation, 'frames'> => ({
    clauses: [clause],
    text,
  });
  if (kind === 'mark') return fault(`the suite's WebSocket library could not read the frame: ${frameText}`);
  if (kind === 'binary') return fault('the server sent a binary frame');
  if (!isObject(json)) return fault('the frame is not a JSON object');
  const stray = Object.keys(json).find((key) => !['type', 'id', 'data'].includes(key));
  if (stray !== undefined) return fault(`the envelope has the unknown member ${JSON.stringify(stray)}`);
  if (!isObject(json['data'])) return fault('data is not an object');
  const type = textAt(json, 'type') ?? '';
  if (!REPLIES.includes(type) && !PUSH_NAMES.includes(type))
    return fault(`${JSON.stringify(json['type'] ?? null)} is not a message type of the contract`, 'ENV-2');
  if (PUSH_NAMES.includes(type) && json['id'] !== undefined) return fault(`a push (${type}) carries an id`, 'ENV-3');
  return undefined;
}

function contractFault(frame: Frame): Omit<Violation, 'frames'> | undefined {
  const name = messageName(frame.json);
  const fault = faultOf(validatorOf(name), frame.json);
  if (fault === undefined) return undefined;
  const type = textAt(frame.json, 'type') ?? '';
  const clauses = type === 'event' ? clausesOfOperation('event') : clausesOfMessage(name);
  return { clauses, text: `${name}: ${fault}` };
}

/** The fault of an `error` message: it is invalid, or its `retryable` is not what the contract defines for its code (ERR-1). */
function errorFault(frame: Frame): Omit<Violation, 'frames'> | undefined {
  const fault = contractFault(frame);
  if (fault !== undefined) return fault;
  const data = member(frame.json, 'data');
  const code = textAt(data, 'code') ?? '';
  const known = Object.hasOwn(ERRORS, code) ? ERRORS[code as keyof typeof ERRORS] : undefined;
  if (known !== undefined && member(data, 'retryable') !== known.retryable)
    return {
      clauses: ['ERR-1'],
      text: `${code} is ${known.retryable ? '' : 'not '}retryable in the contract, but \`retryable\` in the message has the opposite value`,
    };
  return undefined;
}

function httpFault(frame: Frame): Omit<Violation, 'frames'> | undefined {
  const status = member(frame.json, 'status');
  const operation = httpOperation(textAt(frame.json, 'method') ?? '', textAt(frame.json, 'path') ?? '');
  const body = member(frame.json, 'body');
  if (operation === undefined || typeof status !== 'number' || operation.replies.includes('text')) return undefined;
  const validators: Readonly<Record<string, Validator>> = httpValidators;
  // A failed probe has the same body schema as a successful one.
  const isFailure = status >= 400 && !operation.replies.includes('probe');
  const names = isFailure ? ['error'] : operation.replies.filter((each) => each !== 'error');
  // The body of a success may have several forms, such as the full health report and its summary.
  const faults = names.map((name) => faultOf(validators[name], body));
  const [fault] = faults.includes(undefined) ? [] : faults;
  if (fault !== undefined)
    return {
      clauses: ['OPS-0', ...operation.clauses],
      text: `${operation.name} answers with status ${status}: ${fault}`,
    };
  const code = textAt(member(body, 'data'), 'code') ?? '';
  const wanted = Object.hasOwn(ERRORS, code) ? ERRORS[code as keyof typeof ERRORS].httpStatus : status;
  if (isFailure && wanted !== status)
    return {
      clauses: ['OPS-0'],
      text: `${operation.name}: the error ${code} must have status ${wanted}, but has ${status}`,
    };
  return undefined;
}

/** Whether a message is a push of an unknown type. A later minor version may have such pushes, and clients ignore them (ENV-4). */
function isUnknownPush({ kind, json }: Frame): boolean {
  const type = textAt(json, 'type') ?? '';
  const known = REPLIES.includes(type) || PUSH_NAMES.includes(type);
  return kind === 'text' && type !== '' && !known && member(json, 'id') === undefined && isObject(member(json, 'data'));
}

function judgeEnvelopes(trace: Trace): Finding {
  const frames = received(trace);
  if (!followsLaterMinor(trace)) return perFrame(frames, envelopeFault);
  const unknown = frames.filter(isUnknownPush);
  const warnings = unknown.map(({ n, json }) => ({
    clauses: ['ENV-4' as const],
    text: `the push ${textAt(json, 'type')} is not in this version of the contract, but the server follows a later version`,
    frames: [n],
  }));
  const finding = perFrame(
    frames.filter((frame) => !unknown.includes(frame)),
    envelopeFault,
  );
  return { ...finding, warnings };
}

export const FRAME_CHECKS: readonly TraceCheck[] = [
  {
    id: 'frames/envelope',
    clauses: ['ENV-1', 'ENV-2', 'ENV-3'],
    why: 'Every message of the server is a text frame with type, data and, in a reply, id.',
    judge: judgeEnvelopes,
  },
  {
    id: 'frames/replies',
    clauses: ['ENV-5', 'SUB-1', 'SUB-6', 'SYN-1', 'BRD-1'],
    why: 'Every successful reply is valid by its schema.',
    judge: (trace) =>
      perFrame(
        received(trace).filter((each) => isTyped(each, REPLIES) && !isTyped(each, ['error'])),
        contractFault,
      ),
  },
  {
    id: 'frames/errors',
    clauses: ['ERR-1'],
    why: 'Every error is valid by its schema, and has the retryable flag that the contract defines for its code.',
    judge: (trace) =>
      perFrame(
        received(trace).filter((each) => isTyped(each, ['error'])),
        errorFault,
      ),
  },
  {
    id: 'frames/events',
    clauses: ['EVT-1', 'EVT-3', 'STR-1'],
    why: 'Every event is valid by the schema of its name, payload included.',
    judge: (trace) =>
      perFrame(
        received(trace).filter((each) => isTyped(each, ['event'])),
        contractFault,
      ),
  },
  {
    id: 'frames/pushes',
    clauses: ['CON-2', 'CON-3', 'RPL-2'],
    why: 'Every other push is valid by its schema.',
    judge: (trace) =>
      perFrame(
        received(trace).filter((each) => isTyped(each, PUSH_NAMES) && !isTyped(each, ['event'])),
        contractFault,
      ),
  },
  {
    id: 'frames/http',
    needs: ['http'],
    clauses: ['OPS-0', 'OPS-1', 'OPS-2', 'OPS-3'],
    why: 'Every HTTP body is valid by the schema of its operation, and every error has the status that the contract defines for its code.',
    judge: (trace) =>
      perFrame(
        trace.frames.filter((each) => each.kind === 'http' && each.dir === '<<' && isJudgedHttp(each)),
        httpFault,
      ),
  },
];

function isJudgedHttp(frame: Frame): boolean {
  const operation = httpOperation(textAt(frame.json, 'method') ?? '', textAt(frame.json, 'path') ?? '');
  return operation !== undefined && member(frame.json, 'status') !== undefined;
}

/** The faults of frames that the suite itself sent, except frames that are invalid on purpose. */
export function ownFaults(trace: Trace): readonly string[] {
  const validators: Readonly<Record<string, Validator>> = commandValidators;
  return trace.frames.flatMap((frame) => {
    if (frame.dir !== '>>' || frame.kind !== 'text' || frame.malformed === true) return [];
    const type = textAt(frame.json, 'type') ?? '';
    const message = withoutOwnFields(frame.json);
    const fault = faultOf(Object.hasOwn(validators, type) ? validators[type] : undefined, message);
    return fault === undefined ? [] : [`frame ${frame.n}, sent by ${frame.actor}: ${fault}`];
  });
}
