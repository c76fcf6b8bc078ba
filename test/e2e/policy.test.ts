/** Who may use what, on clusters with pods: allowed, refused at either end, limited, and changed while connections are open. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  CONTEXTS,
  connector,
  dropPlaces,
  eventually,
  type Json,
  link,
  listener,
  newSite,
  Place,
  routerPods,
  type Started,
} from './world.ts';

const FIVE_MINUTES = 300_000;
const NAMESPACE = 'e2e-policy';
const API_VERSION = 'skuprt.io/v1alpha1';
const ECHO = 7000;
const PODS = ['client', 'stranger'];

/** What the script `flow` tells. */
interface Told {
  lines: number;
  lost: string[];
}

interface Try {
  at: number;
  ms: number;
  failure?: string;
}

/** West has clients, east the server; both link to a site between, of a third cluster where there is one, which has nothing to do with it. */
const [west, east] = CONTEXTS.map((context) => new Place(context, NAMESPACE)) as [Place, Place];
const between = new Place(CONTEXTS[2] ?? CONTEXTS[1] ?? '', `${NAMESPACE}-between`);
/** Each of them decides. */
const ENDS = [
  ['client', west],
  ['server', east],
] as const;

function policy(name: string, rules: readonly object[], more: object = {}): object {
  return {
    apiVersion: API_VERSION,
    kind: 'AccessPolicy',
    metadata: { name },
    spec: { services: [{ routingKeys: ['web'] }], rules, ...more },
  };
}

/** By pod: each tries as it is told, one line after the other. */
const trying = new Map<string, Started>();
const tries = async (pod: string, count = 1, everyMs = 0): Promise<Try[]> =>
  JSON.parse(await trying.get(pod)!.ask(`web ${ECHO} ${count} ${everyMs}`));
const isAnswered = async (pod: string) => (await tries(pod))[0]!.failure === undefined;
const logs = async (place: Place): Promise<string> => {
  const pods = await routerPods(place);
  return (await Promise.all(pods.map((pod) => place.kubectl(['logs', pod, '-c', 'router', '--tail=2000'])))).join('');
};

async function serve(): Promise<void> {
  await east.server('web');
  await east.apply(connector('web', 'web', ECHO));
  await west.apply(listener('web', ECHO));
}

async function untilAnswered(pod: string): Promise<void> {
  await eventually(`${pod} is answered`, () => isAnswered(pod), 30_000);
}

async function untilRefused(pod: string): Promise<void> {
  await eventually(`${pod} is refused`, async () => !(await isAnswered(pod)), 30_000);
}

describe.skipIf(CONTEXTS.length < 2)('access policies', { timeout: FIVE_MINUTES }, () => {
  beforeAll(async () => {
    await Promise.all([newSite(between), ...[west, east].map((place) => newSite(place, { flags: [] }))]);
    await Promise.all([
      link(between, west, 'to-west'),
      link(between, east, 'to-east'),
      serve(),
      ...PODS.map((pod) => west.client(pod)),
    ]);
    for (const pod of PODS) trying.set(pod, west.start(pod, 'tries', []));
    await Promise.all(PODS.map(untilAnswered));
  }, FIVE_MINUTES);
  afterEach(async () => {
    await Promise.all([
      ...[west, between].map((place) => place.kubectl(['delete', 'accesspolicies', '--all'])),
      east.kubectl(['delete', 'accesspolicies,clusteraccesspolicies', '--all']),
    ]);
    await Promise.all(PODS.map(untilAnswered));
  }, FIVE_MINUTES);
  afterAll(async () => {
    await Promise.all([...trying.values()].map((started) => started.stop()));
    await dropPlaces([west, east, between]);
  }, FIVE_MINUTES);

  it("the server's site allows one workload of a site, known by the path of links, and refuses the other", async () => {
    await east.apply(
      policy('only-client', [{ action: 'Allow', from: [{ sites: [west.context], workloads: ['client'] }] }]),
    );
    await untilRefused('stranger');
    await untilAnswered('client');
    const [refused] = await tries('stranger');
    expect(refused!.failure).toBe('ECONNRESET');
    await eventually('both sites say which policy', async () =>
      (await Promise.all([west, east].map(logs))).every((text) => text.includes('AccessPolicy/e2e-policy/only-client')),
    );
  });

  it("the client's site refuses before anything leaves it", async () => {
    const before = (await logs(east)).split('AccessPolicy/').length;
    await west.apply(
      policy('no-strangers', [
        { action: 'Deny', from: [{ selector: { matchLabels: { app: 'stranger' } } }] },
        { action: 'Allow' },
      ]),
    );
    await untilRefused('stranger');
    expect(await isAnswered('client')).toBe(true);
    expect((await logs(east)).split('AccessPolicy/').length).toBe(before);
  });

  it('the site between has no say in what goes through it', async () => {
    await between.apply(policy('nobody', [{ action: 'Deny' }]));
    await eventually('it is in force there', async () => {
      const { status } = await between.get('accesspolicy', 'nobody');
      return (status?.conditions as Json[] | undefined)?.some(
        ({ type, status: is }) => type === 'Valid' && is === 'True',
      );
    });
    for (const { failure } of await tries('client', 30, 100)) expect(failure).toBeUndefined();
  });

  it('takes effect within a second', async () => {
    // What a busy machine adds is not there each time.
    const lags: number[] = [];
    do {
      if (lags.length > 0) {
        await east.kubectl(['delete', 'accesspolicies', '--all']);
        await untilAnswered('stranger');
      }
      lags.push(await lagOfRefusal());
    } while (lags.at(-1)! >= 1000 && lags.length < 3);
    expect(Math.min(...lags)).toBeLessThan(1000);
    process.stdout.write(
      `the last connection that a new policy let through began ${lags.join(', ')} ms after kubectl was done\n`,
    );
  });

  /** How long after a policy was applied the last connection began that it did not keep out. */
  async function lagOfRefusal(): Promise<number> {
    const done = await tries('stranger', 20, 10);
    const applying = east.apply(policy('nobody', [{ action: 'Deny' }]));
    let appliedAt = Infinity;
    void applying.then(() => {
      appliedAt = Date.now();
    });
    while (done.at(-1)!.failure === undefined && Date.now() < appliedAt + 10_000) {
      done.push(...(await tries('stranger', 20, 10)));
    }
    await applying;
    expect(done.at(-1)!.failure).toBe('ECONNRESET');
    // By the clock of this machine, on which the clusters run.
    return Math.max(...done.filter(({ failure }) => failure === undefined).map(({ at }) => at)) - appliedAt;
  }

  it.each(ENDS)("a rate is kept at the %s's site, who has a place in the queue waits", async (_end, place) => {
    const limits = { connectionsPerSecond: 5, connectionsBurst: 5 };
    await place.apply(policy('slow', [{ action: 'Limit', limits }]));
    await eventually('a limit', async () => (await tries('client', 30)).some(({ failure }) => failure !== undefined));
    await sleep(1200);
    const at = await tries('client', 40, 25);
    const served = at.filter(({ failure }) => failure === undefined).length;
    const seconds = (Math.max(...at.map(({ at: begun, ms }) => begun + ms)) - at[0]!.at) / 1000;
    // A burst of five, and five for each second, of which there is about one.
    expect(served).toBeGreaterThanOrEqual(5);
    expect(served).toBeLessThanOrEqual(5 + Math.ceil(5 * seconds));
    await place.apply(policy('slow', [{ action: 'Limit', limits: { ...limits, queue: { length: 50, seconds: 10 } } }]));
    const queued = await eventually('all are served', async () => {
      const all = await tries('client', 20);
      return all.every(({ failure }) => failure === undefined) && all;
    });
    expect(Math.max(...queued.map(({ ms }) => ms))).toBeGreaterThan(1500);
  });

  it.each(ENDS)(
    "open connections are reset where the %s's site says so, and stay where it does not",
    async (_end, place) => {
      const flow = west.start('client', 'flow', ['web', ECHO, 3]);
      const told = async (): Promise<Told> => JSON.parse(await flow.ask('tell'));
      try {
        await eventually('lines come back', async () => (await told()).lines >= 30);
        await place.apply(policy('nobody', [{ action: 'Deny' }]));
        await untilRefused('stranger');
        const { lines } = await told();
        // For longer than a second.
        await eventually('more lines come back', async () => (await told()).lines >= lines + 75);
        expect((await told()).lost).toEqual([]);
        await place.apply(policy('nobody', [{ action: 'Deny' }], { enforceExisting: true }));
        await eventually('all have ended', async () => (await told()).lost.length === 3);
        expect((await told()).lost).toEqual(['read ECONNRESET', 'read ECONNRESET', 'read ECONNRESET']);
      } finally {
        await flow.stop();
      }
    },
  );

  it('a dry run refuses nobody, and says whom it would', async () => {
    await east.apply(policy('nobody', [{ action: 'Deny' }], { dryRun: true }));
    await eventually('it is told', async () => {
      await tries('stranger');
      return (await logs(east)).includes('AccessPolicy/e2e-policy/nobody');
    });
    expect(await isAnswered('stranger')).toBe(true);
  });

  it("a cluster's policy is above those of a namespace", async () => {
    await east.apply(policy('all', [{ action: 'Allow' }]), {
      ...policy('no-stranger', [{ action: 'Deny', from: [{ workloads: ['stranger'] }] }, { action: 'Allow' }]),
      kind: 'ClusterAccessPolicy',
    });
    await untilRefused('stranger');
    expect(await isAnswered('client')).toBe(true);
  });

  it('what may not be exposed is not offered, and says why', async () => {
    await east.apply(policy('not-here', [{ action: 'Deny', operations: ['Expose'] }]));
    const message = await eventually('a condition', async () => {
      const { status } = await east.get('connectors.skupper.io', 'web');
      return status.status === 'Error' && (status.message as string);
    });
    expect(message).toContain('AccessPolicy/e2e-policy/not-here');
    await untilRefused('client');
  });

  it('its status says what it selects, and what is odd about it', async () => {
    await east.apply({
      ...policy('idle', [{ action: 'Deny' }]),
      spec: { services: [{ names: ['none'] }], rules: [{ action: 'Deny' }] },
    });
    const conditions = await eventually('a warning', async () => {
      const { status } = await east.get('accesspolicy', 'idle');
      return JSON.stringify(status?.conditions ?? []).includes('SelectsNothing') && (status.conditions as Json[]);
    });
    expect(conditions.find(({ type }) => type === 'Valid')?.status).toBe('True');
  });

  it('is explained without a connection', async () => {
    await east.apply(
      policy('only-client', [{ action: 'Allow', from: [{ sites: [west.context], workloads: ['client'] }] }]),
    );
    const explain = (pod: string, ...more: string[]) =>
      east.skuprt(['policy', 'explain', '--from', `${west.context}/${NAMESPACE}/${pod}`, '--to', 'web', ...more]);
    // By what both clusters have, and by one of them, which asks a router of the other.
    const both = ['--context', west.context];
    expect(await explain('client', ...both)).toMatch(/^Allowed: /);
    const asked = await explain('client', '--workload', 'client');
    expect(asked).toMatch(/^Allowed: /);
    expect(asked).toMatch(/Listener web .*, answered by router/);
    expect(await explain('stranger', ...both).catch(String)).toContain('AccessPolicy/e2e-policy/only-client refuses');
  });
});
