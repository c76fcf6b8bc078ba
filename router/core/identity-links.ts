/**
 * What routers of ours tell their neighbours of who they are: site and key in OPEN, and introductions on a link of its own in each
 * direction, which is made when the other one has said its key. Others neither say nor get any of it (docs/adr/0032).
 */
import type { Attach } from '../amqp/codec/performatives.ts';
import { amqp, mapGet, type Typed } from '../amqp/codec/value.ts';
import type { AnyLink } from '../amqp/engine/events.ts';
import type { ReceiverLink } from '../amqp/engine/receiver-link.ts';
import type { SenderLink } from '../amqp/engine/sender-link.ts';
import { composeMessage } from '../amqp/message/compose.ts';
import { MessageError } from '../amqp/message/errors.ts';
import { parseHead } from '../amqp/message/head.ts';
import type { Identity } from '../identity/identity.ts';
import { type NeighbourFacts, saidInOpen } from '../identity/neighbours.ts';
import { ControlPace } from './control-pace.ts';
import type { Peer } from './peer.ts';
import type { PeerFault } from './peer-faults.ts';

const IDENTITY_CAPABILITY = 'skuprt.identity';
/** Context of the link that introductions arrive by. */
export const IDENTITY_MESSAGES = { identity: true };

/** What a router says of itself in OPEN. */
const SITE_PROPERTY = 'skuprt.site';
const SITE_NAME_PROPERTY = 'skuprt.site-name';
const KEY_PROPERTY = 'skuprt.key';

export interface IdentityLinksParts {
  identity: Identity;
  linkName: () => string;
  faulty: (peer: Peer, fault: PeerFault, detail: string) => void;
}

export class IdentityLinks {
  readonly identity: Identity;
  /** Connections refused since their routers are not of the sites that they say, or were known as of others. */
  refusedCount = 0;
  private readonly parts: IdentityLinksParts;
  private readonly senders = new Map<number, SenderLink>();
  private readonly paces = new Map<number, ControlPace>();
  private paceDueAt = Number.POSITIVE_INFINITY;

  constructor(parts: IdentityLinksParts) {
    this.parts = parts;
    this.identity = parts.identity;
  }

  /** For the OPEN of a connection to another router. */
  get openProperties(): Record<string, Typed> {
    const { key, siteId, siteName } = this.identity.self;
    return {
      [KEY_PROPERTY]: amqp.string(key),
      ...(siteId !== undefined && { [SITE_PROPERTY]: amqp.string(siteId) }),
      ...(siteName !== undefined && { [SITE_NAME_PROPERTY]: amqp.string(siteName) }),
    };
  }

  /** Another router has opened. @returns why its connection is to be closed */
  refusal(peer: Peer): string | undefined {
    const said = saidBy(peer);
    // Handed out by this site before such certificates named none: it says nothing of who holds it.
    const { siteId: ownSiteId } = this.identity.self;
    if (peer.options.site === ownSiteId && said.siteId !== undefined && said.siteId !== ownSiteId)
      peer.options.site = undefined;
    const refusal = this.identity.refusal(factsOf(peer));
    if (refusal !== undefined) this.refusedCount++;
    return refusal;
  }

  /** Nothing speaks against it. */
  opened(peer: Peer, now: number): void {
    const facts = factsOf(peer);
    this.identity.opened(peer.id, facts, now);
    if (facts.key === undefined || peer.role === 'inter-router-data') return;
    const sender = peer.connection.begin().attachSender({
      name: this.parts.linkName(),
      source: { capabilities: [IDENTITY_CAPABILITY] },
      target: { capabilities: [IDENTITY_CAPABILITY] },
    });
    this.senders.set(peer.id, sender);
    this.identity.listens(peer.id, now);
  }

  /** @returns whether the link is one of these */
  attached(peer: Peer, link: AnyLink, attach: Attach): boolean {
    if (attach.role !== 'sender' || peer.role === 'normal' || peer.role === 'inter-router-data') return false;
    if (attach.target?.capabilities?.[0] !== IDENTITY_CAPABILITY) return false;
    if (this.paces.has(peer.id)) {
      link.refuse({ condition: 'amqp:not-allowed', description: 'there is a link for introductions already' });
      return true;
    }
    link.context = IDENTITY_MESSAGES;
    const receiver = link as ReceiverLink;
    receiver.accept({ autoCredit: false });
    this.paces.set(peer.id, new ControlPace(receiver));
    return true;
  }

  heard(peer: Peer, message: Buffer, now: number): void {
    const problem = this.read(peer, message, now);
    if (problem !== undefined) this.parts.faulty(peer, 'introduction', problem);
    const pace = this.paces.get(peer.id);
    if (pace?.took(message.length, now) === false) {
      this.parts.faulty(peer, 'control-flood', 'it sends introductions faster than they are taken');
      this.paceDueAt = Math.min(this.paceDueAt, pace.dueAt);
    }
  }

  lost(peer: Peer, now: number): void {
    this.senders.delete(peer.id);
    this.paces.delete(peer.id);
    this.identity.closed(peer.id, now);
  }

  /** Sends what is to be told. */
  flush(): void {
    for (let next = this.identity.next(); next !== undefined; next = this.identity.next()) {
      const sender = this.senders.get(next.connection);
      if (sender === undefined || sender.gone) continue;
      const delivery = sender.deliver({ settled: true });
      delivery.write(composeMessage({ body: amqp.string(next.text) }));
      delivery.end(true);
    }
  }

  deadline(): number {
    return Math.min(this.identity.deadline(), this.paceDueAt);
  }

  tick(now: number): void {
    this.identity.tick(now);
    if (now < this.paceDueAt) return;
    this.paceDueAt = Number.POSITIVE_INFINITY;
    for (const pace of this.paces.values()) {
      pace.tick(now);
      this.paceDueAt = Math.min(this.paceDueAt, pace.dueAt);
    }
  }

  private read(peer: Peer, message: Buffer, now: number): string | undefined {
    try {
      const body = parseHead(message, 'body', true)?.body;
      if (body?.type !== 'string') return 'an introduction cannot be read';
      return this.identity.receive(peer.id, body.value, now);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      return error.message;
    }
  }
}

/** What another router says of itself in its OPEN. */
export function saidBy({ connection }: Peer): Omit<NeighbourFacts, 'router'> {
  const { properties } = connection.remoteOpen ?? {};
  const text = (name: string): unknown => mapGet(properties, name)?.value;
  return saidInOpen(text(SITE_PROPERTY), text(SITE_NAME_PROPERTY), text(KEY_PROPERTY));
}

function factsOf(peer: Peer): NeighbourFacts {
  return { router: peer.containerId, certified: peer.options.site, ...saidBy(peer) };
}
