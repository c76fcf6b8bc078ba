/** The Services by which pods of a namespace reach its listeners: one for each host, with a port for each listener. Pure. */
import { createHash } from 'node:crypto';
import { CONTROLLED_LABEL, LISTENER_LABEL, ROUTER_SELECTOR } from '../../../config/names.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { Observed } from '../observed.ts';
import { keyOfListener, placeFaults } from './faults.ts';
import { type Offer, offersOf } from './offers.ts';

/** Of a label's value and of a port's name. */
const NAME_LENGTH_MAX = 63;
const PORT_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_VALUE = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const HASH_LENGTH = 8;

export interface ServicePlan {
  /** Every Service that there should be; those of ours that are not among them should go. */
  objects: KubeObject[];
  /** By the key of a listener, as `Listener/web`: why it has no Service, or not all of them. */
  faults: Map<string, string>;
}

/** Never one over a Service that is not of listeners. `observed.ports` are those of `allocatePorts`. */
export function planServices(observed: Observed): ServicePlan {
  if (observed.cluster === undefined) return { objects: [], faults: new Map() };
  const { offers, podFaults } = offersOf(observed);
  const ofService = new Map<string, Offer[]>();
  for (const offer of offers) {
    if (offer.service === undefined || !observed.ports.has(offer.name)) continue;
    const others = ofService.get(offer.service);
    if (others === undefined) ofService.set(offer.service, [offer]);
    else others.push(offer);
  }
  const objects = [...ofService]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, found]) => service(observed, name, found));
  return { objects, faults: new Map([...podFaults, ...placeFaults(observed)]) };
}

function service({ namespace, ports }: Observed, name: string, found: readonly Offer[]): KubeObject {
  const offers = [...found].sort((a, b) => (keyOfListener(a.owner) < keyOfListener(b.owner) ? -1 : 1));
  const names = new Set<string>();
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace,
      labels: { [LISTENER_LABEL]: fitting(offers[0]!.owner.metadata.name, LABEL_VALUE) },
      annotations: { [CONTROLLED_LABEL]: 'true' },
    },
    spec: {
      type: 'ClusterIP',
      ipFamilyPolicy: 'PreferDualStack',
      selector: ROUTER_SELECTOR,
      ports: offers.map((offer) => ({
        name: portName(offer, names),
        port: offer.port,
        targetPort: ports.get(offer.name),
        protocol: 'TCP',
      })),
    },
  };
}

function portName({ owner }: Offer, taken: Set<string>): string {
  const { name } = owner.metadata;
  const wanted = fitting(owner.kind === 'Listener' ? name : `multiaddress-${name}`, PORT_NAME);
  const given = taken.has(wanted) ? hashed(keyOfListener(owner)) : wanted;
  taken.add(given);
  return given;
}

/** The name where it may stand, else one that only it gives. */
function fitting(name: string, form: RegExp): string {
  return name.length <= NAME_LENGTH_MAX && form.test(name) ? name : hashed(name);
}

function hashed(name: string): string {
  return `listener-${createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH)}`;
}
