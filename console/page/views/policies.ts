/** Access policies of the place: whom each lets in, what it selects, what it has refused. */
import type { PolicyView } from '../../model/api.ts';
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import { badge, empty, problem } from '../parts/bits.ts';
import { href } from '../route.ts';
import { plural } from '../text/format.ts';
import { matches } from '../text/search.ts';

export function policiesView(app: App): Content {
  const { value, error } = app.detail<readonly PolicyView[]>('policies');
  const only = app.route.id;
  const found = (value ?? [])
    .filter(
      ({ reference, rules }) => matches(app.words, [reference, ...rules]) && (only === undefined || reference === only),
    )
    .sort((a, b) => rank(a) - rank(b) || (a.reference < b.reference ? -1 : 1));
  return [
    h(
      'p',
      { class: 'note' },
      'What no policy selects is allowed. Cluster policies come first, and one that denies wins.',
    ),
    only !== undefined && h('p', {}, h('a', { href: href('policies') }, '← all policies')),
    problem(error),
    found.length > 0 && h('div', { class: 'policies' }, found.map(policyCard)),
    found.length === 0 && error === undefined && empty(noneText(app, value)),
  ];
}

function noneText({ words, query }: App, value: readonly PolicyView[] | undefined): string {
  if (value === undefined) return 'Asking…';
  return words.length > 0 ? `Nothing here matches “${query}”.` : 'No policy: every site may use every service.';
}

const rank = ({ kind }: PolicyView) => (kind === 'ClusterAccessPolicy' ? 0 : 1);

function policyCard(policy: PolicyView): VNode {
  const { reference, kind, name, namespace, dryRun, enforceExisting, rules, selected, ready, warnings } = policy;
  return h(
    'article',
    { key: reference, class: 'policy' },
    h(
      'header',
      {},
      h('h2', {}, name),
      h('span', { class: 'dim' }, kind === 'ClusterAccessPolicy' ? 'whole cluster' : `namespace ${namespace}`),
      !ready && badge('bad', 'not in force'),
      dryRun && badge('warn', 'only tried out'),
      enforceExisting && badge('dim', 'ends open connections'),
    ),
    h(
      'ol',
      { class: 'sentences' },
      rules.map((rule, index) => h('li', { key: index }, rule)),
    ),
    warnings.map((warning) => h('p', { class: 'warning', key: warning }, warning)),
    h('p', { class: 'dim' }, `Selects ${some(selected, 'service')}${refusedText(policy)}.`),
  );
}

function refusedText({ dryRun, refused }: PolicyView): string {
  if (refused === undefined) return '';
  return `; ${dryRun ? 'would have refused' : 'has refused'} ${some(refused, 'connection')} at the router here`;
}

const some = (value: number, word: string) => (value === 0 ? `no ${word}s` : plural(value, word));
