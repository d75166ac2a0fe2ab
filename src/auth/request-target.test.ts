import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { requestTarget } from './request-target.ts';

describe('the target of a request', () => {
  test.each([
    ['/ws', '/ws', undefined],
    ['/ws?token=x', '/ws', undefined],
    ['/ws#fragment', '/ws', undefined],
    ['http://ide.example/ws', '/ws', 'ide.example'],
    ['http://ide.example', '/', 'ide.example'],
  ])('%s names the path %s', (url, pathname, host) => {
    expect(requestTarget(url)).toMatchObject({ pathname, host });
  });

  test.each(['//', '//evil.example/ws', '/x/../ws', '/%77s', '/ws/', '/WS'])(
    '%s is not another spelling of /ws',
    (url) => {
      expect(requestTarget(url).pathname).not.toBe('/ws');
    },
  );

  test.each(['*', 'evil.example:443', 'http://', '', '\u0000', 'javascript:alert(1)'])(
    '%j has no valid path',
    (url) => {
      expect(requestTarget(url).pathname).toBe('');
    },
  );

  test('shows its query decoded', () => {
    expect([...requestTarget('/ws?%74oken=a&b').query.keys()]).toEqual(['token', 'b']);
  });

  test('is parsed for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (url) => {
        expect(requestTarget(url).pathname).toMatch(/^(?:\/|$)/);
      }),
    );
  });
});
