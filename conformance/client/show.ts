/** Shows a client tape as lanes: instructions for the program, messages of client and suite, notices of the program. */
import { message, patternText } from '../tape/show.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import type { Bounds, ClientStep, ClientTape } from './tape.ts';

const LANE = 8;
const PROGRAM = 'program'.padEnd(LANE);
const CLIENT = 'client'.padEnd(LANE);

function boundsText(what: string, bounds: Bounds | undefined): string {
  if (bounds === undefined) return '';
  const { least, most } = bounds;
  const parts = [
    ...(least === undefined ? [] : [`at least ${least} ms`]),
    ...(most === undefined ? [] : [`at most ${most} ms`]),
  ];
  return `  (${what} ${parts.join(', ')})`;
}

function notes({
  bind,
  waited,
  within,
}: {
  readonly bind?: string;
  readonly waited?: Bounds;
  readonly within?: number;
}): string {
  return [
    ...(bind === undefined ? [] : [`  =: ${bind}`]),
    boundsText('after', waited),
    ...(within === undefined ? [] : [`  (within ${within} ms)`]),
  ].join('');
}

/**
 * The text of an instruction for the program, or of a notice of the program: the kind first, then the other members.
 */
function lineText(line: Json, kind: 'do' | 'notice'): string {
  const { [kind]: name, ...rest } = line as JsonObject;
  const text = Object.keys(rest).length === 0 ? '' : ` ${patternText(rest)}`;
  return `${typeof name === 'string' ? name : patternText(name ?? null)}${text}`;
}

function epochText(epoch: string | undefined): string {
  return epoch === undefined ? '' : ` of epoch ${epoch}`;
}

function openText({ request, welcome, refuse, ...step }: Extract<ClientStep, { verb: 'open' }>): readonly string[] {
  const what = [
    ...(request === undefined ? [] : [`, with ${patternText(request)}`]),
    ...(refuse === undefined ? [] : [`, and is refused with ${refuse}`]),
    ...(welcome === false ? [', and gets no welcome'] : []),
    ...(welcome !== false && Object.keys(welcome).length > 0
      ? [`, and gets a welcome with ${patternText(welcome)}`]
      : []),
  ];
  return [`${CLIENT} ** connects${what.join('')}${notes(step)}`];
}

function emitText({
  numbers,
  subscriptions,
  replay,
  stream,
  epoch,
  lost,
}: Extract<ClientStep, { verb: 'emit' }>): string {
  const [first, last] = numbers;
  const which = first === last ? `event ${first}` : `events ${first} to ${last}`;
  const how = replay === undefined ? '' : `, as a ${replay} replay`;
  return `${CLIENT} << ${which}${epochText(epoch)} of ${stream} for ${subscriptions.join(', ')}${how}${lost ? ': counted, but not sent' : ''}`;
}

function heartbeatText({ at, stream, epoch, extra }: Extract<ClientStep, { verb: 'heartbeat' }>): string {
  const count = extra === 0 ? '' : `; "delivered" is ${Math.abs(extra)} too ${extra > 0 ? 'large' : 'small'}`;
  return `${CLIENT} << heartbeat: ${stream} is at ${at}${epochText(epoch)}${count}`;
}

function lines(step: ClientStep): readonly string[] {
  switch (step.verb) {
    case 'drive':
      return [`${PROGRAM} << ${lineText(step.command, 'do')}`];
    case 'reported':
      return [`${PROGRAM} >> ${lineText(step.pattern, 'notice')}${notes(step)}`];
    case 'notReported':
      return [`${PROGRAM} >! never, in the whole tape: ${lineText(step.pattern, 'notice')}`];
    case 'open':
      return openText(step);
    case 'send':
      return [`${CLIENT} << ${message(step.message)}`];
    case 'sendText':
      return [`${CLIENT} << (as text) ${typeof step.text === 'string' ? step.text : JSON.stringify(step.text)}`];
    case 'sendFrame': {
      const { opcode, hex, text = '', times } = step.frame;
      return [`${CLIENT} << (${opcode} frame) ${hex ?? text}${times === undefined ? '' : ` × ${times}`}`];
    }
    case 'sendRaw':
      return [`${CLIENT} << (bytes) ${step.hex}`];
    case 'recv':
      return [`${CLIENT} >> ${message(step.pattern)}${notes(step)}`];
    case 'either':
      return [
        `${CLIENT} >> ${message(step.pattern)}${notes(step)}`,
        `${PROGRAM} >> or reports ${lineText(step.or, 'notice')}`,
      ];
    case 'never':
      return [
        `${CLIENT} >! never ${message(step.pattern)}`,
        `${''.padEnd(LANE)}    before ${message(step.until)}${notes(step)}`,
      ];
    case 'accept':
      return [
        `${CLIENT} << subscribed, for ${step.command}, at ${step.at}${epochText(step.epoch)}${step.failed === undefined ? '' : `; the resume failed: ${step.failed}`}`,
      ];
    case 'emit':
      return [emitText(step)];
    case 'complete':
      return [`${CLIENT} << replay_complete for ${step.subscription} at ${step.at}${epochText(step.epoch)}`];
    case 'heartbeat':
      return [heartbeatText(step)];
    case 'drop':
      return [`${CLIENT} ** the suite ${step.code === undefined ? 'cuts the connection' : `closes with ${step.code}`}`];
    case 'closed':
      return [`${CLIENT} ** ends the connection ${patternText(step.pattern)}${notes(step)}`];
    case 'quiet':
      return [
        `${CLIENT} ** neither connects nor sends a command for ${step.forMs} ms${step.atMost === undefined ? '' : `  (ends after ${step.atMost} ms)`}`,
      ];
    default:
      return [`${CLIENT} ** its last ${step.last} waits add up${boundsText('to', step.sum)}`];
  }
}

export function showClientTape({ header, steps }: ClientTape): string {
  const { id, clauses, level, needs, why } = header;
  return [
    `${id}  ${clauses.join(' ')}  ${level}  (client tape: the suite is the server)`,
    why,
    ...(needs.length === 0 ? [] : [`needs ${needs.join(', ')}`]),
    '',
    ...steps.flatMap((step) => [...(step.note === undefined ? [] : [`  # ${step.note}`]), ...lines(step)]),
    '',
  ].join('\n');
}
