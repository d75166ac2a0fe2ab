/** Performs the steps of a client tape. */
import { resolve } from '../tape/bindings.ts';
import { fits, match } from '../tape/matcher.ts';
import { nearest } from '../tape/nearest.ts';
import { PATIENCE_MS } from '../runner/context.ts';
import type { Failure } from '../runner/verdict.ts';
import { asText, isObject } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { completeMessage, eventMessages, heartbeatMessage, subscribedMessage, welcomeMessage } from './messages.ts';
import type {
  ClientStep,
  ClosedStep,
  EitherStep,
  EmitStep,
  NeverStep,
  OpenStep,
  RecvStep,
  ReportedStep,
  WaitsStep,
} from './tape.ts';
import type { Item, ClientTapeState } from './tape-state.ts';
import { quiet } from './quiet-step.ts';
import { checkWait, sumOf, waitOf } from './waits.ts';

/** How long the first connection may take, in milliseconds before `--time-scale`. */
const FIRST_CONNECT_MS = 20_000;
/** If no program has connected after this many attempts, the suite waits less for each further program. */
const HOPELESS = 3;

function patience(within: number | undefined, state: ClientTapeState): number {
  return (within ?? PATIENCE_MS) * state.options.timeScale;
}

/**
 * How long the first connection of a program may take. It takes longer than later connections, because a virtual
 * machine first loads its libraries.
 */
function firstConnectMs({ options: { connects, timeScale } }: ClientTapeState): number {
  const isHopeless = connects.made === 0 && connects.missed >= HOPELESS;
  return (isHopeless ? PATIENCE_MS : FIRST_CONNECT_MS) * timeScale;
}

/** Waits for a value. Returns early if the program has ended, because nothing more can arrive. */
async function awaited<T>(
  look: () => T | undefined,
  timeoutMs: number,
  state: ClientTapeState,
): Promise<T | undefined> {
  const found = await state.signal.until<{ readonly value: T | undefined }>(() => {
    const value = look();
    if (value !== undefined) return { value };
    return state.exit === undefined ? undefined : { value: undefined };
  }, timeoutMs);
  return found?.value;
}

/** Adds the defaults of the contract to a `subscribe` command, because a client may send them or leave them out. */
function withDefaults(value: JsonObject): JsonObject {
  if (value['type'] !== 'subscribe' || !isObject(value['data'])) return value;
  const stream = Object.hasOwn(value['data'], 'streams') ? {} : { stream: 'main' };
  return { ...value, data: { ...stream, replay: { mode: 'warm' }, ...value['data'] } };
}

/** Takes the first item that matches the pattern, and keeps the values that the pattern binds. */
function take(pattern: Json, items: readonly Item[], state: ClientTapeState): Item | undefined {
  for (const item of items) {
    if (item.taken) continue;
    const { differences, bindings } = match(pattern, withDefaults(item.value), state.bindings);
    if (differences.length > 0) continue;
    item.taken = true;
    for (const [name, value] of bindings) state.bindings.set(name, value);
    return item;
  }
  return undefined;
}

/** Marks a missing action as late. If the program has ended, the action can no longer happen, so lateness is not the cause. */
function lateIfRunning({ exit }: ClientTapeState): Pick<Failure, 'late'> {
  return exit === undefined ? { late: true } : {};
}

function failMissing(
  what: string,
  pattern: Json,
  items: readonly Item[],
  { step, state }: { readonly step: ClientStep; readonly state: ClientTapeState },
): never {
  const open = items.filter(({ taken }) => !taken);
  const near = nearest(pattern, open, ({ value }) => value, state.bindings);
  const context = { line: step.line, expected: resolveOr(pattern, state), ...lateIfRunning(state) };
  if (near === undefined) return state.fail({ ...context, text: what });
  const { candidate, differences } = near;
  return state.fail({
    ...context,
    text: what,
    nearest: { frame: candidate.frame, value: candidate.value, differences },
    frames: [candidate.frame],
  });
}

/** Inserts the bound values. Returns the pattern unchanged if one of its names has no value before the match. */
function resolveOr(pattern: Json, state: ClientTapeState): Json {
  try {
    return resolve(pattern, state.bindings);
  } catch {
    return pattern;
  }
}

async function openLink(step: OpenStep, state: ClientTapeState): Promise<void> {
  const timeoutMs = state.endedAt === undefined ? firstConnectMs(state) : patience(step.within, state);
  const upgrade = await awaited(() => state.takeUpgrade(), timeoutMs, state);
  if (state.endedAt === undefined) state.options.connects[upgrade === undefined ? 'missed' : 'made'] += 1;
  if (upgrade === undefined) {
    const time = `within ${timeoutMs} ms; --time-scale gives a slow machine more time`;
    const text = `the client did not connect${state.exit === undefined ? ` ${time}` : ''}`;
    state.fail({ line: step.line, text, ...lateIfRunning(state) });
  }
  if (state.endedAt !== undefined) {
    const wait = waitOf(upgrade, state.endedAt, state);
    state.waits.push(wait);
    checkWait(step.waited, wait, 'the client reconnected after', { step, state });
  }
  if (step.request !== undefined) {
    const { differences } = match(step.request, upgrade.request, state.bindings);
    if (differences.length > 0)
      state.fail({
        line: step.line,
        text: 'the WebSocket upgrade request of the client differs from what was expected',
        expected: step.request,
        nearest: { frame: 0, value: upgrade.request, differences },
      });
  }
  state.judged += 1;
  if (step.refuse !== undefined) {
    state.refuse(upgrade, step.refuse);
    return;
  }
  await state.accept(upgrade);
  // This message is not validated, because a tape may change it to be invalid on purpose.
  if (step.welcome !== false) state.sendText(JSON.stringify(welcomeMessage(state.link.number, step.welcome)));
}

async function recv(step: RecvStep, state: ClientTapeState): Promise<void> {
  const { commands } = state.link;
  const item = await awaited(() => take(step.pattern, commands, state), patience(step.within, state), state);
  if (item === undefined) failMissing('the client did not send', step.pattern, commands, { step, state });
  checkWait(step.waited, waitOf(item, state.actedAt, state), 'the client sent the command after', { step, state });
  if (step.bind !== undefined) state.bindings.set(step.bind, item.value);
  state.judged += 1;
}

async function either(step: EitherStep, state: ClientTapeState): Promise<void> {
  const { commands } = state.link;
  const look = (): Item | undefined => take(step.pattern, commands, state) ?? take(step.or, state.notices, state);
  const item = await awaited(look, patience(step.within, state), state);
  const what = `the program did not report ${asText(step.or)}, and the client did not send`;
  if (item === undefined) failMissing(what, step.pattern, commands, { step, state });
  state.judged += 1;
}

async function never(step: NeverStep, state: ClientTapeState): Promise<void> {
  const { commands } = state.link;
  // The newest match counts. The client may have sent an earlier match on its own, for example a ping, before the tape asked
  // for it.
  const newestFirst = (): readonly Item[] => commands.toReversed();
  const later = await awaited(() => take(step.until, newestFirst(), state), patience(step.within, state), state);
  if (later === undefined)
    failMissing('the client did not send the command of "until"', step.until, commands, { step, state });
  const stray = commands.find(
    ({ taken, value, frame }) => !taken && frame < later.frame && fits(step.pattern, value, state.bindings),
  );
  if (stray !== undefined)
    state.fail({
      line: step.line,
      text: `the client sent ${asText(stray.value)}, which it must not do`,
      frames: [stray.frame, later.frame],
    });
  state.judged += 1;
}

function emit(step: EmitStep, state: ClientTapeState): void {
  for (const message of eventMessages(step)) {
    if (step.lost) state.link.delivered += 1;
    else state.send(message, where(step, state));
  }
}

async function closed(step: ClosedStep, state: ClientTapeState): Promise<void> {
  const { link } = state;
  const ended = await awaited(() => link.ended, patience(step.within, state), state);
  if (ended === undefined)
    state.fail({ line: step.line, text: 'the client did not end the connection', ...lateIfRunning(state) });
  checkWait(step.waited, waitOf(ended, state.actedAt, state), 'the client ended the connection after', { step, state });
  const { code, reason } = ended;
  const { differences } = match(step.pattern, { code, reason }, state.bindings);
  if (differences.length > 0)
    state.fail({
      line: step.line,
      text: `the connection ended with ${code}`,
      late: true,
      expected: step.pattern,
      nearest: { frame: 0, value: { code, reason }, differences },
    });
  state.judged += 1;
}

async function reported(step: ReportedStep, state: ClientTapeState): Promise<void> {
  const item = await awaited(() => take(step.pattern, state.notices, state), patience(step.within, state), state);
  if (item === undefined) failMissing('the program did not report', step.pattern, state.notices, { step, state });
  if (step.bind !== undefined) state.bindings.set(step.bind, item.value);
  state.judged += 1;
}

function waits({ last, sum, ...step }: WaitsStep, state: ClientTapeState): void {
  const total = sumOf(state.waits.slice(-last));
  const what = `the last ${last} waits before an attempt to connect add up to`;
  checkWait(sum, total, what, { step: { ...step, last, sum }, state });
  state.judged += 1;
}

function drop(code: number | undefined, state: ClientTapeState): void {
  const { link } = state;
  // The client may have ended the connection itself, for example because of a message that it received.
  if (link.ended !== undefined) return;
  state.note(code === undefined ? 'the suite cuts the connection' : `the suite closes with ${code}`);
  state.end(link, code ?? 1006, '');
  if (code === undefined) link.peer.cut();
  else link.peer.close(code);
}

function where(step: ClientStep, state: ClientTapeState): string {
  return `${state.options.check}.ndjson:${step.line}`;
}

function resolved(message: Json, state: ClientTapeState): JsonObject {
  return resolve(message, state.bindings) as JsonObject;
}

/**
 * Steps in which the suite acts. The delay of a client is measured from just before such a step. So a stall of the suite
 * never makes the delay seem too short.
 */
const ACTS: ReadonlySet<string> = new Set<ClientStep['verb']>([
  'drive',
  'open',
  'send',
  'sendText',
  'sendFrame',
  'sendRaw',
  'accept',
  'emit',
  'complete',
  'heartbeat',
]);

/** @throws {StepFailed} when the client does not do what the step expects. */
export async function performClientStep(step: ClientStep, state: ClientTapeState): Promise<void> {
  const at = where(step, state);
  if (ACTS.has(step.verb)) state.actedAt = state.options.now();
  switch (step.verb) {
    case 'drive':
      return state.drive(resolved(step.command, state));
    case 'open':
      return openLink(step, state);
    case 'send':
      return state.send(resolved(step.message, state), at);
    case 'sendText':
      return state.sendText(asText(resolve(step.text, state.bindings)));
    case 'sendFrame':
      state.note(`the suite sends a ${step.frame.opcode} frame`);
      return state.link.peer.sendFrame(step.frame);
    case 'sendRaw':
      state.note(`the suite writes the bytes ${step.hex}`);
      return state.link.peer.sendBytes(Buffer.from(step.hex, 'hex'));
    case 'recv':
      return recv(step, state);
    case 'either':
      return either(step, state);
    case 'never':
      return never(step, state);
    case 'accept':
      return state.send(subscribedMessage(state.bindings.get(step.command) ?? null, step), at);
    case 'emit':
      return emit(step, state);
    case 'complete':
      return state.send(completeMessage(step), at);
    case 'heartbeat':
      return state.send(heartbeatMessage(step, state.link.delivered), at);
    case 'drop':
      return drop(step.code, state);
    case 'closed':
      return closed(step, state);
    case 'reported':
      return reported(step, state);
    case 'notReported':
      return; // This step is checked when the client has ended.
    case 'quiet':
      return quiet(step, state);
    case 'waits':
      return waits(step, state);
  }
}

/** Checks that the program has not reported what the step forbids. @throws {StepFailed} */
export function judgeNotReported(steps: readonly ClientStep[], state: ClientTapeState): void {
  for (const step of steps) {
    if (step.verb !== 'notReported') continue;
    const stray = state.notices.find(({ value }) => fits(step.pattern, value, state.bindings));
    if (stray !== undefined)
      state.fail({
        line: step.line,
        text: `the program reported ${asText(stray.value)}, which it must not do`,
        frames: [stray.frame],
      });
    state.judged += 1;
  }
}
