/**
 * Which endpoint of each link the router dials: the next one when the present one leads nowhere for a while. Pure.
 *
 * The one that works is kept, also across a restart of the adaptor: a connector that the router has says which that is. Waits
 * are jittered, so that sites that lost one endpoint together do not come to the next together.
 */
import type { Random } from '../../lib/random.ts';
import type { ConnectorState } from '../../lib/router-client/state.ts';
import type { EndpointAddress } from './config.ts';
import type { ShownEntities, WantedEntity } from './router-diff.ts';

/** Long enough for a TLS handshake over a slow way. */
const SILENT_MS = 4000;
/** A refusal may pass, as when the other router restarts. */
const FAILED_MS = 1500;

type Endpoints = Readonly<Record<string, readonly EndpointAddress[]>>;

interface Choice {
  index: number;
  /** When to go on to the next; moves on while the link is up. */
  waitedSince: number;
  jitter: number;
}

export class EndpointChoice {
  private readonly random: Random;
  private readonly choices = new Map<string, Choice>();

  constructor(random: Random) {
    this.random = random;
  }

  /** Looks at the links; afterwards `apply` names the endpoints to dial. */
  update(endpoints: Endpoints, shown: ShownEntities, states: ReadonlyMap<string, ConnectorState>, now: number): void {
    for (const name of this.choices.keys()) if (endpoints[name] === undefined) this.choices.delete(name);
    for (const [name, list] of Object.entries(endpoints)) {
      const choice = this.choices.get(name) ?? this.first(name, list, shown, now);
      const status = states.get(name)?.status;
      if (status === 'SUCCESS') choice.waitedSince = now;
      else if (list.length > 1 && now - choice.waitedSince >= waitMs(choice, status)) {
        Object.assign(choice, this.fresh((choice.index + 1) % list.length, now));
      }
      this.choices.set(name, choice);
    }
  }

  /** The entities with their connectors' hosts and ports as chosen. */
  apply(entities: readonly WantedEntity[], endpoints: Endpoints): WantedEntity[] {
    return entities.map((entity) => {
      const list = entity.type === 'connector' ? endpoints[entity.name] : undefined;
      const choice = this.choices.get(entity.name);
      if (list === undefined || list.length === 0 || choice === undefined) return entity;
      const { host, port } = list[choice.index % list.length]!;
      return { ...entity, attributes: { ...entity.attributes, host, port: String(port) } };
    });
  }

  /** When `update` may change something that no event tells of; Infinity when never. */
  deadline(endpoints: Endpoints, states: ReadonlyMap<string, ConnectorState>): number {
    const due = [...this.choices].map(([name, choice]) => {
      const status = states.get(name)?.status;
      const isWaiting = status !== 'SUCCESS' && (endpoints[name]?.length ?? 0) > 1;
      return isWaiting ? choice.waitedSince + waitMs(choice, status) : Infinity;
    });
    return Math.min(Infinity, ...due);
  }

  private first(name: string, list: readonly EndpointAddress[], shown: ShownEntities, now: number): Choice {
    const dialled = shown.connector?.find((connector) => connector.name === name);
    const index = list.findIndex(({ host, port }) => dialled?.host === host && String(dialled.port) === String(port));
    return this.fresh(Math.max(0, index), now);
  }

  private fresh(index: number, now: number): Choice {
    return { index, waitedSince: now, jitter: 1 + this.random.next() / 2 };
  }
}

function waitMs({ jitter }: Choice, status: string | undefined): number {
  return jitter * (status === 'FAILED' ? FAILED_MS : SILENT_MS);
}
