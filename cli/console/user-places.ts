/**
 * A namespace of a cluster as each who is signed in may see and change it: asked and written with their own token. Some are kept, since a
 * page asks again and again: until who it is signs out, or has asked nothing for a while.
 */
import type { ConsolePlace, PlaceOf, SignedIn } from '../../console/server/uses.ts';
import { systemClock } from '../../lib/clock.ts';
import { connectAsUser } from '../../lib/kube/as-user.ts';
import type { Context } from '../context.ts';
import { clusterClient } from '../places/cluster-connection.ts';
import { KubernetesPlace } from '../places/kubernetes.ts';
import { issuerOf } from './issue.ts';
import { ResourcePlace } from './resource-place.ts';

const KEPT_COUNT = 50;
const IDLE_MS = 5 * 60_000;

export interface UserPlace {
  readonly place: ConsolePlace;
  /** Ends its connections. */
  close(): void;
}

export type OpenPlace = (token: string) => Promise<UserPlace>;

export class UserPlaces {
  readonly #open: OpenPlace;
  /** By token, the one that was used longest ago first. */
  readonly #places = new Map<string, Promise<UserPlace>>();
  readonly #idleTimers = new Map<string, NodeJS.Timeout>();

  constructor(open: OpenPlace) {
    this.#open = open;
  }

  readonly of: PlaceOf = async ({ token }: SignedIn) => {
    // A page asks for several things at once: they share the one that is being opened.
    const opened = this.#places.get(token) ?? this.#open(token);
    this.#places.delete(token);
    this.#places.set(token, opened);
    this.#used(token);
    if (this.#places.size > KEPT_COUNT) this.#close(this.#places.keys().next().value!);
    try {
      return (await opened).place;
    } catch (error) {
      if (this.#places.get(token) === opened) this.#close(token);
      throw error;
    }
  };

  /** Nobody is signed in with it any more: its connections end, and nothing here remembers it. */
  readonly forget = (token: string): void => this.#close(token);

  close(): void {
    for (const token of [...this.#places.keys()]) this.#close(token);
  }

  #used(token: string): void {
    clearTimeout(this.#idleTimers.get(token));
    this.#idleTimers.set(token, setTimeout(() => this.#close(token), IDLE_MS).unref());
  }

  #close(token: string): void {
    clearTimeout(this.#idleTimers.get(token));
    this.#idleTimers.delete(token);
    const opened = this.#places.get(token);
    this.#places.delete(token);
    // What could not be opened was told to who asked.
    opened?.then(({ close }) => close()).catch(() => undefined);
  }
}

/** Those of the cluster that the command is about. */
export function clusterPlaces(context: Context): OpenPlace {
  return async (token) => {
    const { namespace, cluster, env } = context;
    const client = await connectAsUser({ kubeconfig: cluster.kubeconfig, context: cluster.context, env }, token);
    const place = new KubernetesPlace(context, clusterClient(client));
    const issue = issuerOf(context, place);
    return {
      place: new ResourcePlace({ place, namespace, clock: systemClock, mayReadTokens: true, issue }),
      close: () => client.close(),
    };
  };
}
