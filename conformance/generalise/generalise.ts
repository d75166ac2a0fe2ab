/** Makes a tape from a capture, so that recorded traffic can be repeated against any gateway, at any pace. */
import { member, textAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { formatTape } from '../tape/format.ts';
import { parseTape } from '../tape/parse.ts';
import { TAPE_VERSION } from '../tape/tape.ts';
import type { Trace } from '../trace/trace.ts';
import { beatsOf } from './emissions.ts';
import type { Beat } from './emissions.ts';
import { Names } from './names.ts';
import { storyOf } from './causes.ts';
import type { Story } from './causes.ts';
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

function recovered(beat: Beat): boolean {
  return (
    beat.kind === 'command' &&
    beat.effects.some(({ json }) => member(member(member(json, 'data'), 'recovery'), 'recovered') === true)
  );
}

function linesOf(beats: readonly Beat[], names: Names): readonly JsonObject[] {
  const writer = new Writer(names, new Set(beats.filter(recovered).map(({ at }) => at)));
  for (const beat of beats) writer.write(beat);
  return writer.lines;
}

/** The result of a warm replay depends on the replay policies, so the tape needs a target with the same policies. */
function policyNeeds(beats: readonly Beat[], policies: JsonObject): readonly string[] {
  const replays = beats.some((beat) =>
    beat.effects.some(({ json }) => textAt(member(json, 'data'), 'replayReason') === 'warm'),
  );
  if (!replays) return [];
  const events = beats.flatMap((beat) => beat.effects.map(({ json }) => textAt(member(json, 'data'), 'event')));
  const keys = events.flatMap((each) => (each === undefined ? [] : [Object.hasOwn(policies, each) ? each : '*']));
  return [...new Set(keys)].toSorted().map((key) => `policy:${key}=${textAt(policies, key) ?? 'none'}`);
}

function needsOf(beats: readonly Beat[], policies: JsonObject): readonly string[] {
  const commands = beats.flatMap((beat) => (beat.kind === 'command' ? [beat.command] : []));
  return [
    ...(commands.includes('broadcast') ? ['broadcast'] : []),
    ...(commands.includes('authenticate') ? ['credential:default'] : []),
    ...(beats.some(({ kind }) => kind === 'http') ? ['http'] : []),
    ...policyNeeds(beats, policies),
  ];
}

function notesOf({ leftOut }: Story, beats: readonly Beat[]): readonly string[] {
  const unprompted = beats.filter(({ kind }) => kind === 'unprompted' || kind === 'closed');
  return [
    ...[...leftOut].map(([what, count]) => `left out: ${count} × ${what}`),
    ...unprompted.map(
      ({ at }) => `frame ${Math.ceil(at)}: no client caused this message; check whether it belongs in the tape`,
    ),
  ];
}

/** @throws {GeneraliseError} when the capture is incomplete. */
export function generalise(trace: Trace, { id, clauses, why }: TapeWords): Generalised {
  const story = storyOf(trace);
  const beats = beatsOf(story);
  const actors = [...new Set(beats.flatMap((beat) => ('actor' in beat ? [beat.actor] : [])))];
  if (actors.length === 0) throw new GeneraliseError('No client connects in this capture.');
  // The tape is written twice: first to count how often each value occurs, then with names. Only values that occur
  // several times get a name.
  const names = new Names();
  linesOf(beats, names);
  const steps = linesOf(beats, names.afresh());
  const header: JsonObject = {
    tape: TAPE_VERSION,
    id,
    clauses,
    level: 'must',
    needs: needsOf(beats, story.policies),
    stimulus: beats.some(({ kind }) => kind === 'emitted') ? 'publish' : 'none',
    why,
    actors: Object.fromEntries(actors.map((each) => [each, {}])),
  };
  const text = formatTape([header, ...steps].map((line: Json) => JSON.stringify(line)).join('\n'), id);
  parseTape(text, id);
  return { text, notes: notesOf(story, beats) };
}
