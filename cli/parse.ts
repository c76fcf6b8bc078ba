/**
 * Values as people type them: durations, sizes, ports, names, addresses. Pure; every error lists the valid forms.
 * Used as commander's argument parsers, so a bad value ends the command before anything is read or written.
 */

import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { routerLogging } from '../lib/router-logging.ts';
import { isDnsLabel } from '../lib/text.ts';

const DURATION_UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_UNIT_BYTES: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};
const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?)*$/;
/** The routing key travels as an AMQP address: any printable text without blanks. */
const ROUTING_KEY = /^[\x21-\x7e]{1,255}$/;

/** Milliseconds of `90s`, `15m`, `1h30m`. */
export function parseDurationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  const total = parts.reduce((sum, [, count, unit]) => sum + Number(count) * DURATION_UNIT_MS[unit!]!, 0);
  if (parts.map(([part]) => part).join('') !== text || total <= 0) {
    throw new InvalidArgumentError('Give a time above zero such as 500ms, 90s, 15m, 1h or 1h30m.');
  }
  return total;
}

/** Bytes of `256MiB`, `1GB`, `4096`. */
export function parseSizeBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text);
  const unit = match === null ? undefined : SIZE_UNIT_BYTES[match[2]!];
  const bytes = unit === undefined ? 0 : Math.floor(Number(match![1]) * unit);
  if (bytes <= 0 || !Number.isSafeInteger(bytes)) {
    throw new InvalidArgumentError(
      'Give a size above zero in bytes or with kB, MB, GB, KiB, MiB or GiB, such as 256MiB.',
    );
  }
  return bytes;
}

/** Levels of a router's log, as the Site's setting has them. */
export function parseRouterLogging(text: string): string {
  if (text.trim() === '' || routerLogging(text).fault !== undefined) {
    throw new InvalidArgumentError(
      'Give LEVEL or MODULE:LEVEL, several with commas, such as info,ROUTER_CORE:debug; levels are trace, debug, info, warning, error, critical and none.',
    );
  }
  return text;
}

export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new InvalidArgumentError('Give a port number from 1 to 65535.');
  return port;
}

/** For repeatable options: `--port 80 --port 443`, or `--port 80,443`. */
export function parsePorts(text: string, previous: readonly number[] | undefined): number[] {
  return [...(previous ?? []), ...text.split(',').map(parsePort)];
}

/** A whole number of at least one: costs, numbers of uses. */
export function parseCount(text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count < 1) throw new InvalidArgumentError('Give a whole number from 1 to 999999999.');
  return count;
}

/** Of a whole number between two bounds, both included. */
export function parseWhole(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : -1;
    if (number < least || number > most)
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
    return number;
  };
}

const PAUSE_SECONDS_MAX = 600;

/** Seconds: 0, or a time of at most ten minutes. */
export function parsePause(text: string): number {
  const seconds = text === '0' ? 0 : Math.ceil(parseDurationMs(text)) / 1000;
  if (seconds > PAUSE_SECONDS_MAX) throw new InvalidArgumentError('Give 0, or a time of at most 10m, such as 30s.');
  return seconds;
}

/** Octets, as text. */
export function parseFlowMemory(text: string): string {
  return String(parseSizeBytes(text));
}

/** Seconds of a time of whole seconds between two bounds in seconds, both included. */
export function parseSeconds(least: number, most: number): (text: string) => number {
  return (text) => {
    const seconds = parseDurationMs(text) / 1000;
    if (!Number.isInteger(seconds) || seconds < least || seconds > most)
      throw new InvalidArgumentError(`Give a time of whole seconds from ${least}s to ${most}s, such as ${least + 1}s.`);
    return seconds;
  };
}

/** `key=value`; the value may be empty. */
export function parsePair(text: string): [key: string, value: string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Give KEY=VALUE, such as tier=gold.');
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** A name of a resource or a namespace: an RFC 1123 label. */
export function parseName(text: string): string {
  if (!isDnsLabel(text)) {
    throw new InvalidArgumentError(
      'Give 1 to 63 lower-case letters, digits and hyphens, with a letter or digit first and last, such as backend-1.',
    );
  }
  return text;
}

/** A service of the cluster set: `NAME`, or `NAME.NAMESPACE` for one of another namespace. */
export function parseServiceName(text: string): string {
  const labels = text.split('.');
  if (labels.length > 2 || !labels.every(isDnsLabel)) {
    throw new InvalidArgumentError(
      'Give NAME or NAME.NAMESPACE, each 1 to 63 lower-case letters, digits and hyphens, such as backend.west.',
    );
  }
  return text;
}

/** Of what `parseServiceName` takes. */
export function splitServiceName(text: string, namespaceDefault: string): { name: string; namespace: string } {
  const [name = '', namespace = namespaceDefault] = text.split('.');
  return { name, namespace };
}

export function isName(text: string): boolean {
  return isDnsLabel(text);
}

/** An IP address or a host name, without port. */
export function parseHost(text: string): string {
  if (isIP(text) === 0 && !HOST_NAME.test(text)) {
    throw new InvalidArgumentError(
      'Give a host name or an IP address without a port, such as backend.example or 10.0.0.7.',
    );
  }
  return text;
}

/** For repeatable options: `--host a --host b`. */
export function parseHosts(text: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), parseHost(text)];
}

export function parseRoutingKey(text: string): string {
  if (!ROUTING_KEY.test(text)) {
    throw new InvalidArgumentError(
      'Give 1 to 255 printable characters without blanks, such as backend or shop/orders:8080.',
    );
  }
  return text;
}

export interface Workload {
  kind: string;
  name: string;
}

/** The KIND/NAME of `expose`. */
export function parseWorkload(text: string): Workload {
  const slash = text.indexOf('/');
  const [kind, name] = [text.slice(0, slash).toLowerCase(), text.slice(slash + 1)];
  if (slash < 1 || name === '') {
    throw new InvalidArgumentError('Give KIND/NAME: host/ADDRESS here, such as host/127.0.0.1 or host/db.example.');
  }
  if (kind === 'host') parseHost(name);
  return { kind, name };
}
