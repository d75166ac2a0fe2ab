/** `conformance record`: records the traffic between real clients and a real gateway. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { parseAddress } from '../target/config.ts';
import { startRecorder } from '../record/recorder.ts';
import type { Recorder, RecorderOptions } from '../record/recorder.ts';
import { EXIT } from '../runner/verdict.ts';
import { UsageError, printStatus } from './terminal.ts';

export interface RecordFlags {
  readonly listen: string;
  readonly target: string;
  readonly httpUrl?: string;
  readonly out: string;
}

/** Parses `:9000`, `9000` or `0.0.0.0:9000`. Without a host, only programs on this machine can connect. */
function listenAt(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':');
  const host = colon <= 0 ? '127.0.0.1' : text.slice(0, colon);
  const port = Number(text.slice(colon + 1));
  if (!/^\d+$/.test(text.slice(colon + 1)) || port > 65_535)
    throw new UsageError(`--listen must be a port, such as :9000, or HOST:PORT, not ${JSON.stringify(text)}.`);
  return { host, port };
}

function optionsOf({ target: address, httpUrl: httpAddress, listen, out }: RecordFlags): RecorderOptions {
  const target = parseAddress(address, '--target', 'ws');
  const beside = new URL(target.href.replace(/^ws/, 'http')).origin;
  const httpTarget = parseAddress(httpAddress ?? beside, '--http-url', 'http');
  if (existsSync(out)) throw new UsageError(`${out} already exists; choose another file with --out.`);
  return {
    ...listenAt(listen),
    target,
    httpTarget,
    out,
    onConnection: (actor, how) => printStatus(`${actor}: ${how}`),
  };
}

async function start(options: RecorderOptions, listen: string): Promise<Recorder> {
  try {
    return await startRecorder(options);
  } catch (cause) {
    const { code, syscall }: Partial<NodeJS.ErrnoException> = cause instanceof Error ? cause : {};
    if (code === 'EADDRINUSE')
      throw new UsageError(`Port ${options.port} is in use; choose another with --listen.`, { cause });
    if (syscall === 'open')
      throw new UsageError(`${options.out} cannot be written (${code}); choose another file with --out.`, { cause });
    if (syscall === 'listen' || syscall === 'getaddrinfo')
      throw new UsageError(`Cannot listen at ${listen} (${code}); choose another address with --listen.`, { cause });
    throw cause;
  }
}

/** Records until the process is interrupted. */
export async function recordCommand(flags: RecordFlags): Promise<number> {
  const recorder = await start(optionsOf(flags), flags.listen);
  printStatus(`recording to ${flags.out}; connect your clients to ${recorder.url}; press Ctrl-C to stop`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const frames = recorder.frames();
  await recorder.close();
  printStatus(
    `Wrote ${frames} frames to ${flags.out}. Make a tape with: npx tidemark conformance generalise ${flags.out} …`,
  );
  return EXIT.ok;
}
