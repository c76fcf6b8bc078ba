/** Rules of access policies for tests. */
import type { ClientSelector, PolicyRule } from '../../lib/policy/types.ts';

export const allow = (from?: ClientSelector[], rest: Partial<PolicyRule> = {}): PolicyRule => ({
  action: 'Allow',
  from,
  ...rest,
});

export const deny = (from?: ClientSelector[], rest: Partial<PolicyRule> = {}): PolicyRule => ({
  action: 'Deny',
  from,
  ...rest,
});
