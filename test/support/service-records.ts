/** Records of exported services for tests: a plain one, and what a test changes. */
import type { Exporter } from '../../service-controller/merge/merge.ts';
import type { PortRecord, ServiceRecord } from '../../service-controller/records.ts';

export const HTTP: PortRecord = { name: 'http', protocol: 'TCP', port: 80 };

export function serviceRecord(parts: Partial<ServiceRecord> = {}): ServiceRecord {
  return {
    namespace: 'backend',
    name: 'be-svc',
    uid: 'uid-be-svc',
    since: Date.parse('2026-03-01T12:00:00Z'),
    type: 'ClusterSetIP',
    ports: [HTTP],
    ipFamilies: ['IPv4'],
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
    ready: 2,
    ...parts,
  };
}

/** `age`: seconds, larger is older. */
export function exporter(cluster: string, age: number, parts: Partial<ServiceRecord> = {}): Exporter {
  const record = serviceRecord({ uid: `uid-${cluster}`, ...parts });
  return { cluster, record: { ...record, since: record.since - age * 1000 } };
}
