/** `expose`: a Connector whose service is made known to the network; `unexpose`: takes such Connectors back. */
import type { ResourceOf } from '../../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import { SETTING } from '../../../config/names.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import type { DeleteFlags, ExposeFlags } from '../../definitions/services.ts';
import { NotFoundError, UsageError } from '../../errors.ts';
import { formatManifest } from '../../output/resources.ts';
import { isName, type Workload } from '../../parse.ts';
import { openPlace } from '../../places/choose.ts';
import { hostTarget } from '../../places/workload.ts';
import { requireSite } from '../../resources.ts';
import { waitUntilGone } from '../gone.ts';
import { createResource } from './ends.ts';
import { settingsOf } from './settings.ts';

/** On an exposed connector: the workload as it was named, by which `unexpose` finds it. */
const EXPOSES_ANNOTATION = 'skuprt.io/exposes';

export async function exposeWorkload(context: Context, workload: Workload, flags: ExposeFlags): Promise<void> {
  const connectors = await exposedConnectors(context, workload, flags);
  if (flags.dryRun) {
    print(context, formatManifest(connectors, flags.output));
    return;
  }
  for (const connector of connectors) await createResource(context, connector, flags);
  const addresses = connectors.map(({ spec }) => `"${spec.routingKey}"`).join(', ');
  say(context, `Linked sites listen for ${addresses}; see skuprt -n <namespace> service status there`);
}

/** One connector for each port. @throws UsageError, NotFoundError */
export async function exposedConnectors(
  context: Context,
  workload: Workload,
  flags: ExposeFlags,
): Promise<ResourceOf<'Connector'>[]> {
  const address = flags.address ?? defaultAddress(workload);
  const { port: ports, targetPort: targetPorts = [] } = flags;
  if (targetPorts.length > 0 && targetPorts.length !== ports.length) {
    throw new UsageError(`${ports.length} --port and ${targetPorts.length} --target-port were given`, {
      next: 'Give --target-port once for each --port, in the same order, or not at all',
    });
  }
  if (new Set(ports).size !== ports.length)
    throw new UsageError('A --port was given twice', { next: 'Give each once' });
  // A host needs nobody to be asked, so that this works where no cluster can be reached.
  const isHost = workload.kind === 'host';
  const target = isHost ? hostTarget(workload.name) : await (await openPlace(context)).target(workload);
  const origin = isHost ? undefined : { annotations: { [EXPOSES_ANNOTATION]: `${workload.kind}/${workload.name}` } };
  return ports.map((port, index) => {
    const suffix = ports.length > 1 ? `-${port}` : '';
    const targetPort = targetPorts[index] ?? target.ports.get(port) ?? port;
    const settings = {
      [SETTING.advertise]: 'true',
      // Where it is imported its ports belong together again.
      ...(suffix !== '' && isName(address) && { [SETTING.serviceName]: address }),
      ...(targetPort !== port && { [SETTING.servicePort]: String(port) }),
      ...settingsOf(flags),
    };
    const reached = target.selector === undefined ? { host: target.host } : { selector: target.selector };
    const spec = {
      routingKey: `${address}${suffix}`,
      ...reached,
      port: targetPort,
      ...((flags.exposePodsByName ?? target.isByName) && { exposePodsByName: true }),
      ...(flags.includeNotReady && { includeNotReadyPods: true }),
      settings,
    };
    const metadata = { name: `${flags.name ?? nameFor(address)}${suffix}`, ...origin };
    return { apiVersion: SKUPPER_API_VERSION, kind: 'Connector', metadata, spec };
  });
}

export async function unexposeWorkload(
  context: Context,
  workload: Workload | undefined,
  flags: { address?: string } & Pick<DeleteFlags, 'wait' | 'timeout'>,
): Promise<void> {
  if (workload === undefined && flags.address === undefined) {
    throw new UsageError('Nothing to unexpose was given', { next: 'Give KIND/NAME as to expose, or --address' });
  }
  const place = await openPlace(context);
  await requireSite(context, place);
  const exposed = (await place.resources.list('Connector')).filter(
    (connector) =>
      connector.spec.settings?.[SETTING.advertise] === 'true' &&
      (workload === undefined || isOf(connector, workload)) &&
      (flags.address === undefined || hasAddress(connector, flags.address)),
  );
  if (exposed.length === 0) {
    throw new NotFoundError(`Nothing like that is exposed in namespace "${context.namespace}"`, {
      next: `See ${commandLine(context, 'connector status')}`,
    });
  }
  for (const { metadata, spec } of exposed) {
    await place.resources.delete('Connector', metadata.name);
    await waitUntilGone(context, place, `connector/${metadata.name}`, flags);
    const origin = metadata.annotations?.[EXPOSES_ANNOTATION] ?? `${spec.host ?? spec.selector}:${spec.port}`;
    say(context, `Service "${spec.routingKey}" of ${origin} is no longer exposed here.`);
  }
}

function isOf({ metadata, spec }: ResourceOf<'Connector'>, { kind, name }: Workload): boolean {
  if (kind === 'host') return spec.host === name;
  return metadata.annotations?.[EXPOSES_ANNOTATION] === `${kind}/${name}`;
}

/** That address, or that of one of several ports that were exposed under it. */
function hasAddress({ metadata, spec }: ResourceOf<'Connector'>, address: string): boolean {
  const port = spec.settings?.[SETTING.servicePort] ?? String(spec.port);
  const isOneOfSeveral = spec.routingKey === `${address}-${port}` && metadata.name.endsWith(`-${port}`);
  return spec.routingKey === address || isOneOfSeveral;
}

function defaultAddress(workload: Workload): string {
  if (isName(workload.name)) return workload.name;
  throw new UsageError(`"${workload.name}" cannot be the address of a service`, {
    next: 'Give one with --address, such as --address backend',
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
