/** What the parts of one plan share: the observed state, and what follows from it for all of them. Plain values, made once a plan. */
import type { KubeObject } from '../../lib/kube/object.ts';
import type { Merged, MergedPort } from '../merge/merge.ts';
import { derivedName } from '../names.ts';
import type { IpFamily } from '../records.ts';
import { type ClusterIps, clusterIpsOf } from './derived-service/ips.ts';
import { type LocalSlice, localSlices } from './endpointslice/local.ts';
import type { Source } from './exporters.ts';
import { isOurImport } from './made.ts';
import type { CarrierView, Observed } from './observed.ts';

/** A port of the merged service. */
export interface FramePort extends MergedPort {
  /** In the derived Service, where several ports need names, and in the slices for it. */
  derivedName: string;
  /** Routers carry it. */
  isCarried: boolean;
}

export interface Frame {
  observed: Observed;
  now: number;
  merged: Merged;
  sources: readonly Source[];
  /** This cluster's export when it is valid and has the merged type, so that its endpoints serve. */
  own: Source | undefined;
  ports: readonly FramePort[];
  derived: string;
  ips: ClusterIps;
  /** Of the import, in its order. */
  families: readonly IpFamily[];
  /** The import as it is in this cluster, when it is ours. */
  owner: KubeObject | undefined;
  carrier: CarrierView | undefined;
  /** Derived Services as they are, by name. */
  services: ReadonlyMap<string, KubeObject>;
  /** Endpoints of this cluster's Service, also when it exports nothing. */
  local: readonly LocalSlice[];
}

export function frameOf(observed: Observed, sources: readonly Source[], merged: Merged, now: number): Frame {
  const ips = clusterIpsOf(observed, merged);
  const own = sources.find(({ state }) => state === 'own');
  return {
    observed,
    now,
    merged,
    sources,
    own: own?.record.type === merged.type ? own : undefined,
    ports: framePorts(merged.ports),
    derived: derivedName(observed.namespace, observed.name),
    ips,
    families: ips.families,
    owner: observed.import !== undefined && isOurImport(observed.import) ? observed.import : undefined,
    carrier: observed.carrier,
    services: new Map(observed.derived.map((service) => [service.metadata.name, service])),
    local: localSlices(observed.slices),
  };
}

/** Exporters whose endpoints serve this port. */
export function sourcesOf({ sources }: Frame, port: MergedPort): Source[] {
  return sources.filter(({ cluster }) => port.clusters.includes(cluster));
}

export function isServedHere({ own }: Frame, port: MergedPort): boolean {
  return own !== undefined && port.clusters.includes(own.cluster);
}

/** The Service asks for names when there are several: '' gets one that nobody else has. */
function framePorts(ports: readonly MergedPort[]): FramePort[] {
  const names = new Set(ports.map(({ name }) => name));
  return ports.map((port) => {
    const isNamed = port.name !== '' || ports.length === 1;
    let name = isNamed ? port.name : `port-${port.port}`;
    while (!isNamed && names.has(name)) name = `${name}x`;
    return { ...port, derivedName: name, isCarried: port.protocol === 'TCP' };
  });
}
