/** Whether the cluster itself goes when this process is told to: its Deployment is being taken away. A rollout is none of that. */

import { SkuprtError } from '../../../lib/errors.ts';
import type { KubeClient } from '../../../lib/kube/client.ts';
import { TYPES } from './watched.ts';

export const DEPLOYMENT_NAME = 'skuprt-service-controller';
const TIMEOUT_MS = 2000;

/** False when it cannot be known: those who only fell silent are forgotten later, those who left at once. */
export async function isClusterLeaving(client: Pick<KubeClient, 'find'>, namespace: string): Promise<boolean> {
  try {
    const options = { timeoutMs: TIMEOUT_MS, retryCountMax: 0 };
    const found = await client.find(TYPES.Deployment, namespace, DEPLOYMENT_NAME, options);
    if (found === undefined || found.metadata.deletionTimestamp !== undefined) return true;
    return (found.spec as { replicas?: number } | undefined)?.replicas === 0;
  } catch (error) {
    if (error instanceof SkuprtError) return false;
    throw error;
  }
}
