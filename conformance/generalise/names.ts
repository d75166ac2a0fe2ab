/** Gives names in the tape to values that the server chose in the recording. */
import type { Json } from '../trace/json.ts';
import type { Scope, Volatility } from './volatile.ts';

/**
 * The key under which the name of a value is stored: values with equal keys get the same name. Equal numbers may be
 * different values, so the key of a sequenceId also contains its stream and epoch. The key of an epoch contains its
 * stream, and the key of a time its event, because two events may have the same time.
 */
export function keyOf(kind: Volatility, value: Json, { stream = 'main', epoch = '', sequenceId = 0 }: Scope): string {
  if (kind === 'timestamp') return `${kind} ${stream} ${epoch} ${sequenceId} ${JSON.stringify(value)}`;
  if (kind === 'sequence') return `${kind} ${stream} ${epoch} ${JSON.stringify(value)}`;
  return `${kind} ${value === epoch ? stream : ''} ${JSON.stringify(value)}`;
}

/** A pattern that accepts any value of the kind. */
const SHAPES: Readonly<Record<Volatility, Json>> = {
  sequence: { $type: 'integer' },
  timestamp: { $time: true },
  id: { $type: 'string' },
  secret: { $any: true },
  server: { $any: true },
  text: { $type: 'string' },
  order: { $type: 'array' },
};

const PREFIXES: Readonly<Record<Volatility, string>> = {
  sequence: 'n',
  timestamp: 't',
  id: 'id',
  secret: 'secret',
  server: 'server',
  text: 'text',
  order: 'list',
};

export class Names {
  /** The name of each value, by its key. The name is the argument of `$ref`. */
  readonly #known = new Map<string, string>();
  /** How often each value occurs in the recording, by its key. */
  readonly #uses = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  #counting = true;

  /** Returns a copy with the counts but without the names, for the second pass. */
  afresh(): Names {
    const names = new Names();
    for (const [key, uses] of this.#uses) names.#uses.set(key, uses);
    names.#counting = false;
    return names;
  }

  count(key: string): void {
    if (!this.#counting) return;
    this.#uses.set(key, (this.#uses.get(key) ?? 0) + 1);
  }

  learn(key: string, reference: string): void {
    if (!this.#known.has(key)) this.#known.set(key, reference);
  }

  reference(key: string): string | undefined {
    return this.#known.get(key);
  }

  get keys(): ReadonlySet<string> {
    return new Set(this.#known.keys());
  }

  /**
   * The pattern for a value that the server chose. If a name is already bound to the value, the pattern refers to that
   * name. If the value has no name but occurs again later, the pattern binds a new name to the value. A pattern for any
   * other value accepts every value of the kind. A branch of `par` may only use names that were `known` before the branches.
   */
  pattern(kind: Volatility, key: string, known?: ReadonlySet<string>): Json {
    const name = this.#known.get(key);
    if (name !== undefined && known?.has(key) !== false) return { $ref: name };
    if (known !== undefined) return SHAPES[kind];
    return this.#named(kind, key);
  }

  #named(kind: Volatility, key: string): Json {
    if ((this.#uses.get(key) ?? 0) < 2) return SHAPES[kind];
    const name = this.next(PREFIXES[kind]);
    this.#known.set(key, name);
    return { $bind: [name, SHAPES[kind]] };
  }

  next(prefix: string): string {
    const count = (this.#counts.get(prefix) ?? 0) + 1;
    this.#counts.set(prefix, count);
    return `${prefix}${count}`;
  }
}
