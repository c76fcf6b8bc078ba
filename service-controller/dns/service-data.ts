/**
 * What is known of the services of the cluster set, as names need it: ServiceImports, their official EndpointSlices, namespaces. Pure.
 *
 * Invariants: a change of one service touches what is kept of that service only; `revision` of a service grows with each of its
 * changes, that of the whole with every change of anything. Objects are parsed when they come; what makes no sense is left out.
 */
import { isIP } from 'node:net';
import type { KubeObject } from '../../lib/kube/object.ts';
import { MCS } from '../names.ts';
import type { IpFamily } from '../records.ts';
import { LIMITS } from './limits.ts';
import type { Revision } from './records.ts';

export interface DnsPort {
  /** '' has no name in DNS. */
  name: string;
  /** Lower case. */
  protocol: string;
  port: number;
}

/** A ready endpoint of a headless service. */
export interface DnsEndpoint {
  hostname: string;
  cluster: string;
  family: IpFamily;
  address: string;
  ports: readonly DnsPort[];
}

export interface DnsService {
  readonly revision: Revision;
  readonly namespace: string;
  readonly name: string;
  /** Undefined: there are slices only, which say nothing by themselves. */
  imported: { isHeadless: boolean; ips: readonly string[]; ports: readonly DnsPort[] } | undefined;
  /** Of all slices; at most `endpointsMax`, the same for both families. */
  endpoints(): readonly DnsEndpoint[];
}

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
const HOSTNAME = /^[a-z0-9-]{1,63}$/;
const PROTOCOLS = new Set(['tcp', 'udp', 'sctp']);

export class ServiceData {
  readonly revision: Revision = { count: 0 };
  /** Of the SOA: when something last changed, seconds since 1970. */
  serial: number;
  private readonly services = new Map<string, Service>();
  /** Namespaces that exist, or that something is imported into. */
  private readonly namespaces = new Set<string>();
  private readonly importsIn = new Map<string, number>();

  constructor(nowMs: number) {
    this.serial = secondsOf(nowMs);
  }

  find(namespace: string, name: string): DnsService | undefined {
    const service = this.services.get(`${namespace}/${name}`);
    return service?.imported === undefined ? undefined : service;
  }

  hasNamespace(name: string): boolean {
    return this.namespaces.has(name) || this.importsIn.has(name);
  }

  get size(): number {
    return this.services.size;
  }

  /** A Namespace came or went. */
  setNamespace(name: string, exists: boolean, nowMs: number): void {
    if (this.namespaces.has(name) === exists) return;
    if (exists) this.namespaces.add(name);
    else this.namespaces.delete(name);
    this.changed(nowMs);
  }

  /** A ServiceImport came, changed or went. */
  setImport(namespace: string, name: string, object: KubeObject | undefined, nowMs: number): void {
    const service = this.serviceOf(namespace, name);
    const before = service.imported;
    const after = object === undefined ? undefined : importOf(object);
    if (JSON.stringify(before) === JSON.stringify(after)) {
      this.drop(service);
      return;
    }
    service.imported = after;
    const count = (this.importsIn.get(namespace) ?? 0) + Number(after !== undefined) - Number(before !== undefined);
    if (count > 0) this.importsIn.set(namespace, count);
    else this.importsIn.delete(namespace);
    this.changed(nowMs, service);
  }

  /** An EndpointSlice came, changed (`before` and `after`) or went. */
  setSlice(before: KubeObject | undefined, after: KubeObject | undefined, nowMs: number): void {
    const old = before && this.servedBy(before);
    const now = after && this.servedBy(after);
    if (old !== undefined && old !== now) this.setEndpoints(old, before!.metadata.name, [], nowMs);
    if (now !== undefined) this.setEndpoints(now, after!.metadata.name, endpointsOf(after!), nowMs);
  }

  private setEndpoints(service: Service, slice: string, endpoints: readonly DnsEndpoint[], nowMs: number): void {
    const isOther = service.setSlice(slice, endpoints);
    // Those of a clusterset IP are kube-proxy's affair.
    if (isOther && service.imported?.isHeadless) this.changed(nowMs, service);
    this.drop(service);
  }

  private servedBy({ metadata: { namespace = '', labels } }: KubeObject): Service | undefined {
    const name = labels?.[MCS.serviceNameLabel];
    return name === undefined ? undefined : this.serviceOf(namespace, name);
  }

  private serviceOf(namespace: string, name: string): Service {
    const key = `${namespace}/${name}`;
    const known = this.services.get(key);
    if (known !== undefined) return known;
    const made = new Service(namespace, name);
    this.services.set(key, made);
    return made;
  }

  private changed(nowMs: number, service?: Service): void {
    this.revision.count += 1;
    this.serial = Math.max(this.serial, secondsOf(nowMs));
    if (service === undefined) return;
    service.revision.count += 1;
    this.drop(service);
  }

  private drop(service: Service): void {
    if (service.imported === undefined && service.isEmpty) this.services.delete(`${service.namespace}/${service.name}`);
  }
}

class Service implements DnsService {
  readonly revision: Revision = { count: 0 };
  readonly namespace: string;
  readonly name: string;
  imported: DnsService['imported'];
  private readonly slices = new Map<string, readonly DnsEndpoint[]>();
  private known: readonly DnsEndpoint[] | undefined;

  constructor(namespace: string, name: string) {
    this.namespace = namespace;
    this.name = name;
  }

  get isEmpty(): boolean {
    return this.slices.size === 0;
  }

  /** False when that is what it was. */
  setSlice(slice: string, endpoints: readonly DnsEndpoint[]): boolean {
    if (JSON.stringify(this.slices.get(slice) ?? []) === JSON.stringify(endpoints)) return false;
    if (endpoints.length === 0) this.slices.delete(slice);
    else this.slices.set(slice, endpoints);
    this.known = undefined;
    return true;
  }

  endpoints(): readonly DnsEndpoint[] {
    this.known ??= bounded([...this.slices].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, endpoints]) => endpoints));
    return this.known;
  }
}

/** Of each family as many. A name has all its addresses, or none: only the last one may have some. */
function bounded(endpoints: readonly DnsEndpoint[]): readonly DnsEndpoint[] {
  if (endpoints.length <= LIMITS.endpointsMax) return endpoints;
  const named = new Map<string, Record<IpFamily, number>>();
  for (const one of endpoints) {
    const counts = named.get(keyOf(one)) ?? { IPv4: 0, IPv6: 0 };
    counts[one.family] += 1;
    named.set(keyOf(one), counts);
  }
  const countMax = LIMITS.endpointsMax / 2;
  const taken = { IPv4: 0, IPv6: 0 };
  const names = new Set<string>();
  for (const [key, { IPv4, IPv6 }] of named) {
    if ((IPv4 > 0 && taken.IPv4 >= countMax) || (IPv6 > 0 && taken.IPv6 >= countMax)) continue;
    taken.IPv4 += IPv4;
    taken.IPv6 += IPv6;
    names.add(key);
  }
  const shown = { IPv4: 0, IPv6: 0 };
  return endpoints.filter((one) => names.has(keyOf(one)) && ++shown[one.family] <= countMax);
}

function keyOf({ cluster, hostname }: DnsEndpoint): string {
  return `${cluster}/${hostname}`;
}

interface Slice {
  addressType?: string;
  ports?: { name?: string; protocol?: string; port?: number }[];
  endpoints?: { addresses?: string[]; hostname?: string; conditions?: { ready?: boolean } }[];
}

function importOf({ spec }: KubeObject): DnsService['imported'] {
  const { type, ips = [], ports = [] } = (spec ?? {}) as { type?: string; ips?: string[]; ports?: Slice['ports'] };
  const isHeadless = type === 'Headless';
  return { isHeadless, ips: isHeadless ? [] : ips.filter((ip) => isIP(ip) !== 0), ports: portsOf(ports) };
}

function portsOf(ports: Slice['ports'] | null): DnsPort[] {
  return (ports ?? []).flatMap(({ name = '', protocol = 'TCP', port }) => {
    const one = { name: name.toLowerCase(), protocol: protocol.toLowerCase(), port: port ?? 0 };
    return one.port > 0 && one.port < 65_536 && PROTOCOLS.has(one.protocol) ? [one] : [];
  });
}

function endpointsOf(object: KubeObject): DnsEndpoint[] {
  const cluster = object.metadata.labels?.[MCS.sourceClusterLabel]?.toLowerCase() ?? '';
  const { addressType, ports, endpoints } = object as unknown as Slice;
  if (!LABEL.test(cluster) || (addressType !== 'IPv4' && addressType !== 'IPv6')) return [];
  const parsed = portsOf(ports);
  return (endpoints ?? []).flatMap(({ addresses = [], hostname, conditions }) => {
    // Nobody says: ready.
    if (conditions?.ready === false) return [];
    return addresses
      .filter((address) => isIP(address) === (addressType === 'IPv4' ? 4 : 6))
      .map((address) => ({
        hostname: (hostname || dashed(address)).toLowerCase(),
        cluster,
        family: addressType as IpFamily,
        address,
        ports: parsed,
      }))
      .filter((one) => HOSTNAME.test(one.hostname));
  });
}

/** The name of an endpoint without one: "10-0-0-1". Where ':' is first or last there is a 0, for no label begins or ends with '-'. */
export function dashed(address: string): string {
  return address.replaceAll(/[.:]/g, '-').replace(/^-/, '0-').replace(/-$/, '-0');
}

function secondsOf(ms: number): number {
  return Math.floor(ms / 1000) >>> 0;
}
