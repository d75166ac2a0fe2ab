import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { residentMebibytes } from './resident-memory.ts';

describe('the resident memory of a process', () => {
  test('is in MiB', () => {
    const expected = process.memoryUsage().rss / 1024 ** 2;
    expect(residentMebibytes(process.pid)).toBeGreaterThan(expected / 2);
    expect(residentMebibytes(process.pid)).toBeLessThan(expected * 2);
  });

  test('cannot be read after the process has ended', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    expect(() => residentMebibytes(pid)).toThrow(`The resident memory of process ${pid} cannot be read`);
  });
});
