/**
 * A namespace of a cluster as each who is signed in may see and change it: asked and written with their own token. Some are kept, since a
 * page asks again and again.
 */
import type { PlaceOf, SignedIn } from '../../console/server/uses.ts';
import { systemClock } from '../../lib/clock.ts';
import { connectAsUser } from '../../lib/kube/as-user.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import type { Context } from '../context.ts';
import { clusterClient } from '../places/cluster-connection.ts';
import { KubernetesPlace } from '../places/kubernetes.ts';
import { issuerOf } from './issue.ts';
import { ResourcePlace } from './resource-place.ts';

const KEPT_COUNT = 50;

export class UserPlaces {
  readonly #context: Context;
  /** By token, the one that was used longest ago first. */
  readonly #places = new Map<string, { client: KubeClient; place: ResourcePlace }>();

  constructor(context: Context) {
    this.#context = context;
  }

  readonly of: PlaceOf = async ({ token }: SignedIn) => {
    const known = this.#places.get(token) ?? (await this.#open(token));
    this.#places.delete(token);
    this.#places.set(token, known);
    if (this.#places.size > KEPT_COUNT) this.#close(this.#places.keys().next().value!);
    return known.place;
  };

  close(): void {
    for (const token of [...this.#places.keys()]) this.#close(token);
  }

  async #open(token: string) {
    const context = this.#context;
    const { kubeconfig, context: name } = context.cluster;
    const client = await connectAsUser({ kubeconfig, context: name, env: context.env }, token);
    const place = new KubernetesPlace(context, clusterClient(client));
    const { namespace } = context;
    const issue = issuerOf(context, place);
    return { client, place: new ResourcePlace({ place, namespace, clock: systemClock, mayReadTokens: true, issue }) };
  }

  #close(token: string): void {
    this.#places.get(token)?.client.close();
    this.#places.delete(token);
  }
}
