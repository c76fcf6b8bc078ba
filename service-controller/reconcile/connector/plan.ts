/**
 * How the mesh reaches what this cluster exports: a Connector for each port that routers carry, with the addresses of the ready endpoints;
 * of a headless service also one for each name of a pod. In the namespace of the site. Pure.
 *
 * Only while the export is valid and of the merged type, and only for ports that the merged service has from here: what others must not
 * reach is not offered at all.
 */

import { CONNECTOR_ENDPOINTS_MAX } from '../../../config/api/connector.ts';
import { SETTING } from '../../../config/names.ts';
import { usableConnectorSettings } from '../../../config/service-settings.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { compareText } from '../../../lib/text.ts';
import { MCS, routingKey, shortHash } from '../../names.ts';
import { localTarget } from '../endpointslice/own.ts';
import { fieldsOf } from '../fields.ts';
import { type Frame, type FramePort, isServedHere } from '../frame.ts';
import { listenerName } from '../listener/names.ts';
import { API, madeAnnotations, madeLabels } from '../made.ts';
import { localEndpoints, namesOf } from '../serviceexport/endpoints.ts';
import { versionsOf } from './versions.ts';

export function connectors(frame: Frame): KubeObject[] {
  const served = frame.ports.filter((port) => port.isCarried && isServedHere(frame, port));
  const hostnames = frame.merged.type === 'Headless' ? hostnamesOf(frame) : [];
  return served.flatMap((port) => [
    ...sharedConnectors(frame, port),
    ...hostnames.map(([hostname, addresses]) => connector(frame, port, readyTargets(frame, port, addresses), hostname)),
  ]);
}

/** One, or one for each version. */
function sharedConnectors(frame: Frame, port: FramePort): KubeObject[] {
  const targets = readyTargets(frame, port);
  const versions = versionsOf(frame.observed, targets);
  if (versions === undefined) return [connector(frame, port, targets)];
  return versions.map(({ name, share, targets: own }) => ofVersion(connector(frame, port, own), name, share));
}

function ofVersion(made: KubeObject, version: string | undefined, share: number): KubeObject {
  const spec = made.spec as { settings: object };
  // What belongs to none has the name of a connector without versions: it is the one that stays.
  const name = version === undefined ? made.metadata.name : `${made.metadata.name}-${shortHash(version)}`;
  return {
    ...made,
    metadata: { ...made.metadata, name },
    spec: { ...spec, settings: { ...spec.settings, [SETTING.share]: String(share) } },
  };
}

function connector(frame: Frame, port: FramePort, targets: readonly string[], hostname?: string): KubeObject {
  const { observed } = frame;
  return {
    apiVersion: API.skupper,
    kind: 'Connector',
    metadata: {
      name: listenerName(observed, observed.clusterId, port.port, hostname),
      namespace: frame.carrier?.namespace ?? '',
      labels: { ...madeLabels(observed), [MCS.sourceClusterLabel]: observed.clusterId },
      ...madeAnnotations(observed, observed.export, hostname),
    },
    spec: {
      routingKey: routingKey(observed, observed.clusterId, port.port, hostname),
      // What a controller dials that does not know the setting.
      host: `${observed.name}.${observed.namespace}.svc`,
      port: port.port,
      settings: {
        ...usableConnectorSettings(fieldsOf(observed.export?.metadata.annotations)),
        [SETTING.endpoints]: targets.join(','),
      },
    },
  };
}

/** Sorted, so that the same endpoints are the same text. `only`: of these addresses. */
export function readyTargets(frame: Frame, port: FramePort, only?: ReadonlySet<string>): string[] {
  const targets = new Set<string>();
  for (const slice of frame.local) {
    const target = localTarget(frame, slice, port);
    if (target === undefined) continue;
    for (const { addresses, conditions } of slice.endpoints) {
      const [address] = addresses;
      if (address === undefined || !conditions.ready || (only !== undefined && !only.has(address))) continue;
      targets.add(slice.family === 'IPv6' ? `[${address}]:${target}` : `${address}:${target}`);
    }
  }
  // Those with the lowest addresses.
  return [...targets].sort(compareText).slice(0, CONNECTOR_ENDPOINTS_MAX);
}

/** Names of the pods that the record has, in its order. */
function hostnamesOf({ observed, own }: Frame): [hostname: string, addresses: ReadonlySet<string>][] {
  if (own === undefined) return [];
  const found = new Map((own.record.pods ?? []).map(({ hostname }) => [hostname, new Set<string>()]));
  for (const { hostname, addresses } of localEndpoints(observed.slices, own.record.ipFamilies).flatMap(namesOf)) {
    for (const address of addresses) found.get(hostname)?.add(address);
  }
  return [...found];
}
