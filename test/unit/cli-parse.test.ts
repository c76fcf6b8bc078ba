import { describe, expect, it } from 'vitest';
import { durationText, sizeText } from '../../cli/output/text.ts';
import {
  parseDurationMs,
  parseHost,
  parseName,
  parsePort,
  parseRoutingKey,
  parseSizeBytes,
  parseWorkload,
} from '../../cli/parse.ts';

describe('values on the command line', () => {
  it.each([
    ['15m', 900_000],
    ['1h', 3_600_000],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1.5s', 1500],
  ])('reads the duration %s', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each(['', '15', 'm', '0s', '-1s', '1x', '1m and', '1 m'])(
    'refuses the duration "%s" and lists valid forms',
    (text) => {
      expect(() => parseDurationMs(text)).toThrow(/90s, 15m, 1h or 1h30m/);
    },
  );

  it.each([
    ['256MiB', 2 ** 28],
    ['1GB', 1e9],
    ['4096', 4096],
    ['1.5KiB', 1536],
  ])('reads the size %s', (text, bytes) => {
    expect(parseSizeBytes(text)).toBe(bytes);
  });

  it.each(['', '0', '1 MiB', '1mib', 'MiB', '99999999999GiB'])('refuses the size "%s"', (text) => {
    expect(() => parseSizeBytes(text)).toThrow(/256MiB/);
  });

  it.each(['0', '65536', '99999', '-1', '80a', '1e3', '08080x', ''])('refuses the port "%s"', (text) => {
    expect(() => parsePort(text)).toThrow(/1 to 65535/);
  });

  it('takes the first and the last port', () => {
    expect([parsePort('1'), parsePort('65535')]).toEqual([1, 65_535]);
  });

  it.each(['East', '-a', 'a-', 'a.b', 'a_b', '', 'x'.repeat(64), '../x'])('refuses the name "%s"', (text) => {
    expect(() => parseName(text)).toThrow(/lower-case/);
  });

  it.each(['127.0.0.1', '::1', 'db.example', 'localhost', 'my_host'])('takes the host %s', (host) => {
    expect(parseHost(host)).toBe(host);
  });

  it.each(['127.0.0.1:80', 'a b', 'http://x', '', 'a..b'])('refuses the host "%s"', (host) => {
    expect(() => parseHost(host)).toThrow(/without a port/);
  });

  it('takes routing keys with any printable characters but no blanks', () => {
    expect(parseRoutingKey('shop/orders:8080')).toBe('shop/orders:8080');
    expect(() => parseRoutingKey('a b')).toThrow();
    expect(() => parseRoutingKey('')).toThrow();
  });

  it('splits KIND/NAME at the first slash and checks the address of a host', () => {
    expect(parseWorkload('Deployment/backend')).toEqual({ kind: 'deployment', name: 'backend' });
    expect(parseWorkload('host/::1')).toEqual({ kind: 'host', name: '::1' });
    for (const wrong of ['backend', 'host/', '/x', 'host/a:80']) expect(() => parseWorkload(wrong)).toThrow();
  });
});

describe('numbers for people', () => {
  it('writes durations that it can read again', () => {
    for (const text of ['15m', '1h30m', '1m30s', '24h']) expect(durationText(parseDurationMs(text))).toBe(text);
    expect(durationText(0)).toBe('0s');
  });

  it('writes sizes in the largest unit', () => {
    expect([sizeText(512), sizeText(2 ** 28), sizeText(1536)]).toEqual(['512 B', '256 MiB', '1.5 KiB']);
  });
});
