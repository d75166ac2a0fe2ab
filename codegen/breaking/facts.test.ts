/** Tests the verdicts on facts of operations, channels and messages that are not schemas. */
import { describe, expect, test } from 'vitest';
import { formatText } from './format.ts';
import { at, findingsOf, verdictsOf } from './testing/versions.ts';
import type { Changes } from './testing/versions.ts';

/** Name of the change, both versions, and every finding as `rule severity direction`. */
type Row = readonly [name: string, before: Changes, after: Changes, verdicts: readonly string[]];

const [SENT, RECEIVED] = ['client-to-server', 'server-to-client'];
const full = '/operations/get_health/x-full-scopes';
const [bearer, apiKey] = at('/operations/subscribe/security') as [object, object];
const security = (...alternatives: readonly object[]): Changes => ({ '/operations/subscribe/security': alternatives });
const home = '/components/messages/session_event/x-stream';
const mediaType = '/components/messages/sync/contentType';
const pointers = (value: unknown): Changes => ({ '/components/messages/sync/x-error-pointers': value });

const ROWS: readonly Row[] = [
  [
    'the full response of every client now requires a scope',
    { [full]: undefined },
    {},
    [`full-scope-required breaking ${SENT}`],
  ],
  [
    'the full response requires another scope in addition',
    {},
    { [full]: ['admin:read', 'admin:write'] },
    [`full-scope-required breaking ${SENT}`],
  ],
  [
    'the full response no longer requires one of two scopes',
    { [full]: ['admin:read', 'admin:write'] },
    {},
    [`full-scope-not-required compatible ${SENT}`],
  ],
  [
    'every client now receives the full response',
    {},
    { [full]: undefined },
    [`full-scope-not-required compatible ${SENT}`],
  ],
  [
    'the full response requires another scope instead',
    {},
    { [full]: ['admin:write'] },
    [`full-scope-not-required compatible ${SENT}`, `full-scope-required breaking ${SENT}`],
  ],
  ['a credential is now required', security(), security(bearer, apiKey), [`security-added breaking ${SENT}`]],
  ['no credential is required any more', security(bearer, apiKey), security(), [`security-removed compatible ${SENT}`]],
  [
    'the requirement of a credential is removed',
    {},
    { '/operations/subscribe/security': undefined },
    [`security-removed compatible ${SENT}`],
  ],
  [
    'another kind of credential is accepted in addition',
    security(bearer),
    security(apiKey, bearer),
    [`credential-added compatible ${SENT}`],
  ],
  [
    'a kind of credential is no longer accepted',
    security(bearer, apiKey),
    security(bearer),
    [`credential-removed breaking ${SENT}`],
  ],
  ['an empty list of credentials is left out', security(), { '/operations/subscribe/security': undefined }, []],
  ['an event gets a stream of its own', { [home]: undefined }, {}, [`event-stream-added breaking ${SENT}`]],
  [
    'an event has another stream of its own',
    {},
    { [`${home}/kind`]: 'workspace' },
    [`event-stream-changed breaking ${SENT}`],
  ],
  [
    'an event loses its stream, so it is published on another one',
    {},
    { [home]: undefined },
    [`event-stream-removed breaking ${SENT}`],
  ],
  ['the default code of an invalid value is written out', pointers({}), pointers({ '/data': 'invalid_message' }), []],
  ['the default content type is written out', {}, { [mediaType]: 'application/json' }, []],
  [
    'a message has another content type than the default one',
    {},
    { [mediaType]: 'application/cbor' },
    [`content-type-changed breaking ${RECEIVED}`],
  ],
  [
    'a message no longer has a content type of its own',
    { [mediaType]: 'application/cbor' },
    {},
    [`content-type-changed breaking ${RECEIVED}`],
  ],
  [
    'a message is no longer ordered',
    {},
    { '/components/messages/subscribed/x-ordered': undefined },
    [`order-removed breaking ${RECEIVED}`],
  ],
  [
    'a message is now ordered',
    { '/components/messages/subscribed/x-ordered': undefined },
    {},
    [`order-added compatible ${RECEIVED}`],
  ],
  [
    'a message gets a correlation id',
    { '/components/messages/ping/correlationId': undefined },
    {},
    [`correlation-added compatible ${RECEIVED}`],
  ],
  [
    'the message of a command has another name',
    {},
    { '/operations/ping/messages/0/$ref': '#/channels/connection/messages/sync' },
    [`command-message-added breaking ${SENT}`, `command-message-removed breaking ${SENT}`],
  ],
  [
    'a push has another message in addition',
    {},
    {
      '/operations/heartbeat/messages': [
        ...(at('/operations/heartbeat/messages') as object[]),
        { $ref: '#/channels/connection/messages/closing' },
      ],
    },
    [`push-message-added compatible ${RECEIVED}`],
  ],
];

describe('a changed fact', () => {
  test.each(ROWS)('%s', (_name, before, after, verdicts) => {
    expect(verdictsOf(findingsOf(before, after)).toSorted()).toEqual(verdicts.toSorted());
  });
});

test('another default content type is one finding, which names what sends messages without a content type of their own', () => {
  const own = { '/components/messages/heartbeat/contentType': 'application/json' };
  const side = { pointer: '/defaultContentType' };
  const findings = findingsOf(own, { ...own, '/defaultContentType': 'application/cbor' });
  expect(findings).toMatchObject([{ rule: 'content-type-changed', was: side, now: side }]);
  expect(findings[0]?.usedBy).toEqual(expect.arrayContaining(['subscribe', 'event file_change']));
  expect(findings[0]?.usedBy).not.toContain('heartbeat');
});

test('a report calls the place of a value that the whole contract lacks its top', () => {
  const findings = findingsOf({}, { '/defaultContentType': undefined });
  const counts = { breaking: findings.length, warning: 0, compatible: 0 };
  const text = formatText({ against: 'old.yaml', contract: 'new.yaml', counts, findings });
  expect(text).toMatch(
    /\n {2}old {2}old\.yaml:\d+ \/defaultContentType = "application\/json"\n {2}new {2}new\.yaml:\d+ \(top\) \(absent\)\n/,
  );
});
