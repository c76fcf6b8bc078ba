/**
 * The derived Service: without a selector, it holds the clusterset IP of a service, and kube-proxy leads from it to what the slices of
 * endpointslice/kube-proxy.ts name. It has all ports, also those that no router carries. Reference 1.6. Pure.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { IpFamily } from '../../records.ts';
import type { Frame, FramePort } from '../frame.ts';
import { madeLabels, ownedBy } from '../made.ts';

/** None for a headless service, nor where this cluster has no address of the service's families. */
export function derivedServices(frame: Frame): KubeObject[] {
  const { merged, ips, ports } = frame;
  if (merged.type === 'Headless' || ports.length === 0) return [];
  if (ips.given.length === 0 && ips.wanted.length === 0) return [];
  return [derivedService(frame, { name: frame.derived, ports, given: ips.given, wanted: ips.wanted })];
}

export interface DerivedOptions {
  name: string;
  ports: readonly FramePort[];
  /** Families that it has. */
  given: readonly IpFamily[];
  /** Families that it is to have, the first of which this cluster has. */
  wanted: readonly IpFamily[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export function derivedService(frame: Frame, options: DerivedOptions): KubeObject {
  const { name, ports, given, wanted, labels, annotations } = options;
  const { observed, merged, owner } = frame;
  const isClientIp = merged.sessionAffinity === 'ClientIP' && merged.type !== 'Headless';
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: observed.namespace,
      labels: { ...madeLabels(observed), ...labels },
      ...(annotations && { annotations }),
      ...ownedBy(owner),
    },
    spec: {
      type: 'ClusterIP',
      ipFamilyPolicy: given.length > 1 || wanted.length > 1 ? 'PreferDualStack' : 'SingleStack',
      // The second family is the API server's to give: a cluster whose Services have one only refuses to be asked for two.
      ipFamilies: given.length > 0 ? [...given] : wanted.slice(0, 1),
      ports: ports.map(servicePort),
      sessionAffinity: isClientIp ? 'ClientIP' : 'None',
      ...(isClientIp && {
        sessionAffinityConfig: { clientIP: { timeoutSeconds: merged.sessionAffinityTimeoutSeconds } },
      }),
    },
  };
}

function servicePort({ derivedName, protocol, port, appProtocol }: FramePort): object {
  return {
    ...(derivedName !== '' && { name: derivedName }),
    protocol,
    port,
    ...(appProtocol !== undefined && { appProtocol }),
  };
}
