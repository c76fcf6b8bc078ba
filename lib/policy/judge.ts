/** A set of policies that is asked many times about few services: what governs each of them is found once. Pure to its callers. */
import { compilePolicies, decideBy, type Governing, governing, type PolicySet, referenceOf } from './decide.ts';
import type { Decision, PolicyDocument, PolicyRequest, PolicyService } from './types.ts';

export class Judge {
  readonly set: PolicySet;
  private readonly known = new WeakMap<PolicyService, Map<string, Governing>>();

  constructor(set: PolicySet) {
    this.set = set;
  }

  decide(request: PolicyRequest): Decision {
    return decideBy(this.governing(request), request);
  }

  /** While the client is only partly known: refuses only what would be refused whatever becomes known. */
  decideEarly(request: PolicyRequest): Decision {
    return decideBy(this.governing(request), request, 'early');
  }

  governing(request: PolicyRequest): Governing {
    const { operation, service } = request;
    if (service === undefined) return governing(this.set, request);
    const byOperation = this.known.get(service) ?? new Map<string, Governing>();
    const found = byOperation.get(operation) ?? governing(this.set, request);
    byOperation.set(operation, found);
    this.known.set(service, byOperation);
    return found;
  }
}

/** Of each list of documents, which is never changed: it is asked once for each of them. */
const judges = new WeakMap<readonly PolicyDocument[], Judge>();

export function judgeOf(documents: readonly PolicyDocument[]): Judge {
  const judge = judges.get(documents) ?? new Judge(compilePolicies(documents));
  judges.set(documents, judge);
  return judge;
}

/** As if `document` were in force, in place of what is there of its name. */
export function judgeWith(document: PolicyDocument, documents: readonly PolicyDocument[]): Judge {
  const isAmong = documents.some(
    (other) => other.spec === document.spec && referenceOf(other) === referenceOf(document),
  );
  if (document.spec.dryRun !== true && isAmong) return judgeOf(documents);
  const inForce = { ...document, spec: { ...document.spec, dryRun: false } };
  return new Judge(compilePolicies([...othersThan(document, documents), inForce]));
}

export function judgeWithout(document: PolicyDocument, documents: readonly PolicyDocument[]): Judge {
  return new Judge(compilePolicies(othersThan(document, documents)));
}

function othersThan(document: PolicyDocument, documents: readonly PolicyDocument[]): PolicyDocument[] {
  const reference = referenceOf(document);
  return documents.filter((other) => referenceOf(other) !== reference);
}
