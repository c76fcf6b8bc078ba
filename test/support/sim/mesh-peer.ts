/** One mesh under test with its neighbours played by the test: control messages in, control messages out, decoded. */
import { amqp, type Typed } from '../../../router/amqp/codec/value.ts';
import { composeMessage } from '../../../router/amqp/message/compose.ts';
import { parseHead } from '../../../router/amqp/message/head.ts';
import { encodeRouterAnnotations } from '../../../router/amqp/message/router-annotations.ts';
import { HELLO_ADDRESS, MAU_ADDRESS, RA_ADDRESS } from '../../../router/mesh/destinations.ts';
import { Mesh, type MeshEvent } from '../../../router/mesh/mesh.ts';
import { type ControlMessage, decodeControl, encodeControl } from '../../../router/mesh/messages.ts';

export interface Spoken {
  readonly siteLink: number;
  readonly to: string;
  readonly ingress?: string;
  readonly trace: readonly string[];
  readonly message: ControlMessage;
}

export class MeshPeer {
  readonly mesh: Mesh;
  now: number;
  /** Drained and not yet looked at. */
  spoken: Spoken[] = [];
  told: Exclude<MeshEvent, { type: 'send' }>[] = [];

  constructor(id: string, now = 0) {
    this.now = now;
    this.mesh = new Mesh({ routerId: id, instance: 100 }, undefined, now);
  }

  up(siteLink: number, cost = 1, precedence = 0): void {
    this.mesh.linkUp(siteLink, { cost, precedence }, this.now);
    this.drain();
  }

  setCost(siteLink: number, cost: number): void {
    this.mesh.setCost(siteLink, cost, this.now);
    this.drain();
  }

  down(siteLink: number): void {
    this.mesh.linkDown(siteLink, this.now);
    this.drain();
  }

  /** Runs the mesh's own deadlines. */
  advance(durationMs: number): void {
    const end = this.now + durationMs;
    for (let at = this.mesh.deadline(); at <= end; at = this.mesh.deadline()) {
      this.now = Math.max(this.now, at);
      this.mesh.tick(this.now);
      this.drain();
    }
    this.now = end;
  }

  /** `trace` ends with the neighbour that sends; `to` by default as the opcode's captures have it. */
  hear(siteLink: number, message: ControlMessage, trace = [message.id], to = addressOf(message, 'ME')): void {
    const hops = trace.map((id) => `0/${id}`);
    const annotations = encodeRouterAnnotations({ flags: 0, ingress: hops[0], trace: hops });
    this.mesh.receive(siteLink, Buffer.concat([annotations, encodeControl(message, to)]), this.now);
    this.drain();
  }

  hearRaw(siteLink: number, opcode: string, to: string, body: Typed): void {
    const properties = new Map([['opcode', amqp.string(opcode)]]);
    const message = composeMessage({ properties: { to }, applicationProperties: properties, body });
    this.mesh.receive(siteLink, message, this.now);
    this.drain();
  }

  /** Makes `id` a neighbour on `siteLink` and forgets what was said meanwhile. */
  meet(siteLink: number, id: string, cost = 1, instance = 7): void {
    this.up(siteLink, cost);
    this.hear(siteLink, { opcode: 'HELLO', id, version: 1, instance, seen: ['ME'] });
    this.take();
  }

  /** The messages since the last take, of one opcode if given. */
  take(opcode?: ControlMessage['opcode']): Spoken[] {
    const { spoken } = this;
    this.spoken = [];
    return opcode === undefined ? spoken : spoken.filter(({ message }) => message.opcode === opcode);
  }

  /** Addresses told since the last time, as `+key router` and `-key router`. */
  takeAddresses(): string[] {
    const { told } = this;
    this.told = [];
    return told.flatMap((event) =>
      event.type === 'address' ? [`${event.present ? '+' : '-'}${event.key} ${event.routerId}`] : [],
    );
  }

  drain(): void {
    for (let event = this.mesh.nextEvent(); event !== undefined; event = this.mesh.nextEvent()) {
      if (event.type === 'send') this.spoken.push(decode(event.siteLink, event.message));
      else this.told.push(event);
    }
  }
}

function addressOf({ opcode }: ControlMessage, target: string): string {
  switch (opcode) {
    case 'HELLO':
      return HELLO_ADDRESS;
    case 'RA':
      return RA_ADDRESS;
    case 'MAU':
      return MAU_ADDRESS;
    case 'MAR':
      return `amqp:/_topo/0/${target}/qdrouter.ma`;
    default:
      return `amqp:/_topo/0/${target}/qdrouter`;
  }
}

function decode(siteLink: number, bytes: Buffer): Spoken {
  const head = parseHead(bytes, 'body', true);
  const message = decodeControl(head?.applicationProperties?.get('opcode')?.value, head?.body);
  if (head?.annotations === undefined || message === undefined) throw new Error('not a control message');
  const { ingress, trace } = head.annotations;
  return { siteLink, to: head.properties?.to ?? '', ingress, trace, message };
}
