/** Shows a tape as lanes, one line per message: `alice >> subscribe`, `alice << subscribed`. */
import { isArray, isObject, textAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { dollarKey } from './bindings.ts';
import type { Step, Tape, Within } from './tape.ts';

/** Shows a pattern in a short notation for people. */
export function patternText(pattern: Json): string {
  const key = dollarKey(pattern);
  if (key !== undefined && isObject(pattern)) {
    const argument = pattern[key] ?? null;
    if (key === '$any') return '*';
    if (key === '$absent') return 'nothing';
    return `<${key.slice(1)} ${isArray(argument) ? argument.map(patternText).join(' | ') : patternText(argument)}>`;
  }
  if (isArray(pattern)) return `[${pattern.map(patternText).join(', ')}]`;
  if (isObject(pattern))
    return `{${Object.entries(pattern)
      .map(([name, each]) => `${name}: ${patternText(each)}`)
      .join(', ')}}`;
  return JSON.stringify(pattern);
}

/** Shows a message, or a pattern for a message: its type, id and data. */
export function message(value: Json): string {
  const type = textAt(value, 'type');
  if (!isObject(value) || type === undefined) return patternText(value);
  const { id, data, ...rest } = value;
  const others: JsonObject = Object.fromEntries(Object.entries(rest).filter(([key]) => key !== 'type'));
  return [
    type,
    ...(id === undefined ? [] : [`#${typeof id === 'string' ? id : patternText(id)}`]),
    ...(data === undefined ? [] : [patternText(data)]),
    ...(Object.keys(others).length === 0 ? [] : [patternText(others)]),
  ].join(' ');
}

function within(value: Within | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'number' ? `  (within ${value} ms)` : `  (within ${value.heartbeats} heartbeats)`;
}

function named(name: string | undefined): string {
  return name === undefined ? '' : `  =: ${name}`;
}

function lines(step: Step): readonly string[] {
  const lane = 'as' in step ? step.as.padEnd(8) : '';
  switch (step.verb) {
    case 'open':
      return [
        `${lane} ** connects${step.refused === undefined ? '' : `, and is rejected: ${patternText(step.refused)}`}`,
      ];
    case 'send':
      return [`${lane} >> ${message(step.message)}`];
    case 'sendText':
      return [`${lane} >> (as text) ${typeof step.text === 'string' ? step.text : JSON.stringify(step.text)}`];
    case 'sendFrame':
      return [
        `${lane} >> (${step.frame.opcode} frame) ${step.frame.hex ?? step.frame.text ?? ''}${step.frame.times === undefined ? '' : ` × ${step.frame.times}`}`,
      ];
    case 'recv':
      return [`${lane} << ${message(step.pattern)}${named(step.bind)}${within(step.within)}`];
    case 'never':
      return [
        `${lane} <! never ${message(step.pattern)}`,
        `${''.padEnd(8)}    before ${message(step.until)}${within(step.within)}`,
      ];
    case 'http':
      return [
        `${'http'.padEnd(8)} >> ${step.request.method} ${step.request.path}${step.request.query === undefined ? '' : ` ${patternText(step.request.query)}`}${step.request.body === undefined ? '' : ` ${patternText(step.request.body)}`}`,
        `${'http'.padEnd(8)} << ${patternText(step.expect)}${named(step.bind)}`,
      ];
    case 'stim':
      return step.events.map(
        (event) =>
          `${'*'.padEnd(8)} ** ${event.event} on ${event.stream ?? 'main'} ${patternText(event.payload)}${named(step.bind)}`,
      );
    case 'drop':
      return [`${lane} ** ${step.code === undefined ? 'cuts the connection' : `closes with ${step.code}`}`];
    case 'pause':
      return [`${lane} ** ${step.what === 'read' ? 'stops reading' : 'reads again'}`];
    case 'closed':
      return [`${lane} << closed ${patternText(step.pattern)}${within(step.within)}`];
    case 'control':
      return [`${'*'.padEnd(8)} ** the control command ${step.name} runs`];
    case 'par':
      return [
        'concurrently',
        ...step.branches.flatMap((branch) =>
          branch.flatMap(lines).map((line, index) => `${index === 0 ? ' ┌ ' : ' │ '}${line}`),
        ),
      ];
    default:
      return [];
  }
}

export function showTape({ header, steps }: Tape): string {
  const { id, clauses, level, needs, stimulus, why } = header;
  const notes = [
    ...(needs.length === 0 ? [] : [`needs ${needs.join(', ')}`]),
    ...(stimulus === 'none' ? [] : [`needs the stimulus "${stimulus}"`]),
  ];
  return [
    `${id}  ${clauses.join(' ')}  ${level}`,
    why,
    ...(notes.length === 0 ? [] : [notes.join('; ')]),
    '',
    ...steps.flatMap((step) => [...(step.note === undefined ? [] : [`  # ${step.note}`]), ...lines(step)]),
    '',
  ].join('\n');
}
