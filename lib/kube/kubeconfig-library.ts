/** Access through the client library, for login providers (OIDC and the older ones of clouds) and proxies. Costs 90 MiB, so only for these. */
import type { Agent } from 'node:https';
import type { ContextEntry, Kubeconfig } from './kubeconfig.ts';
import type { Access, Endpoint } from './transport.ts';

/** Only the library serves it. */
export function needsLibrary({ cluster, user }: ContextEntry): boolean {
  return user['auth-provider'] !== undefined || (cluster['proxy-url'] ?? '') !== '';
}

export async function libraryEndpoint(config: Kubeconfig, entry: ContextEntry): Promise<Endpoint> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const library = new KubeConfig();
  const named = <T extends object>(entries: ReadonlyMap<string, T>, member: string) =>
    [...entries].map(([name, value]) => ({ name, [member]: value }));
  library.loadFromString(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: named(config.clusters, 'cluster'),
      users: named(config.users, 'user'),
      contexts: named(config.contexts, 'context'),
      'current-context': entry.context,
    }),
  );
  const agents = new Set<Agent>();
  return {
    server: entry.cluster.server,
    async access(): Promise<Access> {
      const options: { headers?: Record<string, string>; agent?: Agent; auth?: string } = {};
      await library.applyToHTTPSOptions(options);
      const agent = options.agent!;
      // It makes agents that connect anew for each request.
      if (!agents.has(agent)) Object.assign(agent, { keepAlive: true });
      agents.add(agent);
      const headers = { ...options.headers };
      if (options.auth !== undefined) headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
      return { agent, headers };
    },
    renew: () => undefined,
    close: () => {
      for (const agent of agents) agent.destroy();
    },
  };
}
