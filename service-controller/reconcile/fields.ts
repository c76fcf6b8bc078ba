/**
 * Members of objects that others may have written by hand: what is not of the form that it should have reads as absent. Nothing here
 * throws. Pure.
 */
import { isIP } from 'node:net';
import type { KubeObject } from '../../lib/kube/object.ts';
import type { IpFamily } from '../records.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** Of 1 to 65535. */
export function portOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535 ? value : undefined;
}

export function labelOf({ metadata }: KubeObject, name: string): string | undefined {
  return textOf(fieldsOf(metadata.labels)[name]);
}

export function annotationOf({ metadata }: KubeObject, name: string): string | undefined {
  return textOf(fieldsOf(metadata.annotations)[name]);
}

/** Of an IP address without a port or a zone. */
export function familyOf(address: string): IpFamily | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 6 ? 'IPv6' : 'IPv4';
}
