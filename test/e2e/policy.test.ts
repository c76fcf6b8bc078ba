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

interface Try {
  at: number;
  ms: number;
  failure?: string;
}

/** West has clients, east the server; both link to a site between, which has nothing to do with it. */
const [west, east] = CONTEXTS.map((context) => new Place(context, NAMESPACE)) as [Place, Place];
const between = new Place(CONTEXTS[1] ?? '', `${NAMESPACE}-between`);

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
      west.kubectl(['delete', 'accesspolicies', '--all']),
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

  it('takes effect within a second', async () => {
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
    // The last that came through, by the clock of this machine, on which the clusters run.
    const last = Math.max(...done.filter(({ failure }) => failure === undefined).map(({ at }) => at));
    expect(last - appliedAt).toBeLessThan(1000);
    process.stdout.write(
      `the last connection that a new policy let through began ${last - appliedAt} ms after kubectl was done\n`,
    );
  });

  it('a rate is kept, who has a place in the queue waits', async () => {
    const limits = { connectionsPerSecond: 5, connectionsBurst: 5 };
    await east.apply(policy('slow', [{ action: 'Limit', limits }]));
    await eventually('a limit', async () => (await tries('client', 30)).some(({ failure }) => failure !== undefined));
    await sleep(1200);
    const at = await tries('client', 40, 25);
    const served = at.filter(({ failure }) => failure === undefined).length;
    // One second of five, after a burst of five.
    expect(served).toBeGreaterThanOrEqual(5);
    expect(served).toBeLessThanOrEqual(15);
    await east.apply(policy('slow', [{ action: 'Limit', limits: { ...limits, queue: { length: 50, seconds: 10 } } }]));
    const queued = await eventually('all are served', async () => {
      const all = await tries('client', 20);
      return all.every(({ failure }) => failure === undefined) && all;
    });
    expect(Math.max(...queued.map(({ ms }) => ms))).toBeGreaterThan(1500);
  });

  it('open connections are reset where the policy says so, and stay where it does not', async () => {
    const flow = west.start('client', 'flow', ['web', ECHO, 3]);
    await sleep(1000);
    await east.apply(policy('nobody', [{ action: 'Deny' }]));
    await untilRefused('stranger');
    await sleep(1000);
    await east.apply(policy('nobody', [{ action: 'Deny' }], { enforceExisting: true }));
    await sleep(2000);
    const told = JSON.parse(await flow.stop()) as { lines: number; lost: string[] };
    expect(told.lost).toEqual(['read ECONNRESET', 'read ECONNRESET', 'read ECONNRESET']);
    expect(told.lines).toBeGreaterThan(3 * 40);
  });

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
