/** A network that tells of itself, as the records of its routers, for tests of what the console makes of them. */
import { EventSources } from '../../console/model/event-sources.ts';
import { NetworkModel } from '../../console/model/network.ts';
import { ATTRIBUTE, EVENT_PREFIX, OWN_ATTRIBUTE, RECORD_TYPE } from '../../lib/vanflow.ts';

export const WALL_MS = 1_795_000_000_000;
export type Told = Readonly<Record<number, string | number>>;

/** Two sites, `west` with a listener and a link, `east` with a connector, of the service `web`. */
export class NetworkWorld {
  readonly model = new NetworkModel((now) => WALL_MS + now);
  readonly sources = new EventSources(this.model);
  now = 0;
  /** Requests for everything, by address. */
  readonly asked: string[] = [];

  constructor() {
    this.sources.connected(this.now);
    this.model.connected('east', this.now);
    for (const id of ['w:0', 'e:0']) this.hear('mc/sfe.all', 'BEACON', { id });
  }

  /** Both routers tell what they have. */
  tellAll(): void {
    for (const [id, name] of [
      ['w', 'west'],
      ['e', 'east'],
    ] as const) {
      this.heartbeat(`${id}:0`);
      this.tell(`${id}:0`, {
        0: RECORD_TYPE.site,
        1: `${id}-site`,
        [ATTRIBUTE.name]: name,
        [ATTRIBUTE.namespace]: name,
      });
      this.tell(`${id}:0`, {
        0: RECORD_TYPE.router,
        1: `${id}:0`,
        [ATTRIBUTE.parent]: `${id}-site`,
        [ATTRIBUTE.name]: `0/${name}`,
        [ATTRIBUTE.mode]: 'interior',
      });
    }
    this.tell('e:0', { 0: RECORD_TYPE.routerAccess, 1: 'e:1', [ATTRIBUTE.parent]: 'e:0' });
    this.link({ [ATTRIBUTE.status]: 'up', [ATTRIBUTE.upTime]: micros(5), [ATTRIBUTE.peer]: 'e:1' });
    this.tell('w:0', {
      0: RECORD_TYPE.listener,
      1: 'w:2',
      [ATTRIBUTE.parent]: 'w:0',
      [ATTRIBUTE.name]: 'web',
      [ATTRIBUTE.address]: 'web',
      [ATTRIBUTE.flowCount]: 0,
    });
    this.tell('e:0', {
      0: RECORD_TYPE.connector,
      1: 'e:2',
      [ATTRIBUTE.parent]: 'e:0',
      [ATTRIBUTE.name]: 'connector/web@10.0.0.9',
      [ATTRIBUTE.address]: 'web',
      [ATTRIBUTE.destinationHost]: '10.0.0.9',
      [ATTRIBUTE.destinationPort]: '80',
    });
  }

  link(more: Told): void {
    this.tell('w:0', {
      0: RECORD_TYPE.link,
      1: 'w:1',
      [ATTRIBUTE.parent]: 'w:0',
      [ATTRIBUTE.name]: 'to-east',
      [ATTRIBUTE.role]: 'inter-router',
      [ATTRIBUTE.linkCost]: 1,
      [ATTRIBUTE.destinationHost]: 'east.example',
      [ATTRIBUTE.destinationPort]: '55671',
      [OWN_ATTRIBUTE.roundTrip]: 2500,
      ...more,
    });
  }

  /** Of the flow `w:<number>`. */
  flow(number: number, more: Told): void {
    this.hear(`${EVENT_PREFIX}w:0.flows`, 'RECORD', {}, [
      { 0: RECORD_TYPE.transportFlow, 1: `w:${number}`, [ATTRIBUTE.parent]: 'w:2', ...more },
    ]);
  }

  tell(source: string, ...records: Told[]): void {
    this.hear(EVENT_PREFIX + source, 'RECORD', {}, records);
  }

  heartbeat(id: string): void {
    this.hear(EVENT_PREFIX + id, 'HEARTBEAT', { id });
  }

  hear(address: string, subject: string, properties: object, body: unknown = null): void {
    this.sources.receive({ address, subject, properties, body }, this.now);
    this.asked.push(...this.sources.takeRequests());
  }

  /** Time passes; the sources in `alive` are heard of. */
  pass(ms: number, alive: readonly string[] = ['w:0', 'e:0']): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now = Math.min(end, this.now + 500);
      for (const id of alive) this.heartbeat(id);
      this.sources.tick(this.now);
      this.asked.push(...this.sources.takeRequests());
      this.model.lookForEvents(this.now);
    }
  }
}

/** Of a time of the world. */
export function micros(ms: number): number {
  return (WALL_MS + ms) * 1000;
}
