/** Every invalid field of every kind, on a real API server with a running controller: refused or told by name, and then there is peace. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Condition } from '../../config/api/schema.ts';
import { CUSTOM_KINDS } from '../../config/crd/definition.ts';
import type { CustomKind } from '../../config/crd/kinds.ts';
import { ApiError } from '../../lib/kube/errors.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { eventually } from '../support/eventually.ts';
import { type InvalidResource, invalidResources } from '../support/invalid-resources.ts';
import { kubeAssets } from '../support/kube/assets.ts';
import { ControlledCluster, type RunningController, typeOf } from '../support/kube/controlled-cluster.ts';

const QUIET_MS = 5000;
/** What one look at each namespace costs, twice. */
const PASSES_MAX = 2;

const MAY_LACK_SPEC = new Set<CustomKind>(['Site', 'AccessGrant']);

describe.runIf(kubeAssets() !== undefined)('bad input', () => {
  let cluster: ControlledCluster;
  let running: RunningController;
  const namespaces = new Set<string>();

  beforeAll(async () => {
    cluster = await ControlledCluster.start('bad-input');
    running = await cluster.startController();
  });
  afterAll(() => cluster?.stop());

  const INVALID = invalidResources();

  it.each(CUSTOM_KINDS)('is refused or told by a condition that names it: %s', async (kind) => {
    const namespace = await cluster.namespace(`bad-${kind.toLowerCase()}`);
    namespaces.add(namespace);
    if (kind !== 'Site') await cluster.put('Site', namespace, 'good', { linkAccess: 'default' });
    const taken = new Map<string, InvalidResource>();
    for (const [index, invalid] of INVALID.filter((one) => one.kind === kind).entries()) {
      const name = `invalid-${index}`;
      const answer = await create(kind, namespace, name, invalid.object).catch((error: unknown) => error);
      if (invalid.outcome === 'refused') {
        expect(answer, invalid.title).toBeInstanceOf(ApiError);
        expect((answer as ApiError).message, invalid.title).toMatch(naming(invalid.path));
      } else {
        expect(answer, invalid.title).toMatchObject({ kind });
        // Of some kinds a spec may be absent.
        const isNone = invalid.path === 'spec' && MAY_LACK_SPEC.has(kind);
        if (invalid.outcome === 'accepted' && !isNone) taken.set(name, invalid);
      }
    }
    for (const [name, { path, title }] of taken) {
      let last: KubeObject | undefined;
      const what = () => `${title}: ${JSON.stringify(last?.status)}`;
      await eventually(what, async () => {
        last = await cluster.find(kind, namespace, name);
        return conditionsOf(last).some(({ status, message }) => status === 'False' && naming(path).test(message));
      });
    }
  });

  it('that only the API server finds wrong is told as an Event', async () => {
    await eventually('the Event', () =>
      running.events.some(
        ({ reason, message }) => reason === 'NotApplied' && /Service.*spec\.ports\[0\]\.protocol/.test(message),
      ),
    );
  });

  it('leaves the controller at rest', async () => {
    await eventually('at rest', () => running.controller.queue.isIdle);
    const before = { passes: running.passes.count, writes: running.writes.length };
    await sleep(QUIET_MS);
    expect(running.writes.length - before.writes).toBe(0);
    expect(running.passes.count - before.passes).toBeLessThanOrEqual(namespaces.size * PASSES_MAX);
  });

  it('does not keep what is valid beside it from working', async () => {
    const namespace = 'bad-listener';
    await cluster.put('Listener', namespace, 'good', { routingKey: 'k', host: 'good', port: 80 });
    await cluster.condition(['Listener', namespace, 'good'], 'Configured', 'True');
    await cluster.seen('Service', namespace, 'good');
  });

  function create(kind: CustomKind, namespace: string, name: string, object: KubeObject): Promise<KubeObject> {
    return cluster.client.create(typeOf(kind), { ...object, metadata: { name, namespace } });
  }
});

function conditionsOf(object: KubeObject | undefined): Condition[] {
  return ((object?.status ?? {}) as { conditions?: Condition[] }).conditions ?? [];
}

/** Of exclusive members what holds them is named. */
function naming(path: string): RegExp {
  const parent = path.replace(/(\.[^.]+|\[0\])$/, '');
  const [inner, outer] = [path, parent].map((text) => text.replace(/[.[\]]/g, '\\$&'));
  return new RegExp(`${inner}(?!\\w)|${outer}[:" ]`);
}
