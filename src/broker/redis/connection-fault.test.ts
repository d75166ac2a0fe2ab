import { describe, expect, test } from 'vitest';
import { RedisUnreachable, connectionFault } from './connection-fault.ts';

describe('a fault of the connection to Redis', () => {
  test.each([
    ['connect ECONNREFUSED 127.0.0.1:6379', 'nothing listens at this address (connect ECONNREFUSED 127.0.0.1:6379)'],
    ['getaddrinfo ENOTFOUND redis', 'its host name cannot be resolved (getaddrinfo ENOTFOUND redis)'],
    ['LOADING Redis is loading', 'it is starting (LOADING Redis is loading)'],
    ['All sentinels are unreachable', 'no sentinel answers (All sentinels are unreachable)'],
  ])('is explained in plain words if it may be temporary (%s)', (reason, text) => {
    const fault = connectionFault('Redis at h', reason, undefined);
    expect(fault).toBeInstanceOf(RedisUnreachable);
    expect(fault.message).toBe(`Redis at h cannot be used: ${text}`);
  });

  test.each([
    ['WRONGPASS invalid username-password pair', 'the user or the password is wrong'],
    ['NOAUTH Authentication required', 'it requires a password'],
    ['ERR DB index is out of range', 'it has no database with this number'],
    ['self-signed certificate in certificate chain', 'the parameter ca of the URL'],
    ['ERR something else', 'ERR something else'],
  ])('causes no further attempt if it is permanent (%s)', (reason, words) => {
    const fault = connectionFault('Redis at h', reason, undefined);
    expect(fault).not.toBeInstanceOf(RedisUnreachable);
    expect(fault.message).toContain(words);
  });
});
