/** `expose`: a Connector whose service is made known to the network; `unexpose`: takes such Connectors back. */
import type { ResourceOf } from '../../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import { SETTING } from '../../../site-controller/names.ts';
import { type Context, commandLine, say } from '../../context.ts';
import type { DeleteFlags, ExposeFlags } from '../../definitions/services.ts';
import { NotFoundError, UsageError } from '../../errors.ts';
import { isName, type Workload } from '../../parse.ts';
import { openPlace } from '../../places/choose.ts';
import { requireSite } from '../../resources.ts';
import { waitUntilGone } from '../gone.ts';
import { createResource } from './ends.ts';

export async function exposeWorkload(context: Context, workload: Workload, flags: ExposeFlags): Promise<void> {
  const connector = exposedConnector(workload, flags);
  await createResource(context, connector, flags);
  if (!flags.dryRun) {
    say(
      context,
      `Linked sites listen for "${connector.spec.routingKey}"; see skuprt -n <namespace> service status there`,
    );
  }
}

export function exposedConnector(workload: Workload, flags: ExposeFlags): ResourceOf<'Connector'> {
  requireHost(workload);
  const address = flags.address ?? (isName(workload.name) ? workload.name : undefined);
  if (address === undefined) {
    throw new UsageError(`"${workload.name}" cannot be the address of a service`, {
      next: 'Give one with --address, such as --address backend',
    });
  }
  const name = flags.name ?? nameFor(address);
  const port = flags.targetPort ?? flags.port;
  const settings = {
    [SETTING.advertise]: 'true',
    ...(port !== flags.port && { [SETTING.servicePort]: String(flags.port) }),
  };
  const spec = { routingKey: address, host: workload.name, port, settings };
  return { apiVersion: SKUPPER_API_VERSION, kind: 'Connector', metadata: { name }, spec };
}

export async function unexposeWorkload(
  context: Context,
  workload: Workload | undefined,
  flags: { address?: string } & Pick<DeleteFlags, 'wait' | 'timeout'>,
): Promise<void> {
  if (workload !== undefined) requireHost(workload);
  if (workload === undefined && flags.address === undefined) {
    throw new UsageError('Nothing to unexpose was given', { next: 'Give KIND/NAME as to expose, or --address' });
  }
  const place = await openPlace(context);
  await requireSite(context, place);
  const exposed = (await place.resources.list('Connector')).filter(
    ({ spec }) =>
      spec.settings?.[SETTING.advertise] === 'true' &&
      (workload === undefined || spec.host === workload.name) &&
      (flags.address === undefined || spec.routingKey === flags.address),
  );
  if (exposed.length === 0) {
    throw new NotFoundError(`Nothing like that is exposed in namespace "${context.namespace}"`, {
      next: `See ${commandLine(context, 'connector status')}`,
    });
  }
  for (const { metadata, spec } of exposed) {
    await place.resources.delete('Connector', metadata.name);
    await waitUntilGone(context, place, `connector/${metadata.name}`, flags);
    say(context, `Service "${spec.routingKey}" of ${spec.host}:${spec.port} is no longer exposed here.`);
  }
}

function requireHost(workload: Workload): void {
  if (workload.kind === 'host') return;
  throw new UsageError(`A local site cannot expose a ${workload.kind}: it connects to hosts`, {
    next: 'Give host/ADDRESS, such as host/127.0.0.1; workloads of a cluster need a site in that cluster',
  });
}

/** An address may hold what a name may not: `shop/orders:8080` becomes `shop-orders-8080`. */
function nameFor(address: string): string {
  const name = address
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 63)
    .replace(/-$/, '');
  if (name !== '') return name;
  throw new UsageError(`"${address}" does not give a name for the connector`, { next: 'Give one with --name' });
}
