/** Reads and checks the header of a tape. */
import { CLAUSES } from '../../generated/protocol.ts';
import type { ClauseId } from '../../generated/protocol.ts';
import { isArray } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { readTexts } from './parts.ts';
import type { Reader } from './parts.ts';
import { TAPE_VERSION } from './tape.ts';
import type { ActorSpec, TapeHeader } from './tape.ts';

const KEYS = ['tape', 'id', 'clauses', 'level', 'needs', 'stimulus', 'why', 'actors'];
const ACTOR_KEYS = ['protocols', 'credential', 'headers', 'query', 'pong'];

/** Names of the runner's own connections in the trace. */
export const RESERVED_ACTORS: readonly string[] = ['witness', 'publisher', 'http'];

function texts(value: Json | undefined, what: string, reader: Reader): readonly string[] {
  if (!isArray(value)) return reader.fail(`${what} must be a list of strings.`);
  return value.map((each) => reader.text(each, what));
}

function readClauses(value: Json | undefined, reader: Reader): readonly ClauseId[] {
  const ids = texts(value, '"clauses"', reader);
  const unknown = ids.find((each) => !Object.hasOwn(CLAUSES, each));
  if (unknown !== undefined) reader.fail(`The contract has no clause ${unknown}.`);
  if (ids.length === 0) reader.fail('"clauses" must name at least one clause.');
  return ids as readonly ClauseId[];
}

function readActor(name: string, value: Json, reader: Reader): ActorSpec {
  if (RESERVED_ACTORS.includes(name))
    reader.fail(`"${name}" is reserved for the runner; choose another name for the actor.`);
  const what = `Actor ${name}`;
  const { protocols, credential, headers, query, pong } = reader.object(value, what, ACTOR_KEYS);
  return {
    ...(protocols === undefined ? {} : { protocols: texts(protocols, `${what}: "protocols"`, reader) }),
    ...(credential === undefined ? {} : { credential: reader.name(credential, `${what}: "credential"`) }),
    ...(headers === undefined ? {} : { headers: readTexts(headers, `${what}: "headers"`, reader) }),
    ...(query === undefined ? {} : { query: readTexts(query, `${what}: "query"`, reader) }),
    ...(pong === undefined ? {} : { pong: reader.oneOf(pong, `${what}: "pong"`, ['auto', 'never'] as const) }),
  };
}

export function readHeader(line: JsonObject, reader: Reader): TapeHeader {
  const header = reader.object(line, 'The header', KEYS);
  if (header['tape'] !== TAPE_VERSION)
    reader.fail(
      `The header has "tape": ${JSON.stringify(header['tape'])}; this runner supports only version ${TAPE_VERSION}.`,
    );
  const id = reader.text(header['id'], '"id"');
  if (!/^[a-z_]+\/[a-z0-9-]+$/.test(id))
    reader.fail(
      '"id" must be an operation or push, then "/", then a name, such as ping/echo. The name has only lower-case letters, digits and "-".',
    );
  const actors = Object.entries(reader.object(header['actors'] ?? {}, '"actors"'));
  return {
    tape: TAPE_VERSION,
    id,
    clauses: readClauses(header['clauses'], reader),
    level: reader.oneOf(header['level'] ?? 'must', '"level"', ['must', 'should'] as const),
    needs: header['needs'] === undefined ? [] : texts(header['needs'], '"needs"', reader),
    stimulus: reader.oneOf(header['stimulus'] ?? 'none', '"stimulus"', ['none', 'publish', 'files'] as const),
    why: reader.text(header['why'], '"why"'),
    actors: Object.fromEntries(
      actors.map(([name, each]) => [reader.name(name, 'An actor'), readActor(name, each, reader)]),
    ),
  };
}
