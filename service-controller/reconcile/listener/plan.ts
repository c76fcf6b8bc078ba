/**
 * How this cluster's routers take connections for a service: a Listener for each other cluster and port, which leads to that cluster only,
 * and a MultiKeyListener for each port, which chooses. Headless: a Listener for each pod of another cluster and port, and no choice.
 * In the namespace of the site. Pure.
 *
 * What silent clusters had stays: the routers know whether they can be reached, and nothing is written when they come back.
 */

import { ROUTING_KEYS_MAX } from '../../../config/api/multi-key-listener.ts';
import { CLIENT_IP, NO_SERVICE, SETTING } from '../../../config/names.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { MCS, routingKey } from '../../names.ts';
import { remotePods } from '../endpointslice/remote-pods.ts';
import type { Frame, FramePort } from '../frame.ts';
import { sourcesOf } from '../frame.ts';
import { API, madeAnnotations, madeLabels } from '../made.ts';
import { choiceOf } from './choice.ts';
import { hostOf, listenerName, multiKeyListenerName } from './names.ts';

export function listeners(frame: Frame): KubeObject[] {
  const carried = frame.ports.filter(({ isCarried }) => isCarried);
  if (frame.merged.type === 'Headless') return carried.flatMap((port) => podListeners(frame, port));
  return carried.flatMap((port) => [
    ...sourcesOf(frame, port)
      .filter(({ state }) => state !== 'own')
      .map(({ cluster }) => listener(frame, cluster, port)),
    ...choiceListener(frame, port),
  ]);
}

function podListeners(frame: Frame, port: FramePort): KubeObject[] {
  return sourcesOf(frame, port)
    .filter(({ state }) => state !== 'own')
    .flatMap((source) =>
      remotePods(frame, source).map(({ hostname }) => listener(frame, source.cluster, port, hostname)),
    );
}

function listener(frame: Frame, cluster: string, port: FramePort, hostname?: string): KubeObject {
  const { observed } = frame;
  const name = listenerName(observed, cluster, port.port, hostname);
  return {
    apiVersion: API.skupper,
    kind: 'Listener',
    metadata: {
      name,
      namespace: frame.carrier?.namespace ?? '',
      labels: { ...madeLabels(observed), [MCS.sourceClusterLabel]: cluster },
      ...madeAnnotations(observed, observed.import, hostname),
    },
    spec: {
      routingKey: routingKey(observed, cluster, port.port, hostname),
      host: hostOf(observed, name),
      port: port.port,
      settings: settingsOf(frame),
    },
  };
}

function choiceListener(frame: Frame, port: FramePort): KubeObject[] {
  const { observed } = frame;
  const tiers = choiceOf(frame, port).tiers.map((tier) =>
    tier.map(({ cluster, weight }) => [routingKey(observed, cluster, port.port), weight] as const),
  );
  const routingKeys = tiers.flat().map(([key]) => key);
  if (routingKeys.length === 0) return [];
  const kept = new Set(routingKeys.slice(0, ROUTING_KEYS_MAX));
  const keptTiers = tiers.map((tier) => tier.filter(([key]) => kept.has(key))).filter((tier) => tier.length > 0);
  const name = multiKeyListenerName(observed, port.port);
  return [
    {
      apiVersion: API.skupper,
      kind: 'MultiKeyListener',
      metadata: {
        name,
        namespace: frame.carrier?.namespace ?? '',
        labels: madeLabels(observed),
        ...madeAnnotations(observed, observed.import),
      },
      spec: {
        host: hostOf(observed, name),
        port: port.port,
        strategy: { priority: { routingKeys: [...kept] } },
        settings: {
          ...settingsOf(frame),
          [SETTING.tiers]: JSON.stringify(keptTiers.map((tier) => Object.fromEntries(tier))),
        },
      },
    },
  ];
}

function settingsOf({ merged }: Frame): Record<string, string> {
  const isPinned = merged.type === 'ClusterSetIP' && merged.sessionAffinity === 'ClientIP';
  return { [SETTING.service]: NO_SERVICE, ...(isPinned && { [SETTING.sessionAffinity]: CLIENT_IP }) };
}
