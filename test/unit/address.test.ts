/** Addresses as they are written, and whose they are. */
import { describe, expect, it } from 'vitest';
import { addressOwner, isLoopback, withPort } from '../../lib/address.ts';

describe('withPort', () => {
  it('puts an IPv6 address in brackets', () => {
    expect([withPort('a', 1), withPort('::1', 2)]).toEqual(['a:1', '[::1]:2']);
  });
});

describe('isLoopback', () => {
  it.each(['localhost', '127.0.0.1', '127.3.2.1', '::1', '::ffff:127.0.0.1', 'LOCALHOST'])('%s is', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['', '0.0.0.0', '::', '192.0.2.1', '127.example.com', '127.0.0.1.example.com', 'localhost.example.com'])(
    '%j is not',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});

describe('addressOwner', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:0:7::1', '2001:db8:0:7::/64'],
    ['2001:db8:0:7:1:2:3:4', '2001:db8:0:7::/64'],
    ['2001:db8::7:1:2:3:4', '2001:db8:0:7::/64'],
    ['::7:1:2:3:4', '0:0:0:7::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['nothing known', 'nothing known'],
  ])('%s is of %s', (address, owner) => {
    expect(addressOwner(address)).toBe(owner);
  });
});
