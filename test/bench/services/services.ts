/** What the exchange of services costs, and how fast it is: see `servicesUsage`. */
import { randomInt, SeededRandom } from '../../../lib/random.ts';
import type { ServiceRecord } from '../../../service-controller/records.ts';
import { contentOf, type Process, ServicesNetwork, serviceRecord } from '../../support/sim/services-network.ts';
import { parseServicesOptions, type ServicesOptions, servicesUsage } from './options.ts';

/** How exactly times are known. */
const STEP_MS = 5;
const WAIT_MS_MAX = 120_000;
const PERCENT_OF_TIMES = [0.5, 0.99, 1];

interface Row {
  what: string;
  /** Until half, 99 % and all of the views were right; undefined where nothing has to be. */
  times: readonly number[] | undefined;
  messages: number;
  bytes: number;
  delivered: number;
  deliveredBytes: number;
  cpuMs: number;
}

export async function runServices(args: readonly string[], signal: AbortSignal): Promise<void> {
  const options = parseServicesOptions(args);
  if (options === 'help') {
    process.stdout.write(servicesUsage);
    return;
  }
  const { clusters, services, delayMs, lossPercent, seed } = options;
  process.stdout.write(
    `${clusters} clusters x ${services} services, ${delayMs} ms one way, ${lossPercent} % loss, seed ${seed}\n\n` +
      '| | half / 99 % / all of the views right, ms | messages sent | bytes sent | bytes received | CPU of all, ms |\n' +
      '|---|---|---|---|---|---|\n',
  );
  for (const row of measure(options)) {
    process.stdout.write(line(row));
    // Between rows an interrupt can be heard.
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  }
}

function* measure({ clusters, services, delayMs, lossPercent, seed }: ServicesOptions): Generator<Row> {
  const faults = { loss: lossPercent / 100, duplication: 0, delayMs: [delayMs, delayMs] } as const;
  const net = new ServicesNetwork(seed, faults);
  const random = new SeededRandom(seed);
  const own = new Map<string, ServiceRecord[]>();
  const join = (id: string): Process => {
    own.set(id, servicesOf(random, services));
    const joined = net.start(id);
    net.setOwn(joined, contentOf(own.get(id)!));
    return joined;
  };
  const everyone = () =>
    net.processes.flatMap((at) => [...own.keys()].filter((id) => id !== at.cluster).map((of) => ({ at, of })));
  const row = (what: string, work: () => readonly number[] | undefined) => rowOf(net, what, work);

  yield row(`${clusters} clusters from nothing, all at once`, () => {
    for (let index = 0; index < clusters; index += 1) join(`c${index}`);
    return rightAfter(net, everyone(), services);
  });
  net.run(30_000);
  yield row('one cluster joins', () => {
    join('late');
    return rightAfter(net, everyone(), services);
  });
  net.run(30_000);
  const [first] = net.processes;
  yield row('one service is exported', () => {
    const changed = [...own.get(first!.cluster)!, serviceRecord('new', { uid: uuid(random) })];
    net.setOwn(first!, contentOf(changed));
    const views = everyone().filter(({ of }) => of === first!.cluster);
    return rightAfter(net, views, services + 1);
  });
  net.run(30_000);
  yield row('a minute at rest', () => {
    net.run(60_000);
    return undefined;
  });
  net.isCut = (from, to) => (from === 'late') !== (to === 'late');
  net.run(40_000);
  net.isCut = () => false;
  yield row('one cluster comes back after 40 s, unchanged', () => {
    const views = everyone().filter(({ at, of }) => at.cluster === 'late' || of === 'late');
    return rightAfter(net, views, services);
  });
}

function rowOf(net: ServicesNetwork, what: string, work: () => readonly number[] | undefined): Row {
  const before = { ...net.sent };
  const startedAt = process.cpuUsage();
  const times = work();
  const { user, system } = process.cpuUsage(startedAt);
  const { sent } = net;
  return {
    what,
    times,
    messages: sent.messages - before.messages,
    bytes: sent.bytes - before.bytes,
    delivered: sent.delivered - before.delivered,
    deliveredBytes: sent.deliveredBytes - before.deliveredBytes,
    cpuMs: (user + system) / 1000,
  };
}

/** When half, 99 % and all of the views show at least `count` services of that cluster, live. */
function rightAfter(net: ServicesNetwork, views: { at: Process; of: string }[], count: number): number[] {
  const start = net.now;
  const times: number[] = [];
  let open = views;
  while (open.length > 0 && net.now < start + WAIT_MS_MAX) {
    net.run(STEP_MS);
    const shown = new Map(
      net.processes.map((one) => [one, new Map(one.exchange.views().map((view) => [view.id, view]))]),
    );
    const still = open.filter(({ at, of }) => {
      const view = shown.get(at)?.get(of);
      return view?.state !== 'live' || view.services.size < count;
    });
    for (let right = still.length; right < open.length; right += 1) times.push(net.now - start);
    open = still;
  }
  if (open.length > 0) throw new Error(`${open.length} views are not right after ${WAIT_MS_MAX} ms`);
  return PERCENT_OF_TIMES.map((part) => times[Math.ceil(times.length * part) - 1] ?? 0);
}

/** As clusters have them: two ports, some text, ids that do not repeat. */
function servicesOf(random: SeededRandom, count: number): ServiceRecord[] {
  return Array.from({ length: count }, (_, index) =>
    serviceRecord(`service-${index}`, {
      namespace: `team-${index % 20}`,
      uid: uuid(random),
      since: 1_700_000_000_000 + randomInt(random, 10_000_000_000),
      ports: [
        { name: 'http', protocol: 'TCP', port: 8080, appProtocol: 'http' },
        { name: 'metrics', protocol: 'TCP', port: 9090 },
      ],
      internalTrafficPolicy: 'Cluster',
      ready: randomInt(random, 8),
    }),
  );
}

function uuid(random: SeededRandom): string {
  const hex = (length: number) => Array.from({ length }, () => randomInt(random, 16).toString(16)).join('');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`;
}

function line({ what, times, messages, bytes, deliveredBytes, cpuMs }: Row): string {
  const shown = times === undefined ? '' : times.map((ms) => Math.round(ms)).join(' / ');
  return `| ${[what, shown, messages, size(bytes), size(deliveredBytes), Math.round(cpuMs)].join(' | ')} |\n`;
}

function size(bytes: number): string {
  if (bytes < 10_000) return `${bytes}`;
  return bytes < 10_000_000 ? `${(bytes / 1000).toFixed(0)} k` : `${(bytes / 1e6).toFixed(1)} M`;
}
