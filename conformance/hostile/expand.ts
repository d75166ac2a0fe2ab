/**
 * Expands rows to cases: a row with `variants` becomes one case for each variant. Then replaces the computed values of a
 * case. Any value may contain
 *
 *     {"$repeat": [value, n]}   a text n times          {"$join": [a, b, …]}    texts, one after the other
 *     {"$list": [value, n]}     an array of n values    {"$number": n}          a number
 *     {"$hex": "c080"}          bytes                   {"$var": "name"}        the value `name` of the variant
 *     {"$keys": n}              an object of n keys
 *
 * and any text may contain `{{name}}`: a value of the variant, or of the run (host, path, nonce, canary, fresh). An amount
 * `n` is a number, or an expression that uses a limit in the gateway's `welcome`, such as `limit.jsonDepth*2+1`.
 */
import type { LimitName } from '../../generated/protocol.ts';
import type { Amount, Case, Row } from './row.ts';

export interface Setting {
  readonly limits: Readonly<Record<string, number>>;
  /** Values for `{{…}}`, by name. */
  readonly words: Readonly<Record<string, string>>;
}

const AMOUNT = /^limit\.(?<name>\w+)(?:\*(?<times>[\d.]+))?(?<plus>[+-]\d+)?$/;

/** @throws {RangeError} for an invalid amount */
export function amountOf(amount: Amount, limits: Setting['limits']): number {
  if (typeof amount === 'number') return amount;
  const { name, times = '1', plus = '0' } = AMOUNT.exec(amount)?.groups ?? {};
  const limit = name === undefined ? undefined : limits[name satisfies string as LimitName];
  if (limit === undefined)
    throw new RangeError(
      `${JSON.stringify(amount)} must be a number or an expression on a limit, such as "limit.commandBurst*2+1".`,
    );
  return Math.round(limit * Number(times)) + Number(plus);
}

type Variables = Readonly<Record<string, unknown>>;

class Expansion {
  readonly #setting: Setting;
  readonly #variables: Variables;

  constructor(setting: Setting, variables: Variables) {
    this.#setting = setting;
    this.#variables = variables;
  }

  value(value: unknown): unknown {
    if (typeof value === 'string') return this.#text(value);
    if (Array.isArray(value)) return value.map((each) => this.value(each));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [key, operand] = entries[0] ?? [];
    if (entries.length === 1 && key?.startsWith('$') === true) return this.#operation(key, operand);
    return Object.fromEntries(entries.map(([name, each]) => [this.#text(name), this.value(each)]));
  }

  #text(text: string): string {
    return text.replaceAll(/\{\{(\w+)\}\}/g, (_all, name: string) => {
      const found = Object.hasOwn(this.#variables, name) ? this.#variable(name) : this.#setting.words[name];
      if (typeof found === 'string' || typeof found === 'number') return String(found);
      throw new RangeError(`{{${name}}} has no value: neither the variant nor the run defines it.`);
    });
  }

  #operation(operator: string, operand: unknown): unknown {
    if (operator === '$var') return this.#variable(String(operand));
    if (operator === '$hex') return Buffer.from(this.#text(String(operand)), 'hex');
    if (operator === '$number') return amountOf(operand as Amount, this.#setting.limits);
    if (operator === '$keys')
      return Object.fromEntries(
        Array.from({ length: amountOf(operand as Amount, this.#setting.limits) }, (_each, at) => [`k${at}`, at]),
      );
    if (operator === '$join') return join((operand as readonly unknown[]).map((each) => this.value(each)));
    const [value, amount] = operand as readonly [unknown, Amount];
    const times = amountOf(this.value(amount) as Amount, this.#setting.limits);
    if (operator === '$list') return Array.from({ length: times }, () => this.value(value));
    if (operator === '$repeat') return String(this.value(value)).repeat(Math.max(0, times));
    throw new RangeError(`${operator} is not an operation.`);
  }

  #variable(name: string): unknown {
    if (!Object.hasOwn(this.#variables, name)) throw new RangeError(`The variant has no value ${name}.`);
    return this.value(this.#variables[name]);
  }
}

function join(parts: readonly unknown[]): string | Buffer {
  if (!parts.some((each) => Buffer.isBuffer(each))) return parts.map(String).join('');
  return Buffer.concat(parts.map(bytesOf));
}

/** The bytes of an expanded value: a text as UTF-8, any other value as JSON. */
export function bytesOf(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value;
  return Buffer.from(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''), 'utf8');
}

/** The cases of a row: the row itself, or its variants. {@link fill} computes the values when the case is run. */
export function casesOf({
  variants,
  expect,
  ...row
}: Row): readonly { readonly entry: Case; readonly variables: Variables }[] {
  const outcomes = Array.isArray(expect) ? (expect as Case['expect']) : [expect as Case['expect'][number]];
  if (variants === undefined) return [{ entry: { ...row, expect: outcomes }, variables: {} }];
  return Object.entries(variants).map(([name, variables]) => ({
    entry: { ...row, id: `${row.id}[${name}]`, expect: outcomes },
    variables,
  }));
}

/** Replaces all computed values of a case. */
export function fill(entry: Case, variables: Variables, setting: Setting): Case {
  const expansion = new Expansion(setting, variables);
  const { id, clause, why, ...rest } = entry;
  return { id, clause, why, ...(expansion.value(rest) as Omit<Case, 'id' | 'clause' | 'why'>) };
}
