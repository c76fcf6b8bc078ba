/**
 * Who may open the console of a cluster: whoever the API server lets see the sites of the namespace. It is asked with the token that they
 * bring, so the console itself needs no right for that, and makes tokens as them.
 */
import { KINDS } from '../../config/api/index.ts';
import type { Access } from '../../console/server/uses.ts';
import { connectAsUser, isBearerToken, type UserOptions, userName } from '../../lib/kube/as-user.ts';

export class KubernetesAccess implements Access {
  readonly kind = 'kubernetes';
  readonly #cluster: UserOptions;
  readonly #namespace: string;

  constructor(cluster: UserOptions, namespace: string) {
    this.#cluster = cluster;
    this.#namespace = namespace;
  }

  async check(token: string) {
    if (!isBearerToken(token)) return undefined;
    const client = await connectAsUser(this.#cluster, token);
    try {
      const name = await userName(client);
      if (name === undefined) return undefined;
      const may = (verb: string, kind: 'Site' | 'AccessGrant') => {
        const { apiVersion, plural } = KINDS[kind];
        const [group] = apiVersion.split('/', 1);
        return client.isAllowed({ verb, group, resource: plural, namespace: this.#namespace });
      };
      const [mayLook, mayIssue] = await Promise.all([may('get', 'Site'), may('create', 'AccessGrant')]);
      return mayLook ? { name, mayIssue } : undefined;
    } finally {
      client.close();
    }
  }
}
