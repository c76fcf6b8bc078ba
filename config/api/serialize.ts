/**
 * Resources to text: the YAML that `parseResources` reads back, and kubectl and other readers of YAML 1.1 as well; keys in the order in which
 * people write them.
 */
import { stringify, type ToStringOptions } from 'yaml';

const KEY_ORDER = ['apiVersion', 'kind', 'metadata', 'type', 'spec', 'data', 'stringData', 'status'];

/**
 * Long lines are not folded: certificates and messages stay searchable. What only YAML 1.1 takes for no string (`no`, `on`, `1_000`, `e533`,
 * `12:30:45`, a date) is quoted: kubectl would refuse a label that is a boolean.
 */
export const YAML_OUTPUT = { lineWidth: 0, compat: 'yaml-1.1' } as const satisfies ToStringOptions & { compat: string };

/** Several resources become several documents. */
export function serializeResources(resources: readonly object[]): string {
  const documents = resources.map((resource) => stringify(ordered(resource), YAML_OUTPUT));
  return resources.length === 1 ? documents[0]! : documents.map((document) => `---\n${document}`).join('');
}

function ordered(resource: object): Record<string, unknown> {
  const rank = (key: string) => (KEY_ORDER.includes(key) ? KEY_ORDER.indexOf(key) : KEY_ORDER.length);
  return Object.fromEntries(Object.entries(resource).sort(([a], [b]) => rank(a) - rank(b)));
}
