import { expect, test } from 'vitest';
import { plainMessage } from './terminal.ts';

test('a long message that is cut within an address shows no part of its password', () => {
  const address = 'ws://ana:s3cret-part@h/ws';
  for (let before = 4096 - address.length; before < 4096; before += 1) {
    const shown = plainMessage(`${'a'.repeat(before - 1)} ${address} ${'b'.repeat(4096)}`);
    expect(shown).toHaveLength(4097);
    expect(shown).not.toMatch(/ana|s3c/);
  }
});

test('at most the first 4,096 characters of a message are shown', () => {
  const message = 'a'.repeat(4096);
  expect(plainMessage(message)).toBe(message);
  expect(plainMessage(`${message}a`)).toBe(`${message}…`);
});
