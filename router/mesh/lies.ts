/**
 * Claims of a control message that cannot be true, told from what this router sees for itself: who is connected, and by which way
 * messages of a router come. Such a message is neither heeded nor passed on.
 *
 * What a router says of itself and its own links cannot be checked: whoever has been let into the network is believed that.
 */
import type { Head } from '../amqp/message/head.ts';
import { ROUTERS_MAX } from './limits.ts';
import type { ControlMessage } from './messages.ts';
import { hopOf } from './relay.ts';
import type { SiteLink } from './site-links.ts';

export type MeshFault =
  /** It speaks for another router. */
  | 'impersonation'
  /** It says that it has passed a router twice on its way to all, or more routers than there can be. */
  | 'loop'
  /** It cannot be read. */
  | 'malformed'
  /** A later version of the protocol. */
  | 'incompatible'
  | 'unknown-opcode'
  /** Another router has this router's id. */
  | 'own-id'
  /** More addresses or routers than are taken. */
  | 'addresses'
  | 'routers';

export interface Lie {
  readonly fault: MeshFault;
  readonly detail: string;
}

/** What this router sees for itself. */
export interface Witness {
  /** The site link in use to each neighbour. */
  readonly neighbours: ReadonlyMap<string, SiteLink>;
  instanceOf(routerId: string): number | undefined;
}

/** @param isForAll it goes to all routers. @returns undefined when it may be true */
export function lieOf(
  link: SiteLink,
  message: ControlMessage,
  head: Head,
  isForAll: boolean,
  witness: Witness,
): Lie | undefined {
  const { trace = [], ingress } = head.annotations ?? {};
  // What is for one router goes to and fro for a moment while its way changes and not all know it yet; the radius ends that.
  const isAround = isForAll && new Set(trace).size !== trace.length;
  if (trace.length > ROUTERS_MAX || isAround) {
    return { fault: 'loop', detail: `its trace has ${trace.length} routers, some twice` };
  }
  const { id, opcode } = message;
  const { router } = link;
  if (opcode === 'HELLO' && router !== undefined && id !== router) {
    return { fault: 'impersonation', detail: `a HELLO of ${id} on the link to ${router}` };
  }
  // What is for one router may go on as from a router on its way.
  // The ingress of single messages is that of the last of ours that passed them on (`Mesh.#forward`); the trace begins where they did.
  const origin = trace[0] ?? ingress ?? (router && hopOf(router));
  if (isForAll && origin !== undefined && origin !== hopOf(id)) {
    return { fault: 'impersonation', detail: `${opcode} of ${id} that came from ${origin}` };
  }
  return restartLie(link, message, witness);
}

/** A neighbour whose link stands has not restarted, whatever comes by other ways. */
function restartLie(link: SiteLink, message: ControlMessage, witness: Witness): Lie | undefined {
  const { id, opcode } = message;
  const own = witness.neighbours.get(id);
  if (own === undefined || own === link || link.peer === id || !('instance' in message)) return undefined;
  const known = witness.instanceOf(id);
  if (known === undefined || message.instance === undefined || message.instance === known) return undefined;
  return { fault: 'impersonation', detail: `${opcode} of another life of ${id}, whose link stands` };
}
