import { afterEach, describe, expect, test, vi } from 'vitest';
import { withoutCredentials, withoutUserPart } from './credential-mask.ts';

afterEach(() => void vi.unstubAllEnvs());

describe('a message', () => {
  test.each([
    ['ws://ana:secret@h/ws', 'ws://…@h/ws'],
    ["'ws://ana:se/cr?et@h'", "'ws://…@h'"],
    ['(http://ana:se@cret@h:1).', '(http://…@h:1).'],
    ['No gateway answers at ws://ana:secret@h (why).', 'No gateway answers at ws://…@h (why).'],
    ['file:///srv/@a/b.js,http://ana:secret@h', 'file:///srv/@a/b.js,http://…@h'],
    ['http://h/ws?a=1&token=secret&b=2', 'http://h/ws?a=1&token=…&b=2'],
    ['ws://h/ws#token=secret', 'ws://h/ws#token=…'],
    ['ws://h/ws?a=1#a=1&api_key=secret', 'ws://h/ws?a=1#a=1&api_key=…'],
    ['http://h/ws?API_Key=sec"ret', 'http://h/ws?API_Key=…'],
    ["unknown option '--token=sec'ret'", "unknown option '--token=…'"],
    ['--access-token=secret', '--access-token=…'],
    ['--access_token=secret,', '--access_token=…,'],
    ['--api_key=secret', '--api_key=…'],
    ['--x_api-key=secret', '--x_api-key=…'],
    ['-token=secret', '-token=…'],
  ])('shows no credential of %j', (message, shown) => {
    expect(withoutCredentials(message, [])).toBe(shown);
    expect(withoutCredentials(shown, [])).toBe(shown);
  });

  test.each([
    'at file:///srv/node_modules/@fastify/static/index.js:12:7',
    '    at get (file:///srv/node_modules/@fastify/static/index.js:12:7)',
    'ws://127.0.0.1:7400/ws',
    'subscribe:file_change@main',
    'user:ana@example.org',
    'http://h/docs#tokens',
    '--idempotency-key=7 --token-file=secret.txt tokens=5',
  ])('without a credential is not changed: %j', (message) => {
    expect(withoutCredentials(message, [])).toBe(message);
  });

  test.each([
    ["option '--http <host:port>' argument 'http://ana:sec ret@h:1' is invalid.", '--http=http://ana:sec ret@h:1'],
    ["option '--http <host:port>' argument 'http://ana:sec ret@h:1' is invalid.", 'http://ana:sec ret@h:1'],
    ["argument 'ws://ana:sec\nret@h/ws' is invalid", 'ws://ana:sec\nret@h/ws'],
    [JSON.stringify({ url: 'ws://ana:s"ec ret@h' }), 'ws://ana:s"ec ret@h'],
    ["unknown option '--token=sec'r et'", "--token=sec'r et"],
    ["unknown option '--password=sec ret'", '--password=sec ret'],
    ["unknown option '--a=http://ana:sec ret@h'", '--a=http://ana:sec ret@h'],
    ['got 1: ws://h/ws#token=sec ret.', 'ws://h/ws#token=sec ret'],
    ['got 1: ws://h/ws?token=sec ret.', 'ws://h/ws?token=sec ret'],
  ])('that quotes an argument shows no part of its credential: %j', (message, argument) => {
    const shown = withoutCredentials(message, ['listen', argument]);
    expect(shown).toContain('…');
    expect(shown).not.toMatch(/sec|ret|r et/);
  });

  test('that quotes two arguments, of which one begins with the other, shows no credential', () => {
    const given = ['ws://ana:secret@h', 'ws://ana:secret@h canary@k'];
    expect(withoutCredentials(`got 2: ${given.join(', ')}.`, given)).toBe('got 2: ws://…@h, ws://…@k.');
  });

  test('that quotes a variable shows no part of its credential', () => {
    vi.stubEnv('TIDEMARK_URL', 'ws://ana:sec ret@h');
    const message = "option '--url <url>' value 'ws://ana:sec ret@h' from env 'TIDEMARK_URL' is invalid.";
    expect(withoutCredentials(message)).toBe(message.replace('ana:sec ret', '…'));
  });

  test('is masked in time proportional to its length', () => {
    const start = process.cpuUsage();
    for (const part of [
      'a',
      'a://',
      'file:///',
      '@',
      'a://@',
      '://@ ',
      '?',
      '?token=',
      '--token=',
      '-',
      "'",
      'a ',
      ' ',
    ])
      for (const end of ['', '@', ' a://b@c', "'a"])
        withoutCredentials(`${part.repeat(1_000_000 / part.length)}${end}`, ['ws://ana:secret@h', '--token=x']);
    expect(process.cpuUsage(start).user).toBeLessThan(30_000_000);
  });
});

test('the user part of an address ends at its last @', () => {
  expect(withoutUserPart('redis://ana:a @b/c@h:6379/2')).toBe('redis://…@h:6379/2');
});
