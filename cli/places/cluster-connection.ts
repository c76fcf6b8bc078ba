/** The way to a real API server: by lib/kube, in the terms of commands. */
import type { KubeClient, ResourceType } from '../../lib/kube/client.ts';
import { connectCluster } from '../../lib/kube/config.ts';
import { ApiError } from '../../lib/kube/errors.ts';
import type { ClusterChoice } from '../context.ts';
import type { ApiKind, ClusterClient } from './cluster-client.ts';

const FIELD_MANAGER = 'skuprt';
/** A person waits: what cannot be reached is told soon. */
const CALL = { timeoutMs: 15_000, retryCountMax: 2 };
const LOG_BYTES_MAX = 4 * 1024 * 1024;

/** @throws KubeconfigError, ContextUnknownError */
export async function connectClient(
  { kubeconfig, context }: ClusterChoice,
  env: NodeJS.ProcessEnv,
): Promise<ClusterClient> {
  const { client } = await connectCluster({ kubeconfig, context, env, userAgent: FIELD_MANAGER });
  return clusterClient(client);
}

export function clusterClient(client: KubeClient): ClusterClient {
  return {
    get: (api, name, namespace) => client.find(typeOf(api), namespace, name, CALL),
    list: async (api, options = {}) => {
      try {
        return (await client.list(typeOf(api), options, CALL)).items;
      } catch (error) {
        // A list that is not there is a kind that is not there.
        if (error instanceof ApiError && error.isNotFound) return undefined;
        throw error;
      }
    },
    create: (api, object) => client.create(typeOf({ ...api, kind: object.kind }), object, CALL),
    apply: (api, object) =>
      client.apply(typeOf({ ...api, kind: object.kind }), object, { ...CALL, fieldManager: FIELD_MANAGER }),
    patch: async (api, name, namespace, change) => {
      await client.patch(typeOf(api), namespace, name, change, CALL);
    },
    delete: async (api, name, namespace) => {
      await client.delete(typeOf(api), namespace, name, CALL);
    },
    forwardPort: (at, onError) => client.forwardPort(at, onError),
    json: (path) => client.raw('GET', path, undefined, CALL),
    logs: (namespace, pod, { container, previous }) =>
      client.podLogs(namespace, pod, { container, previous, limitBytes: LOG_BYTES_MAX }, CALL),
  };
}

function typeOf({ apiVersion, kind, plural, namespaced }: ApiKind): ResourceType {
  return { apiVersion, plural, kind: kind ?? plural, namespaced };
}
