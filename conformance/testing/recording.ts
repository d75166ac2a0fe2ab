/** A recorder in a separate process, as a user runs it, in front of a gateway. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SUITE = fileURLToPath(new URL('../command/main.ts', import.meta.url));
const SESSION = fileURLToPath(new URL('ide-session.ts', import.meta.url));

export interface Recording {
  readonly url: string;
  /** Interrupts the recorder (Ctrl-C) and returns its exit code. */
  stop(): Promise<number | null>;
}

export async function record(target: string, out: string): Promise<Recording> {
  const args = [SUITE, 'record', '--listen', ':0', '--target', target, '--out', out];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const [line] = (await once(createInterface({ input: child.stderr }), 'line')) as [string];
  const [url = ''] = /ws:\S+(?=;)/.exec(line) ?? [];
  return {
    url,
    stop: async () => {
      const gone = once(child, 'exit') as Promise<[number | null]>;
      child.kill('SIGINT');
      const [code] = await gone;
      return code;
    },
  };
}

/** Runs an editor's session through a recorder until it ends. */
export async function runIdeSession(url: string, directory: string): Promise<number | null> {
  const child = spawn(process.execPath, [SESSION, url, directory], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}
