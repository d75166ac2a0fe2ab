/** What a server made up in the recording, and by which name the tape refers to what the server makes up instead. */
import type { Json } from '../trace/json.ts';
import type { Scope, Volatility } from './volatile.ts';

/**
 * Two values with one key are one thing. Numbers belong to one life of one stream, lives to a stream, and times to an event: within
 * one millisecond there may be several.
 */
export function keyOf(kind: Volatility, value: Json, { stream = 'main', epoch = '', sequenceId = 0 }: Scope): string {
  if (kind === 'timestamp') return `${kind} ${stream} ${epoch} ${sequenceId} ${JSON.stringify(value)}`;
  if (kind === 'sequence') return `${kind} ${stream} ${epoch} ${JSON.stringify(value)}`;
  return `${kind} ${value === epoch ? stream : ''} ${JSON.stringify(value)}`;
}

/** What such a value looks like, where it does not matter which one it is. */
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
  /** By key: what `$ref` says. */
  readonly #known = new Map<string, string>();
  /** How often a key turns up in the recording. */
  readonly #uses = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  #counting = true;

  /** Knows what turned up how often, and no names yet. */
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
   * The pattern for a value that the server made: the same as before, or what is kept for later, or anything of its kind. In a branch
   * beside another one only those count that were `known` before both.
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
