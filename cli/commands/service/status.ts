/** `service status`. */
import { type Context, print, say } from '../../context.ts';
import { NotFoundError } from '../../errors.ts';
import { type ServiceView, servicesOf, serviceTable } from '../../output/network.ts';
import { formatObject } from '../../output/resources.ts';
import { openPlace } from '../../places/choose.ts';
import { requireNetwork } from '../../resources.ts';

export async function showServices(
  context: Context,
  address: string | undefined,
  flags: { output?: string },
): Promise<void> {
  const all = servicesOf(await requireNetwork(context, await openPlace(context)));
  const services = address === undefined ? all : all.filter((service) => service.address === address);
  if (address !== undefined && services.length === 0) {
    throw new NotFoundError(`No site of the network knows a service "${address}"`, {
      next: 'Expose it where its server is: skuprt expose host/ADDRESS --port PORT',
    });
  }
  if (flags.output === 'name') print(context, services.map((service) => `service/${service.address}\n`).join(''));
  else if (flags.output === 'json' || flags.output === 'yaml') {
    const items = services.map(serviceObject);
    const isOne = address !== undefined && items.length === 1;
    print(context, formatObject(isOne ? items[0]! : { apiVersion: 'v1', kind: 'List', items }, flags.output));
  } else if (services.length === 0) say(context, 'There are no services in the network.');
  else print(context, serviceTable(services, flags.output === 'wide'));
}

function serviceObject({ address, here, listeners, connectors }: ServiceView): object {
  return {
    apiVersion: 'skuprt.io/v1alpha1',
    kind: 'ServiceStatus',
    metadata: { name: address },
    status: { connectHere: here, listeners, connectors },
  };
}
