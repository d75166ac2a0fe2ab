/**
 * `tidemark send`: sends one message and prints every frame until the reply arrives. This command does not use the client SDK, so it can
 * print the frames unchanged.
 */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { SUBPROTOCOL } from '../../generated/protocol.ts';
import { withoutCredentials } from './credential-mask.ts';
import { CliError, EXIT } from './exit.ts';
import { connectionFailureText } from './handshake.ts';
import { remoteOptions, secretOf, unreachable, webSocketUrl } from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { plain, print, printStatus } from './terminal.ts';

interface SendOptions extends RemoteOptions {
  readonly follow?: true;
  /** How long to wait for the reply, in seconds. */
  readonly timeout: number;
}

interface Frame {
  readonly type?: unknown;
  readonly id?: unknown;
  readonly data?: { readonly code?: unknown };
}

/** Maximum number of characters of an unexpected frame in an error message. */
const MOST_SHOWN = 60;
const AUTHENTICATION = 'authenticate';
/** The close code of a normal end (RFC 6455, 7.4.1). */
const NORMAL = 1000;

export function registerSend(program: Command): void {
  remoteOptions(program.command('send'))
    .description('send one message, and print every frame up to the reply as a line of JSON')
    .argument('<message>', 'a command as JSON, such as {"type":"ping","data":{}}', readMessage)
    .option('--follow', 'keep printing frames after the reply, until Ctrl-C')
    .option('--timeout <seconds>', 'exit with 5 if no reply arrives within the given time', readSeconds, 10)
    .action(send);
}

function readMessage(text: string): Frame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('Expected JSON, such as {"type":"ping","data":{}}.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidArgumentError('Expected a JSON object, such as {"type":"ping","data":{}}.');
  // The reply has the same id as the message (ENV-3), so the reply can be recognised.
  return { id: 'c1', ...value };
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && seconds > 0) return seconds;
  throw new InvalidArgumentError('Expected a number of seconds above 0.');
}

async function send(message: Frame, options: SendOptions): Promise<void> {
  const url = webSocketUrl(options.url);
  const socket = new WebSocket(url, SUBPROTOCOL);
  const interrupted = (): void => {
    process.exitCode = options.follow === true ? EXIT.ok : EXIT.interrupted;
    socket.close(NORMAL);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    await exchange(socket, message, { options, url });
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    socket.close(NORMAL);
  }
}

interface Exchange {
  readonly options: SendOptions;
  readonly url: string;
}

/** Resolves when the reply arrives. @throws {CliError} if the connection fails or no reply arrives in time */
function exchange(socket: WebSocket, message: Frame, { options, url }: Exchange): Promise<void> {
  const secret = secretOf(options);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let isOpen = false;
  const timer = setTimeout(() => {
    reject(
      new CliError(
        `No reply arrived within ${options.timeout} s. Raise --timeout if the gateway is busy.`,
        EXIT.unreachable,
      ),
    );
  }, options.timeout * 1000);
  socket.addEventListener('open', () => {
    isOpen = true;
    if (Object.keys(secret).length > 0)
      socket.send(JSON.stringify({ type: AUTHENTICATION, id: AUTHENTICATION, data: secret }));
    socket.send(JSON.stringify(message));
  });
  const onMessage = ({ data }: { readonly data: unknown }): void => {
    const frame = readFrame(data);
    if (frame === undefined) {
      socket.removeEventListener('message', onMessage);
      reject(notFromGateway(url, data));
      return;
    }
    print(plain(String(data))).catch(reject);
    if (frame.id !== message.id) return;
    clearTimeout(timer);
    if (frame.type === 'error')
      process.exitCode =
        frame.data?.code === 'forbidden' || frame.data?.code === 'unauthenticated' ? EXIT.auth : EXIT.runtime;
    if (options.follow !== true) resolve();
  };
  socket.addEventListener('message', onMessage);
  socket.addEventListener('close', ({ code, reason }) => {
    if (!isOpen) {
      void connectionFailureText(url).then((why) => reject(unreachable(url, why)));
      return;
    }
    if (code !== NORMAL) {
      printStatus(`closed with ${code} ${plain(reason)}`.trimEnd());
      process.exitCode = EXIT.runtime;
    }
    resolve();
  });
  return promise.finally(() => clearTimeout(timer));
}

/** @returns undefined if no gateway sends this frame (ENV-1) */
function readFrame(data: unknown): Frame | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const value: unknown = JSON.parse(data);
    return isFrame(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isFrame(value: unknown): value is Frame {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function notFromGateway(url: string, data: unknown): CliError {
  const frame = typeof data === 'string' ? `the text ${quoted(data)}` : 'a binary frame';
  const text = `${url} sent ${frame}; expected a JSON object with a "type". Check that --url is the address of the WebSocket of a gateway.`;
  return new CliError(text, EXIT.runtime);
}

function quoted(frame: string): string {
  const text = withoutCredentials(frame);
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  return plain(JSON.stringify(shown));
}
