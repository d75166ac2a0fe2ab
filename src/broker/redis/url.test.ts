import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeRedis, parseRedisUrl } from './url.ts';

describe('a Redis URL', () => {
  test.each([
    ['redis://localhost', { mode: 'single', hosts: [{ host: 'localhost', port: 6379 }], db: 0, prefix: 'tidemark' }],
    ['redis://h:7000/3?prefix=ci', { mode: 'single', hosts: [{ host: 'h', port: 7000 }], db: 3, prefix: 'ci' }],
    ['redis://[::1]:7000', { mode: 'single', hosts: [{ host: '::1', port: 7000 }], db: 0, prefix: 'tidemark' }],
    [
      'redis://ana:p%40ss%3Aword@h',
      {
        mode: 'single',
        hosts: [{ host: 'h', port: 6379 }],
        username: 'ana',
        password: 'p@ss:word',
        db: 0,
        prefix: 'tidemark',
      },
    ],
    [
      'rediss+sentinel://:secret@a,b:5000/mymaster/2',
      {
        mode: 'sentinel',
        hosts: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 5000 },
        ],
        master: 'mymaster',
        password: 'secret',
        tls: {},
        db: 2,
        prefix: 'tidemark',
      },
    ],
    [
      'redis+cluster://a:1,b:2',
      {
        mode: 'cluster',
        hosts: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
        ],
        db: 0,
        prefix: 'tidemark',
      },
    ],
  ])('%s is understood', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  test.each([
    ['http://h', /is not of the form redis:/],
    ['redis://', /is not of the form/],
    ['redis://:pa%ss@h', /"%" in its password .* percent-encoding .*: write a literal "%" as %25/],
    ['redis://%zz:pass@h', /"%" in its user name/],
    ['redis+sentinel://h/my%master', /"%" in its name of the master/],
    ['redis://ana:p/w@h', /percent-encoded: %2F for \/, %40 for @/],
    ['redis://a,b', /several hosts: use redis\+sentinel/],
    ['redis://h:99999', /expected host\[:port\]/],
    ['redis://h/db', /expected a database number/],
    ['redis+sentinel://h', /needs the name of the master/],
    ['redis+cluster://h/1', /only database 0/],
    ['redis://h?tls=yes', /unknown parameter "tls"; known parameters: ca,/],
    ['redis://h?prefix={x}', /The prefix in the Redis URL must have/],
    ['rediss://h?ca=/nowhere/ca.pem', /ca names \/nowhere\/ca.pem, which cannot be read/],
  ])('%s is rejected, and the error contains what was expected', (url, text) => {
    expect(() => parseRedisUrl(url)).toThrow(text);
  });

  test('without its host is rejected without quoting the password', () => {
    for (const url of [
      'redis://ana:s3cret',
      'redis://:s3cret/1',
      'redis://ana:s3/cret@h',
      'redis+cluster://a,ana:s3cret',
    ])
      expect(() => parseRedisUrl(url)).toThrow(/^(?!.*(?:s3|cret))/);
  });

  test('may name files with TLS certificates, whose content is read', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-url-'));
    writeFileSync(join(directory, 'ca.pem'), 'CA');
    const { tls } = parseRedisUrl(`rediss://h?ca=${directory}/ca.pem&servername=redis.example`);
    rmSync(directory, { recursive: true });
    expect(tls).toEqual({ ca: 'CA', servername: 'redis.example' });
  });

  test('is never shown with its password, not even when it is rejected', () => {
    expect(describeRedis(parseRedisUrl('rediss+sentinel://ana:secret@[::1],b/mymaster/2'))).toBe(
      'rediss+sentinel://[::1]:26379,b:26379/mymaster/2',
    );
    const unencoded = [
      'redis://ana:6/secret@h',
      'redis://:se/secret@h',
      'redis://:secret/x?y@h',
      'redis://:1/2?secret@h',
    ];
    for (const url of ['redis://ana:secret@h/db', 'redis://ana:secret@h@h', 'redis://ana:secret@h:x', ...unencoded]) {
      expect(() => parseRedisUrl(url)).toThrow(/^((?!secret).)*$/s);
    }
  });
});
