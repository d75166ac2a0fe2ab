/** A broker node in a separate process. It can be paused (SIGSTOP) and continued; the process of the test itself cannot. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { EventRecord, Position, PublishResult, StreamLoss } from '../broker.ts';
import { NodeHistory } from './history-checker.ts';

const PROGRAM = fileURLToPath(new URL('node-program.ts', import.meta.url));

export class NodeProcess {
  readonly history: NodeHistory;
  readonly acknowledged: PublishResult[] = [];
  readonly #child: ChildProcess;
  #finished: () => void = () => undefined;
  readonly #ended: Promise<void>;

  private constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.history = new NodeHistory(name);
    this.#ended = new Promise((resolve) => (this.#finished = resolve));
  }

  /** Starts the node. Resolves when it has attached the stream. @throws {Error} if the process ends before that */
  static async start(options: {
    readonly url: string;
    readonly name: string;
    readonly leaseMs?: number;
  }): Promise<NodeProcess> {
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const node = new NodeProcess(child, options.name);
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the node ${options.name} ended with ${code}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        const [kind, value] = JSON.parse(line) as [string, unknown];
        node.#take(kind, value);
        if (kind === 'start') resolve();
      });
    });
    return node;
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** Ends the publishing, and waits until the node has received the last event. */
  async finish(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  #take(kind: string, value: unknown): void {
    if (kind === 'start') this.history.start = value as Position;
    else if (kind === 'event') this.history.onEvent(value as EventRecord);
    else if (kind === 'loss') this.history.onLoss(value as StreamLoss);
    else if (kind === 'acknowledged') this.acknowledged.push(value as PublishResult);
    else if (kind === 'end') this.#finished();
  }
}
