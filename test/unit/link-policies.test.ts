/** Which links policies are against: those in dry run refuse none, and say so. */
import { describe, expect, it } from 'vitest';
import type { PolicySpec } from '../../lib/policy/types.ts';
import { LinkPolicies } from '../../router/core/link-policies.ts';
import type { Peer } from '../../router/core/peer.ts';
import type { Router } from '../../router/core/router.ts';
import { PolicyTable } from '../../router/policy/policy-table.ts';

const NAME = 'ClusterAccessPolicy/links';
const DENY: PolicySpec = { rules: [{ action: 'Deny', operations: ['Link'] }] };

function asked(spec: PolicySpec) {
  const table = new PolicyTable();
  table.set(NAME, { kind: 'ClusterAccessPolicy', name: 'links', spec });
  const router = { bridge: { policies: { table }, refusals: { policyLink: 0 } }, site: { siteId: 'own' } };
  const told: string[] = [];
  const links = new LinkPolicies(router as unknown as Router, (_peer, { by }) => told.push(by?.policy ?? ''));
  const peer = { options: { site: 'other', dir: 'in' }, connection: {} } as unknown as Peer;
  return { refusal: links.refusal(peer), told, counts: table.countsOf(NAME) };
}

describe('a link that a policy is against', () => {
  it('is refused, which the refusal says', () => {
    const { refusal, told, counts } = asked(DENY);
    expect(refusal).toContain(NAME);
    expect([told, counts]).toMatchObject([[], { refused: 1, wouldRefuse: 0 }]);
  });

  it('is let in by one in dry run, counted and told', () => {
    const { refusal, told, counts } = asked({ ...DENY, dryRun: true });
    expect(refusal).toBeUndefined();
    expect([told, counts]).toMatchObject([[NAME], { refused: 0, wouldRefuse: 1 }]);
  });
});
