import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { Invariant, Report } from '../trace/finding.ts';
import { isObject, member, textAt } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import { CONCEALED } from '../trace/trace.ts';
import type { Frame } from '../trace/trace.ts';
import { httpOperation } from './contract.ts';
import { leaksIn } from './leak.ts';

const KINDS: readonly string[] = ['text', 'http', 'refused', 'close'];

/** Removes the payload of an event, because the publisher is responsible for it. */
function withoutPayload(json: Json): Json {
  const data = member(json, 'data');
  if (!isObject(json) || textAt(json, 'type') !== 'event' || !isObject(data)) return json;
  const { payload: _payload, ...rest } = data;
  return { ...json, data: rest };
}

/** Whether the response is a document. Documents are written by people, and may contain paths and addresses as examples. */
function isDocument({ json }: Frame): boolean {
  const operation = httpOperation(textAt(json, 'method') ?? '', textAt(json, 'path') ?? '');
  const isText =
    operation?.replies.includes('text') === true || textAt(json, 'path') === HTTP_OPERATIONS.get_contract.path;
  return isText && member(json, 'status') === 200;
}

/** The text that the server sent, without the parts that others have written: payloads of events, and documents. */
function ownText(frame: Frame): string {
  if (frame.json === undefined) return frame.text;
  if (frame.kind !== 'http') return JSON.stringify(withoutPayload(frame.json));
  const { body = null, headers = {} } = isObject(frame.json) ? frame.json : {};
  return JSON.stringify(isDocument(frame) ? { headers } : { body, headers });
}

function judge(frame: Frame, sent: string, report: Report): void {
  const text = ownText(frame);
  report.fire();
  if (text.includes(CONCEALED)) report.violate('the server sent back a secret of the client', frame);
  for (const { what, hit } of leaksIn(text))
    // The server may repeat a path that the client sent. A quotation mark or space before the path is not part of it.
    if (!sent.includes(hit.replace(/^[^\w/]+/, '')))
      report.violate(`the server sent ${what}: ${JSON.stringify(hit)}`, frame);
}

/** Searches everything that the server sent over WebSocket and HTTP: messages, close reasons, bodies and headers. */
export const nothingLeaks: Invariant = {
  id: 'invariants/nothing-leaks',
  clauses: ['ERR-2'],
  why: 'No message, body, header or close reason of the server contains a stack trace, a path of the server or a secret.',
  check: ({ trace }, report) => {
    const sent = trace.frames
      .filter(({ dir }) => dir === '>>')
      .map(({ text }) => text)
      .join('\n');
    for (const frame of trace.frames) if (frame.dir === '<<' && KINDS.includes(frame.kind)) judge(frame, sent, report);
  },
};
