/** What a simulated cluster holds, in a form in which two worlds that mean the same are the same: without keys, times and counts of changes. */

import { LISTENER_LABEL, NAME } from '../../../config/names.ts';
import { listenerPorts } from '../../../config/router-config.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { isDeepEqual } from '../../../lib/kube/subset.ts';
import { fingerprintsOf } from '../../../site-controller/pki/inspect.ts';
import type { ControllerWorld } from './controller-world.ts';

/** By `Kind namespace/name`. */
export function snapshot(world: ControllerWorld): Record<string, unknown> {
  const names = new Map(world.objects().map((object) => [object.metadata.uid!, nameOf(object)]));
  const ports = givenPorts(world);
  const authorities = givenAuthorities(world);
  return Object.fromEntries(
    world.objects().map((object) => {
      const { kind, metadata, apiVersion: _version, ...members } = object;
      const { labels, annotations, ownerReferences } = metadata;
      const owners = ownerReferences?.map(({ uid }) => names.get(uid) ?? `nobody (${uid})`);
      const content = {
        labels,
        annotations: withoutHash(annotations),
        owners,
        ...plain(kind, members, { ports: ports.get(metadata.namespace!) ?? new Map(), authorities }),
      };
      return [nameOf(object), content];
    }),
  );
}

function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}

function withoutHash(annotations: Record<string, string> | undefined): object | undefined {
  // A CA keeps what it was made for.
  const { 'skuprt.io/applied': _hash, 'skuprt.io/made-for': _purpose, ...kept } = annotations ?? {};
  return kept;
}

function plain(kind: string, members: Record<string, unknown>, { ports, authorities }: Names): object {
  if (kind === 'Secret') return { type: members.type, keys: Object.keys(members.data ?? {}).sort() };
  return unstamped(members, { ports, authorities }) as object;
}

/** What depends on when and how often something happened, and on keys. */
const STAMPS = new Set([
  'lastTransitionTime',
  'observedGeneration',
  'expiration',
  'digest',
  'ordinal',
  'oldestValidOrdinal',
]);

/** Empty members count as absent. */
function unstamped(value: unknown, names: Names): unknown {
  if (typeof value === 'string' && /^[[{]/.test(value)) return parsed(value, names);
  if (typeof value === 'string') return names.ports.get(Number(value)) ?? names.authorities.get(value) ?? value;
  if (typeof value === 'number') return names.ports.get(value) ?? value;
  if (Array.isArray(value)) return sorted(value.map((item) => unstamped(item, names)));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value)
    .filter(([name]) => !STAMPS.has(name))
    .map(([name, member]) => [name, unstamped(member, names)] as const)
    .filter(([, member]) => typeof member !== 'object' || member === null || Object.keys(member).length > 0);
  return Object.fromEntries(kept);
}

/** Conditions in any order are the same. */
function sorted(items: unknown[]): unknown[] {
  const typeOf = (item: unknown) => (isTree(item) && typeof item.type === 'string' ? item.type : '');
  return items.every((item) => typeOf(item) !== '') ? items.sort((a, b) => (typeOf(a) < typeOf(b) ? -1 : 1)) : items;
}

/** ConfigMaps hold documents. */
function parsed(text: string, names: Names): unknown {
  try {
    return unstamped(JSON.parse(text), names);
  } catch {
    return text;
  }
}

/** What stands for what was chosen by chance, or by who came first. */
interface Names {
  ports: Ports;
  /** Of each CA, by its fingerprint. */
  authorities: ReadonlyMap<string, string>;
}

function givenAuthorities(world: ControllerWorld): Map<string, string> {
  const names = new Map<string, string>();
  for (const object of world.objects()) {
    const { 'tls.crt': certificate } = (object.kind === 'Secret' && (object.data as Record<string, string>)) || {};
    if (certificate === undefined) continue;
    const [fingerprint] = fingerprintsOf(Buffer.from(certificate, 'base64').toString());
    if (fingerprint !== undefined) names.set(fingerprint, `of ${nameOf(object)}`);
  }
  return names;
}

/** Ports of listeners to their names: a port stays what it was as long as its listener, so that it depends on who came first. */
type Ports = ReadonlyMap<number, string>;

/** By namespace. A listener without its TLS material has a port only in its Service. */
function givenPorts(world: ControllerWorld): Map<string, Ports> {
  const ports = new Map<string, Map<number, string>>();
  const keep = ({ metadata }: KubeObject, port: number, name: string): void => {
    const known = ports.get(metadata.namespace!) ?? new Map<number, string>();
    ports.set(metadata.namespace!, known.set(port, name));
  };
  for (const object of world.objects()) {
    if (object.metadata.labels?.[LISTENER_LABEL] === undefined) continue;
    const { ports: served } = object.spec as { ports: { port: number; targetPort: number }[] };
    for (const { port, targetPort } of served) keep(object, targetPort, `${object.metadata.name}:${port}`);
  }
  for (const object of world.objects()) {
    if (object.kind !== 'ConfigMap' || object.metadata.name !== NAME.router) continue;
    for (const [name, port] of listenerPorts(object.data)) keep(object, port, name);
  }
  return ports;
}

/** Each place where two snapshots differ, with what is there. */
export function differences(found: unknown, wanted: unknown, path = ''): string[] {
  if (isDeepEqual(found, wanted)) return [];
  if (!isTree(found) || !isTree(wanted))
    return [`${path}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`];
  const names = [...new Set([...Object.keys(found), ...Object.keys(wanted)])];
  return names.flatMap((name) => differences(found[name], wanted[name], `${path} ${name}`));
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
