/** Queries and answers of DNS for tests, by `dns-packet`; services of a cluster set as objects. */
import dnsPacket, { type Answer, type DecodedPacket, type OptAnswer, type Packet } from 'dns-packet';
import type { KubeObject } from '../../lib/kube/object.ts';
import { SeededRandom } from '../../lib/random.ts';
import { ExternalZone } from '../../service-controller/dns/external-zone.ts';
import { Responder, type Transport } from '../../service-controller/dns/responder.ts';
import { ServiceData } from '../../service-controller/dns/service-data.ts';
import { ServiceZone } from '../../service-controller/dns/service-zone.ts';

export const NOW = 1_763_000_000_000;
export const NAME_SERVER = '10.96.0.53';

export interface AskOptions {
  transport?: Transport;
  /** EDNS with this size. */
  udpSize?: number;
  packet?: Partial<Packet>;
}

export interface Said {
  rcode: string;
  answers: string[];
  authorities: string[];
  additionals: string[];
  packet: DecodedPacket;
}

export function query(name: string, type: string, { udpSize, packet }: AskOptions = {}): Buffer {
  const additionals = udpSize === undefined ? [] : [opt({ udpPayloadSize: udpSize })];
  const questions = [{ name, type: type as 'A' }];
  return dnsPacket.encode({
    type: 'query',
    id: 4711,
    flags: dnsPacket.RECURSION_DESIRED,
    questions,
    additionals,
    ...packet,
  });
}

export function opt(given: Partial<OptAnswer> = {}): OptAnswer {
  const none = { extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] };
  return { type: 'OPT', name: '.', udpPayloadSize: 1232, ...none, ...given };
}

export function decode(bytes: Buffer): Said {
  const packet = dnsPacket.decode(bytes);
  const shown = (records: Answer[] = []) => records.filter(({ type }) => type !== 'OPT').map(text);
  const { answers, authorities, additionals } = packet;
  const rcode = (packet as unknown as { rcode: string }).rcode;
  return {
    rcode,
    answers: shown(answers),
    authorities: shown(authorities),
    additionals: shown(additionals),
    packet,
  };
}

/** `name type data`, without TTL. */
function text(record: Answer): string {
  const { name, type } = record;
  const data = (record as { data?: unknown }).data;
  const said =
    type === 'SRV'
      ? srvText(data as { priority: number; weight: number; port: number; target: string })
      : type === 'TXT'
        ? (data as Buffer[]).map(String).join('')
        : type === 'SOA'
          ? `${(data as { serial: number }).serial} ${(data as { minimum: number }).minimum}`
          : typeof data === 'object'
            ? JSON.stringify(data)
            : String(data);
  return `${name} ${type} ${said}`;
}

function srvText({
  priority,
  weight,
  port,
  target,
}: {
  priority: number;
  weight: number;
  port: number;
  target: string;
}) {
  return `${priority} ${weight} ${port} ${target}`;
}

/** A server without sockets, with both zones and one external domain. */
export class DnsWorld {
  readonly data = new ServiceData(NOW);
  readonly external = new ExternalZone('apps.example.com', NOW);
  readonly responder: Responder;
  isReady = true;
  now = NOW;

  constructor(seed = 1) {
    const zone = (origin: string, hasShortNames: boolean) =>
      new ServiceZone(this.data, { origin, hasShortNames, nameServerAddresses: [NAME_SERVER] });
    this.responder = new Responder({
      zones: [zone('supercluster.local', true), zone('clusterset.local', false), this.external],
      random: new SeededRandom(seed),
      isReady: () => this.isReady,
    });
  }

  ask(name: string, type: string, options: AskOptions = {}): Said {
    return decode(this.raw(query(name, type, options), options.transport)!);
  }

  raw(bytes: Buffer, transport: Transport = 'udp'): Buffer | undefined {
    return this.responder.respond(bytes, transport);
  }

  put(...objects: KubeObject[]): this {
    for (const object of objects) {
      const { name, namespace = '' } = object.metadata;
      if (object.kind === 'ServiceImport') this.data.setImport(namespace, name, object, this.now);
      else if (object.kind === 'Namespace') this.data.setNamespace(name, true, this.now);
      else if (object.kind === 'DNSEndpoint') this.external.setEndpoint(undefined, object, this.now);
      else this.data.setSlice(undefined, object, this.now);
    }
    return this;
  }
}

export interface ImportGiven {
  namespace?: string;
  type?: 'ClusterSetIP' | 'Headless';
  ips?: string[];
  ports?: { name?: string; protocol?: string; port: number }[];
}

export function serviceImport(name: string, given: ImportGiven = {}): KubeObject {
  const { namespace = 'shop', type = 'ClusterSetIP', ports = [{ name: 'http', protocol: 'TCP', port: 80 }] } = given;
  const ips = given.ips ?? (type === 'Headless' ? [] : ['10.96.1.1']);
  return {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceImport',
    metadata: { name, namespace },
    spec: { type, ips, ports },
  };
}

export interface SliceGiven {
  namespace?: string;
  family?: 'IPv4' | 'IPv6';
  ports?: { name?: string; protocol?: string; port: number }[];
}

/** `endpoints`: address, or address with hostname and readiness. */
export function slice(
  service: string,
  cluster: string,
  endpoints: (string | { address: string; hostname?: string; ready?: boolean })[],
  given: SliceGiven = {},
): KubeObject {
  const { namespace = 'shop', family = 'IPv4', ports = [{ name: 'http', protocol: 'TCP', port: 80 }] } = given;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service}-${cluster}-${family.toLowerCase()}`,
      namespace,
      labels: {
        'multicluster.kubernetes.io/service-name': service,
        'multicluster.kubernetes.io/source-cluster': cluster,
      },
    },
    addressType: family,
    ports,
    endpoints: endpoints.map((one) => {
      if (typeof one === 'string') return { addresses: [one] };
      const { address, hostname, ready } = one;
      return {
        addresses: [address],
        ...(hostname && { hostname }),
        ...(ready !== undefined && { conditions: { ready } }),
      };
    }),
  };
}

export function namespace(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function dnsEndpoint(name: string, endpoints: object[]): KubeObject {
  return {
    apiVersion: 'externaldns.k8s.io/v1alpha1',
    kind: 'DNSEndpoint',
    metadata: { name, namespace: 'shop' },
    spec: { endpoints },
  };
}
