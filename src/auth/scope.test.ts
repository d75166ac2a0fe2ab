import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchesName } from '../catalogue/event-pattern.ts';
import { parseScope, permits } from './scope.ts';

const may = (scope: string, action: 'subscribe' | 'publish', event: string, stream: string): boolean =>
  permits([parseScope(scope)], action, event, stream);

describe('a scope', () => {
  test.each([
    ['subscribe:*', 'subscribe', '*', 'main', true],
    ['subscribe:entity_*', 'subscribe', 'entity_*', 'main', true],
    ['subscribe:entity_*', 'subscribe', 'entity_created', 'session:a', true],
    ['subscribe:entity_*', 'subscribe', 'e*', 'main', false],
    ['subscribe:entity_*', 'subscribe', '*', 'main', false],
    ['subscribe:entity_created', 'subscribe', 'entity_*', 'main', false],
    ['subscribe:*', 'publish', 'file_change', 'main', false],
    ['publish:*', 'subscribe', 'file_change', 'main', false],
    ['publish:*@session:a', 'publish', 'session_event', 'session:a', true],
    ['publish:*@session:a', 'publish', 'session_event', 'session:ab', false],
    ['publish:*@session:a*', 'publish', 'session_event', 'session:ab', true],
    ['publish:*@session:*', 'publish', 'session_event', 'main', false],
    ['publish:*@*', 'publish', 'session_event', 'workspace:x', true],
    ['admin:read', 'subscribe', 'file_change', 'main', false],
  ] as const)('%s lets %s %s on %s: %s', (scope, action, event, stream, wanted) => {
    expect(may(scope, action, event, stream)).toBe(wanted);
  });

  test('for administration are separate', () => {
    expect(permits([parseScope('admin:read')], 'admin:read')).toBe(true);
    expect(permits(['subscribe:*', 'publish:*', 'admin:write'].map(parseScope), 'admin:read')).toBe(false);
    expect(permits(['subscribe:*', 'publish:*', 'admin:read'].map(parseScope), 'admin:write')).toBe(false);
    expect(permits([parseScope('admin:write')], 'admin:write')).toBe(true);
    expect(permits([], 'subscribe', 'file_change', 'main')).toBe(false);
  });

  test.each(
    ['', 'subscribe', 'subscribe:', 'subscribe:*@', 'subscribe:a*b', 'subscribe:**', 'read:*', 'admin:delete'].concat([
      'Subscribe:*',
      ' subscribe:*',
      'subscribe:* ',
      'subscribe:*@main@main',
      'subscribe:*\n',
      'publish:a/b',
    ]),
  )('%j is invalid', (text) => {
    expect(() => parseScope(text)).toThrow('is not a scope');
  });

  test('permits a pattern only if it permits every event that the pattern covers', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '_'), maxLength: 3 }).map((text) => `e${text}`);
    const pattern = fc.tuple(name, fc.constantFrom('', '*')).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 3 }), pattern, name, (granted, asked, event) => {
        const scopes = granted.map((each) => parseScope(`subscribe:${each}@main`));
        fc.pre(matchesName(asked, event) && permits(scopes, 'subscribe', asked, 'main'));
        expect(permits(scopes, 'subscribe', event, 'main')).toBe(true);
        expect(permits(scopes, 'subscribe', event, 'session:x')).toBe(false);
      }),
      { numRuns: 300, maxSkipsPerRun: 1000 },
    );
  });
});
