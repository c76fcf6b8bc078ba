/** What a cluster tells the others of one of its Ingresses. Pure. */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { EXPORT_ANNOTATION } from '../../names.ts';
import type { ExternalAddress, IngressRecord } from '../../records.ts';

/** On an Ingress, `"true"`: it takes part in the names of the external domain. */
export const INGRESS_EXPORT_ANNOTATION = 'skuprt.io/export';

const HOSTS_MAX = 64;
const ADDRESSES_MAX = 16;
const WEIGHT_MAX = 1000;

interface Backend {
  service?: { name?: string };
}

interface IngressSpec {
  defaultBackend?: Backend;
  rules?: { host?: string; http?: { paths?: { backend?: Backend }[] } }[];
}

/** Undefined: it does not take part. `isReady`: whether a Service of its namespace has a ready endpoint. */
export function ingressRecord(ingress: KubeObject, isReady: (service: string) => boolean): IngressRecord | undefined {
  const { name, namespace = '', annotations, deletionTimestamp } = ingress.metadata;
  if (annotations?.[INGRESS_EXPORT_ANNOTATION] !== 'true' || deletionTimestamp !== undefined) return undefined;
  const { defaultBackend, rules = [] } = (ingress.spec ?? {}) as IngressSpec;
  const hosts = new Set(rules.flatMap(({ host }) => (host ? [host.toLowerCase()] : [])));
  if (hosts.size === 0) return undefined;
  const backends = [defaultBackend, ...rules.flatMap(({ http }) => (http?.paths ?? []).map(({ backend }) => backend))];
  const services = new Set(backends.flatMap((backend) => backend?.service?.name ?? []));
  const weight = weightOf(annotations);
  return {
    namespace,
    name,
    hosts: [...hosts].sort().slice(0, HOSTS_MAX),
    addresses: externalAddresses(ingress),
    ...(weight !== undefined && { weight }),
    isHealthy: [...services].some(isReady),
  };
}

/** `status.loadBalancer` of an Ingress, or of a Service of that type: an IP where there is one, sorted. */
export function externalAddresses({ status }: KubeObject): ExternalAddress[] {
  const { loadBalancer } = (status ?? {}) as {
    loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] };
  };
  const found = (loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }): ExternalAddress[] => {
    if (ip) return [{ ip }];
    return hostname ? [{ hostname: hostname.toLowerCase() }] : [];
  });
  const text = (one: ExternalAddress) => JSON.stringify(one);
  const unique = [...new Map(found.map((one) => [text(one), one])).values()];
  return unique.sort((a, b) => (text(a) < text(b) ? -1 : 1)).slice(0, ADDRESSES_MAX);
}

function weightOf(annotations: Readonly<Record<string, string>>): number | undefined {
  const text = annotations[EXPORT_ANNOTATION.weight];
  const weight = text !== undefined && /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return weight >= 1 && weight <= WEIGHT_MAX ? weight : undefined;
}
