/** A {@link Follower} or {@link StreamsFollower} that uses the Python client. One Python process serves all histories of a test file. */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Received, StreamsFollower } from '../../codegen/runtime/testing/stream-history.ts';
import { PYTHON_PROGRAM } from '../../scripts/python.ts';
import type { Follower, Seen } from './mirror-history.ts';

const ROOT = resolve(import.meta.dirname, '../..');

export class PythonFollowers {
  readonly #process = spawn(PYTHON_PROGRAM, [join(ROOT, 'codegen/python/tests/follower.py')], {
    env: { ...process.env, PYTHONPATH: join(ROOT, 'generated/python') },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  readonly #lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();

  readonly follow = async (url: string): Promise<Follower> => {
    await this.#order({ open: url });
    return {
      report: async () => (await this.#order({ report: true })) as Seen,
      close: async () => void (await this.#order({ close: true })),
    };
  };

  readonly followStreams = async (url: string, limit: number): Promise<StreamsFollower> => {
    await this.#order({ open: url, limit });
    return {
      report: async () => (await this.#order({ report: true })) as Received,
      close: async () => void (await this.#order({ close: true })),
    };
  };

  end(): void {
    this.#process.kill();
  }

  async #order(order: object): Promise<unknown> {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the Python client has ended');
    return JSON.parse(value);
  }
}
