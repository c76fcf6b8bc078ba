/** Label and field selectors as the fake API server takes them: `a=b,c!=d,e,!f`. */
import type { KubeObject } from '../../../lib/kube/object.ts';

export function selects(object: KubeObject, labels: string | null, fields: string | null): boolean {
  const label = (name: string) => object.metadata.labels?.[name];
  return (
    terms(labels).every((term) => holds(term, label)) &&
    terms(fields).every((term) => holds(term, (path) => fieldOf(object, path)))
  );
}

function terms(selector: string | null): string[] {
  return (selector ?? '').split(',').filter((term) => term !== '');
}

function holds(term: string, valueOf_: (name: string) => string | undefined): boolean {
  const [, name, operator, value] = /^([^=!]+)(==?|!=)(.*)$/.exec(term) ?? [];
  if (name === undefined)
    return term.startsWith('!') ? valueOf_(term.slice(1)) === undefined : valueOf_(term) !== undefined;
  return (valueOf_(name) === value) === (operator !== '!=');
}

function fieldOf(object: KubeObject, path: string): string | undefined {
  const found = path
    .split('.')
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], object);
  return found === undefined ? undefined : String(found);
}
