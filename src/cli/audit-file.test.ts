/** The reader of the audit log stops reading. The gateway continues to serve; it counts and reports the lines that it drops. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { CliRunner, wait } from '../testing/cli-process.ts';
import { openAuditFile } from './audit-file.ts';

let home: string;
let runner: CliRunner;
const descriptors: number[] = [];

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tidemark-audit-'));
  runner = new CliRunner(home);
});
afterEach(async () => {
  await runner.close();
  for (const fd of descriptors.splice(0)) closeSync(fd);
});
afterAll(() => rmSync(home, { recursive: true }));

/** Creates a FIFO with a reader that reads nothing until `readAll` is called. */
function fifo(name: string): { readonly file: string; readonly readAll: () => string } {
  const file = join(home, name);
  execFileSync('mkfifo', [file]);
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  descriptors.push(fd);
  const buffer = Buffer.alloc(1024 * 1024);
  const readAll = (): string => {
    try {
      return buffer.toString('utf8', 0, readSync(fd, buffer));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return '';
      throw error;
    }
  };
  return { file, readAll };
}

test('while no process reads, lines are dropped and counted, and the log shows where they are missing', async () => {
  const { file, readAll } = fifo('unit');
  const reports: string[] = [];
  const audit = openAuditFile({ file, report: (text) => reports.push(text), mostWaitingBytes: 200_000 });
  const outcomes = Array.from({ length: 5_000 }, (_, n) => audit.sink(JSON.stringify({ n, fill: 'x'.repeat(90) })));
  const dropped = outcomes.filter((each) => each === 'dropped').length;
  expect(dropped).toBeGreaterThan(1_000);
  expect(reports).toEqual([`The audit log ${file} is not written fast enough: lines are dropped.`]);
  let text = '';
  await vi.waitUntil(() => (text += readAll()).includes('"lost"'), wait);
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.at(-1)).toMatchObject({ kind: 'lost', lines: dropped });
  expect(lines.slice(0, -1).map(({ n }) => n)).toEqual(outcomes.flatMap((each, n) => (each === 'taken' ? [n] : [])));
  await audit.close();
});

test('a FIFO that no process reads is refused at once, with the reason', () => {
  const file = join(home, 'unread');
  execFileSync('mkfifo', [file]);
  expect(() => openAuditFile({ file, report: () => undefined })).toThrow('no process reads');
});

test('the file is readable for its owner only, and contains every line when it is closed', async () => {
  const file = join(home, 'plain');
  const audit = openAuditFile({ file, report: () => undefined });
  for (let n = 0; n < 2_000; n += 1) expect(audit.sink(`{"n":${n}}`)).toBe('taken');
  await audit.close();
  expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(2_000);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a gateway answers requests and shuts down while the reader of its audit log has stopped', async () => {
  const { file } = fifo('gateway');
  const { cli, url } = await runner.serve(['--audit-file', file]);
  const http = url.replace('ws:', 'http:');
  // Each request is refused and audited. Together, these audit lines exceed the capacity of the FIFO.
  for (let round = 0; round < 15; round += 1)
    await Promise.all(
      Array.from({ length: 100 }, () => fetch(`${http}/health?token=x`).then((answer) => answer.text())),
    );
  expect((await fetch(new URL('/healthz', http))).status).toBe(200);
  cli.process.kill('SIGTERM');
  expect(await cli.ended).toBe(0);
});
