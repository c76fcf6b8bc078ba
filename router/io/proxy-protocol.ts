/**
 * The PROXY protocol of HAProxy, versions 1 and 2: a load balancer says before the first octet of a connection whose it is.
 * Composing the header for a backend, and reading one from octets that may come in any pieces; `proxied-connections.ts` has the
 * sockets. TLVs of version 2 are passed over, and none are written.
 *
 * haproxy.org/download/3.2/doc/proxy-protocol.txt, sections 2.1 and 2.2.
 */
import { isIP, isIPv6, SocketAddress } from 'node:net';
import type { ClientEnds } from '../core/client-ends.ts';

export type ProxyVersion = 'v1' | 'v2';

/** Of version 2 with its TLVs: certificates of clients fit. */
export const PROXY_HEADER_BYTES_MAX = 16 * 1024;
const V1_BYTES_MAX = 107;

const V1_START = Buffer.from('PROXY ');
const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const FIXED_BYTES = 16;
const LOCAL = 0x20;
const PROXY = 0x21;
const TCP4 = 0x11;
const TCP6 = 0x21;
/** Octets of two addresses and two ports. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = { [TCP4]: 12, [TCP6]: 36 };

export type ProxyHeader =
  | { state: 'more' }
  | { state: 'fault'; fault: string }
  /** `client` is undefined when the sender speaks for itself, and when it does not know. */
  | { state: 'whole'; lengthBytes: number; client: ClientEnds | undefined };

/** @param client undefined: the router speaks for itself, as when it looks whether a backend is well */
export function composeProxyHeader(version: ProxyVersion, client: ClientEnds | undefined): Buffer {
  const known = client !== undefined && isIP(client.host) !== 0 && isIP(client.localHost) !== 0 ? client : undefined;
  return version === 'v1' ? composeV1(known) : composeV2(known);
}

function composeV1(client: ClientEnds | undefined): Buffer {
  if (client === undefined) return Buffer.from('PROXY UNKNOWN\r\n');
  const isV6 = isEitherV6(client);
  const [host, localHost] = [client.host, client.localHost].map((each) => (isV6 ? asV6(each) : each));
  return Buffer.from(`PROXY ${isV6 ? 'TCP6' : 'TCP4'} ${host} ${localHost} ${client.port} ${client.localPort}\r\n`);
}

function composeV2(client: ClientEnds | undefined): Buffer {
  if (client === undefined) return Buffer.concat([SIGNATURE, Buffer.from([LOCAL, 0, 0, 0])]);
  const isV6 = isEitherV6(client);
  const bytesOf = isV6 ? v6Bytes : v4Bytes;
  const fixed = Buffer.from([PROXY, isV6 ? TCP6 : TCP4, 0, ADDRESS_BYTES[isV6 ? TCP6 : TCP4]!]);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(client.port, 0);
  ports.writeUInt16BE(client.localPort, 2);
  return Buffer.concat([SIGNATURE, fixed, bytesOf(client.host), bytesOf(client.localHost), ports]);
}

/** @param bytes all that has come so far */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsAs(bytes, V1_START)) return parseV1(bytes);
  if (startsAs(bytes, SIGNATURE)) return parseV2(bytes);
  return { state: 'fault', fault: 'the connection does not begin with a PROXY protocol header' };
}

function startsAs(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

function parseV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_BYTES_MAX).indexOf('\r\n');
  if (end < 0)
    return bytes.length < V1_BYTES_MAX ? MORE : { state: 'fault', fault: 'a PROXY v1 header without an end' };
  const lengthBytes = end + 2;
  const [, family = '', host = '', localHost = '', port, localPort, ...more] = bytes
    .toString('latin1', 0, end)
    .split(' ');
  if (family === 'UNKNOWN') return { state: 'whole', lengthBytes, client: undefined };
  const version = family === 'TCP4' ? 4 : 6;
  const isSound = (family === 'TCP4' || family === 'TCP6') && isIP(host) === version && isIP(localHost) === version;
  const ports = [portOf(port), portOf(localPort)];
  if (!isSound || more.length > 0 || ports.includes(undefined)) {
    return { state: 'fault', fault: 'a PROXY v1 header that makes no sense' };
  }
  return { state: 'whole', lengthBytes, client: { host, localHost, port: ports[0]!, localPort: ports[1]! } };
}

function parseV2(bytes: Buffer): ProxyHeader {
  if (bytes.length < FIXED_BYTES) return MORE;
  const [command, family] = [bytes[12]!, bytes[13]!];
  const lengthBytes = FIXED_BYTES + bytes.readUInt16BE(14);
  if (command !== LOCAL && command !== PROXY)
    return { state: 'fault', fault: 'a PROXY v2 header of an unknown command' };
  if (lengthBytes > PROXY_HEADER_BYTES_MAX)
    return { state: 'fault', fault: `a PROXY v2 header of ${lengthBytes} octets` };
  if (bytes.length < lengthBytes) return MORE;
  const sizeBytes = ADDRESS_BYTES[family];
  // Other families are not of TCP connections: to be taken as if nothing was known of the client.
  if (command === LOCAL || sizeBytes === undefined) return { state: 'whole', lengthBytes, client: undefined };
  if (lengthBytes < FIXED_BYTES + sizeBytes)
    return { state: 'fault', fault: 'a PROXY v2 header without its addresses' };
  const half = (sizeBytes - 4) / 2;
  const at = (from: number): string => textOf(bytes.subarray(FIXED_BYTES + from, FIXED_BYTES + from + half));
  const ports = FIXED_BYTES + 2 * half;
  const [port, localPort] = [bytes.readUInt16BE(ports), bytes.readUInt16BE(ports + 2)];
  return { state: 'whole', lengthBytes, client: { host: at(0), localHost: at(half), port, localPort } };
}

const MORE: ProxyHeader = { state: 'more' };

function portOf(text = ''): number | undefined {
  return /^(0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

function isEitherV6({ host, localHost }: ClientEnds): boolean {
  return isIPv6(host) || isIPv6(localHost);
}

function asV6(address: string): string {
  return isIPv6(address) ? address : `::ffff:${address}`;
}

function v4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

function v6Bytes(address: string): Buffer {
  const v4 = asV6(address).match(/^(.*:)([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)$/);
  const hex = (high: string, low: string): string => (Number(high) * 256 + Number(low)).toString(16);
  const text = v4 ? `${v4[1]}${hex(v4[2]!, v4[3]!)}:${hex(v4[4]!, v4[5]!)}` : address;
  const [head = '', tail] = text.split('::');
  const first = groupsOf(head);
  const last = groupsOf(tail ?? '');
  const bytes = Buffer.alloc(16);
  for (const [i, group] of first.entries()) bytes.writeUInt16BE(group, i * 2);
  for (const [i, group] of last.entries()) bytes.writeUInt16BE(group, 16 - (last.length - i) * 2);
  return bytes;
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function textOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}
