/** One large message through a router, made and taken as it goes, so that neither end holds more of it than a piece. */

import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { DeliveryState } from '../../router/amqp/codec/performatives.ts';
import { Connection } from '../../router/amqp/engine/connection.ts';
import type { ConnectionEvent } from '../../router/amqp/engine/events.ts';
import type { OutgoingDelivery } from '../../router/amqp/engine/outgoing-delivery.ts';
import type { Session } from '../../router/amqp/engine/session.ts';
import { SocketDriver } from './amqp-socket.ts';
import { connect } from './tcp.ts';

const PIECE = Buffer.alloc(64 * 1024, 'a piece of a large message ');
const QUEUED_BYTES_MAX = 512 * 1024;

async function begin(
  port: number,
  onEvent: (event: ConnectionEvent) => void,
): Promise<[SocketDriver, Session, Socket]> {
  const sasl = { mechanisms: ['ANONYMOUS'], required: true } as const;
  const options = { role: 'initiator', containerId: `stream-${port}-${performance.now()}`, sasl } as const;
  const connection = new Connection(options, performance.now());
  const socket = await connect(port);
  const driver = new SocketDriver(socket, connection, onEvent);
  connection.open();
  const session = connection.begin();
  driver.flush();
  return [driver, session, socket];
}

/** Takes one message of an address and counts its octets. */
export class StreamReceiver {
  receivedBytes = 0;
  readonly done: Promise<number>;
  private driver!: SocketDriver;
  private socket!: Socket;
  private resolve!: (bytes: number) => void;

  private constructor() {
    this.done = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  static async open(port: number, address: string): Promise<StreamReceiver> {
    const receiver = new StreamReceiver();
    const [driver, session, socket] = await begin(port, (event) => receiver.event(event));
    receiver.driver = driver;
    receiver.socket = socket;
    const link = session.attachReceiver({
      name: 'in',
      source: { address },
      target: {},
      credit: 1,
      autoCredit: false,
    });
    driver.flush();
    while (link.state !== 'attached') await new Promise(setImmediate);
    return receiver;
  }

  /** Takes nothing for so long. */
  async stall(ms: number): Promise<void> {
    this.socket.pause();
    await setTimeout(ms);
    this.socket.resume();
  }

  close(): void {
    this.driver.connection.close();
    this.driver.flush();
  }

  private event(event: ConnectionEvent): void {
    if (event.type !== 'transfer') return;
    this.receivedBytes += event.payload.length;
    if (!event.last) return;
    event.delivery.update({ state: 'accepted' }, true);
    this.resolve(this.receivedBytes);
  }
}

/** Sends one message of that many octets. @returns its outcome */
export async function sendStream(port: number, address: string, sizeBytes: number): Promise<DeliveryState['state']> {
  let settle: (state: DeliveryState['state']) => void;
  const outcome = new Promise<DeliveryState['state']>((resolve) => {
    settle = resolve;
  });
  let delivery: OutgoingDelivery | undefined;
  let left = sizeBytes;
  const write = (): void => {
    while (delivery !== undefined && left > 0 && delivery.queuedBytes < QUEUED_BYTES_MAX) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
      delivery.write(piece);
      left -= piece.length;
    }
    if (left === 0 && delivery?.ended === false) delivery.end(false);
  };
  const [driver, session] = await begin(port, (event) => {
    if (event.type === 'sent') write();
    if (event.type === 'flow' && delivery === undefined && event.link === link && link.credit > 0) {
      delivery = link.deliver();
      delivery.write(dataSection(sizeBytes));
      write();
    }
    if (event.type === 'disposition' && event.settled) settle(event.state?.state ?? 'received');
  });
  const link = session.attachSender({ name: 'out', source: {}, target: { address } });
  driver.flush();
  const state = await outcome;
  driver.connection.close();
  driver.flush();
  return state;
}

/** The head of a data section of that many octets. */
function dataSection(sizeBytes: number): Buffer {
  const head = Buffer.from([0x00, 0x53, 0x75, 0xb0, 0, 0, 0, 0]);
  head.writeUInt32BE(sizeBytes, 4);
  return head;
}
