/**
 * The processes of services of a cluster set: how they are wanted, and how they go with all that they made. What users wrote (exports)
 * and what the cluster is called (ClusterProperties) stays.
 */
import { SERVICE_KINDS } from '../../../config/api/service-kinds.ts';
import { DNS_NAME, SERVICE_CONTROLLER_NAME } from '../../../config/rbac/service-rules.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { LABEL, MANAGER } from '../../../service-controller/names.ts';
import type { Context } from '../../context.ts';
import type { InstallFlags } from '../../definitions/install.ts';
import { UsageError } from '../../errors.ts';
import { API, type ApiKind, apiOf, type ClusterClient } from '../../places/cluster-client.ts';
import { waitFor } from '../../wait.ts';
import { apiKindOf, type ManifestChoice, SERVICES_ANNOTATION, serviceManifests } from './manifests.ts';
import { isOurs } from './plan.ts';
import { serviceArgumentsFor, serviceFlagsGiven } from './service-settings.ts';
import { type InstallTarget, lookAt } from './target.ts';

type ServiceChoice = Pick<ManifestChoice, 'services' | 'serviceArguments' | 'dnsEndpoints'>;

/** Imports first: what they own goes with them. */
const MADE_BY_SERVICES: readonly ApiKind[] = [
  { ...SERVICE_KINDS.ServiceImport, kind: 'ServiceImport' },
  { ...SERVICE_KINDS.DNSEndpoint, kind: 'DNSEndpoint' },
  apiOf('MultiKeyListener'),
  apiOf('Listener'),
  apiOf('Connector'),
  API.endpointSlices,
  API.services,
];

/** What is not said stays as it was said before. @throws UsageError */
export async function chooseServices(
  client: Pick<ClusterClient, 'get'> | undefined,
  target: InstallTarget,
  flags: Partial<InstallFlags>,
  controller: KubeObject | undefined,
): Promise<ServiceChoice> {
  const given = [...serviceFlagsGiven(flags), ...(flags.services ? ['--services'] : [])];
  if (target.scope === 'namespace') {
    if (given.length > 0)
      throw new UsageError(`${given.join(', ')}: services of a cluster set are of the whole cluster`, {
        next: 'Leave it out, or install for the whole cluster',
      });
    return { dnsEndpoints: flags.dnsEndpoints };
  }
  if (flags.services === false && given.length > 0)
    throw new UsageError(`${given.join(', ')}: not with --no-services`, { next: 'Leave out one of the two' });
  const said = controller?.metadata.annotations?.[SERVICES_ANNOTATION];
  const services = flags.services ?? (said === undefined ? undefined : said === 'true' || given.length > 0);
  const present = new Map<string, KubeObject>();
  for (const name of [SERVICE_CONTROLLER_NAME, DNS_NAME]) {
    const deployment = await client?.get(API.deployments, name, target.namespace);
    if (deployment !== undefined && isOurs(deployment)) present.set(name, deployment);
  }
  return { services, serviceArguments: serviceArgumentsFor(flags, present), dnsEndpoints: flags.dnsEndpoints };
}

export interface RemovalOptions {
  isWaitedFor: boolean;
  timeoutMs: number;
}

/** The processes, and once they are gone what they made. Kinds stay. Whether there was something. @throws TimedOutError */
export async function removeServices(
  context: Context,
  client: ClusterClient,
  { namespace }: InstallTarget,
  { isWaitedFor, timeoutMs }: RemovalOptions,
): Promise<boolean> {
  const found = await lookAt(client, serviceManifests(namespace));
  const going = found
    .filter(
      ({ wanted, present }) => wanted.kind !== 'CustomResourceDefinition' && isPresent(present) && isOurs(present),
    )
    .map(({ wanted }) => wanted)
    .reverse();
  if (going.length === 0) return false;
  const isProcess = ({ kind }: KubeObject) => kind === 'Deployment';
  for (const object of going.filter(isProcess)) await remove(client, object);
  // One that runs on would make anew what it misses, so its rights go after it too.
  if (isWaitedFor) await waitForPods(context, client, namespace, timeoutMs);
  for (const api of MADE_BY_SERVICES) await removeMade(client, api);
  for (const object of going.filter((it) => !isProcess(it))) await remove(client, object);
  await client.delete(API.leases, SERVICE_CONTROLLER_NAME, namespace);
  return true;
}

function isPresent(present: KubeObject | 'hidden' | undefined): present is KubeObject {
  return present !== undefined && present !== 'hidden';
}

async function removeMade(client: ClusterClient, api: ApiKind): Promise<void> {
  const made = (await client.list(api, { labelSelector: `${LABEL.managedBy}=${MANAGER}` })) ?? [];
  for (const { metadata } of made) await client.delete(api, metadata.name, metadata.namespace);
}

async function waitForPods(
  context: Context,
  client: ClusterClient,
  namespace: string,
  timeoutMs: number,
): Promise<void> {
  const options = { what: 'the service-controller to be gone', timeoutMs, afterwards: 'It goes on being removed' };
  await waitFor(context, options, async () => {
    const pods = await client.list(API.pods, { namespace, labelSelector: `application=${SERVICE_CONTROLLER_NAME}` });
    const [pod] = pods ?? [];
    return pod === undefined ? { done: undefined } : { pending: `pod ${pod.metadata.name} ends` };
  });
}

async function remove(client: ClusterClient, object: KubeObject): Promise<void> {
  await client.delete(apiKindOf(object), object.metadata.name, object.metadata.namespace);
}
