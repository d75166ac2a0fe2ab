import { describe, expect, test } from 'vitest';
import { exposureOf } from './exposure.ts';

describe('if no credential is configured, a connection (SEC-5)', () => {
  const open = { required: false, insecure: false };

  test.each(['127.0.0.1', '127.4.0.1', '::1', '::ffff:127.0.0.1', undefined])('to %s is served', (address) => {
    expect(exposureOf(address, open)).toBeUndefined();
  });

  test.each(['192.168.1.7', '::ffff:10.0.0.1', 'fe80::1', '0.0.0.0'])('to %s is refused', (address) => {
    expect(exposureOf(address, open)).toMatch(/only clients on its own machine/);
  });

  test('is not checked if credentials are required or the operator has allowed every address', () => {
    expect(exposureOf('10.0.0.1', { required: true, insecure: false })).toBeUndefined();
    expect(exposureOf('10.0.0.1', { required: false, insecure: true })).toBeUndefined();
  });
});
