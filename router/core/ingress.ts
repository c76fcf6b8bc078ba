/**
 * Tells clients that ask for it where a message entered the network: a receiver that attaches with the desired capability
 * `skuprt.ingress` gets the id of that router as a delivery annotation of each message, and the capability is offered in the
 * answer. What a message of a client says under that name never gets through (docs/adr/0019).
 *
 * The router annotations have the id of the first interior router, and it is believed only if the message came by a neighbour
 * through which messages of that router come. Of a message that an edge router has sent it is that edge router's id. A
 * message whose origin cannot be vouched for, as in the moment of a change of paths, arrives without.
 */
import { InOrder, withDeliveryAnnotation } from '../amqp/message/delivery-annotation.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { EdgeNames } from './edge-names.ts';
import { isOfRouter } from './inter-edge.ts';
import { LinkOutlet } from './link-ends.ts';
import type { Peer } from './peer.ts';
import type { Transit } from './transit.ts';

export const INGRESS_CAPABILITY = 'skuprt.ingress';
export const INGRESS_ANNOTATION = 'x-opt-skuprt-ingress';

export interface IngressParts {
  routerId: string;
  mesh: Mesh;
  edgeNames: EdgeNames;
  peer(connection: number): Peer | undefined;
}

/** `0/<router id>` of the router where a message entered the network; undefined when this router cannot vouch for it. */
export function ingressOf(transit: Transit, parts: IngressParts): string | undefined {
  if (transit.from === 0) return `0/${parts.routerId}`;
  const peer = parts.peer(transit.from);
  const { ingress = '', ingressMesh } = transit.annotations ?? {};
  const interior = ingress.startsWith('0/') ? ingress.slice(2) : '';
  if (peer === undefined || interior === '' || !comesFrom(interior, peer, parts)) return undefined;
  const routerId = ingressMesh === undefined ? interior : parts.edgeNames.find(interior, ingressMesh);
  return routerId === undefined ? undefined : `0/${routerId}`;
}

/**
 * The same for a stream, by id alone: whose clients it may be of. An edge router passes on nothing of others, so what comes from one that
 * hangs on this router began there, whatever mesh it says it is of.
 */
export function originOf(transit: Transit, parts: IngressParts): string | undefined {
  const peer = parts.peer(transit.from);
  if (peer !== undefined && isOurEdge(peer)) return peer.containerId;
  return ingressOf(transit, parts)?.slice('0/'.length);
}

/** Whether messages that entered the network at an interior router come by this connection. */
function comesFrom(interior: string, peer: Peer, { routerId, mesh }: IngressParts): boolean {
  // Of a client, or of an edge router that hangs on this one: reception has set it, unless clients may say it there.
  if (peer.role === 'normal')
    return (peer.options.stripAnnotations ?? 'both') !== 'no' && peer.options.stripAnnotations !== 'out';
  if (isOurEdge(peer)) return true;
  if (interior === routerId) return false;
  // An edge router knows no paths: it relies on its interior router.
  if (isOfRouter(peer) || interior === peer.containerId) return true;
  return mesh.path(interior)?.arrivesBy.has(peer.containerId) ?? false;
}

/** An edge router that has connected to this one: what it sends enters the network here. */
export function isOurEdge(peer: Peer): boolean {
  return peer.role === 'edge' && peer.options.dir === 'in';
}

/** The way to a client that gets the ingress with each message. */
export class IngressOutlet extends LinkOutlet {
  private readonly ingress: string | undefined;
  private readonly order = new InOrder();
  private begun = false;

  constructor(ingress: string | undefined, ...link: ConstructorParameters<typeof LinkOutlet>) {
    super(...link);
    this.ingress = ingress;
  }

  /** The first call brings at least the sections up to the properties. */
  override write(bytes: Buffer): void {
    const passed = this.order.pass(bytes);
    super.write(this.begun ? passed : withDeliveryAnnotation(passed, INGRESS_ANNOTATION, this.ingress));
    this.begun = true;
  }
}
