/** Random networks, flows and faults: what the simulations of whole routers are made of. */
import { randomInt } from '../../../lib/random.ts';
import { disagreements, viewOfRouters } from './agreement.ts';
import type { FlowPlan } from './apps.ts';
import { RouterNetwork } from './router-network.ts';

/** Router names R0 up; a tree of links, then as many more as `extra`. */
export function randomNetwork(seed: number, size: number, extra: number, dataConnectionCount = 1): RouterNetwork {
  const network = new RouterNetwork(seed, dataConnectionCount);
  const ids = Array.from({ length: size }, (_, i) => `R${i}`);
  for (const id of ids) network.addRouter(id);
  const cost = (): number => 1 + randomInt(network.random, 3);
  for (let i = 1; i < size; i++) network.connect(ids[i] as string, ids[randomInt(network.random, i)] as string, cost());
  for (let i = 0; i < extra; i++) {
    const [a, b] = [network.pick(ids), network.pick(ids)];
    if (a !== b) network.connect(a, b, cost());
  }
  network.addService('one', [network.pick(ids)]);
  network.addService('two', [network.pick(ids), network.pick(ids)]);
  return network;
}

export function randomPlan({ random }: RouterNetwork): Partial<FlowPlan> {
  const size = (): number => randomInt(random, random.next() < 0.1 ? 2_000_000 : random.next() < 0.5 ? 300 : 30_000);
  const sometimes = (chance: number, bound: number): number | undefined =>
    random.next() < chance ? randomInt(random, bound) : undefined;
  return {
    requestBytes: size(),
    responseBytes: size(),
    answers: random.next() < 0.5 ? 'at once' : 'after the request',
    clientResetsAt: sometimes(0.1, 50_000),
    serverResetsAt: sometimes(0.1, 50_000),
    clientPauseMs: sometimes(0.2, 300) ?? 0,
    serverPauseMs: sometimes(0.2, 300) ?? 0,
  };
}

function randomFault(network: RouterNetwork): void {
  const link = network.pick(network.links);
  const faults = [
    () => network.cut(link),
    () => network.freeze(link),
    () => network.halfClose(link),
    () => network.breakOne(link),
    () => network.restart(network.pick([...network.routers.keys()]), randomInt(network.random, 200)),
  ];
  const repairs = [() => network.restore(link), () => network.thaw(link)];
  network.pick(network.random.next() < 0.5 ? faults : repairs)();
}

/** Starts flows and, by chance, faults or repairs; throws as soon as a flow shows a fault. */
export function run(network: RouterNetwork, steps: number, stepMs: number, faultChance: number): void {
  for (let step = 0; step < steps; step++) {
    for (let count = randomInt(network.random, 4); count > 0; count--) {
      network.startFlow(network.pick([...network.routers.keys()]), network.pick(['one', 'two']), randomPlan(network));
    }
    if (network.random.next() < faultChance) randomFault(network);
    network.scheduler.runFor(randomInt(network.random, stepMs));
    const faults = [...network.flowFaults(), ...network.overLimits()];
    if (faults.length > 0) throw new Error(`at ${network.now}: ${faults.join('; ')}`);
  }
}

/** Of edge networks: flows of service `one` from anywhere, while now and then a link breaks or a router restarts. */
export function runOne(network: RouterNetwork): string[] {
  const ids = [...network.routers.keys()];
  for (let step = 0; step < 60; step++) {
    network.startFlow(network.pick(ids), 'one', randomPlan(network));
    if (step % 10 === 5)
      network.pick([
        () => network.breakOne(network.pick(network.links)),
        () => network.restart(network.pick(ids), 100),
      ])();
    network.scheduler.runFor(30);
    const faults = network.flowFaults();
    if (faults.length > 0) return faults;
  }
  network.scheduler.runFor(60_000);
  return [...network.flowFaults(), ...network.leftovers()];
}

export function repair(network: RouterNetwork): void {
  for (const link of network.links) {
    network.restore(link);
    network.thaw(link);
  }
}

/** Must be empty when faults are over and time has passed. */
export function whatIsWrong(network: RouterNetwork): string[] {
  return [...network.flowFaults(), ...network.leftovers(), ...disagreements(viewOfRouters(network))];
}
