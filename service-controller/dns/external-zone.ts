/**
 * The names of an external domain as the DNSEndpoints of this cluster say them: for clients that ask this server instead of the
 * provider that external-dns writes to. Pure.
 *
 * Endpoints of one name with set identifiers are alternatives by weight (`aws/weight`); a name without exact endpoints may have a
 * wildcard's (RFC 4592). CNAMEs are not followed: their targets are names of others.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { KubeObject } from '../../lib/kube/object.ts';
import { TTL_SECONDS } from './limits.ts';
import { type Answer, type DnsRecord, RCODE, type Revision, TYPE, type Zone } from './records.ts';
import { hinfo, soa } from './service-zone.ts';

type EndpointType = 'A' | 'AAAA' | 'CNAME';

interface Endpoint {
  type: EndpointType;
  ttl: number;
  targets: readonly string[];
  setIdentifier: string;
  weight: number;
}

interface Node {
  /** By the object that says them. */
  sources: Map<string, readonly Endpoint[]>;
  /** How many names with endpoints are at or below it. */
  count: number;
}

const NAME = /^(?=.{1,253}$)(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const WEIGHT_DEFAULT = 100;

export class ExternalZone implements Zone {
  readonly origin: string;
  private readonly revision: Revision = { count: 0 };
  private serial: number;
  /** By whole name. */
  private readonly nodes = new Map<string, Node>();

  constructor(origin: string, nowMs: number) {
    this.origin = origin;
    this.serial = Math.floor(nowMs / 1000) >>> 0;
  }

  /** A DNSEndpoint came, changed or went. */
  setEndpoint(before: KubeObject | undefined, after: KubeObject | undefined, nowMs: number): void {
    const old = before === undefined ? new Map<string, Endpoint[]>() : this.endpointsOf(before);
    const now = after === undefined ? new Map<string, Endpoint[]>() : this.endpointsOf(after);
    const source = sourceOf((after ?? before)!);
    for (const name of old.keys()) if (!now.has(name)) this.put(name, source, []);
    for (const [name, endpoints] of now) this.put(name, source, endpoints);
    if (old.size + now.size === 0) return;
    this.revision.count += 1;
    this.serial = Math.max(this.serial, Math.floor(nowMs / 1000) >>> 0);
  }

  answer(labels: readonly string[], type: number): Answer {
    const name = [...labels, this.origin].join('.');
    const node = labels.some((label) => label.includes('.')) ? undefined : this.nodes.get(name);
    const endpoints = endpointsAt(node) ?? (node === undefined ? this.wildcard(labels) : undefined);
    const isThere = labels.length === 0 || node !== undefined || endpoints !== undefined;
    const answers = isThere ? this.recordsOf(name, labels.length === 0, endpoints ?? [], type) : [];
    const choices = choicesOf(answers);
    const isEmpty = answers.length === 0;
    return {
      rcode: isThere ? RCODE.NOERROR : RCODE.NXDOMAIN,
      answers: choices === undefined ? unique(answers.flatMap(({ records }) => records)) : [],
      choices,
      authorities: isEmpty ? [soa(this.origin, this.serial)] : [],
      additionals: [],
      isRotating: choices === undefined && (type === TYPE.A || type === TYPE.AAAA),
      revision: this.revision,
    };
  }

  private recordsOf(name: string, isApex: boolean, endpoints: readonly Endpoint[], type: number): Alternative[] {
    const plain = (record: DnsRecord): Alternative[] => [{ setIdentifier: '', weight: 0, records: [record] }];
    if (type === TYPE.ANY) return plain(hinfo(name));
    if (isApex && type === TYPE.SOA) return plain(soa(this.origin, this.serial));
    if (isApex && type === TYPE.NS) return plain({ name, ttl: TTL_SECONDS, type: 'NS', data: `ns.dns.${this.origin}` });
    const cnames = endpoints.filter((one) => one.type === 'CNAME');
    const others = endpoints.filter((one) => one.type !== 'CNAME');
    const isOfSets = endpoints.some(({ setIdentifier }) => setIdentifier !== '');
    // Whatever is asked of an alias, its target knows. A name is an alias or has addresses; sets may differ in that.
    const aliases = isOfSets ? cnames : others.length > 0 ? [] : cnames.slice(0, 1);
    const asked = others.filter((one) => TYPE[one.type] === type).concat(aliases);
    return asked.map(({ setIdentifier, weight, type: kind, ttl, targets }) => {
      const said = kind === 'CNAME' ? targets.slice(0, 1) : targets;
      return { setIdentifier, weight, records: said.map((data) => ({ name, ttl, type: kind, data })) };
    });
  }

  /** Of the closest wildcard, unless a name that exists is closer. */
  private wildcard(labels: readonly string[]): readonly Endpoint[] | undefined {
    for (let start = 1; start <= labels.length; start += 1) {
      const parent = [...labels.slice(start), this.origin].join('.');
      const found = endpointsAt(this.nodes.get(`*.${parent}`));
      if (found !== undefined) return found;
      if (this.nodes.has(parent)) return undefined;
    }
    return undefined;
  }

  private put(name: string, source: string, endpoints: readonly Endpoint[]): void {
    const node = this.nodes.get(name) ?? { sources: new Map(), count: 0 };
    const had = node.sources.size > 0;
    if (endpoints.length === 0) node.sources.delete(source);
    else node.sources.set(source, endpoints);
    const difference = Number(node.sources.size > 0) - Number(had);
    if (difference === 0) return;
    this.nodes.set(name, node);
    for (let at = name; at.length >= this.origin.length; at = at.slice(at.indexOf('.') + 1)) {
      const one = this.nodes.get(at) ?? { sources: new Map(), count: 0 };
      one.count += difference;
      if (one.count > 0) this.nodes.set(at, one);
      else this.nodes.delete(at);
      if (at === this.origin) break;
    }
  }

  private endpointsOf({ spec }: KubeObject): Map<string, Endpoint[]> {
    const found = new Map<string, Endpoint[]>();
    for (const raw of (spec as { endpoints?: unknown[] } | undefined)?.endpoints ?? []) {
      const { dnsName, endpoint } = parse(raw);
      if (endpoint === undefined || !(dnsName === this.origin || dnsName.endsWith(`.${this.origin}`))) continue;
      found.set(dnsName, [...(found.get(dnsName) ?? []), endpoint]);
    }
    return found;
  }
}

interface Alternative {
  setIdentifier: string;
  weight: number;
  records: DnsRecord[];
}

/** Undefined when everything is said at once. */
function choicesOf(found: readonly Alternative[]): Answer['choices'] {
  if (!found.some(({ setIdentifier }) => setIdentifier !== '')) return undefined;
  const sets = new Map<string, { weight: number; answers: DnsRecord[] }>();
  for (const { setIdentifier, weight, records } of found) {
    const set = sets.get(setIdentifier) ?? { weight, answers: [] };
    sets.set(setIdentifier, set);
    // A name that is an alias is nothing else.
    if (set.answers.length === 0 || records[0]?.type !== 'CNAME') set.answers.push(...records);
  }
  return [...sets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, set]) => set);
}

/** Two objects may say the same. */
function unique(records: readonly DnsRecord[]): DnsRecord[] {
  return [...new Map(records.map((record) => [JSON.stringify(record.data), record])).values()];
}

function endpointsAt(node: Node | undefined): readonly Endpoint[] | undefined {
  if (node === undefined || node.sources.size === 0) return undefined;
  return [...node.sources].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, endpoints]) => endpoints);
}

function sourceOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

interface RawEndpoint {
  dnsName?: string;
  recordType?: string;
  recordTTL?: number;
  targets?: string[];
  setIdentifier?: string;
  providerSpecific?: { name?: string; value?: string }[];
}

/** Of what others write only what can be said is taken. */
function parse(raw: unknown): { dnsName: string; endpoint: Endpoint | undefined } {
  const {
    dnsName = '',
    recordType,
    recordTTL = 0,
    targets = [],
    setIdentifier = '',
    providerSpecific = [],
  } = (raw ?? {}) as RawEndpoint;
  const name = withoutDot(String(dnsName));
  const isValid = TARGETS[recordType as EndpointType];
  const usable = isValid === undefined ? [] : targets.map((target) => withoutDot(String(target))).filter(isValid);
  if (!NAME.test(name) || usable.length === 0) return { dnsName: name, endpoint: undefined };
  const weight = Number(providerSpecific.find((one) => one.name === 'aws/weight')?.value ?? WEIGHT_DEFAULT);
  return {
    dnsName: name,
    endpoint: {
      type: recordType as EndpointType,
      ttl: Number.isInteger(recordTTL) && recordTTL > 0 ? Math.min(recordTTL, 86_400) : TTL_SECONDS,
      targets: usable,
      setIdentifier,
      weight: Number.isInteger(weight) && weight >= 0 ? weight : WEIGHT_DEFAULT,
    },
  };
}

const TARGETS: Readonly<Record<EndpointType, (target: string) => boolean>> = {
  A: isIPv4,
  AAAA: isIPv6,
  CNAME: (target) => NAME.test(target) && !target.startsWith('*'),
};

function withoutDot(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
