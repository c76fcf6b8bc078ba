/** `service status`: services of the network that this site is in, and of the cluster set in this namespace. */

import { isRoutingKeyOfSet } from '../../../service-controller/names.ts';
import { type Context, print, say } from '../../context.ts';
import { NotFoundError } from '../../errors.ts';
import { type SetService, setServices, setServiceTable } from '../../output/cluster-set.ts';
import { type ServiceView, servicesOf, serviceTable } from '../../output/network.ts';
import { documentOf, formatObject } from '../../output/resources.ts';
import { isName, splitServiceName } from '../../parse.ts';
import { openClusterSet, openPlace } from '../../places/choose.ts';
import { findSite, requireNetwork } from '../../resources.ts';

export async function showServices(
  context: Context,
  name: string | undefined,
  flags: { output?: string },
): Promise<void> {
  const ofSet = await servicesOfSet(context, name);
  const { namespace } = context;
  const place = await openPlace(context);
  // A namespace may have services of the set and no site of its own.
  const hasSite = ofSet.length === 0 || (await findSite(place)) !== undefined;
  const all = hasSite ? servicesOf(await requireNetwork(context, place)) : [];
  // What carries services of the set is shown as those.
  const services = all.filter(({ address }) => (name === undefined ? !isRoutingKeyOfSet(address) : address === name));
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
    if (ofSet.length > 0)
      print(context, setServiceTable(ofSet, { isWide, isLocal: context.platform === 'local', namespace }));
  }
}

/** None where the kinds are not installed. `given`: `NAME` or `NAME.NAMESPACE`, all of them when absent. */
async function servicesOfSet(context: Context, given: string | undefined): Promise<SetService[]> {
  const { name, namespace } = splitServiceName(given ?? '', context.namespace);
  if (given !== undefined && ![name, namespace].every(isName)) return [];
  // A local site has those of all namespaces.
  const place = await openClusterSet(context.platform === 'local' ? context : { ...context, namespace });
  if (!(await place.isInstalled())) return [];
  const [imports, exports] = await Promise.all([place.imports(), place.exports()]);
  const all = setServices(imports, exports);
  if (given === undefined) return all;
  return all.filter((service) => service.name === name && (given === name || service.namespace === namespace));
}

function serviceObject({ address, here, listeners, connectors }: ServiceView): object {
  return documentOf('ServiceStatus', {
    metadata: { name: address },
    status: { connectHere: here, listeners, connectors },
  });
}

function setServiceObject({ name, namespace, ...status }: SetService): object {
  return documentOf('SetServiceStatus', { metadata: { name, namespace }, status });
}
