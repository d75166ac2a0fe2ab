/**
 * Makes programs that send a given message. The pages show such programs for each example of the contract. The try-it
 * form makes them for the edited message. A test runs every sample of the site against a real gateway.
 */

export type Message = Readonly<Record<string, unknown>> & { readonly type?: unknown; readonly id?: unknown };

export interface HttpCall {
  readonly method: string;
  /** Path with the query. */
  readonly path: string;
  readonly body?: unknown;
}

export interface Server {
  /** `ws://127.0.0.1:7400/ws` */
  readonly webSocket: string;
  /** `http://127.0.0.1:7400` */
  readonly http: string;
  readonly subprotocol: string;
}

/** The programs, in the order in which they are shown. */
export interface Samples {
  readonly cli: string;
  readonly typescript: string;
  readonly python: string;
  readonly frames: string;
}

/** Quotes a text for `bash`. Between single quotes, every character except a single quote is literal. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A JSON value as Python source text. */
function pythonOf(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(pythonOf).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${pythonOf(member)}`);
  return `{${members.join(', ')}}`;
}

/** Adds an id to a command without one: the sample recognises the reply by the id (ENV-3). */
function withId(message: Message): Message {
  return message.id === undefined ? { ...message, id: 'c1' } : message;
}

export function commandSamples(given: Message, reply: unknown, { webSocket, subprotocol }: Server): Samples {
  const message = withId(given);
  const text = JSON.stringify(message);
  return {
    cli: `npx tidemark send --url ${webSocket} ${quote(text)}`,
    typescript: `const message = ${JSON.stringify(message, undefined, 2)};
const socket = new WebSocket('${webSocket}', '${subprotocol}');
socket.addEventListener('open', () => socket.send(JSON.stringify(message)));
socket.addEventListener('message', (event: MessageEvent<string>) => {
  const frame = JSON.parse(event.data) as { type: string; id?: string };
  console.log(frame);
  if (frame.id === message.id) socket.close();
});
`,
    python: `import asyncio, json
import websockets

message = ${pythonOf(message)}

async def main():
    async with websockets.connect("${webSocket}", subprotocols=["${subprotocol}"]) as socket:
        await socket.send(json.dumps(message))
        async for text in socket:
            frame = json.loads(text)
            print(frame)
            if frame.get("id") == message["id"]:
                break

asyncio.run(main())
`,
    frames: `> ${text}\n${reply === undefined ? '' : `< ${JSON.stringify(reply)}\n`}`,
  };
}

export function httpSamples({ method, path, body }: HttpCall, { http }: Server): Samples {
  const address = `${http}${path}`;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const type = 'content-type: application/json';
  return {
    cli: `curl --silent --show-error ${method === 'GET' ? '' : `--request ${method} `}${text === undefined ? '' : `--header ${quote(type)} --data ${quote(text)} `}${quote(address)}`,
    typescript: `const response = await fetch('${address}'${
      text === undefined
        ? ''
        : `, {
  method: '${method}',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(${JSON.stringify(body, undefined, 2).replaceAll('\n', '\n  ')}),
}`
    });
console.log(response.status, await response.text());
`,
    python: `${text === undefined ? '' : 'import json\n'}from urllib.error import HTTPError
from urllib.request import Request, urlopen

request = Request("${address}"${
      text === undefined
        ? ''
        : `, method="${method}", headers={"content-type": "application/json"},
                  data=json.dumps(${pythonOf(body)}).encode()`
    })
try:
    with urlopen(request) as response:
        print(response.status, response.read().decode())
except HTTPError as refused:
    print(refused.code, refused.read().decode())
`,
    frames: `${method} ${path} HTTP/1.1\nHost: ${new URL(http).host}\n${text === undefined ? '' : `Content-Type: application/json\nContent-Length: ${new TextEncoder().encode(text).length}\n\n${text}\n`}`,
  };
}

/** Makes a tape for the conformance suite from a command and the frames that the server then sent. */
export function tapeOf(given: Message, received: readonly Message[], clauses: readonly string[]): string {
  const message = withId(given);
  const reply = received.find(({ id }) => id === message.id);
  const name = String(message.type);
  const lines = [
    {
      tape: 1,
      id: `${name}/mine`,
      clauses,
      level: 'must',
      why: `The reply to this ${name} is as recorded.`,
      actors: { alice: {} },
    },
    { as: 'alice', open: {} },
    { as: 'alice', send: message },
    // Only type and id of the reply are expected, because other values differ from run to run. An author can add the
    // values that matter.
    { as: 'alice', recv: { type: reply?.type ?? { $type: 'string' }, id: message.id } },
  ];
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
}
