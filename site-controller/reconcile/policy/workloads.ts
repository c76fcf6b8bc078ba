/**
 * Which pods the routers of a site can know their clients by, and when they are told: each address of a pod with what owns the pod. Pure.
 *
 * Routers have no rights on pods. What they are told of is all that the controller sees, since a client may be of any namespace.
 */
import { NAME, SETTING } from '../../../config/names.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { labelsText } from '../../../lib/label-text.ts';
import { isAboutWorkload } from '../../../lib/policy/match.ts';
import type { PolicyDocument, PolicySpec } from '../../../lib/policy/types.ts';
import type { Observed } from '../observed.ts';
import { activeSite, groupName, settingOf } from '../site/identity.ts';
import { policyDocuments } from './documents.ts';
import { LABELS_LENGTH_MAX, type Workload } from './workload-document.ts';

/** Added by controllers to tell versions of one workload apart: of no use to a selector. */
const REVISION_LABELS = ['pod-template-hash', 'controller-revision-hash', 'pod-template-generation'];
const ENDED = new Set(['Succeeded', 'Failed']);

interface PodSpec {
  serviceAccountName?: string;
  hostNetwork?: boolean;
}

interface PodStatus {
  phase?: string;
  podIP?: string;
  podIPs?: { ip: string }[];
}

/** None for a pod that ended, whose address may be another's, and for one that shares the address of its node. */
export function podAddresses({ spec, status }: KubeObject): string[] {
  const { phase = '', podIP, podIPs = [] } = (status ?? {}) as PodStatus;
  if (ENDED.has(phase) || (spec as PodSpec | undefined)?.hostNetwork === true) return [];
  const addresses = podIPs.map(({ ip }) => ip);
  return addresses.length === 0 && podIP ? [podIP] : addresses;
}

export function workloadOf({ metadata, spec }: KubeObject): Workload {
  const labels = { ...metadata.labels };
  for (const label of REVISION_LABELS) delete labels[label];
  return {
    namespace: metadata.namespace ?? '',
    workload: ownerOf(metadata),
    pod: metadata.name,
    serviceAccount: (spec as PodSpec | undefined)?.serviceAccountName ?? '',
    labels: labelsText(labels, LABELS_LENGTH_MAX),
  };
}

/** Of a ReplicaSet of a Deployment, the Deployment; a pod without an owner stands for itself. */
function ownerOf({ name, labels, ownerReferences = [] }: KubeObject['metadata']): string {
  const owner = ownerReferences.find(({ controller }) => controller === true) ?? ownerReferences[0];
  if (owner === undefined) return name;
  const suffix = `-${labels?.['pod-template-hash']}`;
  return owner.kind === 'ReplicaSet' && owner.name.endsWith(suffix) ? owner.name.slice(0, -suffix.length) : owner.name;
}

/** Some site's policies ask which workload a client is: those that its own routers enforce, or those where its clients arrive. */
export function wantsWorkloads(observed: Observed): boolean {
  const site = activeSite(observed);
  if (site === undefined || observed.cluster === undefined) return false;
  const setting = settingOf(site, SETTING.workloadIdentity);
  if (setting === 'true' || setting === 'false') return setting === 'true';
  return asksWorkloads(observed) || observed.network.sites.some(({ site: other }) => other.asksWorkloads === true);
}

/** What the other sites are told, so that they say it of their clients. */
export function asksWorkloads(observed: Observed): boolean {
  return policyDocuments(observed).some(({ spec }: PolicyDocument) => asksForWorkloads(spec));
}

function asksForWorkloads({ rules }: PolicySpec): boolean {
  return rules.some(
    ({ from = [], limits, operations = ['Connect'] }) =>
      operations.includes('Connect') && (limits?.per === 'Workload' || from.some(isAboutWorkload)),
  );
}

/** One ConfigMap a part. */
export function planWorkloadMaps({ cluster }: Observed): KubeObject[] {
  return (cluster?.workloads ?? []).map((data, index) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: groupName(NAME.workloads, index) },
    data,
  }));
}
