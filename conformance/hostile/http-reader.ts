/** Reads HTTP/1.1 responses from a raw connection. Supports only the features that the pack needs. */

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case; for repeated headers the last value. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

const HEAD_END = Buffer.from('\r\n\r\n');

function parseHead(head: string): Pick<HttpAnswer, 'status' | 'headers'> | undefined {
  const [statusLine = '', ...lines] = head.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1];
  if (status === undefined) return undefined;
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { status: Number(status), headers: new Map(headers) };
}

/** Reads the chunked body that starts at `start`, and finds its end; undefined while the body is incomplete. */
function readChunked(bytes: Buffer, start: number): { readonly body: Buffer; readonly end: number } | undefined {
  const parts: Buffer[] = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (!Number.isSafeInteger(size)) return { body: Buffer.concat(parts), end: bytes.length };
    const chunkEnd = lineEnd + 2 + size;
    if (bytes.length < chunkEnd + 2) return undefined;
    if (size === 0) return { body: Buffer.concat(parts), end: chunkEnd + 2 };
    parts.push(bytes.subarray(lineEnd + 2, chunkEnd));
    at = chunkEnd + 2;
  }
}

export class HttpReader {
  #bytes: Buffer = Buffer.alloc(0);
  /** Set if the received bytes are not HTTP. */
  fault: string | undefined;

  push(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
  }

  /** Returns the bytes after the last response. After an upgrade these bytes are frames. */
  rest(): Buffer {
    const rest = this.#bytes;
    this.#bytes = Buffer.alloc(0);
    return rest;
  }

  /** Returns the next complete response. `ended` means that no more bytes will arrive. */
  next(connection: { readonly ended: boolean }): HttpAnswer | undefined {
    const headEnd = this.#bytes.indexOf(HEAD_END);
    if (headEnd < 0) return undefined;
    const head = parseHead(this.#bytes.toString('latin1', 0, headEnd));
    if (head === undefined) {
      this.fault = 'the response of the server is not HTTP';
      return undefined;
    }
    const start = headEnd + HEAD_END.length;
    const found = this.#bodyAt(start, head, connection.ended);
    if (found === undefined) return undefined;
    this.#bytes = this.#bytes.subarray(found.end);
    return { ...head, body: found.body };
  }

  #bodyAt(
    start: number,
    { status, headers }: Pick<HttpAnswer, 'status' | 'headers'>,
    ended: boolean,
  ): { readonly body: Buffer; readonly end: number } | undefined {
    if (status < 200 || status === 204 || status === 304) return { body: Buffer.alloc(0), end: start };
    if (headers.get('transfer-encoding') === 'chunked') return readChunked(this.#bytes, start);
    const length = headers.get('content-length');
    const end = length === undefined ? this.#bytes.length : start + Number(length);
    // A response to HEAD has a length but no body, so it is complete only when the connection has ended.
    if (!ended && (length === undefined || this.#bytes.length < end)) return undefined;
    return { body: this.#bytes.subarray(start, end), end: Math.min(end, this.#bytes.length) };
  }
}
