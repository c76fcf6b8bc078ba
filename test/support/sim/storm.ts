/**
 * Everything at once, decided by one seed: a network of any shape, flows of every kind, and faults of every kind at any moment. Nobody
 * knows beforehand what becomes of a flow; what must hold whatever happens is checked here, while it happens and when it is over.
 *
 * The four kinds of storm differ in what may happen; in those whose ends live, every flow must come through whole.
 */
import { randomInt } from '../../../lib/random.ts';
import { drainRouter } from '../../../router/core/drain.ts';
import { FLOW_SHARE_BYTES_MIN } from '../../../router/core/limits.ts';
import { disagreements, viewOfRouters } from './agreement.ts';
import type { ClientApp, FlowPlan } from './apps.ts';
import { randomPlan, repair } from './chaos.ts';
import type { NetworkLink } from './router-network.ts';
import { RouterNetwork } from './router-network.ts';
import { FLOW_MEMORY_BYTES } from './sim-router.ts';

export type StormKind = 'anything' | 'ends live' | 'edges' | 'short pauses';
const KINDS: readonly StormKind[] = ['anything', 'ends live', 'edges', 'short pauses'];

const LARGE_EACH = 13;
const LARGE_BYTES = 400_000;
const SMALL_BYTES = 100_000;
const NEVER = Number.POSITIVE_INFINITY;
/** Time for a dial that nobody answers, a pause of ten seconds, and what follows from both. */
const CALM_MS = 60_000;
const CALM_STEP_MS = 500;
/** What one read may hand over beyond a share, both ways. */
const READ_BYTES = 2 * 128 * 1024;

export class Storm {
  readonly kind: StormKind;
  /** Most are small and short, so that thousands pass in minutes. */
  private readonly isLarge: boolean;
  readonly network: RouterNetwork;
  /** Flows that must come through. */
  readonly owed: ClientApp[] = [];
  /** Flows that nobody but their clients ends. */
  private readonly endless: ClientApp[] = [];
  /** Whose listener's end sends nothing twice. */
  private readonly once: ClientApp[] = [];
  private readonly interior: string[] = [];
  private readonly edges: string[] = [];
  private readonly draining = new Set<string>();
  /** Endless ones whose clients have left before the end. */
  private readonly left = new Set<ClientApp>();

  constructor(seed: number) {
    this.kind = KINDS[seed % KINDS.length] as StormKind;
    this.isLarge = seed % LARGE_EACH === LARGE_EACH - 1;
    this.network = new RouterNetwork(seed, this.isLarge ? 2 : Math.floor(seed / KINDS.length) % 2);
    if (this.kind === 'short pauses') this.network.flowPauseLimitMs = this.network.pick([0, 300, 1500, 4000]);
    this.build();
  }

  /** @returns what is wrong, empty when nothing is */
  run(): string[] {
    this.network.scheduler.runUntil(300);
    const steps = this.isLarge ? 20 + randomInt(this.network.random, 20) : 4 + randomInt(this.network.random, 5);
    for (let step = 0; step < steps; step++) {
      this.startFlows();
      if (this.network.random.next() < 0.5) this.fault();
      this.network.scheduler.runFor(this.stepMs());
      const wrong = this.wrongAtAnyTime();
      if (wrong.length > 0) return wrong.map((each) => `at ${this.network.now}: ${each}`);
    }
    return this.calm();
  }

  // ---- the network

  private build(): void {
    const { network, kind } = this;
    const size = Math.max(kind === 'edges' ? 2 : 3, 2 + randomInt(network.random, this.isLarge ? 5 : 3));
    for (let i = 0; i < size; i++) this.interior.push(`R${i}`);
    for (const id of this.interior) network.addRouter(id);
    const cost = (): number => 1 + randomInt(network.random, 3);
    for (let i = 1; i < size; i++) network.connect(`R${i}`, `R${randomInt(network.random, i)}`, cost());
    // Between ends that live there is a second way.
    if (kind === 'ends live') for (let i = 0; i < size; i++) network.connect(`R${i}`, `R${(i + 1) % size}`, cost());
    for (let extra = randomInt(network.random, this.isLarge ? 3 : 2); extra > 0; extra--) {
      const [a, b] = [network.pick(this.interior), network.pick(this.interior)];
      if (a !== b) network.connect(a, b, cost());
    }
    if (kind === 'edges') this.addEdges();
    const everywhere = [...this.interior, ...this.edges];
    network.addService('one', kind === 'ends live' ? ['R0'] : [network.pick(everywhere)]);
    network.addService(
      'two',
      kind === 'ends live' ? ['R0', 'R1'] : [network.pick(everywhere), network.pick(everywhere)],
    );
    if (kind === 'short pauses') {
      const { survivals } = network.router(network.pick(this.interior)).router.bridge;
      survivals.limitMs = network.pick([0, 500, 10_000]);
    }
  }

  private addEdges(): void {
    const { network } = this;
    for (let i = 0; i < (this.isLarge ? 2 : 1); i++) {
      const id = `E${i}`;
      this.edges.push(id);
      network.addRouter(id, 'edge');
      network.connect(id, network.pick(this.interior));
      if (network.random.next() < 0.5) network.connect(id, network.pick(this.interior), 3);
    }
  }

  // ---- flows

  private startFlows(): void {
    const { network, kind } = this;
    const places = kind === 'ends live' ? ['R0', 'R1'] : [...this.interior, ...this.edges];
    for (let count = randomInt(network.random, 3); count > 0; count--) {
      const isEndless = network.random.next() < 0.08;
      const plan = isEndless ? this.endlessPlan() : this.plan();
      const bound = network.random.next() < 0.2 ? `10.0.0.${randomInt(network.random, 5)}` : undefined;
      const at = network.pick(places);
      const client = network.startFlow(at, network.pick(['one', 'two']), plan, bound);
      if (client === undefined) continue;
      if (network.router(at).router.bridge.survivals.limitMs > 0) this.once.push(client);
      if (isEndless) this.endless.push(client);
      else if (kind === 'ends live') this.owed.push(client);
    }
  }

  private plan(): Partial<FlowPlan> {
    const plan = this.smaller(randomPlan(this.network));
    return this.kind === 'ends live' ? { ...plan, clientResetsAt: undefined, serverResetsAt: undefined } : plan;
  }

  /** Thousands of storms are to pass in minutes: what is large is large enough for windows to close. */
  private smaller(plan: Partial<FlowPlan>): Partial<FlowPlan> {
    const { requestBytes = 0, responseBytes = 0 } = plan;
    const mostBytes = this.isLarge ? LARGE_BYTES : SMALL_BYTES;
    return {
      ...plan,
      requestBytes: Math.min(requestBytes, mostBytes),
      responseBytes: Math.min(responseBytes, mostBytes),
    };
  }

  /** Idle ones, readers that stop, one or both ways. */
  private endlessPlan(): Partial<FlowPlan> {
    return this.network.pick<Partial<FlowPlan>>([
      { answers: 'at once', requestBytes: 1000, responseBytes: 1000, staysOpen: true },
      { answers: 'at once', requestBytes: 1e9, responseBytes: 10, serverPauseMs: NEVER },
      { requestBytes: 10, responseBytes: 1e9, clientPauseMs: NEVER },
      { answers: 'at once', requestBytes: 1e9, responseBytes: 1e9, serverPauseMs: NEVER, clientPauseMs: NEVER },
    ]);
  }

  // ---- faults

  /** Mostly moments, now and then long enough for time-outs. */
  private stepMs(): number {
    const { random } = this.network;
    return random.next() < 0.06 ? randomInt(random, 2500) : randomInt(random, 25);
  }

  private fault(): void {
    const { network } = this;
    const link = network.pick(network.links);
    const faults = [
      () => network.cut(link),
      () => network.breakOne(link),
      () => network.halfClose(link),
      () => this.restart(),
      () => network.freeze(link),
      () => network.pick(link.connections)?.freeze(),
      () => network.router(network.pick(this.interior)).stall(randomInt(network.random, 900)),
      () => this.toggleDrain(),
      () => this.resetWithCut(link),
      () => this.cutOff(),
      () => this.toggleBackend(),
    ];
    const repairs = [() => network.restore(link), () => network.thaw(link)];
    network.pick(network.random.next() < 0.6 ? faults : repairs)();
    if (this.kind === 'ends live') this.keepOneWay();
  }

  private restart(): void {
    const { network, kind } = this;
    const all = kind === 'ends live' ? this.interior.slice(2) : [...this.interior, ...this.edges];
    const id = network.pick(all);
    this.draining.delete(id);
    network.restart(id, randomInt(network.random, 200));
  }

  private toggleDrain(): void {
    const id = this.network.pick(this.interior);
    const draining = !this.draining.delete(id);
    if (draining) this.draining.add(id);
    this.drain(id, draining);
  }

  private drain(id: string, draining: boolean): void {
    const { network } = this;
    const router = network.router(id);
    router.input(() => drainRouter(router.router, draining, network.now));
  }

  /** An application breaks off in the moment in which its way is lost. */
  private resetWithCut(link: NetworkLink): void {
    const { network } = this;
    const alive = [...network.clients.values()].filter((client) => !client.isOver);
    const client = alive.length > 0 ? network.pick(alive) : undefined;
    if (client !== undefined && !this.owed.includes(client)) {
      this.left.add(client);
      client.leave();
    }
    network.cut(link);
  }

  private cutOff(): void {
    const id = this.network.pick([...this.interior, ...this.edges]);
    for (const link of this.network.links) if (link.ends.includes(id)) this.network.cut(link);
  }

  private toggleBackend(): void {
    const { network, kind } = this;
    if (kind === 'ends live') return;
    const set = network.pick([network.refusing, network.swallowing]);
    const name = `${network.pick([...this.interior, ...this.edges])} ${network.pick(['one', 'two'])}`;
    if (!set.delete(name)) set.add(name);
  }

  /** Nobody is cut off from everybody for longer than a flow may pause. */
  private keepOneWay(): void {
    const { links } = this.network;
    const lostCount = links.filter(({ isCut, isFrozen }) => isCut || isFrozen).length;
    if (lostCount > 1) repair(this.network);
  }

  // ---- what must hold

  private wrongAtAnyTime(): string[] {
    const { network } = this;
    const wrong = [...network.flowFaults(), ...network.overLimits(), ...loops(network)];
    for (const { plan, servers } of this.once) {
      if (servers.length > 1) wrong.push(`flow ${plan.id}: ${servers.length} backends have had octets of its request`);
    }
    for (const { id, router } of network.routers.values()) {
      const { budget, flows } = router.bridge;
      const mostBytes = FLOW_MEMORY_BYTES + flows.size * (FLOW_SHARE_BYTES_MIN + READ_BYTES);
      if (budget.usedBytes > mostBytes) wrong.push(`${id}: holds ${budget.usedBytes} octets for ${flows.size} flows`);
      if (budget.usedBytes < 0) wrong.push(`${id}: holds ${budget.usedBytes} octets`);
    }
    return wrong;
  }

  /** All faults end; then all flows must end, and nothing may be left. */
  private calm(): string[] {
    const { network } = this;
    for (const id of this.draining) this.drain(id, false);
    network.refusing.clear();
    network.swallowing.clear();
    repair(network);
    for (const link of network.links) for (const connection of link.connections) connection?.thaw();
    network.scheduler.runFor(200);
    const broken = this.brokenOff(this.endless);
    for (const client of this.endless) client.leave();
    let left = this.leftOver();
    for (let waitedMs = 0; left.length > 0 && waitedMs < CALM_MS; waitedMs += CALM_STEP_MS) {
      network.scheduler.runFor(CALM_STEP_MS);
      left = [...this.wrongAtAnyTime(), ...this.leftOver()];
    }
    return [...left, ...broken, ...this.brokenOff(this.owed)];
  }

  /** Between ends that live. Who comes while nobody knows of another way yet may be refused, before anything of it is passed on. */
  private brokenOff(clients: readonly ClientApp[]): string[] {
    if (this.kind !== 'ends live') return [];
    const broken = clients.filter((client) => client.isBroken && client.servers.length > 0 && !this.left.has(client));
    return broken.map(({ plan }) => `flow ${plan.id} was broken off`);
  }

  /** A router that restarts behind a link that is silent is taken for another for a moment; it is no fault in a network with faults. */
  private leftOver(): string[] {
    const { network } = this;
    const wrong = network.leftovers();
    for (const { id, router, sockets } of network.routers.values()) {
      if (sockets.size > 0) wrong.push(`${id}: ${sockets.size} sockets`);
      const { connectionsOpened, connectionsClosed } = router.bridge.totals();
      if (connectionsOpened !== connectionsClosed)
        wrong.push(`${id}: ${connectionsClosed} of ${connectionsOpened} ends`);
      for (const [fault, count] of router.faults.counts)
        if (count > 0 && fault !== 'impersonation') wrong.push(`${id}: ${count} faults: ${fault}`);
    }
    return [...wrong, ...this.disagreements()];
  }

  /** Edge routers know nothing of the network, and their services count as those of who they are at. */
  private disagreements(): string[] {
    const view = viewOfRouters(this.network);
    if (this.edges.length === 0) return disagreements(view);
    const links = view.links.filter(({ ends }) => ends.every((id) => this.interior.includes(id)));
    return disagreements({ ...view, ids: this.interior, links, addressesOf: () => [], learntBy: () => new Set() });
  }
}

/** Streams that pass a router twice. */
function loops(network: RouterNetwork): string[] {
  const wrong: string[] = [];
  for (const { id, router } of network.routers.values()) {
    for (const peer of router.peers.values()) {
      for (const { transit } of peer.ends) {
        const trace = transit.annotations?.trace ?? [];
        if (trace.includes(`0/${id}`) || new Set(trace).size < trace.length)
          wrong.push(`${id}: a stream ran in a loop: ${trace.join(' ')}`);
      }
    }
  }
  return wrong;
}
