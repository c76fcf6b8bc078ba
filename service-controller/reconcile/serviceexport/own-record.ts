/**
 * The export of a service in this cluster: whether it is one, what the other clusters are told of it, and its status. Pure.
 *
 * An export that is not valid is none: nothing is told, and what was told is taken back. A fault that leaves a service to export
 * (an annotation, a label) is named in the message of `Valid`, and traffic goes on.
 */

import type { KubeObject } from '../../../lib/kube/object.ts';
import { isDnsLabel } from '../../../lib/text.ts';
import { selectorsFault } from '../../choose/selectors.ts';
import type { Merged } from '../../merge/merge.ts';
import type { ServiceRecord } from '../../records.ts';
import { fieldsOf } from '../fields.ts';
import type { Observed } from '../observed.ts';
import { exposeRefusal } from '../refusals.ts';
import { type Finding, withConditions } from './conditions.ts';
import { serviceRecord } from './service-record.ts';
import { ownSince } from './since.ts';

export interface OwnExport {
  /** `undefined`: not valid, or not told yet, because the age of the export can only be decided when all others were heard. */
  record: ServiceRecord | undefined;
  valid: { status: 'True' | 'False'; reason: string; message: string };
  /**
   * What the annotation `skuprt.io/since` of the ServiceExport has to become, before the record is told to others; `undefined` when it
   * is that, or cannot be decided. To be written also when it is the creation: who comes later must not count as earlier after a restart.
   */
  sinceAnnotation: string | undefined;
}

/** Of Kubernetes itself. The KEP advises against it: equal namespaces mean equal owners, which these have not. */
const NAMESPACES_REFUSED = ['kube-system', 'kube-public', 'kube-node-lease'];
/** `undefined`: as ClusterIP. */
const TYPES: readonly unknown[] = [undefined, 'ClusterIP', 'NodePort', 'LoadBalancer'];

/** `undefined`: no ServiceExport, or one that goes away. */
export function ownExport(observed: Observed): OwnExport | undefined {
  const { export: made, service, hasNamespace } = observed;
  if (!made || made.metadata.deletionTimestamp !== undefined || !hasNamespace) return undefined;
  const refusal = refusalOf(observed, made, service);
  if (refusal || !service) {
    return { record: undefined, valid: refusal ?? noService(observed), sinceAnnotation: undefined };
  }
  const { since, toWrite, fault } = ownSince(observed);
  const built = serviceRecord(observed, service, made, since ?? 0);
  const faults = fault === undefined ? built.faults : [...built.faults, fault];
  const record = since === undefined ? undefined : built.record;
  return { record, valid: validOf(built.record, faults), sinceAnnotation: toWrite };
}

/**
 * The whole status of the ServiceExport. `own`: of `ownExport` for the same `observed`. `merged`: of all clusters that export the
 * service, this one too. `now`: wall-clock milliseconds.
 */
export function exportStatus(observed: Observed, own: OwnExport, merged: Merged | undefined, now: number): object {
  const made = observed.export!;
  const before = conditionsOf(made);
  const findings: Finding[] = [{ type: 'Valid', ...own.valid }, readyOf(observed, own, merged, before)];
  const conflict = conflictOf(observed, own, merged, before);
  if (conflict) findings.push(conflict);
  return withConditions(made, findings, ['Conflict'], now);
}

function refusalOf(
  observed: Observed,
  made: KubeObject,
  service: KubeObject | undefined,
): OwnExport['valid'] | undefined {
  const { namespace, name } = observed;
  if (NAMESPACES_REFUSED.includes(namespace) || (namespace === 'default' && name === 'kubernetes')) {
    const what = namespace === 'default' ? 'Service default/kubernetes' : `namespace ${namespace}`;
    return refused(
      'NotExportable',
      `The ${what} belongs to its cluster: it is another one in each, and is not exported.`,
    );
  }
  if (!isDnsLabel(name) || !isDnsLabel(namespace)) {
    return refused('NotExportable', `${namespace}/${name} is no DNS name of two labels of up to 63 characters.`);
  }
  if (!service || service.metadata.deletionTimestamp !== undefined) return noService(observed);
  const { type, clusterIP } = fieldsOf(service.spec);
  if (!TYPES.includes(type)) {
    const text = `Service ${namespace}/${name} is of type ${String(type)}, which has no endpoints of its own and cannot be exported.`;
    return refused('InvalidServiceType', text);
  }
  const notAllowed = exposeRefusal(observed);
  if (notAllowed !== undefined) return refused('PolicyRefused', `${notAllowed}.`);
  const { clusterSelectors } = fieldsOf(made.spec);
  if (clusterSelectors === undefined || clusterSelectors === null) return undefined;
  const fault = selectorsFault(clusterSelectors);
  if (fault !== undefined) return refused('InvalidClusterSelector', `${fault}.`);
  if (clusterIP === 'None' && Array.isArray(clusterSelectors) && clusterSelectors.length > 0) {
    const text = `Service ${namespace}/${name} is headless: whoever asks gets all pods, cluster selectors cannot choose among them.`;
    return refused('InvalidServiceType', text);
  }
  return undefined;
}

function noService({ namespace, name }: Observed): OwnExport['valid'] {
  return refused(
    'NoService',
    `There is no Service ${namespace}/${name} in this cluster; create it, or delete the ServiceExport.`,
  );
}

function refused(reason: string, message: string): OwnExport['valid'] {
  return { status: 'False', reason, message };
}

function validOf({ namespace, name, type }: ServiceRecord, faults: readonly string[]): OwnExport['valid'] {
  const message = `Service ${namespace}/${name} can be exported as ${type}.`;
  const warning = faults.length === 0 ? '' : ` Warning: ${faults.join('; ')}.`;
  return { status: 'True', reason: 'Valid', message: `${message}${warning}` };
}

/** A controller that just began keeps what the one before it said, until it has heard the others. */
function readyOf(observed: Observed, own: OwnExport, merged: Merged | undefined, before: Finding[]): Finding {
  const { carrier, carrierFault, isSettled, clusterSet, clusterId } = observed;
  const finding = (status: Finding['status'], reason: string, message: string): Finding => ({
    type: 'Ready',
    status,
    reason,
    message,
  });
  if (own.valid.status === 'False') return finding('False', 'Failed', `Not exported: ${own.valid.message}`);
  if (!carrier) {
    return finding(
      'False',
      'Pending',
      carrierFault ?? 'No Site of this cluster carries the services of the cluster set.',
    );
  }
  if (carrierFault !== undefined) return finding('False', 'Failed', carrierFault);
  const exported = finding(
    'True',
    'Exported',
    `Exported to cluster set ${clusterSet} as that of cluster ${clusterId}.`,
  );
  if (!isSettled) {
    const wasExported = before.some(({ type, status }) => type === 'Ready' && status === 'True');
    return wasExported
      ? exported
      : finding('False', 'Pending', 'Waits until the other clusters of the set were heard.');
  }
  return own.record && merged?.clusters.includes(clusterId)
    ? exported
    : finding('False', 'Pending', 'Waits until it is told to the other clusters of the set.');
}

/** On each export that takes part, whoever disagrees. `undefined`: this one does not take part. */
function conflictOf(
  observed: Observed,
  own: OwnExport,
  merged: Merged | undefined,
  before: Finding[],
): Finding | undefined {
  if (own.valid.status === 'False') return undefined;
  const former = before.find(({ type }) => type === 'Conflict');
  if (!merged || (!observed.isSettled && former)) return former;
  const { conflicts } = merged;
  if (conflicts.length === 0) {
    const message = 'No cluster exports the service with other properties.';
    return { type: 'Conflict', status: 'False', reason: 'NoConflicts', message };
  }
  return {
    type: 'Conflict',
    status: 'True',
    reason: conflicts.map(({ reason }) => reason).join(','),
    message: `${conflicts.map(({ message }) => message).join('. ')}.`,
  };
}

function conditionsOf(made: KubeObject): Finding[] {
  const { conditions } = fieldsOf(made.status);
  return Array.isArray(conditions)
    ? (conditions.filter((one) => typeof one === 'object' && one !== null) as Finding[])
    : [];
}
