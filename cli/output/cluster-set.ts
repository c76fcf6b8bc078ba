/** Services of the cluster set as a table, and where they are reached. Pure: ServiceImports and ServiceExports in, text out. */
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

/** By name and namespace. An export without import is one too: what it waits for is its trouble. */
export function setServices(imports: readonly KubeObject[], exports: readonly KubeObject[]): SetService[] {
  const imported = new Map(imports.map((object) => [nameOf(object), object]));
  const exported = new Map(exports.map((object) => [nameOf(object), object]));
  const names = new Set([...imported.keys(), ...exported.keys()]);
  return [...names].sort().map((name) => setService(imported.get(name), exported.get(name)));
}

/** `ADDRESS:PORT` of each TCP port, as a client on this machine connects. */
export function placesOf({ ips, ports }: SetService): string[] {
  const tcp = ports.filter((port) => port.endsWith('/TCP')).map((port) => port.slice(0, -'/TCP'.length));
  return ips.flatMap((ip) => tcp.map((port) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)));
}

export interface TableOptions {
  /** More columns. */
  isWide: boolean;
  /** The addresses are of this machine: they are shown as one connects to them. */
  isLocal: boolean;
  /** That of the command. Services of others say theirs. */
  namespace: string;
}

export function setServiceTable(services: readonly SetService[], options: TableOptions): string {
  const { isWide, isLocal, namespace } = options;
  const hasNamespace = isWide || services.some((service) => service.namespace !== namespace);
  const heads = [
    'NAME',
    ...(hasNamespace ? ['NAMESPACE'] : []),
    'TYPE',
    ...(isLocal ? ['ADDRESS'] : ['IP', 'PORTS']),
    'CLUSTERS',
    'EXPORTED-HERE',
    'STATE',
  ];
  const rows = services.map((service) => {
    const silent = service.silentClusters.map((cluster) => `${cluster} (silent)`);
    const where = isLocal ? [placesOf(service)] : [service.ips, service.ports];
    return [
      service.name,
      ...(hasNamespace ? [service.namespace] : []),
      service.type || '-',
      ...where.map((texts) => texts.join(', ') || '-'),
      [...service.clusters, ...silent].join(', ') || '-',
      service.isExported ? 'yes' : 'no',
      service.trouble || 'ok',
    ];
  });
  return table(heads, rows);
}

function nameOf({ metadata }: KubeObject): string {
  return `${metadata.name}.${metadata.namespace}`;
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
  if (conditions === undefined) return [`nobody has acted on this ${object.kind} yet`];
  return conditions
    .filter(
      ({ type, status }) => (good.includes(type) && status !== 'True') || (bad.includes(type) && status === 'True'),
    )
    .map(({ type, reason, message }) => `${type === 'Conflict' ? '' : 'not '}${type}: ${message || reason}`);
}
