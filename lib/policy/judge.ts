/**
 * A set of policies that is asked many times about few services: what governs each of them is found once, and each request, which is never
 * changed, decided once. Pure to its callers.
 */
import {
  compilePolicies,
  decideBy,
  type Governing,
  governing,
  governingInstead,
  isSameGoverning,
  type PolicySet,
  referenceOf,
} from './decide.ts';
import type { Decision, PolicyDocument, PolicyRequest, PolicyService, PolicySpec } from './types.ts';

/** Of what governs some service: beyond it, the same may be found twice. */
const DISTINCT_MAX = 64;

/** Whoever can say which policies govern a request can say how they decide. */
export abstract class Judge {
  private readonly known = new WeakMap<PolicyService, Map<string, Governing>>();
  /** Of links, which are of no service, by the namespace of the site that they are of. */
  private readonly knownOfLinks = new Map<string | undefined, Governing>();
  private readonly distinct: Governing[] = [];
  private readonly decided = new WeakMap<PolicyRequest, Decision>();
  private readonly decidedEarly = new WeakMap<PolicyRequest, Decision>();

  decide(request: PolicyRequest): Decision {
    const decision = this.decided.get(request) ?? decideBy(this.governing(request), request);
    this.decided.set(request, decision);
    return decision;
  }

  /** While the client is only partly known: refuses only what would be refused whatever becomes known. */
  decideEarly(request: PolicyRequest): Decision {
    const decision = this.decidedEarly.get(request) ?? decideBy(this.governing(request), request, 'early');
    this.decidedEarly.set(request, decision);
    return decision;
  }

  governing(request: PolicyRequest): Governing {
    const { operation, service, namespace } = request;
    if (operation === 'Link' && service === undefined) {
      const found = this.knownOfLinks.get(namespace) ?? this.search(request);
      this.knownOfLinks.set(namespace, found);
      return found;
    }
    if (service === undefined) return this.find(request);
    const byOperation = this.known.get(service) ?? new Map<string, Governing>();
    const found = byOperation.get(operation) ?? this.search(request);
    byOperation.set(operation, found);
    this.known.set(service, byOperation);
    return found;
  }

  /** The same object for what is the same: who compares two needs no look at all that is in them. */
  private search(request: PolicyRequest): Governing {
    const found = this.find(request);
    const same = this.distinct.find((each) => isSameGoverning(each, found));
    if (same !== undefined) return same;
    if (this.distinct.length < DISTINCT_MAX) this.distinct.push(found);
    return found;
  }

  protected abstract find(request: PolicyRequest): Governing;
}

export class SetJudge extends Judge {
  readonly set: PolicySet;
  /** What those of each name say. */
  readonly specs = new Map<string, Set<PolicySpec>>();

  constructor(documents: readonly PolicyDocument[]) {
    super();
    this.set = compilePolicies(documents);
    for (const document of documents) {
      const reference = referenceOf(document);
      const specs = this.specs.get(reference);
      if (specs === undefined) this.specs.set(reference, new Set([document.spec]));
      else specs.add(document.spec);
    }
  }

  protected find(request: PolicyRequest): Governing {
    return governing(this.set, request);
  }
}

/** As if those of one name were others: a thousand of them, each seen so beside all, are not compiled a thousand times. */
class InsteadJudge extends Judge {
  private readonly before: Judge;
  private readonly withOwn = new Map<Governing, Governing>();
  private readonly withoutOwn = new Map<Governing, Governing>();
  private readonly reference: string;
  private readonly instead: PolicySet;

  constructor(before: Judge, reference: string, instead: PolicySet) {
    super();
    this.before = before;
    this.reference = reference;
    this.instead = instead;
  }

  protected find(request: PolicyRequest): Governing {
    const own = governing(this.instead, request);
    const before = this.before.governing(request);
    // Of one name there is one at most: it has a say, or has none.
    const known = own.cluster.length + own.namespaced.length > 0 ? this.withOwn : this.withoutOwn;
    const found = known.get(before) ?? governingInstead(before, this.reference, own);
    known.set(before, found);
    return found;
  }
}

/** Of each list of documents, which is never changed: it is asked once for each of them. */
const judges = new WeakMap<readonly PolicyDocument[], SetJudge>();

export function judgeOf(documents: readonly PolicyDocument[]): SetJudge {
  const judge = judges.get(documents) ?? new SetJudge(documents);
  judges.set(documents, judge);
  return judge;
}

/** As if `document` were in force, in place of what is there of its name. */
export function judgeWith(document: PolicyDocument, documents: readonly PolicyDocument[]): Judge {
  const before = judgeOf(documents);
  const isAmong = before.specs.get(referenceOf(document))?.has(document.spec) === true;
  if (document.spec.dryRun !== true && isAmong) return before;
  const inForce = { ...document, spec: { ...document.spec, dryRun: false } };
  return new InsteadJudge(before, referenceOf(document), compilePolicies([inForce]));
}

export function judgeWithout(document: PolicyDocument, documents: readonly PolicyDocument[]): Judge {
  return new InsteadJudge(judgeOf(documents), referenceOf(document), compilePolicies([]));
}
