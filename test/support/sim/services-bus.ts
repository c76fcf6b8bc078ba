/** The mesh between the exchanges of several clusters, in memory: delays, losses, cuts between sites and the end of processes, by a seed. */
import { systemClock } from '../../../lib/clock.ts';
import { type Random, randomInt, SeededRandom } from '../../../lib/random.ts';
import { ServiceExchange } from '../../../service-controller/exchange/exchange.ts';
import type { MeshIdentity, MeshSession, OpenSession } from '../../../service-controller/platform/mesh.ts';

const MULTICAST = 'mc/skuprt.services';
const DELAY_MS_MAX = 20;

export class ServicesBus {
  /** Of each message. */
  lossChance = 0;
  /** Messages that were sent. */
  sentCount = 0;
  readonly sent: { type: string; bytes: number }[] = [];
  private readonly random: Random;
  private readonly members = new Set<Member>();
  /** Sites that nothing gets to or from. */
  private readonly cut = new Set<string>();
  private instance = 1_000_000;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  /** For one process; all of its sessions end with `killed`. */
  opener(killed: AbortSignal): OpenSession {
    return (identity, onChange) => {
      this.instance += 1000;
      const member = new Member(this, identity, this.instance, onChange);
      this.members.add(member);
      for (const each of this.members) each.setRouters(this.sites());
      member.connected();
      killed.addEventListener('abort', () => this.remove(member), { once: true });
      return member;
    };
  }

  /** Nothing gets to or from a site, or everything does again. */
  setCut(siteId: string, isCut: boolean): void {
    if (isCut) this.cut.add(siteId);
    else this.cut.delete(siteId);
  }

  remove(member: Member): void {
    member.end();
    this.members.delete(member);
  }

  send(from: Member, { to, text }: { to: string; text: string }): void {
    this.sentCount += 1;
    this.sent.push({ type: JSON.parse(text).type, bytes: Buffer.byteLength(text) });
    for (const member of this.members) {
      const isMeant = to === MULTICAST ? member !== from : member.inbox === to;
      const isCut = member.siteId !== from.siteId && (this.cut.has(member.siteId) || this.cut.has(from.siteId));
      if (!isMeant || isCut || this.random.next() < this.lossChance) continue;
      setTimeout(() => member.receive(text, routerOf(from.siteId)), randomInt(this.random, DELAY_MS_MAX) + 1);
    }
  }

  private sites(): Map<string, string> {
    return new Map([...this.members].map(({ siteId }) => [routerOf(siteId), siteId]));
  }
}

function routerOf(siteId: string): string {
  return `router-${siteId}`;
}

/** One exchange with the bus on one side and a controller on the other. */
class Member implements MeshSession {
  readonly siteId: string;
  private readonly bus: ServicesBus;
  private readonly exchange: ServiceExchange;
  private readonly onChange: () => void;
  private timer: NodeJS.Timeout | undefined;
  private revision = 0;
  private isOver = false;

  constructor(bus: ServicesBus, identity: MeshIdentity, instance: number, onChange: () => void) {
    this.bus = bus;
    this.siteId = identity.siteId;
    this.exchange = new ServiceExchange({ ...identity, instance });
    this.onChange = onChange;
  }

  get inbox(): string {
    return this.exchange.inbox;
  }

  views() {
    return this.exchange.views();
  }

  takeTraces() {
    return this.exchange.takeTraces();
  }

  isSettled() {
    return this.exchange.isSettled(systemClock.now());
  }

  hasWaited() {
    return this.exchange.hasWaited(systemClock.now());
  }

  setOwn(own: Parameters<MeshSession['setOwn']>[0]): void {
    this.turn((now) => this.exchange.setOwn(own, now));
  }

  setRouters(sites: ReadonlyMap<string, string>): void {
    this.turn((now) => this.exchange.setRouters(sites, now));
  }

  connected(): void {
    this.turn((now) => this.exchange.connected(now));
  }

  receive(text: string, ingress: string): void {
    this.turn((now) => this.exchange.receive({ text, ingress }, now));
  }

  leave(): void {
    this.turn(() => this.exchange.leave());
    this.bus.remove(this);
  }

  stop(): void {
    this.bus.remove(this);
  }

  end(): void {
    this.isOver = true;
    clearTimeout(this.timer);
  }

  private turn(input: (now: number) => void): void {
    if (this.isOver) return;
    const now = systemClock.now();
    const { exchange } = this;
    input(now);
    exchange.tick(now);
    for (let sent = exchange.nextMessage(); sent !== undefined; sent = exchange.nextMessage())
      this.bus.send(this, sent);
    clearTimeout(this.timer);
    const deadline = exchange.deadline();
    if (deadline !== Infinity) this.timer = setTimeout(() => this.turn(() => undefined), Math.max(1, deadline - now));
    if (exchange.revision === this.revision) return;
    this.revision = exchange.revision;
    this.onChange();
  }
}
