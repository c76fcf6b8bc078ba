/** What edge and interior routers call things when they speak to each other (wire reference 8), and what both sides share. */
import type { ReceiverLink } from '../amqp/engine/receiver-link.ts';
import type { SenderLink } from '../amqp/engine/sender-link.ts';

/** The edge sends one message here: by which mesh its messages enter the network. */
export const MESH_DISCOVERY = '_$qd.mesh_discovery';
/** The edge hears here which addresses it may send to. */
export const ADDRESS_TRACKING = '_$qd.edge_addr_tracking';
/** Of the link by which messages for the edge router itself come. */
export const DOWNLINK_CAPABILITY = 'qd.router-edge-downlink';
/** Edge routers that are joined agree here on the id of their mesh. */
export const MESH_NEGOTIATION = '_$qd.mesh_id_negotiation';
/** Of the link by which messages for another edge router itself go, and of connections between edge routers. */
export const INTER_EDGE_CAPABILITY = 'qd.router-inter-edge';
export const MESH_ID_PROPERTY = 'meshid';
export const TRACKING_CREDIT = 32;
/** Where a key stands in what an interior router of ours tells: whether it drains. It is no key: those begin with a letter of their class. */
export const DRAINING_KEY = '!draining';

/** Stands among the routers that have an address for "the interior router has a way to it": no router has an empty id. */
export const UPLINK = '';

/** A link of a peer that stands for an address, and goes with the connection. */
export interface Endpoint {
  readonly link: SenderLink | ReceiverLink;
  readonly address: string | undefined;
  gone(): void;
}

/** Context of a link between routers all of whose messages are for one address, whatever they say. */
export class TargetedLink {
  readonly address: string;

  constructor(address: string) {
    this.address = address;
  }
}
