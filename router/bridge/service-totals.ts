/**
 * What the flows of services have counted: of all together, and of each address at each of its sides.
 *
 * Totals never go back: what deleted tcpListeners and tcpConnectors had counted is kept, as long as there are not too many addresses.
 */
import { addCounters, newCounters } from './flow-counters.ts';
import type { FlowCounters, FlowEntity } from './flow-owner.ts';
import { TcpConnector } from './tcp-connector.ts';
import type { TcpListener } from './tcp-listener.ts';

export type ServiceSide = 'listener' | 'connector';

/** The tcpListeners, or tcpConnectors, of one address. */
export interface ServiceTotals {
  readonly side: ServiceSide;
  /** Empty: those that are too many to be told apart. */
  readonly address: string;
  readonly counters: FlowCounters;
  openCount: number;
  /** Of tcpListeners, those whose sockets are open; of tcpConnectors, those whose backends are fit. */
  fitCount: number;
  entityCount: number;
}

/** More addresses than that are counted as one. */
export const SERVICE_COUNT_MAX = 1000;

export interface BridgeEntities {
  readonly listeners: ReadonlyMap<string, TcpListener>;
  readonly connectors: ReadonlyMap<string, TcpConnector>;
  /** Deleted ones with flows that go on. */
  readonly retiring: ReadonlySet<FlowEntity>;
}

type Counted = TcpListener | TcpConnector;

export class ServiceCounts {
  private readonly entities: BridgeEntities;
  /** Of deleted entities, by side and address; the oldest leave when there are too many. */
  private readonly retired = new Map<string, ServiceTotals>();
  /** Of all deleted entities. */
  private readonly retiredTotal = newCounters();

  constructor(entities: BridgeEntities) {
    this.entities = entities;
  }

  /** A deleted entity has no flow any more. */
  retire(entity: FlowEntity): void {
    addCounters(this.retiredTotal, entity.counters);
    const { side, address } = namesOf(entity as Counted);
    const key = `${side} ${address}`;
    const totals = this.retired.get(key) ?? newTotals(side, address);
    addCounters(totals.counters, entity.counters);
    this.retired.delete(key);
    this.retired.set(key, totals);
    if (this.retired.size <= SERVICE_COUNT_MAX) return;
    const [oldest] = this.retired.keys();
    this.retired.delete(oldest!);
  }

  /** Since the start. */
  total(): FlowCounters {
    const total = { ...this.retiredTotal };
    for (const { counters } of this.all()) addCounters(total, counters);
    return total;
  }

  /** Of each address that is in use now, a side. */
  services(): ServiceTotals[] {
    const found = new Map<string, ServiceTotals>();
    const of = (entity: Counted): ServiceTotals => {
      const { side, address } = namesOf(entity);
      const isKnown = found.has(`${side} ${address}`);
      const named = isKnown || found.size < SERVICE_COUNT_MAX ? address : '';
      const key = `${side} ${named}`;
      let totals = found.get(key);
      if (totals === undefined) {
        totals = newTotals(side, named);
        const before = this.retired.get(key);
        if (before) addCounters(totals.counters, before.counters);
        found.set(key, totals);
      }
      return totals;
    };
    for (const entity of this.all()) {
      const totals = of(entity);
      addCounters(totals.counters, entity.counters);
      totals.openCount += entity.flows.size;
      if (this.entities.retiring.has(entity)) continue;
      totals.entityCount++;
      if (entity instanceof TcpConnector ? !entity.health.unfit : entity.listening) totals.fitCount++;
    }
    return [...found.values()];
  }

  private *all(): Iterable<Counted> {
    yield* this.entities.listeners.values();
    yield* this.entities.connectors.values();
    yield* this.entities.retiring.values() as Iterable<Counted>;
  }
}

/** A listener with several addresses is known by all of them, since it counts for them together. */
function namesOf(entity: Counted): { side: ServiceSide; address: string } {
  if (entity instanceof TcpConnector) return { side: 'connector', address: entity.address };
  const { options, addresses } = entity;
  return { side: 'listener', address: options.address ?? addresses.map(({ address }) => address).join(',') };
}

function newTotals(side: ServiceSide, address: string): ServiceTotals {
  return { side, address, counters: newCounters(), openCount: 0, fitCount: 0, entityCount: 0 };
}
