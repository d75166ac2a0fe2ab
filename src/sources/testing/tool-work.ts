/**
 * Work of real programs in a directory: Git, Vim, npm and mounts. One further kind is a period in which this process has no free file
 * descriptors. Each kind of work takes long, so a test runs only a few of them.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** A limit that is lower than the number of descriptors that the process has open, so that it cannot open any file. */
const NO_DESCRIPTORS = 3;
/** How long file descriptors are exhausted, in seconds. It is longer than the source needs to read a file after its report. */
const STARVED_SECONDS = 0.2;

function run(program: string, args: readonly string[], cwd: string): void {
  const { status, error, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8', timeout: 120_000 });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

/** A shell that is started in advance, because no process can be started while descriptors are exhausted. */
class Helper {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;

  constructor(cwd: string) {
    this.#child = spawn('sh', [], { cwd, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#lines = createInterface({ input: this.#child.stdout });
  }

  /** Runs a script in the shell. Resolves when the script has ended. */
  run(script: string): Promise<void> {
    return new Promise((done) => {
      this.#lines.once('line', () => done());
      this.#child.stdin.write(`${script}\necho done\n`);
    });
  }

  close(): void {
    this.#child.kill();
  }
}

export class ToolWork {
  readonly #directory: string;
  readonly #helper: Helper;
  readonly #mounted = new Set<string>();
  #serial = 0;
  #branch = 0;
  /** The kinds of work that have succeeded at least once. */
  readonly succeeded = new Set<string>();

  /** Makes the directory a Git repository with two branches of 60 files each. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#helper = new Helper(directory);
    this.#git('init', '-q', '-b', 'branch-0');
    for (const branch of [0, 1]) {
      if (branch === 1) this.#git('checkout', '-q', '-b', 'branch-1');
      for (let n = 0; n < 60; n += 1) {
        mkdirSync(join(directory, `src${n % (5 + branch)}`), { recursive: true });
        writeFileSync(join(directory, `src${n % (5 + branch)}`, `file${n}.ts`), `${branch} ${n}\n`);
      }
      this.#git('add', '-A');
      this.#git('-c', 'user.name=t', '-c', 'user.email=t@example', 'commit', '-q', '-m', `branch ${branch}`);
    }
    this.#git('checkout', '-q', 'branch-0');
  }

  readonly #kinds: Readonly<Record<string, () => void | Promise<void>>> = {
    checkout: () => {
      this.#branch = 1 - this.#branch;
      this.#git('checkout', '-q', '-f', `branch-${this.#branch}`);
    },
    stash: () => {
      // Remove a conflict that an earlier stash may have caused. It would make every later stash fail.
      this.#git('reset', '-q', '--hard');
      writeFileSync(join(this.#directory, 'src0', 'file0.ts'), `stashed ${this.#next()}\n`);
      this.#git('-c', 'user.name=t', '-c', 'user.email=t@example', 'stash', '-q', '-u');
      this.#git('stash', 'pop', '-q');
    },
    vim: () => this.#vim(join('src0', `file${this.#next() % 10}.ts`), []),
    vimWithBackup: () => this.#vim('edited', ['set backup', 'set backupcopy=no']),
    npmCi: () => this.#npmCi(),
    mount: () => {
      const at = join(this.#directory, `mounted${this.#next() % 2}`);
      mkdirSync(at, { recursive: true });
      if (this.#mounted.has(at)) return this.#unmount(at);
      run('mount', ['-t', 'tmpfs', 'none', at], this.#directory);
      this.#mounted.add(at);
      mkdirSync(join(at, 'inside'));
      writeFileSync(join(at, 'inside', 'file'), `${this.#serial}`);
    },
    starve: () => this.#starve(),
  };

  /** Runs one kind of work. If the work is impossible in the current tree, it has no effect. */
  async run(kind: string): Promise<void> {
    try {
      await this.#kinds[kind]?.();
      this.succeeded.add(kind);
    } catch {
      // Errors are expected in random work. For example, there may be a file where a directory is needed, or a merge may conflict.
    }
  }

  close(): void {
    for (const at of this.#mounted) this.#unmount(at);
    this.#helper.close();
  }

  #next(): number {
    this.#serial += 1;
    return this.#serial;
  }

  #git(...args: readonly string[]): void {
    run('git', args, this.#directory);
  }

  /** Saves a file as Vim does: Vim writes a swap file and a new file, and renames the new file. */
  #vim(file: string, settings: readonly string[]): void {
    const commands = [...settings, `normal ggiline ${this.#next()}`, 'write!', 'quit!'];
    const args = commands.flatMap((each) => ['-c', each]);
    run('vim', ['-e', '-s', '-u', 'NONE', '-i', 'NONE', ...args, file], this.#directory);
  }

  #npmCi(): void {
    const home = join(this.#directory, 'package');
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'p', version: `1.0.${this.#next()}` }));
    run('npm', ['install', '--package-lock-only', '--offline', '--no-audit', '--no-fund'], home);
    run('npm', ['ci', '--offline', '--no-audit', '--no-fund'], home);
  }

  #unmount(at: string): void {
    run('umount', [at], tmpdir());
    this.#mounted.delete(at);
  }

  /** Changes files while this process cannot open any file. */
  async #starve(): Promise<void> {
    const name = `starved${this.#next()}`;
    const limit = `prlimit --pid ${process.pid} --nofile`;
    await this.#helper.run(
      [
        `before=$(${limit} --noheadings --output SOFT)`,
        `${limit}=${NO_DESCRIPTORS}:`,
        `mkdir -p ${name}/sub && echo 1 > ${name}/sub/file && echo 2 > ${name}/file`,
        `sleep ${STARVED_SECONDS}`,
        `${limit}=$before:`,
        `echo 3 > ${name}/sub/later`,
      ].join('\n'),
    );
  }
}
