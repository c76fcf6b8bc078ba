/**
 * The endpoints of this cluster's Service under other labels: each of its EndpointSlices has a twin, so that a pod that comes or goes
 * changes one slice, and pods with different target ports stay apart. Pure.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { shortHash } from '../../names.ts';
import type { IpFamily } from '../../records.ts';
import { type Frame, type FramePort, isServedHere } from '../frame.ts';
import { type LocalSlice, targetOf } from './local.ts';
import { endpointSlice, type SlicePort } from './slice.ts';

export interface TwinWant {
  prefix: string;
  labels: Record<string, string>;
  /** Which ports, and under which name. */
  portsOf: (family: IpFamily) => readonly { port: FramePort; name: string }[];
}

/** Twins that have none of the ports are left out, unless the service has no ports at all. */
export function twinSlices(frame: Frame, { prefix, labels, portsOf }: TwinWant): KubeObject[] {
  if (frame.own === undefined) return [];
  return frame.local
    .filter(({ family }) => frame.families.includes(family))
    .flatMap((slice) => {
      const ports = portsOf(slice.family).flatMap(({ port, name }): SlicePort[] => {
        const target = localTarget(frame, slice, port);
        if (target === undefined) return [];
        const { protocol, appProtocol } = port;
        return [{ name, protocol, port: target, ...(appProtocol !== undefined && { appProtocol }) }];
      });
      if (ports.length === 0 && frame.ports.length > 0) return [];
      const name = `${prefix}-${slice.family.toLowerCase()}-${shortHash(slice.name)}`;
      return [endpointSlice(frame, { name, family: slice.family, labels, ports, endpoints: slice.endpoints })];
    });
}

/** Of a port that this cluster serves: a Service may call it otherwise than the merged service does. */
export function localTarget(frame: Frame, slice: LocalSlice, port: FramePort): number | undefined {
  if (!isServedHere(frame, port)) return undefined;
  const own = frame.own?.record.ports.find((known) => known.port === port.port && known.protocol === port.protocol);
  return own === undefined ? undefined : targetOf(slice, own);
}
