/** What the tests of the cluster set share: Services and their exports, names, and what was made of them in a cluster. */
import { derivedName, MCS } from '../../service-controller/names.ts';
import { CONTROLLER_NAMESPACE, conditionOf, eventually, type Json, Place } from './world.ts';

export const ZONES = ['supercluster.local', 'clusterset.local'] as const;
export const PORT = 8080;

/** The cluster's own DNS leads to that of the set. */
export async function wireNames({ context }: Place): Promise<void> {
  await new Place(context, CONTROLLER_NAMESPACE).skuprt(['dns', 'install', '--timeout', '60s']);
}

/** A Service of the pods with label `app` of that value. */
export function service(name: string, spec: object = {}, ports: object[] = [{ name: 'http', port: PORT }]): object {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: name }, ports, ...spec } };
}

export function serviceExport(name: string, annotations: Record<string, string> = {}, spec: object = {}): object {
  return {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceExport',
    metadata: { name, annotations },
    spec,
  };
}

/** As every cluster of the set has it. */
export function nameOf(name: string, place: Place, zone: string = ZONES[0]): string {
  return `${name}.${place.namespace}.svc.${zone}`;
}

/** Servers, a Service before them, and its export. */
export async function offer(
  place: Place,
  name: string,
  replicas = 1,
  annotations: Record<string, string> = {},
): Promise<void> {
  await place.server(name, replicas, { env: [{ name: 'ANSWER', value: place.context }] });
  await place.apply(service(name), serviceExport(name, annotations));
}

export async function imported(place: Place, name: string): Promise<Json> {
  return eventually(`ServiceImport ${name} in ${place.context}`, async () => {
    const found = await place.get('serviceimport.multicluster.x-k8s.io', name);
    return found.spec.type === 'Headless' || found.spec.ips?.length > 0 ? found : undefined;
  });
}

/** Endpoints of one source cluster in the official slices, as this cluster has them. */
export async function endpoints(place: Place, name: string, source: string): Promise<Json[]> {
  const selector = `${MCS.serviceNameLabel}=${name},${MCS.sourceClusterLabel}=${source}`;
  const slices = await place.list('endpointslices', selector);
  return slices.flatMap((slice) => slice.endpoints ?? []);
}

export async function isServing(place: Place, name: string, source: string): Promise<boolean> {
  return (await endpoints(place, name, source)).some(({ conditions }) => conditions?.ready !== false);
}

/** That exporter says so. */
export async function conditionOfExport(place: Place, name: string, type: string): Promise<Json> {
  return conditionOf(await place.get('serviceexport.multicluster.x-k8s.io', name), type);
}

/** Its address in that cluster. */
export async function clusterSetIp(place: Place, name: string): Promise<string> {
  const { spec } = await place.get('service', derivedName(place.namespace, name));
  return spec.clusterIP as string;
}

export async function resolve(place: Place, type: string, name: string): Promise<Json> {
  return JSON.parse(await place.script('client', 'resolve', [type, name]));
}

/** How often each answered. */
export async function tally(
  place: Place,
  host: string,
  count: number,
  pod = 'client',
): Promise<Record<string, number>> {
  return JSON.parse(await place.script(pod, 'tally', [host, PORT, count]));
}
