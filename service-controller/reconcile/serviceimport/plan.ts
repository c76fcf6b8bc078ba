/**
 * The ServiceImport: the service as all its exporters together have it, in each cluster that has the namespace. Reference 1.3, 1.5. Pure.
 *
 * One object for the life of the service: it is applied and never made anew, whoever comes or goes. Its labels and annotations are those
 * that the winner exports, and ours.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { IMPORT_ANNOTATION, MCS } from '../../names.ts';
import type { Frame } from '../frame.ts';
import { API, isExportable, madeLabels } from '../made.ts';

export function serviceImport(frame: Frame): KubeObject {
  const { observed, merged, sources, derived } = frame;
  return {
    apiVersion: API.multiCluster,
    kind: 'ServiceImport',
    metadata: {
      name: observed.name,
      namespace: observed.namespace,
      labels: { ...exportable(merged.labels), ...madeLabels(observed) },
      annotations: {
        ...exportable(merged.annotations),
        [IMPORT_ANNOTATION.exporters]: sources.map(({ cluster }) => cluster).join(','),
        ...(merged.type === 'ClusterSetIP' && { [MCS.derivedAnnotation]: derived }),
      },
    },
    spec: importSpec(frame),
  };
}

/** Also what another cluster let through must not speak for the controllers that write imports. */
function exportable(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).filter(([key]) => isExportable(key)));
}

function importSpec({ merged, ips }: Frame): object {
  const { type, ports, sessionAffinity, sessionAffinityTimeoutSeconds, internalTrafficPolicy, trafficDistribution } =
    merged;
  return {
    type,
    ports: ports.map(({ name, protocol, port, appProtocol }) => ({
      ...(name !== '' && { name }),
      protocol,
      port,
      ...(appProtocol !== undefined && { appProtocol }),
    })),
    ...(ips.ips.length > 0 && { ips: ips.ips }),
    ipFamilies: ips.families,
    sessionAffinity,
    ...(sessionAffinity === 'ClientIP' && {
      sessionAffinityConfig: { clientIP: { timeoutSeconds: sessionAffinityTimeoutSeconds } },
    }),
    ...(internalTrafficPolicy !== undefined && { internalTrafficPolicy }),
    ...(trafficDistribution !== undefined && { trafficDistribution }),
  };
}
