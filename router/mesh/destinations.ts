/** The addresses of control messages, wire reference 3.2: who they are for and how they are written. */

export const ROUTER_TAIL = 'qdrouter';
export const MOBILE_TAIL = 'qdrouter.ma';

export const HELLO_ADDRESS = 'amqp:/_local/qdhello';
export const RA_ADDRESS = `amqp:/_topo/0/all/${ROUTER_TAIL}`;
/** Written without a scheme, as skupper-router does. */
export const MAU_ADDRESS = `_topo/0/all/${MOBILE_TAIL}`;

export function routerAddress(routerId: string, tail: typeof ROUTER_TAIL | typeof MOBILE_TAIL): string {
  return `amqp:/_topo/0/${routerId}/${tail}`;
}

/** `once`: one copy a router, along the trees of the paths; else to every neighbour that has not had it. */
export type Destination =
  | { readonly scope: 'here' }
  | { readonly scope: 'all'; readonly once: boolean }
  | { readonly scope: 'router'; readonly routerId: string };

const ADDRESS = /^(?:amqps?:(?:\/\/[^/]*)?)?\/?_(?:(local)\/[^/]+|topo\/0\/([^/]+)\/([^/]+))$/;

/** Undefined when the address is not one of the control protocol. */
export function parseDestination(address: string, self: string): Destination | undefined {
  const match = ADDRESS.exec(address);
  if (match === null) return undefined;
  const [, local, routerId, tail] = match;
  if (local !== undefined || routerId === self) return { scope: 'here' };
  if (routerId === 'all') return { scope: 'all', once: tail === MOBILE_TAIL };
  return { scope: 'router', routerId: routerId as string };
}
