/** The access policies that hold for services of a namespace, compiled once until one of them changes. */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { compilePolicies, type PolicySet } from '../../../lib/policy/decide.ts';
import { parsePolicySpec } from '../../../lib/policy/parse.ts';
import type { PolicyDocument } from '../../../lib/policy/types.ts';
import type { Sources } from './carrier-cache.ts';

export class Policies {
  private readonly sources: Sources;
  private readonly compiled = new Map<string, PolicySet | undefined>();

  constructor(sources: Sources) {
    this.sources = sources;
  }

  /** To be called when one came, changed or went. */
  changed(): void {
    this.compiled.clear();
  }

  /** Undefined where there are none. */
  of(namespace: string): PolicySet | undefined {
    if (this.compiled.has(namespace)) return this.compiled.get(namespace);
    const documents = [...this.documents('ClusterAccessPolicy'), ...this.documents('AccessPolicy', namespace)];
    const set = documents.length === 0 ? undefined : compilePolicies(documents);
    this.compiled.set(namespace, set);
    return set;
  }

  /** One with faults says so itself, and holds for nobody here. */
  private documents(kind: PolicyDocument['kind'], namespace?: string): PolicyDocument[] {
    const found: Iterable<KubeObject> = this.sources.get(kind)?.list(namespace) ?? [];
    return [...found].flatMap(({ metadata, spec }) => {
      const parsed = parsePolicySpec(kind, spec);
      if (parsed.faults !== undefined) return [];
      return [{ kind, name: metadata.name, ...(namespace !== undefined && { namespace }), spec: parsed.spec }];
    });
  }
}
