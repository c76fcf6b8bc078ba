/**
 * A router that says what a test wants: it opens connections and links as routers do, with an engine of ours, and lies in its
 * messages. As a neighbour it says HELLO, so that it is believed to be there.
 */
import { connect, type Socket } from 'node:net';
import { Connection } from '../../router/amqp/engine/connection.ts';
import type { AnyLink } from '../../router/amqp/engine/events.ts';
import type { SenderLink } from '../../router/amqp/engine/sender-link.ts';
import type { Session } from '../../router/amqp/engine/session.ts';
import { encodeRouterAnnotations, type RouterAnnotations } from '../../router/amqp/message/router-annotations.ts';
import { HELLO_ADDRESS } from '../../router/mesh/destinations.ts';
import { type ControlMessage, encodeControl } from '../../router/mesh/messages.ts';
import { eventually } from './eventually.ts';

const HELLO_MS = 500;

export class Liar {
  readonly connection: Connection;
  readonly socket: Socket;
  closed = false;
  /** With what the router has closed the connection. */
  closedFor: string | undefined;
  readonly id: string;
  private control: SenderLink | undefined;
  private hellos: NodeJS.Timeout | undefined;

  private constructor(id: string, socket: Socket) {
    this.id = id;
    this.socket = socket;
    const sasl = { mechanisms: ['ANONYMOUS'] as const, required: false };
    this.connection = new Connection({ role: 'initiator', containerId: id, sasl, idleTimeOutMs: 30_000 }, 0);
    socket.on('data', (bytes) => {
      this.connection.receive(bytes, performance.now());
      this.flush();
    });
    socket.on('close', () => {
      this.closed = true;
      clearInterval(this.hellos);
    });
    socket.on('error', () => {});
  }

  /** With an open AMQP connection. */
  static async connect(port: number, id: string): Promise<Liar> {
    const liar = new Liar(id, connect({ host: '127.0.0.1', port, noDelay: true }));
    liar.connection.open();
    liar.flush();
    await eventually(`${id} is connected`, () => liar.connection.state === 'open');
    return liar;
  }

  /** With a control link, as a neighbour that hears `peer`. */
  static async neighbour(port: number, id: string, peer: string): Promise<Liar> {
    const liar = await Liar.connect(port, id);
    const session = liar.begin();
    const terminus = { capabilities: ['qd.router'] };
    session.attachReceiver({ name: 'in', source: terminus, target: terminus, credit: 250 });
    const control = session.attachSender({ name: 'out', source: terminus, target: terminus });
    liar.control = control;
    liar.flush();
    await eventually(`${id} may speak`, () => control.credit > 0);
    const hello = (): void => {
      liar.tell({ opcode: 'HELLO', id, version: 1, instance: 1, seen: [peer] }, HELLO_ADDRESS);
      liar.flush();
    };
    hello();
    liar.hellos = setInterval(hello, HELLO_MS);
    return liar;
  }

  begin(): Session {
    return this.connection.begin();
  }

  /** A control message; by default with what a router truly says of its way. */
  tell(message: ControlMessage, to: string, annotations?: RouterAnnotations): void {
    this.say(encodeControl(message, to), annotations);
  }

  /** Any octets behind router annotations on the control link. */
  say(content: Buffer, annotations?: RouterAnnotations): void {
    const own = `0/${this.id}`;
    const section = encodeRouterAnnotations(annotations ?? { flags: 0, ingress: own, trace: [own] });
    this.post(this.control!, Buffer.concat([section, content]));
  }

  post(link: SenderLink, message: Buffer): void {
    const delivery = link.deliver({ settled: true });
    delivery.write(message);
    delivery.end(true);
  }

  /** Control messages that wait for credit. */
  get waitingCount(): number {
    return this.control!.undeliveredCount;
  }

  flush(): void {
    this.drain();
    const into: Buffer[] = [];
    const now = performance.now();
    while (this.connection.wantsTransmit && this.connection.transmit(1024 * 1024, into, now) > 0) this.drain();
    if (into.length > 0 && !this.socket.destroyed) this.socket.write(Buffer.concat(into));
  }

  destroy(): void {
    clearInterval(this.hellos);
    this.socket.destroy();
  }

  private drain(): void {
    for (let event = this.connection.nextEvent(); event; event = this.connection.nextEvent()) {
      if (event.type === 'attach') accept(event.link);
      else if (event.type === 'transfer' && event.last && !event.delivery.settled) {
        event.delivery.update({ state: 'accepted' }, true);
      } else if (event.type === 'closed') this.closedFor = event.error?.condition;
    }
  }
}

function accept(link: AnyLink): void {
  link.accept(link.role === 'receiver' ? { credit: 100 } : {});
}
