/**
 * `npm run test:e2e -- --contexts a,b --figures`: measures what a user waits for, several times, and prints a table of medians with
 * their ranges beside the goals and what Skupper 2.3 took on two clusters like these. With `--lab` also what is cut or weighed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { attemptsOf, longestGapMs, recoveredAfterMs } from './load.ts';
import {
  CONTEXTS,
  CONTROLLER_NAMESPACE,
  conditionOf,
  connector,
  dropPlaces,
  eventually,
  type Json,
  LAB,
  lab,
  link,
  listener,
  newSite,
  Place,
  routerPods,
} from './world.ts';

const RUNS = 4;
const QUIET_MS = 120_000;

interface Figure {
  name: string;
  goal: string;
  skupper: string;
  unit: string;
  values: number[];
}

const figures: Figure[] = [];
const only = process.argv[2];

function note(name: string, unit: string, value: number, goal: string, skupper: string): void {
  let figure = figures.find((other) => other.name === name);
  if (figure === undefined) {
    figure = { name, goal, skupper, unit, values: [] };
    figures.push(figure);
  }
  figure.values.push(value);
  process.stderr.write(`${name}: ${value.toFixed(2)} ${unit}\n`);
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

const isReady = ({ status }: Json) => status?.status === 'Ready';

async function measureSites(west: Place, east: Place): Promise<void> {
  for (const place of [west, east]) {
    note('site create to ready', 's', await newSite(place), '4', '4.1-6.1');
  }
  const redeemed = await link(west, east);
  note('token redeem to link ready', 's', redeemed / 1000, '3', '34');
}

async function measureServices(west: Place, east: Place): Promise<void> {
  await Promise.all([west.server('backend', 2), east.client()]);
  note('connector and listener to first success', 's', await answered(west, east, ['backend']), '1', '1.4');
  const names = Array.from({ length: 20 }, (_, index) => `s-${index}`);
  note('20 services answering', 's', await answered(west, east, names), '1.7', '1.7');
  await west.kubectl(['delete', 'connectors', ...names, '--wait=false']);
  await east.kubectl(['delete', 'listeners', ...names, '--wait=false']);
}

/** Seconds from the moment at which connectors and listeners of these names are applied until all have answered. */
async function answered(west: Place, east: Place, names: readonly string[]): Promise<number> {
  const first = east.start('client', 'first', [8080]);
  const asked = new Set<string>();
  const watch = east.services((name, address) => {
    if (!names.includes(name) || asked.has(name)) return;
    asked.add(name);
    first.tell(address);
  });
  await sleep(2000);
  const applied = Date.now();
  await Promise.all([
    west.apply(...names.map((name) => connector(name, 'backend'))),
    east.apply(...names.map((name) => listener(name))),
  ]);
  process.stderr.write(`(kubectl apply of ${names.length}: ${Date.now() - applied} ms)\n`);
  await sleep(8000);
  watch.stop();
  const times = JSON.parse(await first.stop()) as number[];
  return times.length === names.length ? (Math.max(...times) - applied) / 1000 : NaN;
}

async function measureRouterLoss(west: Place, east: Place): Promise<void> {
  for (const [place, side, skupper] of [
    [east, 'dialling', '3.9'],
    [west, 'accepting', '9.0'],
  ] as const) {
    const load = east.start('client', 'load', ['backend', 8080, 20, 500]);
    await sleep(2000);
    await place.kubectl(['delete', 'pod', (await routerPods(place))[0]!, '--wait=false']);
    await sleep(12_000);
    const gap = longestGapMs(attemptsOf(await load.stop()));
    note(`${side} router pod deleted, without success`, 's', gap / 1000, '2.5', skupper);
  }
}

async function measureCut(west: Place, east: Place): Promise<void> {
  const isUp = (object: Json) => conditionOf(object, 'Operational')?.status === 'True';
  const name = `to-${west.context}`;
  await east.shown('link', name, isUp);
  await lab('cut', west.context, east.context);
  try {
    note(
      'cut link shown',
      's',
      await secondsOf(() => east.shown('link', name, (object) => !isUp(object))),
      '5',
      '17.4',
    );
  } finally {
    await lab('cut');
  }
  note('healed link shown', 's', await secondsOf(() => east.shown('link', name, isUp)), '', '4.8');
}

async function measureLinkDelete(west: Place, east: Place): Promise<void> {
  await east.shown('listener', 'backend', isReady);
  const isUnmatched = Promise.all([
    east.shown('listener', 'backend', ({ status }) => status?.hasMatchingConnector !== true),
    west.shown('connector', 'backend', ({ status }) => status?.hasMatchingListener !== true),
  ]);
  await sleep(1500);
  const took = await secondsOf(async () => {
    const deleted = east.skuprt(['link', 'delete', `to-${west.context}`, '--yes']);
    await Promise.all([isUnmatched, deleted]);
  });
  note('link delete reflected everywhere', 's', took, '2', '30');
}

async function measureHa(): Promise<void> {
  const [west, east] = placesOf('figures-ha');
  const flags = ['--enable-link-access', '--enable-ha'];
  for (const place of [west, east]) {
    note('HA site create to ready', 's', await newSite(place, { flags }), '', '5.1');
  }
  await link(west, east);
  await Promise.all([west.server('backend', 2), east.client()]);
  await Promise.all([west.apply(connector('backend', 'backend')), east.apply(listener('backend'))]);
  await eventually('an answer', () => east.ask('client', 'http://backend:8080/'), 60_000);
  await sleep(5000);
  for (const place of [west, east]) {
    const load = east.start('client', 'load', ['backend', 8080, 10, 1000]);
    await sleep(2000);
    const killed = Date.now();
    await place.kubectl([
      'delete',
      'pod',
      (await routerPods(place))[0]!,
      '--force',
      '--grace-period=0',
      '--wait=false',
    ]);
    await sleep(8000);
    const after = recoveredAfterMs(attemptsOf(await load.stop()), killed) ?? NaN;
    note('HA router killed, none failed after', 's', after / 1000, '0.3', '0.15-0.28');
    await eventually('two routers', async () => (await routerPods(place)).length === 2, 60_000);
    await sleep(10_000);
  }
  await dropPlaces([west, east]);
}

/** Every object of the namespaces and of the controller that changed in two minutes, but leases and Events. */
async function measureRest(west: Place, east: Place): Promise<void> {
  const kinds = 'all,configmaps,secrets,serviceaccounts,roles,rolebindings,endpointslices';
  const skupper =
    'sites,links,listeners,connectors,certificates,securedaccesses,routeraccesses,accessgrants,accesstokens';
  const places = [west, east, ...CONTEXTS.slice(0, 2).map((context) => new Place(context, CONTROLLER_NAMESPACE))];
  const look = async () => {
    const versions = new Map<string, string>();
    for (const place of places) {
      for (const { kind, metadata } of await place.list(`${kinds},${skupper}`)) {
        versions.set(`${place.context} ${place.namespace} ${kind} ${metadata.name}`, metadata.resourceVersion);
      }
    }
    return versions;
  };
  const before = await look();
  await sleep(QUIET_MS);
  const changed = [...(await look())].filter(([key, version]) => before.get(key) !== version).map(([key]) => key);
  if (changed.length > 0) process.stderr.write(`changed at rest: ${changed.join(', ')}\n`);
  note('objects written at rest in two minutes', '', changed.length, '0', '0');
}

/** Proportional set size of the programs: memory of their own, and their part of what several share, such as the program file. */
async function memoryMiB(place: Place, pod: string, containers: readonly string[]): Promise<number[]> {
  const script = "require('fs').readFileSync('/proc/1/smaps_rollup','utf8').match(/^Pss:\\s+(\\d+)/m)[1]";
  const command = (container: string) => ['exec', pod, '-c', container, '--', 'node', '-p', script];
  return await Promise.all(containers.map(async (name) => Number(await place.kubectl(command(name))) / 1024));
}

async function measureMemory(place: Place): Promise<void> {
  const [pod] = await routerPods(place);
  const parts = await memoryMiB(place, pod!, ['router', 'kube-adaptor']);
  note('memory of the router container', 'MiB', parts[0]!, '', '27');
  note('memory of the adaptor container', 'MiB', parts[1]!, '', '15');
  note('memory of a router pod', 'MiB', parts[0]! + parts[1]!, '130', '42');
  const home = new Place(place.context, CONTROLLER_NAMESPACE);
  const pods = await home.list('pods', 'skupper.io/component=controller');
  const sizes = await Promise.all(pods.map(({ metadata }) => memoryMiB(home, metadata.name, ['controller'])));
  note('memory of a controller', 'MiB', Math.max(...sizes.flat()), '120', '15-21');
}

function placesOf(namespace: string): [Place, Place] {
  return CONTEXTS.slice(0, 2).map((context) => new Place(context, namespace)) as [Place, Place];
}

function table(): string {
  const rows = figures.map(({ name, values, unit, goal, skupper }) => {
    const sorted = values.toSorted((a, b) => a - b);
    const median = sorted[Math.floor((sorted.length - 1) / 2)]!;
    const digits = unit === 's' ? 2 : 0;
    const text = (value: number) => value.toFixed(digits);
    const range = sorted.length > 1 ? `${text(sorted[0]!)}-${text(sorted.at(-1)!)}` : '';
    return [name, `${text(median)} ${unit}`, range, String(sorted.length), goal, skupper];
  });
  const all = [['figure', 'median', 'range', 'runs', 'goal', 'Skupper 2.3'], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

async function run(): Promise<void> {
  for (let round = 0; round < RUNS; round += 1) {
    const [west, east] = placesOf(`figures-${round}`);
    await measureSites(west, east);
    await measureServices(west, east);
    await measureRouterLoss(west, east);
    if (LAB) await measureCut(west, east);
    if (round === 0) await measureMemory(west);
    if (round === 0) await measureRest(west, east);
    await measureLinkDelete(west, east);
    await dropPlaces([west, east]);
    if (round < 2) await measureHa();
    process.stderr.write(`${table()}\n`);
    if (only === 'once') break;
  }
}

try {
  await run();
} finally {
  process.stdout.write(`${table()}\n`);
}
