/** House rules that can be checked by reading: shape, imports, banned calls, and documents that keep up with the code. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderedMetricNames } from '../support/counters.ts';
import { readSourceTree, type SourceFile } from '../support/source-tree.ts';

const FILES = readSourceTree();
const BY_PATH = new Map(FILES.map((file) => [file.path, file]));
const PRODUCT = FILES.filter(({ path }) =>
  /^(lib|config|router|site-controller|service-controller|cli|console)\//.test(path),
);

const LINES_MAX = 500;
/** No sockets, timers, promises, clock or randomness: input, state, output. */
const PURE = [
  'lib/policy/',
  'router/amqp/',
  'router/mesh/',
  'router/core/',
  'router/bridge/',
  'router/observer/',
  'router/identity/',
  'router/policy/',
  'router/management/',
  'router/telemetry/',
  'console/model/',
  'console/page/state/',
  'console/page/text/',
];
const HARMLESS_MODULES = new Set(['node:assert', 'node:buffer', 'node:util']);

/** A folder may import itself and what stands before it in its row; the longest matching prefix counts. */
const ROUTER_LAYERS: readonly (readonly string[])[] = [
  ['lib/', 'config/api/'],
  ['router/amqp/codec/'],
  ['router/amqp/engine/'],
  ['router/amqp/message/'],
  ['router/mesh/'],
  ['router/observer/'],
  ['router/identity/'],
  ['router/policy/'],
  ['router/core/', 'router/bridge/'],
  ['router/management/'],
  ['router/telemetry/'],
  ['router/io/'],
  ['router/'],
];
/** Beside the layers: who may import from which top-level folders. */
const TOP_LEVEL: Readonly<Record<string, readonly string[]>> = {
  lib: ['lib'],
  config: ['config', 'lib'],
  router: ['router', 'lib', 'config'],
  'site-controller': ['site-controller', 'lib', 'config'],
  'service-controller': ['service-controller', 'lib', 'config'],
  console: ['console', 'lib', 'config'],
  cli: ['cli', 'lib', 'config', 'console', 'site-controller', 'service-controller', 'router'],
};
/** Where the command line enters the router. */
const ROUTER_ENTRY = 'router/main.ts';
const ENTRY = /(^|\/)main\.ts$|^tools\/|^test\/|^vitest\.config\.ts$/;

const isPure = ({ path }: SourceFile) => PURE.some((folder) => path.startsWith(folder));
const top = (path: string) => path.split('/', 1)[0]!;
const layer = (path: string) => ROUTER_LAYERS.findIndex((row) => row.some((prefix) => path.startsWith(prefix)));

/** `path:line` of each match in the code of these files. */
function places(files: readonly SourceFile[], pattern: RegExp, part: 'code' | 'text' = 'code'): string[] {
  return files.flatMap((file) =>
    file[part]
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file.path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

describe('shape', () => {
  it('the tree is found', () => {
    expect(PRODUCT.length).toBeGreaterThan(50);
  });

  it(`no file is longer than ${LINES_MAX} lines`, () => {
    expect(FILES.filter(({ text }) => text.split('\n').length > LINES_MAX + 1).map(({ path }) => path)).toEqual([]);
  });

  it('file names are kebab-case', () => {
    expect(
      FILES.filter(({ path }) => !/^([a-z0-9-]+\/)*[a-z0-9-]+(\.[a-z]+)*\.ts$/.test(path)).map(({ path }) => path),
    ).toEqual([]);
  });

  it('each product file opens with a comment', () => {
    expect(PRODUCT.filter(({ text }) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it('nothing is left for later', () => {
    expect(places(FILES, /\b(TO[D]O|FIXM[E]|XX[X])\b/, 'text')).toEqual([]);
  });
});

describe('banned', () => {
  it('any, suppressed type errors and lint rules', () => {
    expect(places(FILES, /\bas an[y]\b|<an[y]>/)).toEqual([]);
    expect(places(FILES, /@ts-(ignor[e]|nochec[k])|biome-ignor[e]/, 'text')).toEqual([]);
  });

  it('the console', () => {
    expect(places(FILES, /\bconsol[e]\./)).toEqual([]);
  });

  it('tests that are skipped or run alone', () => {
    expect(places(FILES, /\b(it|test|describe)\.(ski[p]|onl[y])\b/)).toEqual([]);
  });

  it('clock, randomness, timers and promises in pure folders', () => {
    const impure =
      /\b(Date\.now|Math\.random|performance\.|set(Timeout|Interval|Immediate)|queueMicrotask|process\.|async |await |Promise\b)/;
    expect(places(FILES.filter(isPure), impure)).toEqual([]);
  });

  it('weak randomness, and a second wall clock in the router', () => {
    expect(places(PRODUCT, /\bMath\.random\b/)).toEqual([]);
    expect(
      places(
        PRODUCT.filter(({ path }) => path.startsWith('router/')),
        /\bDate\.now\b/,
      ),
    ).toEqual([]);
  });
});

describe('imports', () => {
  const edges = PRODUCT.flatMap((file) => file.imports.map((target) => ({ from: file, ...target })));
  const shown = (list: typeof edges) => list.map(({ from, target }) => `${from.path} -> ${target}`);

  it('lead to files that exist', () => {
    const all = FILES.flatMap((from) => from.imports.map((target) => ({ from, ...target })));
    expect(shown(all.filter(({ own, target }) => own && target.endsWith('.ts') && !existsSync(target)))).toEqual([]);
  });

  it('go one way between the top-level folders', () => {
    const wrong = edges.filter(({ from, own, target }) => own && !TOP_LEVEL[top(from.path)]?.includes(top(target)));
    expect(shown(wrong)).toEqual([]);
  });

  it('go one way between the layers of the router', () => {
    const inRouter = edges.filter(({ from, own }) => own && from.path.startsWith('router/'));
    expect(shown(inRouter.filter(({ from, target }) => layer(target) > layer(from.path) || layer(target) < 0))).toEqual(
      [],
    );
  });

  it('enter the router from the command line by its main only', () => {
    const wrong = edges.filter(
      ({ from, target }) => top(from.path) === 'cli' && top(target) === 'router' && target !== ROUTER_ENTRY,
    );
    expect(shown(wrong)).toEqual([]);
  });

  it('of the router leave the clients of an API server and of routers alone', () => {
    const wrong = edges.filter(
      ({ from, target }) => top(from.path) === 'router' && /^lib\/(kube|router-client)\//.test(target),
    );
    expect(shown(wrong)).toEqual([]);
  });

  it('of plans know no platform, and of one platform not the other', () => {
    const wrong = edges.filter(({ from, target }) => {
      const [, to] = /^site-controller\/platform\/(\w+)\//.exec(target) ?? [];
      const isPlan = from.path.startsWith('site-controller/reconcile/');
      return (
        (isPlan && (to !== undefined || (/^lib\/kube\//.test(target) && target !== 'lib/kube/object.ts'))) ||
        (to !== undefined &&
          top(from.path) === 'site-controller' &&
          !from.path.startsWith(`site-controller/platform/${to}/`))
      );
    });
    expect(shown(wrong)).toEqual([]);
  });

  it('of services of a cluster set know of one platform not the other', () => {
    const wrong = edges.filter(({ from, target }) => {
      const [place] = /^service-controller\/platform\/\w+\//.exec(target) ?? [];
      return place !== undefined && top(from.path) === 'service-controller' && !from.path.startsWith(place);
    });
    expect(shown(wrong)).toEqual([]);
  });

  it('of plans of services know no platform, no API server and no clock', () => {
    const isPlan = (path: string) => /^service-controller\/(reconcile|merge|choose)\//.test(path);
    const PLAIN = new Set([
      'lib/kube/object.ts',
      'lib/policy/decide.ts',
      'lib/policy/types.ts',
      'lib/shape.ts',
      'lib/text.ts',
    ]);
    const wrong = edges.filter(
      ({ from, target }) =>
        isPlan(from.path) &&
        (target.startsWith('service-controller/platform/') || (target.startsWith('lib/') && !PLAIN.has(target))),
    );
    expect(shown(wrong)).toEqual([]);
    const impure = /\b(Date\.now|performance\.|set(Timeout|Interval|Immediate)|process\.|async |await |Promise\b)/;
    expect(
      places(
        PRODUCT.filter(({ path }) => isPlan(path)),
        impure,
      ),
    ).toEqual([]);
  });

  it('of pure folders reach no module with side effects', () => {
    const wrong = edges.filter(({ from, own, target }) => isPure(from) && !own && !HARMLESS_MODULES.has(target));
    expect(shown(wrong)).toEqual([]);
  });

  it('form no circle at run time', () => {
    expect(circles(PRODUCT)).toEqual([]);
  });

  it('reach every file from a main or a test', () => {
    const reached = new Set<string>();
    const queue = FILES.filter(({ path }) => ENTRY.test(path)).map(({ path }) => path);
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      if (reached.has(path)) continue;
      reached.add(path);
      queue.push(...(BY_PATH.get(path)?.imports ?? []).filter(({ own }) => own).map(({ target }) => target));
    }
    expect(FILES.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });
});

describe('documents', () => {
  it('docs/errors.md has a row for each error code, and no other', () => {
    const declared = PRODUCT.flatMap(({ text }) =>
      [...text.matchAll(/\bcode(?:: string)? = '(SKUPRT_\w+)'/g)].map((match) => match[1]!),
    );
    const documented = rows('docs/errors.md', /^\| `(SKUPRT_\w+)` \| (?:ours|peer|caller|environment) \|/gm);
    expect(documented).toEqual([...documented].sort());
    expect(documented).toEqual([...new Set(declared)].sort());
  });

  it('docs/metrics.md has a row for each metric, and no other', async () => {
    expect(rows('docs/metrics.md', /^\| `(\w+)` \| (?:counter|gauge|histogram) \|/gm).sort()).toEqual(
      (await renderedMetricNames()).sort(),
    );
  });
});

function rows(document: string, pattern: RegExp): string[] {
  return [...readFileSync(document, 'utf8').matchAll(pattern)].map((match) => match[1]!);
}

/** One path for each circle of imports that stay at run time. */
function circles(files: readonly SourceFile[]): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(' -> '));
    if (start >= 0 || done.has(path)) return;
    for (const { own, typeOnly, target } of BY_PATH.get(path)?.imports ?? []) {
      if (own && !typeOnly) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
  return found;
}
