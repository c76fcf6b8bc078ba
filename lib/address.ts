/** Addresses as they are written: an IPv6 address stands in brackets before its port. Pure. */

export function withPort(host: string, port: number | string): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
