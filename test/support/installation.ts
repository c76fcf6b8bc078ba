/** Installing into a cluster that is a map of objects: a cluster whose own controllers do their work at once, and what a command said. */
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { apiKindOf } from '../../cli/commands/install/manifests.ts';
import type { Context } from '../../cli/context.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { surroundings } from './cli.ts';
import { FakeCluster } from './cli-cluster.ts';

export const ESTABLISHED = { conditions: [{ type: 'Established', status: 'True' }] };
export const READY = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2 };

/** A cluster whose own controllers do their work at once. */
export function livingCluster(): FakeCluster {
  const cluster = new FakeCluster();
  cluster.act = ({ objects }) => {
    for (const [key, object] of objects) {
      if (key.startsWith('customresourcedefinitions/')) object.status = ESTABLISHED;
      if (key.startsWith('deployments/')) object.status = READY;
    }
  };
  return cluster;
}

export interface Said {
  out: string;
  err: string;
}

export async function run(
  cluster: FakeCluster | undefined,
  operation: (context: Context) => Promise<void>,
  parts: Partial<Context> = {},
): Promise<Said> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = Promise.all([text(stdout), text(stderr)]);
  const connect = async () => cluster ?? Promise.reject(new Error('no cluster is to be reached here'));
  const context: Context = {
    ...surroundings({ stdout, stderr, connect }),
    platform: 'kubernetes',
    isPlatformNamed: true,
    cluster: { kubeconfig: undefined, context: 'east' },
    namespace: 'default',
    verbose: false,
    globals: [],
    ...parts,
  };
  try {
    await operation(context);
  } finally {
    stdout.end();
    stderr.end();
  }
  const [out, err] = await said;
  return { out, err };
}

/** As if it had been there before, with `metadata` over its own. */
export function present(cluster: FakeCluster, object: KubeObject, metadata: object = {}): KubeObject {
  const copy = structuredClone(object);
  return cluster.put(apiKindOf(object).plural, {
    ...copy,
    metadata: { ...copy.metadata, ...structuredClone(metadata) },
  });
}
