/** The places that commands work on do the same, whatever they are made of. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Context } from '../../cli/context.ts';
import { mergePatch } from '../../cli/places/cluster-store.ts';
import { KubernetesPlace } from '../../cli/places/kubernetes.ts';
import { LocalPlace } from '../../cli/places/local.ts';
import { selectorText, targetOf } from '../../cli/places/workload.ts';
import { contextOf } from '../../cli/platform.ts';
import { surroundings } from '../support/cli.ts';
import { FakeCluster } from '../support/cli-cluster.ts';
import { placeConformance } from '../support/cli-place-conformance.ts';

const dataHome = mkdtempSync(join(tmpdir(), 'skuprt-cli-places-'));
const context = (platform: Context['platform']): Context =>
  contextOf({}, surroundings({ env: { XDG_DATA_HOME: dataHome } }), { platform, namespace: 'default' });

placeConformance('a local site', {
  open: () => Promise.resolve(new LocalPlace(context('local'))),
  close: () => Promise.resolve(rmSync(dataHome, { recursive: true, force: true })),
});

placeConformance('a cluster', {
  open: () => Promise.resolve(new KubernetesPlace(context('kubernetes'), new FakeCluster())),
  close: () => Promise.resolve(),
});

describe('a merge patch', () => {
  it.each([
    [{ a: 1 }, { a: 1 }, undefined],
    [{ a: 1, b: 2 }, { a: 1 }, { b: null }],
    [{ a: { b: 1, c: 2 } }, { a: { b: 3, c: 2 } }, { a: { b: 3 } }],
    [{ a: [1, 2] }, { a: [1] }, { a: [1] }],
    [{ a: { b: 1 } }, { a: [1] }, { a: [1] }],
    [{}, { a: { b: {} } }, { a: { b: {} } }],
  ])('of %j to %j is %j', (before, after, change) => {
    expect(mergePatch(before, after)).toEqual(change);
  });
});

describe('workloads', () => {
  it('have every form of label selector', () => {
    const matchExpressions = [
      { key: 'a', operator: 'In', values: ['1', '2'] },
      { key: 'b', operator: 'NotIn', values: ['3'] },
      { key: 'c', operator: 'Exists' },
      { key: 'd', operator: 'DoesNotExist' },
    ];
    expect(selectorText({ matchLabels: { x: 'y' }, matchExpressions })).toBe('x=y,a in (1,2),b notin (3),c,!d');
  });

  it('without a selector are none, but for Services, which have a name', () => {
    const metadata = { name: 'x', namespace: 'ns' };
    expect(targetOf({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: {} }, [])).toBeUndefined();
    expect(targetOf({ apiVersion: 'v1', kind: 'Service', metadata, spec: {} }, [])?.host).toBe('x.ns.svc');
  });
});
