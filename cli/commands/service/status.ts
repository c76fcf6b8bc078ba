/** `service status`: services of the network that this site is in, and of the cluster set in this namespace. */
import { type Context, print, say } from '../../context.ts';
import { NotFoundError } from '../../errors.ts';
import { type SetService, setServices, setServiceTable } from '../../output/cluster-set.ts';
import { type ServiceView, servicesOf, serviceTable } from '../../output/network.ts';
import { formatObject } from '../../output/resources.ts';
import { openClusterSet, openPlace } from '../../places/choose.ts';
import { findSite, requireNetwork } from '../../resources.ts';

export async function showServices(
  context: Context,
  name: string | undefined,
  flags: { output?: string },
): Promise<void> {
  const ofSet = (await servicesOfSet(context)).filter((service) => name === undefined || service.name === name);
  const place = await openPlace(context);
  // A namespace may have services of the set and no site of its own.
  const hasSite = ofSet.length === 0 || (await findSite(place)) !== undefined;
  const all = hasSite ? servicesOf(await requireNetwork(context, place)) : [];
  const services = name === undefined ? all : all.filter((service) => service.address === name);
  if (name !== undefined && services.length === 0 && ofSet.length === 0) {
    throw new NotFoundError(`No site of the network knows a service "${name}"`, {
      next: 'Expose it where its server is: skuprt expose host/ADDRESS --port PORT',
    });
  }
  if (flags.output === 'name') {
    print(context, services.map((service) => `service/${service.address}\n`).join(''));
    print(context, ofSet.map((service) => `serviceimport/${service.name}\n`).join(''));
  } else if (flags.output === 'json' || flags.output === 'yaml') {
    const items = [...services.map(serviceObject), ...ofSet.map(setServiceObject)];
    const isOne = name !== undefined && items.length === 1;
    print(context, formatObject(isOne ? items[0]! : { apiVersion: 'v1', kind: 'List', items }, flags.output));
  } else {
    const isWide = flags.output === 'wide';
    if (services.length === 0 && ofSet.length === 0) say(context, 'There are no services in the network.');
    if (services.length > 0) print(context, serviceTable(services, isWide));
    if (services.length > 0 && ofSet.length > 0) print(context, '\n');
    if (ofSet.length > 0) print(context, setServiceTable(ofSet, isWide));
  }
}

/** None where the kinds are not installed. */
async function servicesOfSet(context: Context): Promise<SetService[]> {
  const place = await openClusterSet(context);
  if (!(await place.isInstalled())) return [];
  const [imports, exports] = await Promise.all([place.imports(), place.exports()]);
  return setServices(imports, exports);
}

function serviceObject({ address, here, listeners, connectors }: ServiceView): object {
  return {
    apiVersion: 'skuprt.io/v1alpha1',
    kind: 'ServiceStatus',
    metadata: { name: address },
    status: { connectHere: here, listeners, connectors },
  };
}

function setServiceObject({ name, namespace, ...status }: SetService): object {
  return { apiVersion: 'skuprt.io/v1alpha1', kind: 'SetServiceStatus', metadata: { name, namespace }, status };
}
