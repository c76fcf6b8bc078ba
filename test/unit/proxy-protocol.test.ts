/** PROXY protocol headers, versions 1 and 2, against the examples of its text, in any pieces, and what is none. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientText, parseClient } from '../../router/core/client-ends.ts';
import { composeProxyHeader, PROXY_HEADER_BYTES_MAX, parseProxyHeader } from '../../router/io/proxy-protocol.ts';

const V4 = { host: '192.168.0.1', localHost: '192.168.0.11', port: 56324, localPort: 443 };
const V6 = { host: '2001:db8::1', localHost: '2001:db8::2', port: 4124, localPort: 443 };
const SIGNATURE = '0d0a0d0a000d0a515549540a';

const address = fc.oneof(fc.ipV4(), fc.ipV6());
const port = fc.integer({ min: 0, max: 65_535 });
const clients = fc.record({ host: address, localHost: address, port, localPort: port });

describe('composed headers', () => {
  it('are those of the text of version 1', () => {
    expect(composeProxyHeader('v1', V4).toString()).toBe('PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n');
    expect(composeProxyHeader('v1', V6).toString()).toBe('PROXY TCP6 2001:db8::1 2001:db8::2 4124 443\r\n');
    expect(composeProxyHeader('v1', undefined).toString()).toBe('PROXY UNKNOWN\r\n');
  });

  it('are those of the text of version 2', () => {
    expect(composeProxyHeader('v2', V4).toString('hex')).toBe(`${SIGNATURE}2111000cc0a80001c0a8000bdc0401bb`);
    expect(composeProxyHeader('v2', V6).toString('hex')).toBe(
      `${SIGNATURE}21210024${'20010db8000000000000000000000001'}${'20010db8000000000000000000000002'}101c01bb`,
    );
    expect(composeProxyHeader('v2', undefined).toString('hex')).toBe(`${SIGNATURE}20000000`);
  });

  it('have both addresses of one family', () => {
    const mixed = { ...V4, localHost: '::1' };
    expect(composeProxyHeader('v1', mixed).toString()).toBe('PROXY TCP6 ::ffff:192.168.0.1 ::1 56324 443\r\n');
    const header = parseProxyHeader(composeProxyHeader('v2', mixed));
    expect(header).toMatchObject({ client: { host: expect.stringMatching(/^::ffff:/), localHost: '::1' } });
  });

  it('name nobody where the client is no address', () => {
    expect(composeProxyHeader('v1', { ...V4, host: '1.2.3' }).toString()).toBe('PROXY UNKNOWN\r\n');
  });
});

describe('a header that is read', () => {
  it.each(['v1', 'v2'] as const)('is what was written, with what follows left alone, in any pieces, %s', (version) => {
    fc.assert(
      fc.property(clients, fc.uint8Array({ maxLength: 40 }), (client, rest) => {
        const written = composeProxyHeader(version, client);
        const bytes = Buffer.concat([written, rest]);
        for (let length = 0; length < written.length; length++) {
          expect(parseProxyHeader(bytes.subarray(0, length))).toEqual({ state: 'more' });
        }
        const header = parseProxyHeader(bytes);
        expect(header).toMatchObject({ state: 'whole', lengthBytes: written.length });
        const { client: read } = header as { client?: typeof client };
        expect(read).toMatchObject({ port: client.port, localPort: client.localPort });
        // The same addresses, however they are written.
        expect(composeProxyHeader('v2', read)).toEqual(composeProxyHeader('v2', client));
      }),
      { seed: 11, numRuns: 300 },
    );
  });

  it('may say that nobody is known', () => {
    const unknown = [
      Buffer.from('PROXY UNKNOWN ffff:f...f:ffff 65535\r\n'),
      Buffer.from(`${SIGNATURE}20000000`, 'hex'),
      // LOCAL with addresses, and PROXY of another family: both are to be passed over.
      Buffer.from(`${SIGNATURE}2011000cc0a80001c0a8000bdc0401bb`, 'hex'),
      Buffer.from(`${SIGNATURE}2100000400000000`, 'hex'),
    ];
    for (const bytes of unknown) {
      expect(parseProxyHeader(bytes)).toEqual({ state: 'whole', lengthBytes: bytes.length, client: undefined });
    }
  });

  it('may have more in it than addresses', () => {
    const bytes = Buffer.from(`${SIGNATURE}21110010c0a80001c0a8000bdc0401bb04000100`, 'hex');
    expect(parseProxyHeader(bytes)).toEqual({ state: 'whole', lengthBytes: bytes.length, client: V4 });
  });

  it.each([
    ['something else', Buffer.from('GET / HTTP/1.1\r\n')],
    ['an address that is none', Buffer.from('PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n')],
    ['an address of the other family', Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n')],
    ['a port above 65535', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n')],
    ['too many words', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n')],
    ['no end', Buffer.from(`PROXY TCP4 ${'1'.repeat(110)}`)],
    ['an unknown version', Buffer.from(`${SIGNATURE}3111000cc0a80001c0a8000bdc0401bb`, 'hex')],
    ['too few octets for its addresses', Buffer.from(`${SIGNATURE}2111000400000000`, 'hex')],
    ['more octets than anybody needs', Buffer.from(`${SIGNATURE}2111ffff00000000`, 'hex')],
  ])('is refused with %s', (_what, bytes) => {
    expect(parseProxyHeader(bytes).state).toBe('fault');
  });

  it('is never waited for beyond its bounds, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, signed) => {
        const start = Buffer.from(signed ? SIGNATURE : '', 'hex');
        const header = parseProxyHeader(Buffer.concat([start, noise]));
        if (header.state === 'whole') expect(header.lengthBytes).toBeLessThanOrEqual(PROXY_HEADER_BYTES_MAX);
      }),
      { seed: 12, numRuns: 1000 },
    );
    expect(parseProxyHeader(Buffer.alloc(PROXY_HEADER_BYTES_MAX)).state).toBe('fault');
  });
});

describe('a client in the head of a stream', () => {
  it('is read as it was written, IPv4 in its own form and without a zone', () => {
    expect(parseClient(clientText(V4))).toEqual(V4);
    expect(parseClient(clientText(V6))).toEqual(V6);
    expect(parseClient(clientText({ ...V4, host: '::ffff:10.0.0.1', localHost: 'fe80::1%eth0' }))).toEqual({
      ...V4,
      host: '10.0.0.1',
      localHost: 'fe80::1',
    });
  });

  it.each([
    '',
    '1.2.3.4',
    '1.2.3.4 1.2.3.4 1',
    '1.2.3.4 1.2.3.4 1 70000',
    '1.2.3.4 1.2.3.4 1 2 3',
    'a\r\nb 1.2.3.4 1 2',
  ])('is none when it is %j', (text) => {
    expect(parseClient(text)).toBeUndefined();
  });
});
