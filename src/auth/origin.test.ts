import { describe, expect, test } from 'vitest';
import { checkHost, checkOrigin, originPolicy, serveUnder } from './origin.ts';

const policy = originPolicy({
  allowedOrigins: ['https://IDE.example:443', 'vscode-webview://abc'],
  allowedHosts: ['Events.example'],
});

describe('an origin is compared by RFC 6454', () => {
  test.each([
    ['https://ide.example', 'gateway.example'],
    ['HTTPS://ide.example:443', 'gateway.example'],
    ['vscode-webview://abc', 'gateway.example'],
    // The gateway's own page is allowed. Its origin may differ from the Host header, because a proxy may terminate TLS, and a client may
    // include the default port in the header.
    ['https://gateway.example', 'gateway.example:443'],
    ['https://gateway.example:443', 'gateway.example'],
    ['http://gateway.example', 'gateway.example:80'],
    ['https://Gateway.Example', 'gateway.EXAMPLE'],
    ['http://[::1]:7400', '[0:0:0:0:0:0:0:1]:7400'],
  ])('%s may connect to %s', (origin, host) => {
    expect(checkOrigin(origin, host, policy)).toBeUndefined();
  });

  test.each([
    ['https://ide.example:8443', 'gateway.example'],
    ['http://ide.example', 'gateway.example'],
    ['https://gateway.example', 'gateway.example:8443'],
    ['https://gateway.example:80', 'gateway.example'],
    ['https://evil.example', 'gateway.example'],
    ['https://gateway.example.evil.example', 'gateway.example'],
    ['https://gateway.example@evil.example', 'gateway.example'],
    ['https://evil.example', 'x@evil.example'],
    ['null', 'gateway.example'],
    ['', 'gateway.example'],
    ['https://gateway.example', undefined],
  ])('%s may not connect to %s', (origin, host) => {
    expect(checkOrigin(origin, host, policy)).toMatch(/allowed origins/);
  });
});

describe('a host', () => {
  test.each(['events.example', 'EVENTS.example:443', 'localhost:7400', '127.0.0.1', '[::1]:7400', '[0:0:0:0:0:0:0:1]'])(
    '%s is served',
    (host) => {
      expect(checkHost(host, policy)).toBeUndefined();
    },
  );

  test.each(['events.example.evil.example', 'evil.example', '', 'x@events.example', '[::2]', undefined])(
    '%s is not served',
    (host) => {
      expect(checkHost(host, policy)).toMatch(/allowed hosts/);
    },
  );

  test('that the gateway listens on is served in any notation', () => {
    const own = originPolicy({ allowedOrigins: [], allowedHosts: [] });
    serveUnder('FE80:0:0:0:0:0:0:1', own);
    expect(checkHost('[fe80::1]:7400', own)).toBeUndefined();
  });
});
