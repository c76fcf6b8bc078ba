/** Services of the cluster set in one namespace, as a table. Pure: ServiceImports and ServiceExports in, text out. */
import type { Condition } from '../../config/api/schema.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { IMPORT_ANNOTATION } from '../../service-controller/names.ts';
import { table } from './table.ts';

export interface SetService {
  name: string;
  namespace: string;
  /** '' while there is no import. */
  type: string;
  ips: string[];
  ports: string[];
  /** That offer it now, and those that fell silent or have not been heard yet. */
  clusters: string[];
  silentClusters: string[];
  /** From this cluster. */
  isExported: boolean;
  /** What is wrong with import or export; '' when nothing is. */
  trouble: string;
}

/** By name. An export without import is one too: what it waits for is its trouble. */
export function setServices(imports: readonly KubeObject[], exports: readonly KubeObject[]): SetService[] {
  const names = new Set([...imports, ...exports].map(({ metadata }) => metadata.name));
  return [...names].sort().map((name) => {
    const imported = imports.find(({ metadata }) => metadata.name === name);
    const exported = exports.find(({ metadata }) => metadata.name === name);
    return setService(imported, exported);
  });
}

export function setServiceTable(services: readonly SetService[], wide: boolean): string {
  const heads = ['NAME', 'TYPE', 'IP', 'PORTS', 'CLUSTERS', 'EXPORTED-HERE', 'STATE', ...(wide ? ['NAMESPACE'] : [])];
  const rows = services.map((service) => {
    const silent = service.silentClusters.map((cluster) => `${cluster} (silent)`);
    const row = [
      service.name,
      service.type || '-',
      service.ips.join(', ') || '-',
      service.ports.join(', ') || '-',
      [...service.clusters, ...silent].join(', ') || '-',
      service.isExported ? 'yes' : 'no',
      service.trouble || 'ok',
    ];
    return wide ? [...row, service.namespace] : row;
  });
  return table(heads, rows);
}

function setService(imported: KubeObject | undefined, exported: KubeObject | undefined): SetService {
  const { name, namespace = '', annotations = {} } = (imported ?? exported!).metadata;
  const spec = (imported?.spec ?? {}) as {
    type?: string;
    ips?: string[];
    ports?: { port: number; protocol?: string }[];
  };
  const status = (imported?.status ?? {}) as { clusters?: { cluster: string }[] };
  const clusters = (status.clusters ?? []).map(({ cluster }) => cluster);
  const known = (annotations[IMPORT_ANNOTATION.exporters] ?? '').split(',').filter(Boolean);
  return {
    name,
    namespace,
    type: spec.type ?? '',
    ips: spec.ips ?? [],
    ports: (spec.ports ?? []).map(({ port, protocol = 'TCP' }) => `${port}/${protocol}`),
    clusters,
    silentClusters: known.filter((cluster) => !clusters.includes(cluster)),
    isExported: exported !== undefined,
    trouble: [...troublesOf(exported, ['Valid', 'Ready'], ['Conflict']), ...troublesOf(imported, ['Ready'])].join('; '),
  };
}

/** Messages of conditions that should be true and are not, and of those that should not be and are. */
function troublesOf(object: KubeObject | undefined, good: readonly string[], bad: readonly string[] = []): string[] {
  if (object === undefined) return [];
  const conditions = (object.status as { conditions?: Condition[] } | undefined)?.conditions;
  if (conditions === undefined) return [`no service-controller has seen this ${object.kind}`];
  return conditions
    .filter(
      ({ type, status }) => (good.includes(type) && status !== 'True') || (bad.includes(type) && status === 'True'),
    )
    .map(({ type, reason, message }) => `${type === 'Conflict' ? '' : 'not '}${type}: ${message || reason}`);
}
