/** `tidemark completion`: a real bash loads the script for bash. The scripts of the other shells are checked to contain the same words. */
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CliRunner } from '../testing/cli-process.ts';

const runner = new CliRunner(tmpdir());
const scripts: Record<string, string> = {};

beforeAll(async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await runner.finish(['completion', shell]);
    scripts[shell] = stdout;
  }
});
afterEach(() => runner.close());

/** Returns what bash offers if the user has typed `words` and presses the Tab key. */
function offered(...words: readonly string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(' ');
  const program = `${scripts['bash'] ?? ''}
COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _tidemark; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-u', '-c', program], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((each) => each !== '');
}

describe('in bash', () => {
  test('commands are offered, and the commands below them', () => {
    expect(offered('tidemark', '')).toEqual(
      expect.arrayContaining(['serve', 'listen', 'status', 'config', 'key', 'completion', '--version', '--help']),
    );
    expect(offered('tidemark', 'ser')).toEqual(['serve']);
    expect(offered('tidemark', 'config', '')).toEqual(expect.arrayContaining(['show', 'check', 'schema']));
    expect(offered('tidemark', 'completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
  });

  test('flags are those of the command', () => {
    expect(offered('tidemark', 'serve', '--wat')).toEqual(['--watch', '--watch-stream', '--watch-hash']);
    expect(offered('tidemark', 'key', 'rotate', '--')).toContain('--overlap');
    expect(offered('tidemark', 'status', '--')).not.toContain('--watch');
  });

  test('a flag with known values offers these values, other flags offer file names', () => {
    expect(offered('tidemark', 'serve', '--broadcast', '')).toEqual(['on', 'off']);
    expect(offered('tidemark', 'serve', '--json', '--log-level', 'w')).toEqual(['warn']);
    expect(offered('tidemark', 'serve', '--config', 'completion.te')).toEqual(['completion.test.ts']);
  });
});

test('zsh and fish have the same commands and flags', () => {
  for (const shell of ['zsh', 'fish'])
    for (const word of ['watch-stream', 'rotate', 'overlap', 'completion', 'schema', "'config show'"])
      expect(scripts[shell]?.replaceAll(String.raw`\'`, "'")).toContain(word);
});

test('an unknown shell is rejected with a list of the known shells', async () => {
  const { code, stderr } = await runner.finish(['completion', 'powershell']);
  expect(code).toBe(2);
  expect(stderr).toContain('bash, zsh, fish');
});
