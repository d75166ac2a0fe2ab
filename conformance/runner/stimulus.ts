/** Stimulus ports: the ways in which the suite makes the target emit events. All ports have the same interface. */
import { spawn } from 'node:child_process';
import { COMMAND_TIMEOUT_MS } from '../target/command.ts';
import type { ChildProcess } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { StimulusConfig } from '../target/config.ts';
import { asText, member, numberAt, textAt } from '../trace/json.ts';
import type { StimEvent, StimulusKind } from '../tape/tape.ts';
import { Connection } from './connection.ts';
import { HarnessError, PATIENCE_MS, UntestableError } from './context.ts';
import type { RunContext } from './context.ts';
import { sendRequest } from './http-request.ts';
import type { Cause } from './verdict.ts';

export interface StimulusPort {
  /** Makes the target emit one event. The witness, not the port, determines whether the event was emitted. */
  publish(event: StimEvent): Promise<void>;
  close(): void;
}

/** Thrown if the target rejected an event. The message contains the target's answer. */
export class StimulusError extends Error {
  override readonly name = 'StimulusError';
  readonly failureCause: Cause | undefined;

  constructor(message: string, failureCause?: Cause) {
    super(message);
    this.failureCause = failureCause;
  }
}

export interface PortOptions {
  readonly context: RunContext;
  readonly check: string;
}

/** How often a publish is retried after `rate_limited`. */
const RETRIES = 20;

function wait(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms);
  });
}

async function openInband({ context, check }: PortOptions): Promise<StimulusPort> {
  const options = { actor: 'publisher', spec: {}, check, timeoutMs: PATIENCE_MS * context.timeScale };
  const connection = new Connection(context, options);
  const refused = await connection.open(options);
  if (refused !== undefined)
    throw new UntestableError(`the publisher's upgrade was rejected with status ${refused.status}`);
  let serial = 0;
  const attempt = async (event: StimEvent): Promise<number | undefined> => {
    serial += 1;
    const id = `pub-${serial}`;
    await connection.sendCommand(JSON.stringify({ type: 'broadcast', id, data: { stream: 'main', ...event } }));
    const reply = await connection.find((frame) => textAt(frame.json, 'id') === id, options.timeoutMs);
    if (reply === undefined && connection.closed !== undefined)
      throw new StimulusError(
        `the connection of the publisher was closed with ${connection.closed.code} before the reply to the broadcast of ${event.event}`,
        connection.causeOfMiss({ type: 'broadcasted' }),
      );
    if (reply === undefined)
      throw new StimulusError(`no reply to the broadcast of ${event.event}`, {
        text: 'no reply to `broadcast`',
        unanswered: 'broadcast',
      });
    if (textAt(reply.json, 'type') === 'broadcasted') return undefined;
    const data = member(reply.json, 'data');
    if (textAt(data, 'code') === 'rate_limited') return numberAt(data, 'retryAfterMs') ?? 100;
    throw new StimulusError(`the broadcast of ${event.event} was answered by ${reply.text}`, {
      text: `\`broadcast\` is answered by \`${textAt(reply.json, 'type') ?? ''}\` ${textAt(data, 'code') ?? ''}`.trimEnd(),
    });
  };
  return {
    publish: async (event) => {
      for (let tries = 0; tries < RETRIES; tries += 1) {
        const again = await attempt(event);
        if (again === undefined) return;
        await wait(again);
      }
      throw new StimulusError(
        'the publisher was rate limited at every retry; raise its rate limit, or configure another stimulus',
      );
    },
    close: () => undefined,
  };
}

function openHttp({ context, check }: PortOptions): StimulusPort {
  const { method, path } = HTTP_OPERATIONS.post_broadcast;
  return {
    publish: async (event) => {
      for (let tries = 0; tries < RETRIES; tries += 1) {
        const answer = await sendRequest({
          context,
          check,
          request: { method, path, body: { stream: 'main', ...event } },
        });
        if (answer.status === 200) return;
        if (answer.status !== 429) {
          const text = `POST ${path} answered ${answer.status}`;
          throw new StimulusError(`${text}: ${answer.text}`, { text });
        }
        await wait(100);
      }
      throw new StimulusError(
        'the publisher was rate limited at every retry; raise its rate limit, or configure another stimulus',
      );
    },
    close: () => undefined,
  };
}

/** How long the stimulus command may take to exit after its input has ended, in milliseconds. */
const STIMULUS_GRACE_MS = 5000;

/** Starts a process, which receives one line per event until the port is closed. */
function openExec(command: readonly string[]): StimulusPort {
  const [program = '', ...rest] = command;
  const child: ChildProcess = spawn(program, rest, { stdio: ['pipe', 'ignore', 'inherit'] });
  let fault: string | undefined;
  child.on('error', (error) => (fault = error.message));
  child.on('exit', (code) => (fault = `its exit code was ${code ?? 'none, because a signal ended it'}`));
  child.stdin?.on('error', () => undefined);
  return {
    publish: async (event) => {
      if (fault !== undefined) throw new StimulusError(`the stimulus command does not run: ${fault}`);
      await new Promise<void>((done, reject) => {
        const late = new StimulusError('the stimulus command does not read its input');
        const timer = setTimeout(() => reject(late), COMMAND_TIMEOUT_MS);
        child.stdin?.write(`${JSON.stringify({ stream: 'main', ...event })}\n`, () => {
          clearTimeout(timer);
          done();
        });
      });
    },
    close: () => {
      child.stdin?.end();
      // Kill a command that still runs, so that it does not delay the exit of the suite.
      const timer = setTimeout(() => child.kill('SIGKILL'), STIMULUS_GRACE_MS);
      child.once('exit', () => clearTimeout(timer));
      if (fault !== undefined) clearTimeout(timer);
    },
  };
}

function openFs(directory: string): StimulusPort {
  const root = resolve(directory);
  const inside = (path: string): string => {
    const full = resolve(root, path);
    if (!full.startsWith(`${root}${sep}`)) throw new HarnessError(`${path} leads out of the watched directory`);
    return full;
  };
  return {
    publish: async ({ payload }) => {
      const { path, previousPath, changeType } = payload;
      const target = inside(asText(path));
      await mkdir(dirname(target), { recursive: true });
      if (changeType === 'delete') await rm(target);
      else if (changeType === 'rename') await rename(inside(asText(previousPath)), target);
      else await writeFile(target, `${asText(changeType)} ${process.hrtime.bigint()}\n`);
    },
    close: () => undefined,
  };
}

/** The port that `auto` selects for this target. */
export function choosePort(context: RunContext): StimulusConfig {
  const { stimulus } = context.config;
  if (stimulus.port !== 'auto') return stimulus;
  if (context.profile.welcome.features.broadcast) return { port: 'inband' };
  return { port: context.profile.http === 'served' ? 'http' : 'none' };
}

/** @throws {UntestableError} if the configured stimulus cannot make the target emit events of this kind. */
export async function openPort(kind: StimulusKind, options: PortOptions): Promise<StimulusPort> {
  const config = choosePort(options.context);
  if (config.port === 'fs' && kind === 'publish')
    throw new UntestableError(
      'the configured stimulus can only change files, but this check needs other events; set "stimulus" to inband, http or exec',
    );
  if (config.port === 'inband') return openInband(options);
  if (config.port === 'http') return openHttp(options);
  if (config.port === 'exec') return openExec(config.command);
  if (config.port === 'fs') return openFs(config.directory);
  throw new UntestableError(
    'no stimulus is configured: set --stimulus or "stimulus" to choose how the suite makes the gateway emit events',
  );
}
