import { expect, test } from 'vitest';
import { matchContract } from './contract-match.ts';
import { clientOf, fakeServer } from './testing/harness.ts';

const OWN = { contractDigest: 'sha256:a', events: ['file_change', 'built'] };
const welcomeOf = (contractDigest: string, ...names: readonly string[]): Readonly<Record<string, unknown>> => ({
  contractDigest,
  features: { broadcast: false, replay: Object.fromEntries([...names, '*'].map((name) => [name, 'latest'])) },
});

test('the same contract matches', () => {
  expect(matchContract(OWN, welcomeOf('sha256:a', 'file_change', 'built'))).toEqual({
    matches: true,
    ownDigest: 'sha256:a',
    serverDigest: 'sha256:a',
    missingEvents: [],
    unknownEvents: [],
  });
});

test('of different contracts lists the events that either side lacks', () => {
  expect(matchContract(OWN, welcomeOf('sha256:b', 'file_change', 'deployed'))).toMatchObject({
    matches: false,
    missingEvents: ['built'],
    unknownEvents: ['deployed'],
  });
});

test('a server without digest and events in its welcome is not assumed to lack any', () => {
  expect(matchContract(OWN, {})).toEqual({
    matches: false,
    ownDigest: 'sha256:a',
    serverDigest: undefined,
    missingEvents: [],
    unknownEvents: [],
  });
});

test('a client reports a mismatch after welcome, and continues', async () => {
  const server = await fakeServer({ greet: 'no' });
  const client = clientOf(server);
  const mismatches: unknown[] = [];
  client.on('contractMismatch', (match) => mismatches.push(match));
  expect(client.contract).toBeUndefined();
  const connected = client.connect();
  const welcome = welcomeOf('sha256:other', 'file_change', 'built');
  (await server.connection(1)).send('welcome', { connectionId: 'n1', heartbeatIntervalMs: 25_000, ...welcome });
  await connected;
  expect(client.contract).toMatchObject({
    matches: false,
    serverDigest: 'sha256:other',
    missingEvents: ['entity_created', 'entity_deleted'],
    unknownEvents: ['built'],
  });
  expect(mismatches).toEqual([client.contract]);
});
