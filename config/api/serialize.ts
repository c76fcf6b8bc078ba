/** Resources to text: the YAML that `parseResources` reads back, keys in the order in which people write them. */
import { stringify } from 'yaml';

const KEY_ORDER = ['apiVersion', 'kind', 'metadata', 'type', 'spec', 'data', 'stringData', 'status'];

/** Several resources become several documents. */
export function serializeResources(resources: readonly object[]): string {
  const documents = resources.map((resource) => stringify(ordered(resource), { lineWidth: 0 }));
  return resources.length === 1 ? documents[0]! : documents.map((document) => `---\n${document}`).join('');
}

function ordered(resource: object): Record<string, unknown> {
  const rank = (key: string) => (KEY_ORDER.includes(key) ? KEY_ORDER.indexOf(key) : KEY_ORDER.length);
  return Object.fromEntries(Object.entries(resource).sort(([a], [b]) => rank(a) - rank(b)));
}
