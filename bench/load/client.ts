/** Runs the load client: the C program if a C compiler is installed, otherwise the TypeScript program. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const BUILT = fileURLToPath(new URL('../../node_modules/.cache/tidemark/bench/', import.meta.url));

/** The figures of one run of the load client. */
export interface LoadResult {
  readonly deliveries: number;
  readonly exact: boolean;
  /** Processing time of the server per delivery, in microseconds. */
  readonly cpuUs: number;
  readonly seconds: number;
  /** Median time from publishing to receiving, in milliseconds; 0 in modes other than `rate`. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How much the server's memory grows per connection, in KiB; 0 if the load client does not measure it. */
  readonly connectionKib: number;
}

export interface Load {
  readonly mode: 'flight' | 'rate' | 'replay';
  readonly connections: number;
  readonly events: number;
  /** For the mode `flight`: the maximum number of events in flight, and how many events are published at once. */
  readonly window?: number;
  readonly burst?: number;
  /** For the mode `rate`: events per second. */
  readonly rate?: number;
}

export interface Server {
  readonly port: number;
  readonly controlPort: number;
  readonly pid: number;
  readonly path: string;
  /** The text frame that each connection sends first. */
  readonly hello: string;
}

/**
 * Compiles a C program or library of this directory. @returns the path of the result, or undefined if no compiler is installed
 */
export function compile(name: string, kind: 'program' | 'library' = 'program'): string | undefined {
  mkdirSync(BUILT, { recursive: true });
  const program = `${BUILT}${name}`;
  const flags = kind === 'library' ? ['-shared', '-fPIC'] : [];
  const { status, stderr } = spawnSync('cc', ['-O2', ...flags, '-o', program, `${HERE}${name}.c`], {
    encoding: 'utf8',
  });
  if (status === 0) return program;
  if (status !== null) throw new Error(`cc could not compile ${name}.c: ${stderr}`);
  return undefined;
}

export class LoadClient {
  readonly language: 'C' | 'TypeScript';
  readonly #command: readonly [string, ...string[]];

  constructor() {
    const program = compile('load');
    this.language = program === undefined ? 'TypeScript' : 'C';
    this.#command = program === undefined ? [process.execPath, `${HERE}load.ts`] : [program];
  }

  /** Runs the load client against a server. @throws {Error} if an event was missing, repeated or out of order on any connection */
  async run(server: Server, load: Load): Promise<LoadResult> {
    const { mode, connections, events, window = 1, burst = 1, rate = 1 } = load;
    const [program, ...first] = this.#command;
    const numbers = [events, window, burst, rate].map(String);
    const args = [
      server.port,
      server.path,
      server.controlPort,
      server.pid,
      connections,
      server.hello,
      mode,
      ...numbers,
    ];
    const { stdout } = await promisify(execFile)(program, [...first, ...args.map(String)]);
    return JSON.parse(stdout) as LoadResult;
  }
}
