/** Makes a tape from a capture, so that recorded traffic can be repeated against any gateway, at any pace. */
import { member, textAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { formatTape } from '../tape/format.ts';
import { parseTape } from '../tape/parse.ts';
import { TAPE_VERSION } from '../tape/tape.ts';
import type { Trace } from '../trace/trace.ts';
import { actionsOf } from './emissions.ts';
import type { TapeAction } from './emissions.ts';
import { Names } from './names.ts';
import { causesOf } from './causes.ts';
import type { CaptureCauses } from './causes.ts';
import { GeneraliseError, Writer } from './writer.ts';

export interface TapeWords {
  readonly id: string;
  readonly clauses: readonly string[];
  readonly why: string;
}

export interface Generalised {
  /** The tape as NDJSON. */
  readonly text: string;
  /** What was left out of the tape, and what its author should review. */
  readonly notes: readonly string[];
}

function recovered(action: TapeAction): boolean {
  return (
    action.kind === 'command' &&
    action.effects.some(({ json }) => member(member(member(json, 'data'), 'recovery'), 'recovered') === true)
  );
}

function linesOf(actions: readonly TapeAction[], names: Names): readonly JsonObject[] {
  const writer = new Writer(names, new Set(actions.filter(recovered).map(({ at }) => at)));
  for (const action of actions) writer.write(action);
  return writer.lines;
}

/** The needs of a tape with warm replays: their results depend on the replay policies, so the target must have the same policies. */
function policyNeeds(actions: readonly TapeAction[], policies: JsonObject): readonly string[] {
  const replays = actions.some((action) =>
    action.effects.some(({ json }) => textAt(member(json, 'data'), 'replayReason') === 'warm'),
  );
  if (!replays) return [];
  const events = actions.flatMap((action) => action.effects.map(({ json }) => textAt(member(json, 'data'), 'event')));
  const keys = events.flatMap((each) => (each === undefined ? [] : [Object.hasOwn(policies, each) ? each : '*']));
  return [...new Set(keys)].toSorted().map((key) => `policy:${key}=${textAt(policies, key) ?? 'none'}`);
}

function needsOf(actions: readonly TapeAction[], policies: JsonObject): readonly string[] {
  const commands = actions.flatMap((action) => (action.kind === 'command' ? [action.command] : []));
  return [
    ...(commands.includes('broadcast') ? ['broadcast'] : []),
    ...(commands.includes('authenticate') ? ['credential:default'] : []),
    ...(actions.some(({ kind }) => kind === 'http') ? ['http'] : []),
    ...policyNeeds(actions, policies),
  ];
}

function notesOf({ leftOut }: CaptureCauses, actions: readonly TapeAction[]): readonly string[] {
  const unprompted = actions.filter(({ kind }) => kind === 'unprompted' || kind === 'closed');
  return [
    ...[...leftOut].map(([what, count]) => `left out: ${count} × ${what}`),
    ...unprompted.map(
      ({ at }) => `frame ${Math.ceil(at)}: no client caused this message; check whether it belongs in the tape`,
    ),
  ];
}

/** @throws {GeneraliseError} when the capture is incomplete. */
export function generalise(trace: Trace, { id, clauses, why }: TapeWords): Generalised {
  const capture = causesOf(trace);
  const actions = actionsOf(capture);
  const actors = [...new Set(actions.flatMap((action) => ('actor' in action ? [action.actor] : [])))];
  if (actors.length === 0)
    throw new GeneraliseError(
      'No client connects in this capture; record again, and connect a client while the recorder runs.',
    );
  // The tape is written twice: first to count how often each value occurs, then with names. Only values that occur
  // several times get a name.
  const names = new Names();
  linesOf(actions, names);
  const steps = linesOf(actions, names.afresh());
  const header: JsonObject = {
    tape: TAPE_VERSION,
    id,
    clauses,
    level: 'must',
    needs: needsOf(actions, capture.policies),
    stimulus: actions.some(({ kind }) => kind === 'emitted') ? 'publish' : 'none',
    why,
    actors: Object.fromEntries(actors.map((each) => [each, {}])),
  };
  const text = formatTape([header, ...steps].map((line: Json) => JSON.stringify(line)).join('\n'), id);
  parseTape(text, id);
  return { text, notes: notesOf(capture, actions) };
}
