/** What access policies do to services of a cluster set: exports and imports that are refused say so, and site-controllers hear of which service each part is. */
import { describe, expect, it } from 'vitest';
import { compilePolicies } from '../../lib/policy/decide.ts';
import type { PolicySpec } from '../../lib/policy/types.ts';
import { cluster, exported, madeExport } from '../support/services/observed-service.ts';
import { conditionOf, world } from '../support/services/service-world.ts';

function policies(spec: PolicySpec) {
  return compilePolicies([{ kind: 'ClusterAccessPolicy', name: 'strict', spec }]);
}

const NO_EXPORT = policies({ rules: [{ action: 'Deny', operations: ['Expose'] }] });
const NO_IMPORT = policies({ rules: [{ action: 'Deny', operations: ['Import'] }] });

describe('a service that policies govern', () => {
  it('is not exported where it may not be exposed, and its export says why', () => {
    const made = world({ ...exported(), policies: NO_EXPORT });
    const found = made.view.export;
    expect(conditionOf(found, 'Valid')).toMatchObject({ status: 'False', reason: 'PolicyRefused' });
    expect(conditionOf(found, 'Valid')!.message).toContain('ClusterAccessPolicy/strict');
    expect(made.record).toBeUndefined();
    expect(made.list('Connector')).toEqual([]);
  });

  it('is not ready where it may not be imported, and its import says why', () => {
    const made = world({ clusters: [cluster('west')], policies: NO_IMPORT });
    expect(conditionOf(made.import, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PolicyRefused',
      message: expect.stringContaining('ClusterAccessPolicy/strict'),
    });
  });

  it('is ready where this cluster serves it itself', () => {
    const made = world({ ...exported(), clusters: [cluster('west')], policies: NO_IMPORT });
    const { status, message } = conditionOf(made.import, 'Ready')!;
    expect(status).toBe('True');
    expect(message).toContain('out of reach: Refused by policy');
  });

  it('is as ever when policies allow it, or speak of others', () => {
    const others = policies({
      services: [{ names: ['other'] }],
      rules: [{ action: 'Deny', operations: ['Expose', 'Import'] }],
    });
    const made = world({ ...exported(), clusters: [cluster('west')], policies: others });
    expect(conditionOf(made.view.export, 'Valid')!.status).toBe('True');
    expect(conditionOf(made.import, 'Ready')!.message).not.toContain('policy');
  });

  it('tells the site by which labels policies select it, while there are policies', () => {
    const labels = { tier: 'front', 'skuprt.io/internal': 'x' };
    const plain = madeExport();
    const made = { ...plain, metadata: { ...plain.metadata, labels } };
    const labelled = { ...exported(), clusters: [cluster('west')], export: made };
    const annotated = (found: ReturnType<typeof world>) =>
      found.list('Connector').map(({ metadata }) => metadata.annotations?.['skuprt.io/service-labels']);
    expect(annotated(world({ ...labelled, policies: policies({ rules: [{ action: 'Allow' }] }) }))).toEqual([
      '{"tier":"front"}',
    ]);
    expect(annotated(world(labelled))).toEqual([undefined]);
  });
});
