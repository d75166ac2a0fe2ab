/** Real redis-server processes for tests. Each process has its own port and directory, and is ended by its process id. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../testing/free-port.ts';

export interface RedisProcessOptions {
  /** Settings of redis-server, such as `{ appendonly: 'yes' }` for `--appendonly yes`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines of a configuration file for `redis-server --sentinel`. Without them, the process is a normal server. */
  readonly sentinel?: readonly string[];
  /** The port of the server; by default a free one. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
}

class ServerEnded extends Error {}

export class RedisProcess {
  readonly port: number;
  readonly directory: string;
  readonly #mode: readonly string[];
  readonly #settings: Readonly<Record<string, string>>;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;

  private constructor(port: number, { settings, sentinel, env = {} }: RedisProcessOptions) {
    this.#env = env;
    this.port = port;
    this.directory = mkdtempSync(join(tmpdir(), 'tidemark-redis-'));
    if (sentinel === undefined) {
      this.#mode = [];
      this.#settings = { save: '', appendonly: 'no', 'enable-debug-command': 'yes', ...settings };
    } else {
      const file = join(this.directory, 'sentinel.conf');
      writeFileSync(file, sentinel.join('\n'));
      this.#mode = [file, '--sentinel'];
      this.#settings = { ...settings };
    }
  }

  /** Starts a server. @throws {Error} with the command that installs redis-server, if redis-server is missing */
  static async start(options: RedisProcessOptions = {}): Promise<RedisProcess> {
    for (let attempt = 1; ; attempt += 1) {
      const redis = new RedisProcess(options.port ?? (await freePort()), options);
      try {
        await redis.launch();
        return redis;
      } catch (error) {
        await redis.stop();
        // Another process may have taken the port after it was found to be free.
        if (options.port !== undefined || attempt === 5 || !(error instanceof ServerEnded)) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts the server, or restarts it with the same port and directory after it has ended. Resolves when the server answers. */
  async launch(): Promise<void> {
    const settings = { port: String(this.port), dir: this.directory, ...this.#settings };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const child = spawn('redis-server', [...this.#mode, ...args], {
      stdio: 'ignore',
      env: { ...process.env, ...this.#env },
    });
    this.#child = child;
    const failed = new Promise<never>((_, reject) => {
      child.once('error', (cause) => {
        reject(new Error('redis-server does not start; on Debian: apt-get install -y redis-server', { cause }));
      });
      child.once('exit', (code) => reject(new ServerEnded(`redis-server ended with ${code}`)));
    });
    await Promise.race([this.#answers(), failed]);
    failed.catch(() => undefined);
  }

  /** Kills the process, as in a crash. Resolves when it has ended. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Sends one command and returns the raw reply. Tests use it for commands that a broker never sends. */
  command(...words: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1');
      socket.setTimeout(10_000, () => socket.destroy(new Error('Redis does not answer')));
      socket.once('error', reject);
      // When sentinels promote a server, they disconnect all clients of this server.
      socket.once('close', () => reject(new Error('Redis closed the connection without a reply')));
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data.toString());
      });
      socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
    });
  }

  /** Resolves when the reply to a command contains a text. The time limit only prevents a test from hanging. */
  async answers(command: readonly string[], text: string, withinMs = 60_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!(await this.command(...command).catch(() => '')).includes(text)) {
      if (performance.now() > deadline) throw new Error(`${command.join(' ')}: the reply does not contain ${text}`);
      await delay(20);
    }
  }

  async #answers(): Promise<void> {
    for (let attempt = 0; attempt < 1_000; attempt += 1) {
      const reply = await this.command('PING').catch(() => '');
      if (reply.startsWith('+PONG')) return;
      await delay(20);
    }
    throw new Error('redis-server does not answer');
  }
}
