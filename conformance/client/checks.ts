/** Checks over the whole trace of a run against a client. They must pass for every tape. */
import { SUBPROTOCOL } from '../../generated/protocol.ts';
import { commandValidators } from '../../generated/validators.js';
import { equal, member, numberAt, textAt, textsAt, tryParse } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import type { Finding, TraceCheck, Violation } from '../trace/finding.ts';
import type { Frame, Trace } from '../trace/trace.ts';

const MOST_VIOLATIONS = 20;

/** Collects violations of one check. */
class Findings {
  readonly #violations: Violation[] = [];
  readonly #clauses: TraceCheck['clauses'];
  fired = 0;

  constructor(clauses: TraceCheck['clauses']) {
    this.#clauses = clauses;
  }

  violate(text: string, ...frames: readonly Frame[]): void {
    if (this.#violations.length < MOST_VIOLATIONS)
      this.#violations.push({ clauses: this.#clauses, text, frames: frames.map(({ n }) => n) });
  }

  get finding(): Finding {
    return { violations: this.#violations, fired: this.fired };
  }
}

function checkOf(
  { id, clauses, why }: Pick<TraceCheck, 'id' | 'clauses' | 'why'>,
  judge: (trace: Trace, findings: Findings) => void,
): TraceCheck {
  return {
    id,
    clauses,
    why,
    judge: (trace) => {
      const findings = new Findings(clauses);
      judge(trace, findings);
      return findings.finding;
    },
  };
}

/** The frames that the client sent on its connections. */
function sent(trace: Trace, kinds: readonly Frame['kind'][]): readonly Frame[] {
  return trace.frames.filter(({ dir, kind }) => dir === '>>' && kinds.includes(kind));
}

function faultOf({ kind, json }: Frame): string | undefined {
  if (kind === 'binary') return 'is a binary frame';
  const type = textAt(json, 'type');
  if (type === undefined) return 'is not a message with a "type"';
  if (!Object.hasOwn(commandValidators, type)) return `has the type ${JSON.stringify(type)}, which is not a command`;
  const validator = commandValidators[type as keyof typeof commandValidators];
  if (validator(json)) return undefined;
  const [error] = validator.errors ?? [];
  return `is invalid at ${error?.instancePath === '' ? 'the top' : (error?.instancePath ?? '?')}: ${error?.message ?? error?.keyword ?? 'it does not fit its schema'}`;
}

const validCommands = checkOf(
  {
    id: 'frames/valid-commands',
    clauses: ['CLI-1', 'ENV-1', 'ENV-2'],
    why: 'Every frame of the client is a command that is valid by its schema.',
  },
  (trace, findings) => {
    for (const frame of sent(trace, ['text', 'binary'])) {
      findings.fired += 1;
      const fault = faultOf(frame);
      if (fault !== undefined) findings.violate(`the frame ${fault}`, frame);
    }
  },
);

const uniqueIds = checkOf(
  {
    id: 'frames/unique-ids',
    clauses: ['CLI-1'],
    why: 'Every command of the client has an id that no earlier command on the same connection had.',
  },
  (trace, findings) => {
    const used = new Map<string, Frame>();
    for (const frame of sent(trace, ['text'])) {
      const id = textAt(frame.json, 'id');
      findings.fired += 1;
      if (id === undefined) {
        findings.violate('the command has no id, so its reply cannot be distinguished from others', frame);
        continue;
      }
      const key = `${frame.check ?? ''} ${frame.connection} ${id}`;
      const earlier = used.get(key);
      if (earlier !== undefined) findings.violate(`the id ${JSON.stringify(id)} is used twice`, earlier, frame);
      used.set(key, frame);
    }
  },
);

const offersSubprotocol = checkOf(
  { id: 'frames/subprotocol', clauses: ['CON-1'], why: `The client offers the subprotocol ${SUBPROTOCOL}.` },
  (trace, findings) => {
    for (const frame of sent(trace, ['open'])) {
      findings.fired += 1;
      const { json } = frame;
      if (!Array.isArray(json) || !json.includes(SUBPROTOCOL))
        findings.violate(`the client offers ${frame.text === '[]' ? 'no subprotocol' : frame.text}`, frame);
    }
  },
);

/** A message from the suite to the client that contains an event. */
interface Sending {
  readonly event: Json;
  readonly frame: Frame;
}

/** An event that the program reported. */
interface Reported {
  readonly epoch: string | undefined;
  readonly sequenceId: number;
  /**
   * The message in which the suite sent this event. If several messages contain the event: the first of them after the
   * `sending` of the previous report of the stream. If none of them came after it, the first of all.
   */
  readonly sending: Sending;
  readonly frame: Frame;
}

/** The events that were sent to one subscription of one tape, and those that the program reported. */
interface Handed {
  /** Event messages of the suite, by position. If a replay repeats an event, the client may hand over either message. */
  readonly sent: Map<string, readonly Sending[]>;
  readonly seen: Map<string, number>;
  /** For each stream, the last event that the program reported. */
  readonly last: Map<string, Reported>;
  gaps: number;
}

function positionOf(event: Json | undefined): string {
  return `${textAt(event, 'stream') ?? ''} ${textAt(event, 'epoch') ?? ''} ${numberAt(event, 'sequenceId') ?? ''}`;
}

/** Walks the trace and collects, for each subscription, the events that were sent and the events that the program reported. */
function walkHandedOver(
  trace: Trace,
  onEvent: (report: { readonly event: Json | undefined; readonly of: Handed; readonly frame: Frame }) => void,
): void {
  const all = new Map<string, Handed>();
  const of = (check: string | undefined, subscription: string): Handed => {
    const key = `${check ?? ''} ${subscription}`;
    const found = all.get(key) ?? { sent: new Map(), seen: new Map(), last: new Map(), gaps: 0 };
    all.set(key, found);
    return found;
  };
  for (const frame of trace.frames) {
    const { check, kind, dir, json } = frame;
    // A repeated tape starts a new program and sends the same events again. So forget the events of the previous run.
    if (kind === 'mark' && dir === '<<' && textAt(tryParse(frame.text), 'do') === 'connect')
      for (const key of all.keys()) if (key.startsWith(`${check ?? ''} `)) all.delete(key);
    if (kind === 'text' && dir === '<<' && textAt(json, 'type') === 'event') {
      const data = member(json, 'data');
      const position = positionOf(data);
      for (const id of textsAt(data, 'subscriptionIds')) {
        const { sent: copies } = of(check, id);
        copies.set(position, [...(copies.get(position) ?? []), { event: data ?? null, frame }]);
      }
    } else if (kind === 'mark' && dir === '>>') {
      const notice = tryParse(frame.text);
      const handed = of(check, textAt(notice, 'subscription') ?? '');
      if (textAt(notice, 'notice') === 'gap') handed.gaps += 1;
      if (textAt(notice, 'notice') === 'event') onEvent({ event: member(notice, 'event'), of: handed, frame });
    }
  }
}

const trueEvents = checkOf(
  {
    id: 'invariants/handed-over-as-sent',
    clauses: ['CLI-7', 'CLI-10'],
    why: 'Every event that the client hands over to a subscription was sent to that subscription, and is unchanged.',
  },
  (trace, findings) =>
    walkHandedOver(trace, ({ event, of, frame }) => {
      findings.fired += 1;
      const originals = of.sent.get(positionOf(event));
      if (originals === undefined)
        findings.violate('the client hands over an event that was not sent to this subscription', frame);
      else if (!originals.some((each) => equal(each.event, event)))
        findings.violate('the client hands over an event that it has changed', frame);
    }),
);

const onceEach = checkOf(
  {
    id: 'invariants/handed-over-once',
    clauses: ['CLI-7'],
    why: 'The client hands over each event once. Only after a gap may it do so again, because the state is rebuilt then.',
  },
  (trace, findings) =>
    walkHandedOver(trace, ({ event, of, frame }) => {
      findings.fired += 1;
      const position = positionOf(event);
      const times = (of.seen.get(position) ?? 0) + 1;
      of.seen.set(position, times);
      if (times > 1 + of.gaps) findings.violate(`the event at ${position} is handed over ${times} times`, frame);
    }),
);

/**
 * The client may hand over an older event after a newer event only if the suite also sent them in this order. Lost events
 * arrive late (CLI-6), and a warm picture after a gap repeats older events.
 */
const inOrder = checkOf(
  {
    id: 'invariants/handed-over-in-order',
    clauses: ['CLI-7'],
    why: 'The client hands over the events of a stream in ascending order, unless an older event was sent later.',
  },
  (trace, findings) =>
    walkHandedOver(trace, ({ event, of: { sent: sendings, last }, frame }) => {
      const all = sendings.get(positionOf(event));
      const [first] = all ?? [];
      if (all === undefined || first === undefined) return;
      const stream = textAt(event, 'stream') ?? '';
      const [epoch, sequenceId] = [textAt(event, 'epoch'), numberAt(event, 'sequenceId') ?? 0];
      const before = last.get(stream);
      const later = all.find((each) => before === undefined || each.frame.n > before.sending.frame.n);
      last.set(stream, { epoch, sequenceId, sending: later ?? first, frame });
      if (before === undefined) return;
      findings.fired += 1;
      // An event that is handed over twice in succession violates another check.
      const ascends = before.epoch === epoch && before.sequenceId <= sequenceId;
      if (later === undefined && !ascends)
        findings.violate(
          `the event at ${positionOf(event)} is handed over after event ${before.sequenceId}, but was sent before that event`,
          before.frame,
          frame,
        );
    }),
);

const onlyNotices = checkOf(
  {
    id: 'invariants/notices',
    clauses: ['CLI-10'],
    why: 'The program writes nothing but notices to its standard output.',
  },
  (trace, findings) => {
    for (const frame of sent(trace, ['mark'])) {
      findings.fired += 1;
      if (textAt(tryParse(frame.text), 'notice') === undefined)
        findings.violate(
          `the line ${JSON.stringify(frame.text.slice(0, 200))} is not a JSON object with a "notice"`,
          frame,
        );
    }
  },
);

export const CLIENT_CHECKS: readonly TraceCheck[] = [
  validCommands,
  uniqueIds,
  offersSubprotocol,
  trueEvents,
  onceEach,
  inOrder,
  onlyNotices,
];
