import { expect, test } from 'vitest';
import { VerifiedEndpoints } from './verified-endpoints.ts';

const HOUR_MS = 3_600_000;

test('an endpoint is verified only for its principal, and for a limited time', () => {
  const verified = new VerifiedEndpoints({ lifetimeMs: HOUR_MS, mostPerPrincipal: 10 });
  verified.add('ana', 'https://a.example', 0);
  expect(verified.has('ana', 'https://a.example', HOUR_MS - 1)).toBe(true);
  expect(verified.has('ben', 'https://a.example', 0)).toBe(false);
  expect(verified.has('ana', 'https://a.example', HOUR_MS)).toBe(false);
});

test('the number of endpoints of one principal is bounded, and does not displace endpoints of another principal', () => {
  const verified = new VerifiedEndpoints({ lifetimeMs: HOUR_MS, mostPerPrincipal: 3 });
  verified.add('ben', 'https://ben.example', 0);
  for (let n = 0; n < 1_000; n += 1) {
    verified.add('ana', `https://${n}.example`, n);
    // Each use makes an endpoint the newest one, so it is not forgotten.
    expect(verified.has('ana', 'https://0.example', n)).toBe(true);
  }
  expect(verified.size).toBe(4);
  expect(verified.has('ana', 'https://998.example', 1_000)).toBe(true);
  expect(verified.has('ana', 'https://997.example', 1_000)).toBe(false);
  expect(verified.has('ben', 'https://ben.example', 1_000)).toBe(true);
});

test('expired endpoints are forgotten, even if their principal does not use them again', () => {
  const verified = new VerifiedEndpoints({ lifetimeMs: HOUR_MS, mostPerPrincipal: 3 });
  verified.add('ana', 'https://a.example', 0);
  verified.add('ben', 'https://b.example', HOUR_MS);
  expect(verified.size).toBe(1);
});
