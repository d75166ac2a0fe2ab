/** Checks a tape before it runs, so that a fault of the tape cannot become a wrong verdict. */
import { asText, isArray, isObject } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import { PLACEHOLDER, dollarKey } from './bindings.ts';
import { TapeError } from './fault.ts';
import { MATCHERS, schemaOf } from './matcher.ts';
import { flatten } from './tape.ts';
import type { Step, Tape } from './tape.ts';

const TYPES = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];

export interface Walk {
  readonly bound: Set<string>;
  readonly fail: (text: string) => never;
}

function checkReference(reference: Json | undefined, walk: Walk): void {
  const name = typeof reference === 'string' ? reference.split('/')[0] : undefined;
  if (name === undefined || !walk.bound.has(name))
    walk.fail(`${JSON.stringify(reference)} refers to a name that no earlier step has bound.`);
}

function checkExpression(value: Json, walk: Walk): void {
  try {
    void new RegExp(asText(value), 'u');
  } catch {
    walk.fail(`${JSON.stringify(value)} is not a valid regular expression.`);
  }
}

function checkMatcher(key: string, argument: Json, walk: Walk): void {
  if (!(MATCHERS as readonly string[]).includes(key))
    walk.fail(`${key} is not a matcher; the matchers are ${MATCHERS.join(', ')}.`);
  if (key === '$ref') checkReference(argument, walk);
  if (key === '$seq' && isObject(argument)) checkReference(argument['after'], walk);
  if (key === '$time' && isObject(argument)) for (const each of Object.values(argument)) checkReference(each, walk);
  if (key === '$re') checkExpression(argument, walk);
  if (key === '$type' && !TYPES.includes(asText(argument))) walk.fail(`$type must be one of ${TYPES.join(', ')}.`);
  if (key === '$schema' && schemaOf(asText(argument)) === undefined)
    walk.fail(`The contract has no message ${JSON.stringify(argument)}.`);
  if (['$in', '$unordered'].includes(key) && !isArray(argument)) walk.fail(`The argument of ${key} must be a list.`);
  if (key === '$bind') checkBind(argument, walk);
  else checkPattern(argument, walk);
}

function checkBind(argument: Json, walk: Walk): void {
  const [name, pattern] = isArray(argument) ? argument : [argument];
  if (typeof name !== 'string' || !/^[a-z][a-zA-Z0-9_-]*$/.test(name))
    walk.fail('The argument of $bind must be a name, or a list of a name and a pattern.');
  if (pattern !== undefined) checkPattern(pattern, walk);
  walk.bound.add(name);
}

/** Checks a pattern or a value: references, matchers and placeholders have the same form in both. */
function checkPattern(value: Json | undefined, walk: Walk): void {
  if (typeof value === 'string') {
    const stray = /\$\{[^}]*\}?/.exec(value.replaceAll(PLACEHOLDER, ''));
    if (stray !== null)
      walk.fail(`${stray[0]} is not a placeholder; the placeholders are \${nonce}, \${origin} and \${fill:N}.`);
  } else if (isArray(value)) {
    for (const each of value) checkPattern(each, walk);
  } else if (isObject(value)) {
    const key = dollarKey(value);
    if (key !== undefined) return checkMatcher(key, value[key] ?? null, walk);
    const stray = Object.keys(value).find((each) => each.startsWith('$') && each !== '${nonce}');
    if (stray !== undefined)
      walk.fail(`The matcher ${stray} must be the only key of its object; remove the other keys.`);
    for (const each of Object.values(value)) checkPattern(each, walk);
  }
}

/**
 * Checks the values and patterns of one step: references, matchers and placeholders. Names that the patterns bind are added
 * to `walk.bound`.
 */
export function checkPatterns(values: readonly (Json | undefined)[], walk: Walk): void {
  for (const value of values) checkPattern(value, walk);
}

function valuesOf(step: Step): readonly (Json | undefined)[] {
  switch (step.verb) {
    case 'open':
      return [step.refused, step.protocol, step.events?.query, step.events?.lastEventId, step.headers];
    case 'send':
      return [step.message];
    case 'sendText':
      return [step.text];
    case 'recv':
      return [step.pattern, step.fields];
    case 'closed':
      return [step.pattern];
    case 'never':
      return [step.pattern, step.until];
    case 'http':
      return [step.request.path, step.request.query, step.request.body, step.expect];
    case 'stim':
      return step.events.map(({ payload }) => payload);
    default:
      return [];
  }
}

const JUDGES: readonly Step['verb'][] = ['recv', 'never', 'http', 'closed'];

function judges(step: Step): boolean {
  return (
    JUDGES.includes(step.verb) ||
    (step.verb === 'open' && [step.refused, step.protocol, step.headers].some((each) => each !== undefined))
  );
}

function checkActors(tape: Tape, steps: readonly Step[]): void {
  const opened = new Set<string>();
  for (const step of steps) {
    if (!('as' in step)) continue;
    const fail = (text: string): never => {
      throw new TapeError(tape.file, step.line, text);
    };
    if (!Object.hasOwn(tape.header.actors, step.as)) fail(`The header has no actor ${JSON.stringify(step.as)}.`);
    if (step.verb === 'open') opened.add(step.as);
    else if (!opened.has(step.as)) fail(`${step.as} has no connection yet; "open" must come first.`);
  }
}

function checkStimulus(tape: Tape, steps: readonly Step[], headerLine: number): void {
  const first = steps.find((step) => step.verb === 'stim');
  if (first !== undefined && tape.header.stimulus === 'none')
    throw new TapeError(
      tape.file,
      first.line,
      'The header of a tape with "stim" must have "stimulus": "publish" or "files".',
    );
  if (first === undefined && tape.header.stimulus !== 'none')
    throw new TapeError(
      tape.file,
      headerLine,
      'The header has a "stimulus", but no step has "stim"; remove "stimulus".',
    );
}

/** @throws {TapeError} when the tape is invalid; the message names the file and the line */
export function checkTape(tape: Tape, headerLine: number): void {
  const steps = flatten(tape.steps);
  checkActors(tape, steps);
  checkStimulus(tape, steps, headerLine);
  // `credentials` is always bound: the runner binds it to the credentials of the configuration.
  const bound = new Set(['credentials']);
  for (const step of steps) {
    const fail = (text: string): never => {
      throw new TapeError(tape.file, step.line, text);
    };
    checkPatterns(valuesOf(step), { bound, fail });
    if ('bind' in step && step.bind !== undefined) bound.add(step.bind);
  }
  if (!steps.some(judges))
    throw new TapeError(
      tape.file,
      headerLine,
      'The tape has no expectation ("recv", "never", "closed", …), so it would always pass.',
    );
}
