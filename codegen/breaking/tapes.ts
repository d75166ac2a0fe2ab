/** Finds the recorded frames that are valid in the old contract and invalid in the new one, and the findings that explain them. */
import type { ErrorObject } from 'ajv';
import { ContractView, locationOf } from './contract-view.ts';
import type { ContractVersion, MessageView, OperationView } from './contract-view.ts';
import type { CompatibilityFinding } from './finding.ts';
import { isObject, objectAt, textAt, textsOf } from './json.ts';
import type { JsonObject, Path } from './json.ts';
import type { Place } from './schema-document.ts';
import type { Frame } from './tape-frames.ts';

export interface BrokenFrame {
  /** Tape and line, such as `recorded/handoff:5`. */
  readonly at: string;
  /** Why the frame is not valid in the new contract. */
  readonly reason: string;
}

export interface TapeReport {
  /** Number of frames that are valid in the old contract. Other frames are not checked against the new contract. */
  readonly judged: number;
  readonly broken: readonly BrokenFrame[];
  /** The findings, each with the frames that its change makes invalid. */
  readonly findings: readonly CompatibilityFinding[];
}

export interface TapeCheck {
  readonly before: ContractVersion;
  readonly after: ContractVersion;
  readonly findings: readonly CompatibilityFinding[];
  readonly frames: readonly Frame[];
}

export function checkTapes({ before, after, findings, frames }: TapeCheck): TapeReport {
  const [was, now] = [new FrameJudge(before), new FrameJudge(after)];
  const broken: BrokenFrame[] = [];
  const byFinding = new Map<CompatibilityFinding, Set<string>>();
  let judged = 0;
  for (const frame of frames) {
    if (was.faultOf(frame) !== undefined) continue;
    judged += 1;
    const fault = now.faultOf(frame);
    if (fault === undefined) continue;
    broken.push({ at: frame.at, reason: fault.reason });
    for (const finding of causesOf(fault, findings, after)) {
      const known = byFinding.get(finding) ?? new Set();
      byFinding.set(finding, known.add(frame.at));
    }
  }
  return {
    judged,
    broken,
    findings: findings.map((finding) => ({ ...finding, tapes: [...(byFinding.get(finding) ?? [])] })),
  };
}

interface Fault {
  readonly reason: string;
  /** The paths in the joined new contract of the keywords that make the frame invalid, and of the schemas that contain them. */
  readonly paths: readonly Path[];
  /** The operation or event, if the new contract no longer has it. */
  readonly missing?: string;
}

function causesOf(
  { paths, missing }: Fault,
  findings: readonly CompatibilityFinding[],
  after: ContractVersion,
): CompatibilityFinding[] {
  const locations = paths.map((path) => locationOf(after, path));
  const refusing = findings.filter(({ rule }) => !WIDENING.has(rule));
  return refusing.filter(
    ({ now, usedBy, rule }) =>
      locations.some(({ file, pointer }) => file === now.file && pointer === now.pointer) ||
      (missing !== undefined && rule.endsWith('-removed') && usedBy.includes(missing)),
  );
}

/**
 * Rules about changes that make no value invalid. A finding of such a rule never explains an invalid frame. This is so
 * even at the keyword that refuses the frame: the cause is then another change of this keyword.
 */
const WIDENING: ReadonlySet<string> = new Set(['value-added', 'variant-added', 'required-removed']);

/** Finds what makes a frame invalid in one version of the contract. */
class FrameJudge {
  readonly #view: ContractView;
  /** A view of the contract that also accepts expected frames of tapes, which may name only some members of a message. */
  readonly #partial: ContractView;
  readonly #paths = new WeakMap<object, Path>();

  constructor(version: ContractVersion) {
    this.#view = new ContractView(version);
    this.#partial = new ContractView({ ...version, document: relaxDocument(version.document) });
    for (const { document } of [this.#view, this.#partial]) indexPaths(document, [], this.#paths);
  }

  faultOf(frame: Frame): Fault | undefined {
    switch (frame.kind) {
      case 'command':
        return this.#command(frame.value);
      case 'publication':
        return this.#publication(frame.value);
      case 'message':
        return this.#message(frame.value);
      case 'request':
        return this.#request(frame);
      default:
        return this.#response(frame);
    }
  }

  #command(value: unknown): Fault | undefined {
    const type = textAt(value, 'type') ?? '';
    const operation = this.#view.operations.get(type);
    if (operation?.kind !== 'command') return absent(`the command ${type}`, type);
    return (
      this.#anyOf(this.#view, operation.messages, value) ??
      (publishes(operation) ? this.#publication(objectAt(value)['data']) : undefined)
    );
  }

  #publication(value: unknown): Fault | undefined {
    const published = this.#view.events.get(textAt(value, 'event') ?? '')?.published;
    return published === undefined ? undefined : this.#fits(this.#view, published, objectAt(value)['payload']);
  }

  #message(value: unknown): Fault | undefined {
    const type = textAt(value, 'type') ?? '';
    if (type === 'event') {
      const name = textAt(value, 'data', 'event') ?? '*';
      const event = this.#partial.events.get(name) ?? this.#partial.events.get('*');
      return event === undefined
        ? absent(`the event ${name}`, `event ${name}`)
        : this.#anyOf(this.#partial, [event.message], value);
    }
    const known = [...this.#partial.operations.values()].flatMap((operation) =>
      [...(operation.kind === 'push' ? operation.messages : operation.replies)].filter(({ name }) => name === type),
    );
    return known.length === 0 ? absent(`the message ${type}`, type) : this.#anyOf(this.#partial, known, value);
  }

  #request({ value, resource = '' }: Frame): Fault | undefined {
    const operation = operationAt(this.#view, resource);
    if (operation === undefined) return absent(resource, resource);
    return (
      this.#anyOf(this.#view, operation.messages, value) ??
      (publishes(operation) ? this.#publication(value) : undefined)
    );
  }

  #response({ value, resource = '' }: Frame): Fault | undefined {
    const operation = operationAt(this.#partial, resource);
    return operation === undefined ? absent(resource, resource) : this.#anyOf(this.#partial, operation.replies, value);
  }

  #anyOf(view: ContractView, messages: readonly MessageView[], value: unknown): Fault | undefined {
    const faults = messages.map(({ payload }) => this.#fits(view, payload, value));
    const [first] = faults;
    if (first === undefined || faults.includes(undefined)) return undefined;
    return { reason: first.reason, paths: faults.flatMap((fault) => fault?.paths ?? []) };
  }

  #fits(view: ContractView, place: Place, value: unknown): Fault | undefined {
    const validate = view.schemas.validator(place);
    if (validate === undefined || validate(value)) return undefined;
    const errors = validate.errors ?? [];
    const [first] = errors;
    const { instancePath, message = 'is not valid' } = first ?? { instancePath: '' };
    return {
      reason: `${instancePath === '' ? 'the value' : instancePath} ${message}`,
      paths: errors.flatMap((error) => this.#pathsOf(error)),
    };
  }

  /** The paths of a validation error: of the keyword that failed, and of the schema that contains this keyword. */
  #pathsOf({ keyword, parentSchema }: ErrorObject): Path[] {
    const path = isObject(parentSchema) ? this.#paths.get(parentSchema) : undefined;
    return path === undefined ? [] : [path, [...path, keyword]];
  }
}

function absent(what: string, name: string): Fault {
  return { reason: `the new contract has no ${what.replace(/^the /, '')}`, paths: [], missing: name };
}

function publishes({ raw }: OperationView): boolean {
  return textsOf(raw['x-scopes']).some((scope) => scope.startsWith('publish:'));
}

function operationAt({ operations }: ContractView, resource: string): OperationView | undefined {
  return [...operations.values()].find(
    ({ kind, raw, channel }) =>
      kind === 'http' &&
      `${textAt(raw, 'bindings', 'http', 'method') ?? 'GET'} ${textAt(channel.raw, 'address') ?? ''}` === resource,
  );
}

function indexPaths(value: unknown, path: Path, paths: WeakMap<object, Path>): void {
  if (typeof value !== 'object' || value === null || paths.has(value)) return;
  paths.set(value, path);
  for (const [key, each] of Object.entries(value)) indexPaths(each, [...path, key], paths);
}

/** A copy of the document with schemas that accept a valid message even if some of its members are missing. */
function relaxDocument(document: JsonObject): JsonObject {
  const components = objectAt(document, 'components');
  const { schemas, messages } = {
    schemas: objectAt(components, 'schemas'),
    messages: objectAt(components, 'messages'),
  };
  return {
    ...document,
    components: {
      ...components,
      schemas: mapValues(schemas, relax),
      messages: mapValues(messages, (message) =>
        isObject(message) && isObject(message['payload'])
          ? { ...message, payload: relax(message['payload']) }
          : message,
      ),
    },
  };
}

/** Keywords that require members which a pattern may omit. */
const DEMANDS: ReadonlySet<string> = new Set(['required', 'minItems', 'minProperties', 'contains', 'uniqueItems']);

function relax(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(relax);
  if (!isObject(schema)) return schema;
  const kept = Object.entries(schema).filter(([keyword]) => !DEMANDS.has(keyword));
  return Object.fromEntries(
    kept.map(([keyword, value]) => {
      if (keyword === 'const' || keyword === 'enum') return [keyword, value];
      if (keyword === 'properties' && isObject(value)) return [keyword, mapValues(value, relax)];
      return [keyword === 'oneOf' ? 'anyOf' : keyword, relax(value)];
    }),
  );
}

function mapValues(record: JsonObject, change: (value: unknown) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
