/**
 * What the mesh has to tell its owner, in order; a change of the topology goes before all else.
 */
import { encodeRouterAnnotations, type RouterAnnotations } from '../amqp/message/router-annotations.ts';
import type { MeshEvent } from './events.ts';
import type { MeshFault } from './lies.ts';
import type { AddressChange } from './mobile.ts';
import { stamp } from './relay.ts';

export class Outbox {
  sentCount = 0;
  readonly #routerId: string;
  #isTopologyNews = false;
  #events: MeshEvent[] = [];
  #takenCount = 0;

  constructor(routerId: string) {
    this.#routerId = routerId;
  }

  /** `content`: the message behind its router annotations; `annotations`: those it came with, if it came. */
  send(siteLink: number, content: Buffer, annotations?: RouterAnnotations): void {
    this.sentCount++;
    const section = encodeRouterAnnotations(stamp(annotations, this.#routerId));
    this.#events.push({ type: 'send', siteLink, message: Buffer.concat([section, content]) });
  }

  tellAddresses(routerId: string, changes: readonly AddressChange[]): void {
    for (const change of changes) this.#events.push({ type: 'address', routerId, ...change });
  }

  tellFault(siteLink: number, fault: MeshFault, detail: string): void {
    this.#events.push({ type: 'fault', siteLink, fault, detail });
  }

  tellTopology(): void {
    this.#isTopologyNews = true;
  }

  take(): MeshEvent | undefined {
    if (this.#isTopologyNews) {
      this.#isTopologyNews = false;
      return { type: 'topology' };
    }
    const event = this.#events[this.#takenCount++];
    if (event === undefined) {
      this.#events = [];
      this.#takenCount = 0;
    }
    return event;
  }
}
