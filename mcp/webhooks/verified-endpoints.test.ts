import { expect, test } from 'vitest';
import { VerifiedEndpoints } from './verified-endpoints.ts';

const HOUR_MS = 3_600_000;

test('an endpoint counts as verified for its principal only, until its time is over', () => {
  const verified = new VerifiedEndpoints({ lifetimeMs: HOUR_MS, mostPerPrincipal: 10 });
  verified.add('ana', 'https://a.example', 0);
  expect(verified.has('ana', 'https://a.example', HOUR_MS - 1)).toBe(true);
  expect(verified.has('ben', 'https://a.example', 0)).toBe(false);
  expect(verified.has('ana', 'https://a.example', HOUR_MS)).toBe(false);
});

test('a principal with ever new endpoints does not fill the memory, and forgets no endpoint of another principal', () => {
  const verified = new VerifiedEndpoints({ lifetimeMs: HOUR_MS, mostPerPrincipal: 3 });
  verified.add('ben', 'https://ben.example', 0);
  for (let n = 0; n < 1_000; n += 1) {
    verified.add('ana', `https://${n}.example`, n);
    // An endpoint that is in use is not the oldest one.
    expect(verified.has('ana', 'https://0.example', n)).toBe(true);
  }
  expect(verified.size).toBe(4);
  expect(verified.has('ana', 'https://998.example', 1_000)).toBe(true);
  expect(verified.has('ana', 'https://997.example', 1_000)).toBe(false);
  expect(verified.has('ben', 'https://ben.example', 1_000)).toBe(true);
});

test('expired endpoints are forgotten, also those of principals that have left', () => {
  const verified = new VerifiedEndpoints({ lifetimeMs: HOUR_MS, mostPerPrincipal: 3 });
  verified.add('ana', 'https://a.example', 0);
  verified.add('ben', 'https://b.example', HOUR_MS);
  expect(verified.size).toBe(1);
});
