import { describe, expect, test } from 'vitest';
import { checkOf } from '../trace/finding.ts';
import { CONCEALED, TRACE_VERSION, Trace } from '../trace/trace.ts';
import type { NewFrame } from '../trace/trace.ts';
import { leaksIn } from './leak.ts';
import { nothingLeaks } from './nothing-leaks.ts';

const trace = (): Trace => new Trace({ trace: TRACE_VERSION, startedAt: '', target: '' }, () => 0);
const frame = (dir: NewFrame['dir'], text: string, kind: NewFrame['kind'] = 'text'): NewFrame => ({
  actor: 'alice',
  connection: 1,
  dir,
  kind,
  text,
});

function judged(...frames: readonly NewFrame[]): readonly string[] {
  const all = trace();
  for (const each of frames) all.add(each);
  return checkOf(nothingLeaks)
    .judge(all)
    .violations.map(({ text }) => text);
}

const error = (message: string): string => JSON.stringify({ type: 'error', data: { code: 'internal', message } });

describe('a leak', () => {
  test.each([
    ['a stack trace', 'TypeError: x is undefined\n    at route (router.js:10:3)'],
    ['a stack trace', 'Traceback (most recent call last):\n  File "server.py", line 3, in route'],
    ['a stack trace', 'java.lang.NullPointerException\n\tat org.acme.Gateway.route(Gateway.java:42)'],
    ['a stack trace', 'panic: x\n\ngoroutine 1 [running]:'],
    ['a stack trace', "thread 'main' panicked at src/route.rs:10:3"],
    ['a stack trace', '#0 public/index.php(31): route()'],
    ['a stack trace', "app/route.rb:12:in `call'"],
    ['a path of the server', "ENOENT: no such file or directory, open '/etc/tidemark/keys.json'"],
    ['a path of the server', String.raw`cannot open C:\Users\ana\keys.json`],
    ['internals of the run-time', 'at node:internal/url'],
    ['a secret', 'connecting to postgres://tidemark:hunter2@db.internal/events'],
    ['a secret', '-----BEGIN EC PRIVATE KEY-----'],
    ['a secret', `tm_a1b2c3d4e5_${'Ab'.repeat(16)}`],
    ['a secret', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLXRoaXM'],
  ])('of %s is found: %s', (what, message) => {
    expect(leaksIn(error(message)).map((each) => each.what)).toContain(what);
    expect(judged(frame('<<', error(message)))).toEqual(expect.arrayContaining([expect.stringContaining(what)]));
  });

  test('in the body and the headers of a response, in a rejected upgrade and in the reason of a close is found', () => {
    const request = { method: 'GET', path: '/ws/health', status: 500 };
    for (const [kind, text] of [
      ['http', { ...request, body: 'oops at /srv/gateway/main.js' }],
      ['http', { ...request, headers: { 'x-file': '/srv/gateway/main.js' }, body: {} }],
      ['refused', { status: 500, headers: {}, body: 'oops at /srv/gateway/main.js' }],
      ['close', { code: 1011, reason: 'oops at /srv/gateway/main.js' }],
    ] as const)
      expect(judged(frame('<<', JSON.stringify(text), kind))).toHaveLength(1);
  });

  test('of a secret that the client had sent is found, and the trace does not contain the secret', () => {
    const all = trace();
    all.conceal('correct-horse-battery');
    all.add(frame('<<', error('The token correct-horse-battery is not valid.')));
    expect(all.toNdjson()).not.toContain('correct-horse');
    expect(all.frames[0]?.text).toContain(CONCEALED);
    expect(checkOf(nothingLeaks).judge(all).violations).toHaveLength(1);
  });
});

describe('no leak is reported', () => {
  test.each([
    'See /docs/errors, or GET /ws/health.',
    'Expected wss://ide.example:7400/ws, not ws://user@ide.example.',
    'The member /data/filter/paths/0 is not a path below the root.',
    'At 10:30:15 the limit was 3:5.',
    'src/home/index.ts',
  ])('for %s', (message) => {
    expect(judged(frame('<<', error(message)))).toEqual([]);
  });

  test('for text that the client sent itself, that a publisher put into a payload, or that is an example in a document', () => {
    expect(judged(frame('>>', '{"path":"/etc/passwd"}'), frame('<<', error('"/etc/passwd" is not relative.')))).toEqual(
      [],
    );
    const event = { type: 'event', data: { event: 'note', payload: { text: 'look into /var/log/syslog' } } };
    expect(judged(frame('<<', JSON.stringify(event)))).toEqual([]);
    const docs = { method: 'GET', path: '/docs', status: 200, body: 'tidemark serve --watch /srv/shop' };
    expect(judged(frame('<<', JSON.stringify(docs), 'http'))).toEqual([]);
    expect(judged(frame('<<', JSON.stringify({ ...docs, status: 500 }), 'http'))).toHaveLength(1);
  });
});
