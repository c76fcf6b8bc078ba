/** Addresses as they are written, and whose they are. Pure. */

/** An IPv6 address stands in brackets before its port. */
export function withPort(host: string, port: number | string): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const LOOPBACK = /^(localhost|::1|(::ffff:)?127(\.\d{1,3}){3})$/i;

/** It leads to this very machine, whatever answers for names. No port, no brackets. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** What stands for the host of an address in counts: one of IPv6 has all addresses of its network of 64 bits. */
export function addressOwner(address: string): string {
  const [, mapped] = /^::ffff:([\d.]+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [before = '', after] = address.replace(/%.*/, '').split('::');
  const [groups, rest] = [before, after ?? ''].map((part) => part.split(':').filter(Boolean)) as [string[], string[]];
  const zeros = after === undefined ? [] : Array<string>(Math.max(0, 8 - groups.length - rest.length)).fill('0');
  return `${[...groups, ...zeros, ...rest].slice(0, 4).join(':')}::/64`;
}
