/** accessPolicy entities of a running router: what they mean to its bridge, and how they are shown. */
import { parsePolicyText, parseReference } from '../../lib/policy/parse.ts';
import type { PolicyDocument } from '../../lib/policy/types.ts';
import type { Bridge } from '../bridge/bridge.ts';
import type { ShownEntity } from '../management/managed-router.ts';
import type { EntityOf } from '../management/schema.ts';
import { EntityError } from './entity-error.ts';

/** @throws EntityError for what `management/rules.ts` would refuse */
export function setPolicy({ policies }: Bridge, { name, spec }: EntityOf<'accessPolicy'>): void {
  const reference = parseReference(name);
  const parsed = reference && parsePolicyText(reference.kind, spec);
  if (reference === undefined || parsed === undefined || parsed.faults !== undefined) {
    throw new EntityError(`accessPolicy ${name} is not sound`);
  }
  const document: PolicyDocument = { ...reference, spec: parsed.spec };
  policies.table.set(name, document);
}

export function showPolicy({ policies }: Bridge, name: string): ShownEntity {
  const { refused = 0, wouldRefuse = 0, limited = 0, waited = 0 } = policies.table.countsOf(name) ?? {};
  const { queued, inUse } = policies.measures.countsOf(name);
  const counts = { connectionsRefused: refused, connectionsWouldBeRefused: wouldRefuse, connectionsLimited: limited };
  return { ...counts, connectionsWaited: waited, connectionsWaiting: queued, connectionsWithinLimits: inUse };
}
