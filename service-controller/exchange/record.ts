/**
 * What clusters say of their services, as it comes from others: checked, and reduced to the members that are known. Pure.
 *
 * Whoever receives a record writes Kubernetes objects from it, so every text has the form its place in them asks for: names are
 * DNS labels, addresses are addresses, keys of labels are keys of labels. An object that the API server refuses for a text from
 * another cluster would be that cluster's hold on this one.
 */
import { isIP } from 'node:net';
import { checkOf, choice, type Shape, type Static, Type } from '../../lib/shape.ts';
import { isDnsLabel, isDnsName, isHostPattern } from '../../lib/text.ts';
import type { ClusterInfo, ClusterSelector, ExternalAddress, IngressRecord, ServiceRecord } from '../records.ts';
import { LIMITS } from './limits.ts';

const NAME_PART = '[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
const QUALIFIED_NAME = new RegExp(`^${NAME_PART}$`);
/** No control characters, no half of a character. */
const PRINTABLE = /^[^\p{Cc}\p{Cs}]*$/u;

/** A hostile record says little in the answer. */
const FAULTS_MAX = 20;

/** A text of which `isGood` holds. */
function text(what: string, isGood: (value: string) => boolean): Shape<string> {
  return {
    look: (value, path, faults) => {
      if (typeof value === 'string' && isGood(value)) return;
      if (faults.length < FAULTS_MAX) faults.push({ instancePath: path, message: `must be ${what}` });
    },
  };
}

const matching = (what: string, pattern: RegExp, lengthMax: number) =>
  text(what, (value) => value.length <= lengthMax && pattern.test(value));

export const Label = text('a DNS label', isDnsLabel);
export const Id = matching('an id', /^[\x21-\x7e]+$/, LIMITS.idLengthMax);
const DnsName = text('a DNS name', isDnsName);
const HostName = text('a host name', isHostPattern);
const Ip = text('an IP address', (value) => isIP(value) !== 0 && !value.includes('%'));
const Key = text('a qualified name', isQualifiedName);
const LabelValue = matching('the value of a label', new RegExp(`^(${NAME_PART})?$`), LIMITS.labelLengthMax);
const Uid = matching('a uid', /^[A-Za-z0-9-]+$/, LIMITS.idLengthMax);
const Word = matching('a word', /^[A-Za-z0-9][-A-Za-z0-9._/]*$/, LIMITS.labelLengthMax);
const Text = matching('text without control characters', PRINTABLE, LIMITS.textLengthMax);
/** May have several lines. */
const AnnotationValue = text('text', (value) => value.length <= LIMITS.annotationLengthMax && !/\p{Cs}/u.test(value));
const Name = text('a DNS label, or empty', (value) => value === '' || isDnsLabel(value));

export const Count = Type.Integer({ minimum: 0, maximum: LIMITS.countMax });
const count = (minimum: number, maximum: number) => Type.Integer({ minimum, maximum });

/** Keys and values of those shapes, not too many. */
function mapOf(key: Shape<string>, value: Shape<string>): Shape<Record<string, string>> {
  return whole(Type.Record(value), (map) => {
    const keys = Object.keys(map);
    if (keys.length > LIMITS.mapSizeMax) return `must have at most ${LIMITS.mapSizeMax} members`;
    const keyFault = keys.find((one) => !isOf(key, one));
    return keyFault === undefined ? undefined : `has a key that is no qualified name: ${keyFault.slice(0, 80)}`;
  });
}

/** No two items of one key. */
function uniqueBy<T>(items: Shape<T[]>, keysOf: (item: T) => string[]): Shape<T[]> {
  return whole(items, (list) => {
    const keys = list.flatMap(keysOf);
    return new Set(keys).size < keys.length ? 'must not say a thing twice' : undefined;
  });
}

/** Of that shape, and `judge` finds no fault with it. */
function whole<T>(shape: Shape<T>, judge: (value: T) => string | undefined): Shape<T> {
  return {
    look: (value, path, faults) => {
      const found: typeof faults = [];
      shape.look(value, path, found);
      const message = found.length === 0 ? judge(value as T) : undefined;
      faults.push(...found, ...(message === undefined ? [] : [{ instancePath: path, message }]));
    },
  };
}

function isOf(shape: Shape<string>, value: string): boolean {
  return checkOf(shape).Check(value);
}

const Protocol = choice(['TCP', 'UDP', 'SCTP']);
const Family = choice(['IPv4', 'IPv6']);
const Port = Type.Object({
  name: Name,
  protocol: Protocol,
  port: count(1, 65535),
  appProtocol: Type.Optional(Key),
});
const Operator = choice(['In', 'NotIn', 'Exists', 'DoesNotExist']);
const Expression = Type.Object({
  key: Key,
  operator: Operator,
  values: Type.Optional(Type.Array(Text, { maxItems: LIMITS.selectorValueCountMax })),
});
const Selector = Type.Object({
  propertySelector: Type.Object({
    matchProperties: Type.Optional(mapOf(Key, Text)),
    matchExpressions: Type.Optional(Type.Array(Expression, { maxItems: LIMITS.selectorCountMax })),
  }),
});
const External = Type.Union([Type.Object({ ip: Ip }), Type.Object({ hostname: DnsName })]);
const Externals = Type.Array(External, { maxItems: LIMITS.externalCountMax });
const Pod = Type.Object({ hostname: Label, ready: Type.Boolean(), family: Type.Optional(Family) });

const Service = Type.Object({
  namespace: Label,
  name: Label,
  uid: Uid,
  since: Count,
  type: choice(['ClusterSetIP', 'Headless']),
  ports: uniqueBy(Type.Array(Port, { maxItems: LIMITS.portCountMax }), ({ name, protocol, port }) => [
    `name ${name}`,
    `${protocol} ${port}`,
  ]),
  ipFamilies: uniqueBy(Type.Array(Family, { maxItems: 2 }), (family) => [family]),
  sessionAffinity: choice(['None', 'ClientIP']),
  sessionAffinityTimeoutSeconds: Type.Optional(count(1, 86_400)),
  internalTrafficPolicy: Type.Optional(Word),
  trafficDistribution: Type.Optional(Word),
  labels: Type.Optional(mapOf(Key, LabelValue)),
  annotations: Type.Optional(mapOf(Key, AnnotationValue)),
  clusterSelectors: Type.Optional(Type.Array(Selector, { maxItems: LIMITS.selectorCountMax })),
  priority: Type.Optional(count(0, 1000)),
  weight: Type.Optional(count(1, 1000)),
  locality: Type.Optional(choice(['local-first', 'none'])),
  localMinimum: Type.Optional(count(0, LIMITS.readyMax)),
  ready: count(0, LIMITS.readyMax),
  pods: Type.Optional(uniqueBy(Type.Array(Pod, { maxItems: LIMITS.podCountMax }), ({ hostname }) => [hostname])),
  external: Type.Optional(Externals),
});

const Ingress = Type.Object({
  namespace: Label,
  name: DnsName,
  hosts: Type.Array(HostName, { maxItems: LIMITS.hostCountMax }),
  addresses: Externals,
  weight: Type.Optional(count(1, 1000)),
  isHealthy: Type.Boolean(),
});

const Info = Type.Object({ properties: mapOf(Key, Text), version: Text });

const SERVICE = checkOf(Service);
const INGRESS = checkOf(Ingress);
const INFO = checkOf(Info);
const PROPERTY = checkOf(Type.Object({ key: Key, value: Text }));

/** The value, or what is wrong with it in one sentence. */
export type Checked<T> = { value: T } | { fault: string };

export function checkService(raw: unknown): Checked<ServiceRecord> {
  return SERVICE.Check(raw) ? { value: serviceOf(raw) } : { fault: faultOf(SERVICE.Errors(raw)) };
}

export function checkIngress(raw: unknown): Checked<IngressRecord> {
  if (!INGRESS.Check(raw)) return { fault: faultOf(INGRESS.Errors(raw)) };
  const { namespace, name, hosts, addresses, weight, isHealthy } = raw;
  return {
    value: {
      namespace,
      name,
      hosts: [...hosts],
      addresses: addresses.map(externalOf),
      ...(weight !== undefined && { weight }),
      isHealthy,
    },
  };
}

export function checkInfo(raw: unknown): Checked<ClusterInfo> {
  if (!INFO.Check(raw)) return { fault: faultOf(INFO.Errors(raw)) };
  return { value: { properties: { ...raw.properties }, version: raw.version } };
}

/** Without the properties that others would refuse, which are for this cluster alone then. */
export function tellableInfo({ properties, version }: ClusterInfo): ClusterInfo {
  const fine = Object.entries(properties).filter(([key, value]) => PROPERTY.Check({ key, value }));
  return {
    properties: Object.fromEntries(fine.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, LIMITS.mapSizeMax)),
    version: version.length <= LIMITS.textLengthMax && PRINTABLE.test(version) ? version : '',
  };
}

function serviceOf(raw: Static<typeof Service>): ServiceRecord {
  const { labels, annotations, clusterSelectors, pods, external } = raw;
  return {
    namespace: raw.namespace,
    name: raw.name,
    uid: raw.uid,
    since: raw.since,
    type: raw.type,
    ports: raw.ports.map(({ name, protocol, port, appProtocol }) => ({
      name,
      protocol,
      port,
      ...(appProtocol !== undefined && { appProtocol }),
    })),
    ipFamilies: [...raw.ipFamilies],
    sessionAffinity: raw.sessionAffinity,
    ...given(raw, [
      'sessionAffinityTimeoutSeconds',
      'internalTrafficPolicy',
      'trafficDistribution',
      'priority',
      'weight',
      'locality',
      'localMinimum',
    ]),
    ...(labels && { labels: { ...labels } }),
    ...(annotations && { annotations: { ...annotations } }),
    ...(clusterSelectors && { clusterSelectors: clusterSelectors.map(selectorOf) }),
    ready: raw.ready,
    ...(pods && { pods: pods.map((pod) => ({ hostname: pod.hostname, ready: pod.ready, ...given(pod, ['family']) })) }),
    ...(external && { external: external.map(externalOf) }),
  };
}

function selectorOf({ propertySelector }: Static<typeof Selector>): ClusterSelector {
  const { matchProperties, matchExpressions } = propertySelector;
  return {
    propertySelector: {
      ...(matchProperties && { matchProperties: { ...matchProperties } }),
      ...(matchExpressions && {
        matchExpressions: matchExpressions.map(({ key, operator, values }) => ({
          key,
          operator,
          ...(values && { values: [...values] }),
        })),
      }),
    },
  };
}

function externalOf(address: ExternalAddress): ExternalAddress {
  return 'ip' in address ? { ip: address.ip } : { hostname: address.hostname };
}

/** Those of the members that are there. */
function given<T extends object, K extends keyof T>(from: T, keys: readonly K[]): { [P in K]?: T[P] } {
  const taken: { [P in K]?: T[P] } = {};
  for (const key of keys) if (from[key] !== undefined) taken[key] = from[key];
  return taken;
}

/** Kubernetes: an optional DNS name, a slash, and up to 63 characters. */
function isQualifiedName(value: string): boolean {
  const [prefix, name, ...rest] = value.includes('/') ? value.split('/') : [undefined, value];
  if (rest.length > 0 || name === undefined || name.length > LIMITS.labelLengthMax) return false;
  if (prefix !== undefined && !isDnsName(prefix)) return false;
  return QUALIFIED_NAME.test(name);
}

function faultOf(faults: readonly { instancePath: string; message: string }[]): string {
  const [first] = faults;
  return `${first?.instancePath || '/'} ${first?.message ?? 'is wrong'}`;
}
