import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { ForwardedHeader } from './forwarded-hops.ts';
import { TrustedProxies, proxyFault } from './trusted-proxies.ts';

const PROXIES = ['10.0.0.0/24', '192.0.2.7', 'fd00:1::/64', '127.0.0.1', '::1'];

/** The client address of a request that came from this peer. */
function clientOf(peer: string | undefined, headers: IncomingMessage['headers'], header: ForwardedHeader): string {
  const proxies = new TrustedProxies({ trustedProxies: PROXIES, forwardedHeader: header });
  const socket = { remoteAddress: peer } as IncomingMessage['socket'];
  return proxies.clientOf({ headers, rawHeaders: Object.entries(headers).flat().map(String), socket }).address;
}

const byList = (peer: string, value: string): string => clientOf(peer, { 'x-forwarded-for': value }, 'x-forwarded-for');
const byElements = (peer: string, value: string): string => clientOf(peer, { forwarded: value }, 'forwarded');

/** Values of X-Forwarded-For whose last element is not an address. */
const LISTS_WITHOUT_ADDRESS = [
  '',
  ',',
  'unknown',
  '_hidden',
  'localhost',
  '198.51.100',
  '198.51.100.256',
  '0198.51.100.1',
  '0x7f.0.0.1',
  '198.51.100.1:port',
  '198.51.100.1:123456',
  '198.51.100.1 203.0.113.9',
  '2001:db8::9:443:443:443:443:443:443',
  '[2001:db8::9',
  '[198.51.100.1]',
  'fe80::1%eth0',
  '"198.51.100.1"',
  'for=198.51.100.1',
  '198.51.100.1,',
  '9'.repeat(10_000),
];

/** Values of Forwarded whose last element does not name an address. */
const ELEMENTS_WITHOUT_ADDRESS = [
  '',
  'for=unknown',
  'for=_hidden',
  'for=',
  'by=198.51.100.1',
  '198.51.100.1',
  'for=198.51.100.1;for=8.8.8.8',
  'for=198.51.100.1;',
  'for = 198.51.100.1',
  'for="198.51.100.1',
  'for="198.51.\\100.1"',
  // Host headers that would forge an element if the proxy had not escaped their quotes.
  'for=198.51.100.1;host="a\\", for=8.8.8.8"',
  'for=198.51.100.1;host="a\\", for=8.8.8.8;x=\\"b"',
  'for=198.51.100.1;host="\\", for=8.8.8.8;x=\\""',
];

describe('the client of a request is', () => {
  test.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::ffff:cb00:7109', '203.0.113.9'],
    ['2001:DB8:0:0::9', '2001:db8::9'],
    ['fe80::1%eth0', 'fe80::1'],
    ['10.0.1.1', '10.0.1.1'],
    ['fd00:1:0:1::1', 'fd00:1:0:1::1'],
  ])('the peer %s if it is not trusted, no matter what its headers contain', (peer, address) => {
    expect(byList(peer, '198.51.100.1')).toBe(address);
    expect(byElements(peer, 'for=198.51.100.1')).toBe(address);
  });

  test('unknown for a Unix domain socket, which has no address that could be trusted', () => {
    expect(clientOf(undefined, { 'x-forwarded-for': '198.51.100.1' }, 'x-forwarded-for')).toBe('unknown');
  });

  test('the proxy itself if it forwards no address', () => {
    expect(clientOf('10.0.0.1', {}, 'x-forwarded-for')).toBe('10.0.0.1');
  });

  // Each request comes from the trusted peer 10.0.0.1, which wrote the last element.
  test.each([
    ['one proxy', '198.51.100.1', '198.51.100.1'],
    ['a chain of trusted proxies', '198.51.100.1, 192.0.2.7, fd00:1::8', '198.51.100.1'],
    ['an address that a client wrote before its own', '8.8.8.8, 10.0.0.2, 198.51.100.1', '198.51.100.1'],
    ['an untrusted proxy between two trusted ones', '8.8.8.8, 10.0.0.3, 198.51.100.1, 10.0.0.2', '198.51.100.1'],
    ['trusted addresses only', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['a port', '198.51.100.1:4711', '198.51.100.1'],
    ['IPv6', '2001:DB8:0::9', '2001:db8::9'],
    ['IPv6 in brackets', '[2001:db8::9]', '2001:db8::9'],
    ['IPv6 in brackets with a port', '[2001:db8::9]:4711', '2001:db8::9'],
    ['IPv4 as IPv6', '::ffff:198.51.100.1', '198.51.100.1'],
    ['IPv4 as IPv6 in hexadecimal digits', '[::ffff:c633:6401]:80', '198.51.100.1'],
    ['a trusted proxy as IPv6', '198.51.100.1, ::ffff:10.0.0.2', '198.51.100.1'],
    ['spaces and tabs', ' \t198.51.100.1\t ', '198.51.100.1'],
    ['invalid text of a client before its own address', '"<script>, \\, for="x, 198.51.100.1', '198.51.100.1'],
  ])('read from X-Forwarded-For: %s', (_what, value, address) => {
    expect(byList('10.0.0.1', value)).toBe(address);
  });

  test.each(LISTS_WITHOUT_ADDRESS)('the proxy itself where X-Forwarded-For ends in %j', (value) => {
    expect(byList('10.0.0.1', value)).toBe('10.0.0.1');
    expect(byList('10.0.0.1', `198.51.100.1, ${value}`)).toBe('10.0.0.1');
  });

  test('the last readable proxy where the element left of it is unreadable', () => {
    expect(byList('10.0.0.1', '198.51.100.1, unknown, 10.0.0.2')).toBe('10.0.0.2');
  });

  test.each([
    ['one proxy', 'for=198.51.100.1', '198.51.100.1'],
    ['any case and other parameters', 'Proto=https;FOR=198.51.100.1;by=_x;host="a.example"', '198.51.100.1'],
    ['IPv6', 'for="[2001:db8::9]"', '2001:db8::9'],
    ['IPv6 with a port', 'for="[2001:DB8::9]:4711"', '2001:db8::9'],
    ['a port without quotes', 'for=198.51.100.1:4711', '198.51.100.1'],
    ['a chain', 'for=8.8.8.8, for=198.51.100.1, for=10.0.0.2;by=10.0.0.1', '198.51.100.1'],
    ['a comma between quotes', 'for=198.51.100.1;host="a, for=8.8.8.8"', '198.51.100.1'],
    ['an unclosed quote of a client', 'for=8.8.8.8;host=", for=198.51.100.1', '198.51.100.1'],
    ['an unclosed quote of a client before a quoted address', 'x=", for="[2001:db8::9]";by="10.0.0.1"', '2001:db8::9'],
  ])('read from Forwarded: %s', (_what, value, address) => {
    expect(byElements('10.0.0.1', value)).toBe(address);
  });

  test.each(ELEMENTS_WITHOUT_ADDRESS)('the proxy itself where Forwarded ends in %j', (value) => {
    expect(byElements('10.0.0.1', value)).toBe('10.0.0.1');
  });

  test('never read from the header that the proxies do not write', () => {
    const headers = { 'x-forwarded-for': '198.51.100.1', forwarded: 'for=8.8.8.8', 'x-real-ip': '9.9.9.9' };
    expect(clientOf('10.0.0.1', headers, 'x-forwarded-for')).toBe('198.51.100.1');
    expect(clientOf('10.0.0.1', headers, 'forwarded')).toBe('8.8.8.8');
    expect(clientOf('10.0.0.1', { forwarded: 'for=8.8.8.8' }, 'x-forwarded-for')).toBe('10.0.0.1');
  });

  test('found in time proportional to the length of the header', () => {
    const [start, open] = [process.cpuUsage(), 'for="'.repeat(3_000)];
    for (const value of [open, ',"'.repeat(8_000), ';for=1'.repeat(2_700), `${','.repeat(16_000)}for=198.51.100.1`]) {
      byElements('10.0.0.1', value);
      byList('10.0.0.1', value);
    }
    expect(process.cpuUsage(start).user).toBeLessThan(500_000);
  });
});

describe('behind a proxy on this machine, the client of a request is (SEC-5)', () => {
  const localProxies = new TrustedProxies({ trustedProxies: PROXIES, forwardedHeader: 'x-forwarded-for' });

  test.each(['127.0.0.1', '::1', '::ffff:127.0.0.1'])(
    'unknown where the header of the proxy %s names no address',
    (peer) => {
      for (const value of LISTS_WITHOUT_ADDRESS) {
        expect(byList(peer, value)).toBe('unknown');
        expect(byList(peer, `127.0.0.9, ${value}, 127.0.0.1`)).toBe('unknown');
      }
      for (const value of ELEMENTS_WITHOUT_ADDRESS) expect(byElements(peer, value)).toBe('unknown');
    },
  );

  test('unknown if the proxy writes the header that the gateway does not read', () => {
    expect(clientOf('127.0.0.1', { forwarded: 'for=127.0.0.1' }, 'x-forwarded-for')).toBe('unknown');
    expect(clientOf('127.0.0.1', { 'x-forwarded-for': '127.0.0.1' }, 'forwarded')).toBe('unknown');
  });

  test.each([
    ['the default limit', null, 999, '127.0.0.1'],
    ['the default limit', null, 1000, 'unknown'],
    ['a lower limit of the server', 50, 49, '127.0.0.1'],
    ['a lower limit of the server', 50, 50, 'unknown'],
    ['a higher limit of the server', 3000, 2999, '127.0.0.1'],
    ['a higher limit of the server', 3000, 3000, 'unknown'],
    ['a server without a limit', 0, 100_000, '127.0.0.1'],
  ])('unknown if Node may have dropped a header: %s (%s), %i headers', (_what, maxHeadersCount, count, address) => {
    const socket = { remoteAddress: '127.0.0.1', server: { maxHeadersCount } } as unknown as IncomingMessage['socket'];
    const rawHeaders = Array.from({ length: 2 * count }, () => 'a');
    expect(localProxies.clientOf({ headers: { a: '' }, rawHeaders, socket }).address).toBe(address);
  });

  test('unknown if a request has as many headers as its server accepts', async () => {
    const server = createServer((request, response) => response.end(localProxies.clientOf(request).address));
    server.maxHeadersCount = 50;
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const addressWith = async (count: number): Promise<string> => {
      // Beside these headers, the request has Host and Connection.
      const headers = Object.fromEntries(Array.from({ length: count - 2 }, (_, index) => [`x-${index}`, '1']));
      const { port } = server.address() as AddressInfo;
      const [response] = (await once(get({ port, headers, agent: false }), 'response')) as [IncomingMessage];
      return text(response);
    };
    expect([await addressWith(49), await addressWith(50)]).toEqual(['127.0.0.1', 'unknown']);
    server.close();
  });

  test.each([
    ['127.0.0.9', '127.0.0.9'],
    ['::1', '::1'],
    ['127.0.0.9, 127.0.0.1', '127.0.0.9'],
    ['unknown, 10.0.0.2', '10.0.0.2'],
  ])('read from the header %j', (value, address) => {
    expect(byList('127.0.0.1', value)).toBe(address);
  });

  test('the proxy itself if the request was not forwarded', () => {
    expect(byList('127.0.0.1', '127.0.0.1')).toBe('127.0.0.1');
    expect(clientOf('127.0.0.1', {}, 'x-forwarded-for')).toBe('127.0.0.1');
  });
});

describe('a loopback address that a proxy on another machine wrote', () => {
  test.each([
    ['10.0.0.1', '127.0.0.9', '10.0.0.1'],
    ['10.0.0.1', '127.0.0.1', '10.0.0.1'],
    ['127.0.0.1', '127.0.0.1, 10.0.0.2', '10.0.0.2'],
    ['127.0.0.1', '127.0.0.9, ::1, 10.0.0.2, 127.0.0.1', '10.0.0.2'],
  ])('means the machine of that proxy: %s forwards %j', (peer, value, address) => {
    expect(byList(peer, value)).toBe(address);
  });

  test('is passed over if a proxy there is trusted', () => {
    expect(byList('127.0.0.1', '198.51.100.1, 127.0.0.1, 10.0.0.2')).toBe('198.51.100.1');
  });
});

describe('a list of trusted proxies', () => {
  test.each(['10.0.0.7', '10.0.0.0/24', '10.0.0.0/1', '::1', 'fd00::/8', '2001:db8::1/128', '::ffff:10.0.0.7'])(
    'may contain %s',
    (entry) => expect(proxyFault(entry)).toBeUndefined(),
  );

  test.each([
    'proxy.example',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'fd00::/129',
    '*',
    '',
  ])('may not contain %j', (entry) => expect(proxyFault(entry)).toContain('expected the address of a proxy'));

  test.each(['0.0.0.0/0', '::/0', '1.2.3.4/00'])('may not trust all addresses with %s', (entry) =>
    expect(proxyFault(entry)).toContain('trusts all addresses'),
  );

  test('with an unusable entry prevents the creation of a gateway', () => {
    const trustedProxies = ['10.0.0.1', 'proxy.example'];
    expect(() => new TrustedProxies({ trustedProxies, forwardedHeader: 'forwarded' })).toThrow('"proxy.example"');
  });
});
