/** Determines on which stream an event is published (STR-5). */
import { PATTERNS } from '../../generated/protocol.ts';
import { specOf } from './catalogue.ts';
import type { Catalogue } from './catalogue.ts';

const DEFAULT_STREAM = 'main';

/**
 * The stream to which an event belongs. Undefined if the event may be published on every stream, or if its payload does not name a stream.
 */
export function homeStream(event: string, payload: unknown, catalogue: Catalogue): string | undefined {
  const { stream } = specOf(catalogue, event);
  if (stream === undefined) return undefined;
  const id = memberAt({ payload }, stream.id);
  const name = typeof id === 'string' ? `${stream.kind}:${id}` : '';
  return PATTERNS.StreamName.test(name) ? name : undefined;
}

/** The stream of a publication: the stream that the request names; otherwise the stream to which the event belongs; otherwise `main`. */
export function targetStream(request: unknown, catalogue: Catalogue): string {
  const { stream, event, payload } = (typeof request === 'object' && request !== null ? request : {}) as Record<
    string,
    unknown
  >;
  if (typeof stream === 'string') return stream;
  const home = typeof event === 'string' ? homeStream(event, payload, catalogue) : undefined;
  return home ?? DEFAULT_STREAM;
}

function memberAt(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>(
      (parent, name) =>
        typeof parent === 'object' && parent !== null && Object.hasOwn(parent, name)
          ? (parent as Readonly<Record<string, unknown>>)[name]
          : undefined,
      value,
    );
}
