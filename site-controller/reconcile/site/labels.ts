/**
 * Label templates: ConfigMaps whose labels and annotations are copied onto the objects that a controller makes. Control-plane
 * reference 4.3. What a controller itself puts on an object is never replaced. Pure.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { parseSelector, type Selector } from '../connector/selector.ts';
import type { Observed } from '../observed.ts';

const TEMPLATE_LABEL = 'skupper.io/label-template';
/** Not copied: they are about the template itself. */
const OWN_KEYS = new Set([TEMPLATE_LABEL, 'kubectl.kubernetes.io/last-applied-configuration']);
const OWN_PREFIX = 'internal.skupper.io/';

/** Templates of the controller's namespace come last and win, as with Skupper. */
export function applyTemplates(observed: Observed, objects: readonly KubeObject[]): KubeObject[] {
  const templates = templatesOf(observed);
  return templates.length === 0 ? [...objects] : objects.map((object) => withTemplates(templates, object));
}

/** Templates that cannot be followed; they are left out. */
export function templateFaults(observed: Observed): string[] {
  return (observed.cluster?.labelTemplates ?? []).flatMap((template) => {
    const selector = selectorOf(template);
    return 'fault' in selector
      ? [`label template ${template.metadata.namespace}/${template.metadata.name}: ${selector.fault}`]
      : [];
  });
}

interface Template {
  object: KubeObject;
  matches: (labels: Readonly<Record<string, string>>) => boolean;
}

function templatesOf({ cluster, namespace }: Observed): Template[] {
  if (cluster === undefined) return [];
  const isLocal = ({ metadata }: KubeObject) => Number(metadata.namespace === namespace);
  return [...cluster.labelTemplates]
    .sort((a, b) => isLocal(b) - isLocal(a) || (a.metadata.name < b.metadata.name ? -1 : 1))
    .flatMap((object) => {
      const selector = selectorOf(object);
      return 'fault' in selector ? [] : [{ object, matches: selector.matches }];
    });
}

/** Without one every object matches. */
function selectorOf(template: KubeObject): Selector {
  const text = dataOf(template).labelSelector?.trim() ?? '';
  return text === '' ? { matches: () => true } : parseSelector(text);
}

function withTemplates(templates: readonly Template[], object: KubeObject): KubeObject {
  const { kind, metadata } = object;
  const labels: Record<string, string> = {};
  const annotations: Record<string, string> = {};
  for (const { object: template, matches } of templates) {
    const data = dataOf(template);
    if (data.name !== undefined && data.name !== metadata.name) continue;
    if (data.kind !== undefined && data.kind.toLowerCase() !== kind.toLowerCase()) continue;
    if (!matches(metadata.labels ?? {})) continue;
    const excluded = new Set(data.exclude?.split(',').map((key) => key.trim()));
    Object.assign(labels, copied(template.metadata.labels, excluded));
    Object.assign(annotations, copied(template.metadata.annotations, excluded));
  }
  return {
    ...object,
    metadata: {
      ...metadata,
      ...merged('labels', labels, metadata.labels),
      ...merged('annotations', annotations, metadata.annotations),
    },
  };
}

function merged(member: string, added: Record<string, string>, own: Record<string, string> | undefined): object {
  return Object.keys(added).length === 0 ? {} : { [member]: { ...added, ...own } };
}

function copied(values: Record<string, string> | undefined, excluded: ReadonlySet<string>): Record<string, string> {
  const entries = Object.entries(values ?? {});
  return Object.fromEntries(
    entries.filter(([key]) => !OWN_KEYS.has(key) && !key.startsWith(OWN_PREFIX) && !excluded.has(key)),
  );
}

function dataOf(template: KubeObject): Partial<Record<'name' | 'kind' | 'labelSelector' | 'exclude', string>> {
  return (template.data ?? {}) as Record<string, string>;
}
