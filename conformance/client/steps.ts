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
  ToldStep,
  WaitsStep,
} from './tape.ts';
import type { Item, Stage } from './tape-state.ts';
import { quiet } from './quiet-step.ts';
import { checkWait, sumOf, waitOf } from './waits.ts';

/** How long the first connection may take, in milliseconds before `--time-scale`. */
const FIRST_CONNECT_MS = 20_000;
/** If no program has connected after this many attempts, the suite waits less for each further program. */
const HOPELESS = 3;

function patience(within: number | undefined, stage: Stage): number {
  return (within ?? PATIENCE_MS) * stage.options.timeScale;
}

/**
 * How long the first connection of a program may take. It takes longer than later connections, because a virtual
 * machine first loads its libraries.
 */
function firstConnectMs({ options: { connects, timeScale } }: Stage): number {
  const isHopeless = connects.made === 0 && connects.missed >= HOPELESS;
  return (isHopeless ? PATIENCE_MS : FIRST_CONNECT_MS) * timeScale;
}

/** Waits for a value. Returns early if the program has ended, because nothing more can arrive. */
async function awaited<T>(look: () => T | undefined, timeoutMs: number, stage: Stage): Promise<T | undefined> {
  const found = await stage.signal.until<{ readonly value: T | undefined }>(() => {
    const value = look();
    if (value !== undefined) return { value };
    return stage.exit === undefined ? undefined : { value: undefined };
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
function take(pattern: Json, items: readonly Item[], stage: Stage): Item | undefined {
  for (const item of items) {
    if (item.taken) continue;
    const { differences, bindings } = match(pattern, withDefaults(item.value), stage.bindings);
    if (differences.length > 0) continue;
    item.taken = true;
    for (const [name, value] of bindings) stage.bindings.set(name, value);
    return item;
  }
  return undefined;
}

/** Marks something that did not happen in time. If the program has ended, it can no longer happen, so time is not the cause. */
function lateIfRunning({ exit }: Stage): Pick<Failure, 'late'> {
  return exit === undefined ? { late: true } : {};
}

function failMissing(
  what: string,
  pattern: Json,
  items: readonly Item[],
  { step, stage }: { readonly step: ClientStep; readonly stage: Stage },
): never {
  const open = items.filter(({ taken }) => !taken);
  const near = nearest(pattern, open, ({ value }) => value, stage.bindings);
  const context = { line: step.line, expected: resolveOr(pattern, stage), ...lateIfRunning(stage) };
  if (near === undefined) return stage.fail({ ...context, text: what });
  const { candidate, differences } = near;
  return stage.fail({
    ...context,
    text: what,
    nearest: { frame: candidate.frame, value: candidate.value, differences },
    frames: [candidate.frame],
  });
}

/** The pattern with bound values inserted. The pattern is unchanged if it refers to a name that its own match would bind. */
function resolveOr(pattern: Json, stage: Stage): Json {
  try {
    return resolve(pattern, stage.bindings);
  } catch {
    return pattern;
  }
}

async function openLink(step: OpenStep, stage: Stage): Promise<void> {
  const timeoutMs = stage.endedAt === undefined ? firstConnectMs(stage) : patience(step.within, stage);
  const upgrade = await awaited(() => stage.takeUpgrade(), timeoutMs, stage);
  if (stage.endedAt === undefined) stage.options.connects[upgrade === undefined ? 'missed' : 'made'] += 1;
  if (upgrade === undefined) {
    const time = `within ${timeoutMs} ms; --time-scale gives a slow machine more time`;
    const text = `the client did not connect${stage.exit === undefined ? ` ${time}` : ''}`;
    stage.fail({ line: step.line, text, ...lateIfRunning(stage) });
  }
  if (stage.endedAt !== undefined) {
    const wait = waitOf(upgrade, stage.endedAt, stage);
    stage.waits.push(wait);
    checkWait(step.waited, wait, 'the client reconnected after', { step, stage });
  }
  if (step.request !== undefined) {
    const { differences } = match(step.request, upgrade.request, stage.bindings);
    if (differences.length > 0)
      stage.fail({
        line: step.line,
        text: 'the upgrade of the client differs from what was expected',
        expected: step.request,
        nearest: { frame: 0, value: upgrade.request, differences },
      });
  }
  stage.judged += 1;
  if (step.refuse !== undefined) {
    stage.refuse(upgrade, step.refuse);
    return;
  }
  await stage.accept(upgrade);
  // This message is not validated, because a tape may change it to be invalid on purpose.
  if (step.welcome !== false) stage.sendText(JSON.stringify(welcomeMessage(stage.link.number, step.welcome)));
}

async function recv(step: RecvStep, stage: Stage): Promise<void> {
  const { commands } = stage.link;
  const item = await awaited(() => take(step.pattern, commands, stage), patience(step.within, stage), stage);
  if (item === undefined) failMissing('the client did not send', step.pattern, commands, { step, stage });
  checkWait(step.waited, waitOf(item, stage.actedAt, stage), 'the client sent the command after', { step, stage });
  if (step.bind !== undefined) stage.bindings.set(step.bind, item.value);
  stage.judged += 1;
}

async function either(step: EitherStep, stage: Stage): Promise<void> {
  const { commands } = stage.link;
  const look = (): Item | undefined => take(step.pattern, commands, stage) ?? take(step.or, stage.notices, stage);
  const item = await awaited(look, patience(step.within, stage), stage);
  const what = `the program did not report ${asText(step.or)}, and the client did not send`;
  if (item === undefined) failMissing(what, step.pattern, commands, { step, stage });
  stage.judged += 1;
}

async function never(step: NeverStep, stage: Stage): Promise<void> {
  const { commands } = stage.link;
  // The newest match counts, because a client may also send such a command, for example a ping, on its own.
  const newestFirst = (): readonly Item[] => commands.toReversed();
  const fence = await awaited(() => take(step.until, newestFirst(), stage), patience(step.within, stage), stage);
  if (fence === undefined) failMissing('the client did not send the fence', step.until, commands, { step, stage });
  const stray = commands.find(
    ({ taken, value, frame }) => !taken && frame < fence.frame && fits(step.pattern, value, stage.bindings),
  );
  if (stray !== undefined)
    stage.fail({
      line: step.line,
      text: `the client sent ${asText(stray.value)}, which it must not`,
      frames: [stray.frame, fence.frame],
    });
  stage.judged += 1;
}

function emit(step: EmitStep, stage: Stage): void {
  for (const message of eventMessages(step)) {
    if (step.lost) stage.link.delivered += 1;
    else stage.send(message, where(step, stage));
  }
}

async function closed(step: ClosedStep, stage: Stage): Promise<void> {
  const { link } = stage;
  const ended = await awaited(() => link.ended, patience(step.within, stage), stage);
  if (ended === undefined)
    stage.fail({ line: step.line, text: 'the client did not end the connection', ...lateIfRunning(stage) });
  checkWait(step.waited, waitOf(ended, stage.actedAt, stage), 'the client ended the connection after', { step, stage });
  const { code, reason } = ended;
  const { differences } = match(step.pattern, { code, reason }, stage.bindings);
  if (differences.length > 0)
    stage.fail({
      line: step.line,
      text: `the connection ended with ${code}`,
      late: true,
      expected: step.pattern,
      nearest: { frame: 0, value: { code, reason }, differences },
    });
  stage.judged += 1;
}

async function told(step: ToldStep, stage: Stage): Promise<void> {
  const item = await awaited(() => take(step.pattern, stage.notices, stage), patience(step.within, stage), stage);
  if (item === undefined) failMissing('the program did not report', step.pattern, stage.notices, { step, stage });
  if (step.bind !== undefined) stage.bindings.set(step.bind, item.value);
  stage.judged += 1;
}

function waits({ last, sum, ...step }: WaitsStep, stage: Stage): void {
  const total = sumOf(stage.waits.slice(-last));
  const what = `the last ${last} waits before an attempt to connect add up to`;
  checkWait(sum, total, what, { step: { ...step, last, sum }, stage });
  stage.judged += 1;
}

function drop(code: number | undefined, stage: Stage): void {
  const { link } = stage;
  // The client may have ended the connection itself, for example because of a message that it received.
  if (link.ended !== undefined) return;
  stage.note(code === undefined ? 'the suite cuts the connection' : `the suite closes with ${code}`);
  stage.end(link, code ?? 1006, '');
  if (code === undefined) link.peer.cut();
  else link.peer.close(code);
}

function where(step: ClientStep, stage: Stage): string {
  return `${stage.options.check}.ndjson:${step.line}`;
}

function resolved(message: Json, stage: Stage): JsonObject {
  return resolve(message, stage.bindings) as JsonObject;
}

/**
 * Steps in which the suite acts. The delay of a client is measured from just before such a step, so that it never seems
 * too short because the suite stalled.
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
  'beat',
]);

/** @throws {StepFailed} when the client does not do what the step expects. */
export async function performClientStep(step: ClientStep, stage: Stage): Promise<void> {
  const at = where(step, stage);
  if (ACTS.has(step.verb)) stage.actedAt = stage.options.now();
  switch (step.verb) {
    case 'drive':
      return stage.drive(resolved(step.command, stage));
    case 'open':
      return openLink(step, stage);
    case 'send':
      return stage.send(resolved(step.message, stage), at);
    case 'sendText':
      return stage.sendText(asText(resolve(step.text, stage.bindings)));
    case 'sendFrame':
      stage.note(`the suite sends a ${step.frame.opcode} frame`);
      return stage.link.peer.sendFrame(step.frame);
    case 'sendRaw':
      stage.note(`the suite writes the bytes ${step.hex}`);
      return stage.link.peer.sendBytes(Buffer.from(step.hex, 'hex'));
    case 'recv':
      return recv(step, stage);
    case 'either':
      return either(step, stage);
    case 'never':
      return never(step, stage);
    case 'accept':
      return stage.send(subscribedMessage(stage.bindings.get(step.command) ?? null, step), at);
    case 'emit':
      return emit(step, stage);
    case 'complete':
      return stage.send(completeMessage(step), at);
    case 'beat':
      return stage.send(heartbeatMessage(step, stage.link.delivered), at);
    case 'drop':
      return drop(step.code, stage);
    case 'closed':
      return closed(step, stage);
    case 'told':
      return told(step, stage);
    case 'untold':
      return; // This step is checked when the client has ended.
    case 'quiet':
      return quiet(step, stage);
    case 'waits':
      return waits(step, stage);
  }
}

/** Checks that the program has not reported what the step forbids. @throws {StepFailed} */
export function judgeUntold(steps: readonly ClientStep[], stage: Stage): void {
  for (const step of steps) {
    if (step.verb !== 'untold') continue;
    const stray = stage.notices.find(({ value }) => fits(step.pattern, value, stage.bindings));
    if (stray !== undefined)
      stage.fail({
        line: step.line,
        text: `the program reported ${asText(stray.value)}, which it must not`,
        frames: [stray.frame],
      });
    stage.judged += 1;
  }
}
