/**
 * The listener's end of a flow: a client's connection that was accepted here. It sends the stream to the service's
 * address at once, with a temporary address of its own to answer to, and begins to read from the client when the
 * answering stream has come: that is how it learns that the service's end has a connection to the backend.
 */
import type { Candidate, Outlet, Rerouter } from '../core/transit.ts';
import { Transit } from '../core/transit.ts';
import { Flow, type FlowEntity, type FlowOwner } from './flow.ts';
import { composeStreamHead, STREAM_CONTENT_TYPE, StreamHeadReader, streamAnnotations } from './stream-head.ts';

export interface ListenerFlowRoute {
  routerId: string;
  /** What addresses of this router alone begin with. */
  home: string;
  /** Address of the service. */
  address: string;
  /** Key under which the answering stream finds this flow, without its class character: `temp.xxx`. */
  replyKey: string;
}

/** Sends a transit on its way; the forwarder. */
export interface Dispatcher extends Rerouter {
  forward(transit: Transit, head: Buffer): boolean;
}

export class ListenerFlow extends Flow implements Candidate {
  readonly cost = 0;
  readonly openCount = 0;
  readonly replyKey: string;
  private reader: StreamHeadReader | undefined = new StreamHeadReader();

  constructor(id: number, owner: FlowOwner, entity: FlowEntity, route: ListenerFlowRoute) {
    super(id, owner, entity);
    this.replyKey = route.replyKey;
  }

  start(route: ListenerFlowRoute, dispatcher: Dispatcher): void {
    const source = new Transit(this, dispatcher, 0, false);
    source.annotations = streamAnnotations(route.routerId);
    source.to = route.address;
    this.source = source;
    const head = composeStreamHead(route.address, `${route.home}${route.replyKey}`);
    if (!dispatcher.forward(source, head)) this.breakOff(true);
  }

  take(transit: Transit): Outlet | undefined {
    if (this.over || this.sink) return undefined;
    this.sink = transit;
    return this;
  }

  done(): void {}

  override write(bytes: Buffer): void {
    if (this.reader === undefined) {
      this.writeBody(bytes);
      return;
    }
    const parsed = this.reader.read(bytes);
    if (!parsed) return;
    this.reader = undefined;
    if (parsed.head?.properties?.contentType !== STREAM_CONTENT_TYPE) {
      this.breakOff(true);
      return;
    }
    this.source?.commit();
    this.openSource();
    this.writeBody(parsed.rest);
  }
}
