/**
 * What a plan made for a cluster becomes on one machine: listeners have loopback addresses of their own instead of Services, connectors dial
 * the server that the user named, and slices name the addresses of listeners. Pure.
 */
import { CONTROLLED_LABEL, SETTING } from '../../../config/names.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { derivedName, LABEL, MCS } from '../../names.ts';
import { podServiceName } from '../../reconcile/endpointslice/headless.ts';
import { MADE_ANNOTATION } from '../../reconcile/made.ts';
import { type Loopback, type LoopbackPlace, listenFault } from './loopback.ts';
import type { OfferedPort } from './offers.ts';

const IN_USE = /in use/;

/** Of a Connector, Listener or MultiKeyListener of a plan, as it belongs into the files of the site. */
export function adapted(object: KubeObject, loopback: Loopback, offers: readonly OfferedPort[]): KubeObject {
  const { namespace: _namespace, ...metadata } = object.metadata;
  const spec = object.spec as Record<string, unknown> & { port: number };
  const labels = { ...metadata.labels, [CONTROLLED_LABEL]: 'true' };
  const made = { ...object, metadata: { ...metadata, labels } };
  if (object.kind === 'Connector') return { ...made, spec: connectorSpec(spec, offers) };
  const { [SETTING.service]: _service, ...settings } = (spec.settings ?? {}) as Record<string, string>;
  return { ...made, spec: { ...spec, ...placeOfListener(object, loopback), settings } };
}

/** Where a Listener or MultiKeyListener listens; its own `spec` may say another place. */
export function placeOfListener(listener: KubeObject, loopback: Loopback): LoopbackPlace {
  return loopback.placeOf(ownerOf(listener), portOf(listener));
}

/** Whose address a Listener or MultiKeyListener listens at. */
export function ownerOf({ kind, metadata }: KubeObject): string {
  const derived = derivedName(metadata.labels?.[LABEL.namespace] ?? '', metadata.labels?.[LABEL.service] ?? '');
  if (kind === 'MultiKeyListener') return derived;
  const cluster = metadata.labels?.[MCS.sourceClusterLabel] ?? '';
  const hostname = metadata.annotations?.[MADE_ANNOTATION.hostname];
  return hostname === undefined ? clusterOwner(derived, cluster) : podServiceName({ derived }, cluster, hostname);
}

/** The port of the service that a Listener or MultiKeyListener is for: part of its routing keys. */
export function portOf({ spec }: KubeObject): number {
  const { routingKey, strategy } = spec as {
    routingKey?: string;
    strategy?: { priority?: { routingKeys?: string[] } };
  };
  return Number((routingKey ?? strategy?.priority?.routingKeys?.[0])?.split('/')[4]);
}

/** Those that listen at another port than they would by themselves, from before this process began, stay there. */
export function keepMoved(listeners: readonly KubeObject[], loopback: Loopback): void {
  for (const listener of listeners) {
    const { port } = listener.spec as { port: number };
    if (port > placeOfListener(listener, loopback).port) loopback.avoid(ownerOf(listener), portOf(listener));
  }
}

/** Those whose port another process has get another one. */
export function moveTaken(listeners: readonly KubeObject[], loopback: Loopback): void {
  for (const listener of listeners) {
    const isThere = (listener.spec as { port: number }).port === placeOfListener(listener, loopback).port;
    if (isThere && IN_USE.test(listenFault(listener) ?? '')) loopback.avoid(ownerOf(listener), portOf(listener));
  }
}

/** A derived Service, with the address that a cluster would have given it. */
export function withAddress(service: KubeObject, loopback: Loopback): KubeObject {
  const address = loopback.addressOf(service.metadata.name);
  const spec = { ...(service.spec as object), clusterIP: address, clusterIPs: [address], ipFamilies: ['IPv4'] };
  return { ...service, spec };
}

/** A ServiceImport with the ports that are listened on here. */
export function importHere(made: KubeObject, loopback: Loopback): KubeObject {
  return withPorts(made, (owner, port) => loopback.placeOf(owner, port).port);
}

/** The same as plans know it. */
export function importThere(made: KubeObject, loopback: Loopback): KubeObject {
  return withPorts(made, (owner, port) => loopback.portAt(owner, port));
}

/** Undefined: nobody on this machine reads it. */
export function sliceHere(slice: KubeObject, self: string, loopback: Loopback): KubeObject | undefined {
  const { namespace = '', labels = {} } = slice.metadata;
  const cluster = labels[MCS.sourceClusterLabel];
  if (cluster === undefined) return undefined;
  if (cluster === self) return slice;
  const owner = clusterOwner(derivedName(namespace, labels[MCS.serviceNameLabel] ?? ''), cluster);
  const { endpoints = [], ports = [] } = slice as unknown as {
    endpoints?: { hostname?: string; addresses: string[] }[];
    ports?: { port: number }[];
  };
  // Pods of a headless service have addresses of their own already; any of them stands for all.
  if (endpoints.some(({ hostname }) => hostname !== undefined)) {
    return { ...slice, ports: ports.map((port) => ({ ...port, port: loopback.placeOf('', port.port).port })) };
  }
  return {
    ...slice,
    endpoints: endpoints.map((endpoint) => ({ ...endpoint, addresses: [loopback.addressOf(owner)] })),
  };
}

function clusterOwner(derived: string, cluster: string): string {
  return `${derived}/${cluster}`;
}

function withPorts(made: KubeObject, placed: (owner: string, port: number) => number): KubeObject {
  const { namespace = '', name } = made.metadata;
  const owner = derivedName(namespace, name);
  const spec = made.spec as { ports?: { port: number; protocol?: string }[] };
  const ports = (spec.ports ?? []).map((port) =>
    (port.protocol ?? 'TCP') === 'TCP' ? { ...port, port: placed(owner, port.port) } : port,
  );
  return { ...made, spec: { ...spec, ports } };
}

/** As the user connected the server himself, but for the routing key and what the export says. */
function connectorSpec(
  { routingKey, port, settings: planned = {} }: Record<string, unknown>,
  offers: readonly OfferedPort[],
): object {
  const offer = offers.find((offered) => offered.port === port);
  if (offer === undefined) return { routingKey, host: '127.0.0.1', port, settings: { [SETTING.endpoints]: '' } };
  const { [SETTING.endpoints]: _endpoints, ...asked } = planned as Record<string, string>;
  const settings = { ...offer.settings, ...asked };
  return {
    ...offer.tls,
    routingKey,
    host: offer.host,
    port: offer.hostPort,
    ...(Object.keys(settings).length > 0 && { settings }),
  };
}
