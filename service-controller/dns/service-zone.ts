/**
 * The names of services below one zone. Multicluster DNS 1.0.0 (KEP-1645), where it is silent as CoreDNS. Pure.
 *
 *   <service>.<namespace>.svc.<zone>                       A, AAAA, SRV of every port
 *   _<port>._<protocol>.<service>.<namespace>.svc.<zone>   SRV
 *   <hostname>.<cluster>.<service>.<namespace>.svc.<zone>  A, AAAA of one pod of a headless service
 *   dns-version.<zone>                                     TXT
 *
 * A zone with short names also knows these without `svc`. What could be both is the form with `svc`, unless only the short one has
 * data. `<cluster>.<service>...` is kept free by the specification, so it does not exist although there are names below it.
 */
import { isIPv6 } from 'node:net';
import { LIMITS, NEGATIVE_TTL_SECONDS, TTL_SECONDS } from './limits.ts';
import { type Answer, type DnsRecord, RCODE, type Revision, type SoaData, TYPE, type Zone } from './records.ts';
import type { DnsEndpoint, DnsPort, DnsService, ServiceData } from './service-data.ts';

export interface ServiceZoneOptions {
  /** Lower case, without the final dot. */
  origin: string;
  /** Whether `svc` may be left out. */
  hasShortNames: boolean;
  /** Addresses of this server as its clients know it, for `ns.dns.<zone>`; none when absent. */
  nameServerAddresses?: readonly string[];
}

const DNS_VERSION = '1.0.0';
const NAME_LENGTH_MAX = 253;
const NAME_SERVER = ['ns', 'dns'];

type Data = Pick<Answer, 'answers' | 'additionals' | 'isRotating'> & { revision?: Revision };
/** 'empty': nothing of this type; 'none': no such name. */
type Found = Data | 'empty' | 'none';

export class ServiceZone implements Zone {
  readonly origin: string;
  private readonly data: ServiceData;
  private readonly options: ServiceZoneOptions;

  constructor(data: ServiceData, options: ServiceZoneOptions) {
    this.data = data;
    this.options = options;
    this.origin = options.origin;
  }

  answer(labels: readonly string[], type: number): Answer {
    let found = this.find(labels, type);
    // RFC 8482: one record that says that we do not say all.
    if (type === TYPE.ANY && found !== 'none') found = answerOf([hinfo(this.nameOf(labels))]);
    if (typeof found !== 'string') {
      return { rcode: RCODE.NOERROR, authorities: [], ...found, revision: found.revision ?? this.data.revision };
    }
    return {
      rcode: found === 'none' ? RCODE.NXDOMAIN : RCODE.NOERROR,
      answers: [],
      additionals: [],
      authorities: [soa(this.origin, this.data.serial)],
      revision: this.data.revision,
    };
  }

  private find(labels: readonly string[], type: number): Found {
    if (labels.length === 0) return this.apex(type);
    if (labels.length === 1 && labels[0] === 'dns-version') {
      return type === TYPE.TXT
        ? answerOf([{ name: this.nameOf(labels), ttl: TTL_SECONDS, type: 'TXT', data: DNS_VERSION }])
        : 'empty';
    }
    const standard = labels.at(-1) === 'svc' ? this.below(labels.slice(0, -1), labels, type) : 'none';
    const short =
      this.options.hasShortNames && typeof standard === 'string' ? this.below(labels, labels, type) : 'none';
    const found = better(standard, short);
    return found === 'none' ? this.nameServer(labels, type) : found;
  }

  private apex(type: number): Found {
    if (type === TYPE.SOA) return answerOf([soa(this.origin, this.data.serial)]);
    if (type !== TYPE.NS) return 'empty';
    const name = this.nameOf(NAME_SERVER);
    const addresses = [TYPE.A, TYPE.AAAA].flatMap((family) => this.nameServerAddresses(family));
    return answerOf([{ name: this.origin, ttl: TTL_SECONDS, type: 'NS', data: name }], addresses);
  }

  private nameServer(labels: readonly string[], type: number): Found {
    if (labels.at(-1) !== NAME_SERVER[1] || labels.length > 2) return 'none';
    if (labels.length === 1) return 'empty';
    if (labels[0] !== NAME_SERVER[0]) return 'none';
    const addresses = this.nameServerAddresses(type);
    return addresses.length === 0 ? 'empty' : answerOf(addresses);
  }

  private nameServerAddresses(type: number): DnsRecord[] {
    return addressRecords(this.nameOf(NAME_SERVER), this.options.nameServerAddresses ?? [], type);
  }

  /** `labels` end with the namespace; `asked` is the whole name. */
  private below(labels: readonly string[], asked: readonly string[], type: number): Found {
    const namespace = labels.at(-1);
    const name = labels.at(-2);
    if (namespace === undefined) return 'empty';
    if (name === undefined) return this.data.hasNamespace(namespace) ? 'empty' : 'none';
    const service = this.data.find(namespace, name);
    if (service?.imported === undefined) return 'none';
    const base = asked.slice(labels.length - 2);
    const found = this.ofService(service, labels.slice(0, -2), this.nameOf(base), type);
    return typeof found === 'string' ? found : { ...found, revision: service.revision };
  }

  /** `prefix`: what stands before the name of the service, which is `base`. */
  private ofService(service: DnsService, prefix: readonly string[], base: string, type: number): Found {
    const { isHeadless, ports } = service.imported!;
    const endpoints = isHeadless
      ? service.endpoints().filter((one) => podName(one, base).length <= NAME_LENGTH_MAX)
      : [];
    if (isHeadless && endpoints.length === 0) return 'none';
    const [first = '', second = ''] = prefix;
    if (prefix.length === 0) return this.ofWhole(service, endpoints, base, type);
    if (prefix.length === 1) {
      const named = isHeadless ? endpoints.flatMap((one) => one.ports) : ports;
      return named.some((port) => port.name !== '' && `_${port.protocol}` === first) ? 'empty' : 'none';
    }
    if (prefix.length > 2) return 'none';
    if (second.startsWith('_')) {
      const isAsked = ({ name, protocol }: DnsPort) => name !== '' && `_${name}` === first && `_${protocol}` === second;
      return this.services(service, endpoints, base, `${first}.${second}.${base}`, type, isAsked);
    }
    const pod = endpoints.filter(({ hostname, cluster }) => hostname === first && cluster === second);
    if (pod.length === 0) return 'none';
    return orEmpty(
      addressRecords(
        podName(pod[0]!, base),
        pod.map(({ address }) => address),
        type,
      ),
    );
  }

  private ofWhole(service: DnsService, endpoints: readonly DnsEndpoint[], base: string, type: number): Found {
    const { isHeadless, ips } = service.imported!;
    if (type === TYPE.SRV) return this.services(service, endpoints, base, base, type, () => true);
    const addresses = isHeadless ? endpoints.map(({ address }) => address) : ips;
    return orEmpty(addressRecords(base, addresses, type), isHeadless);
  }

  /** SRV records of the ports that are asked for, one for each target and port. */
  private services(
    { imported }: DnsService,
    endpoints: readonly DnsEndpoint[],
    base: string,
    owner: string,
    type: number,
    isAsked: (port: DnsPort) => boolean,
  ): Found {
    const { isHeadless, ips, ports } = imported!;
    const targets = isHeadless
      ? endpoints.map((one) => ({ target: podName(one, base), ports: one.ports, addresses: [one.address] }))
      : [{ target: base, ports, addresses: ips }];
    const asked = targets.map((one) => ({ ...one, ports: one.ports.filter(isAsked) }));
    if (asked.every((one) => one.ports.length === 0)) return owner === base ? 'empty' : 'none';
    if (type !== TYPE.SRV || (!isHeadless && ips.length === 0)) return 'empty';
    const records = new Map(
      asked.flatMap(({ target, ports: some }) =>
        some.map(({ port }) => [`${target}:${port}`, { target, port }] as const),
      ),
    );
    const weight = Math.max(1, Math.floor(100 / records.size));
    const answers = Array.from(records.values(), ({ target, port }): DnsRecord => {
      return { name: owner, ttl: TTL_SECONDS, type: 'SRV', data: { priority: 0, weight, port, target } };
    });
    const additionals = asked.flatMap(({ target, addresses }) =>
      [TYPE.A, TYPE.AAAA].flatMap((family) => addressRecords(target, addresses, family)),
    );
    return answerOf(answers, additionals.length > LIMITS.additionalCountMax ? [] : additionals);
  }

  private nameOf(labels: readonly string[]): string {
    return labels.length === 0 ? this.origin : `${labels.join('.')}.${this.origin}`;
  }
}

/** The form that has data, else that of which there is a name. */
function better(standard: Found, short: Found): Found {
  if (typeof standard !== 'string') return standard;
  if (typeof short !== 'string') return short;
  return standard === 'empty' ? standard : short;
}

function podName({ hostname, cluster }: DnsEndpoint, base: string): string {
  return `${hostname}.${cluster}.${base}`;
}

function answerOf(answers: readonly DnsRecord[], additionals: readonly DnsRecord[] = [], isRotating = false): Data {
  return { answers, additionals, isRotating };
}

function orEmpty(answers: readonly DnsRecord[], isRotating = false): Found {
  return answers.length === 0 ? 'empty' : answerOf(answers, [], isRotating);
}

/** Those of the family that `type` asks for. */
export function addressRecords(
  name: string,
  addresses: readonly string[],
  type: number,
  ttl = TTL_SECONDS,
): DnsRecord[] {
  if (type !== TYPE.A && type !== TYPE.AAAA) return [];
  const wanted = type === TYPE.A ? 'A' : 'AAAA';
  return [...new Set(addresses)]
    .filter((address) => isIPv6(address) === (wanted === 'AAAA'))
    .map((data) => ({ name, ttl, type: wanted, data }));
}

export function hinfo(name: string): DnsRecord {
  return { name, ttl: TTL_SECONDS, type: 'HINFO', data: { cpu: 'RFC8482', os: '' } };
}

export function soa(origin: string, serial: number): DnsRecord {
  const data: SoaData = {
    mname: `${NAME_SERVER.join('.')}.${origin}`,
    rname: `hostmaster.${origin}`,
    serial,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: NEGATIVE_TTL_SECONDS,
  };
  return { name: origin, ttl: NEGATIVE_TTL_SECONDS, type: 'SOA', data };
}
