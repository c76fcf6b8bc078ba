/** What is to be seen of a network of clusters: by the console that a Site asks for, and by the command line through the API server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type RequestOptions, request } from 'node:https';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NetworkView } from '../../console/model/view.ts';
import {
  CONTEXTS,
  connector,
  dropPlaces,
  eventually,
  type Json,
  kubectlProgram,
  listener,
  newPair,
  type Place,
} from './world.ts';

const FOUR_MINUTES = 240_000;
const ECHO = 7000;
const CONSOLE = 'skuprt-console';
const RBAC = 'rbac.authorization.k8s.io/v1';

/** Who may see a site, and nothing else; who may not even that has no role. */
const viewer = [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'viewer' } },
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'stranger' } },
  {
    apiVersion: RBAC,
    kind: 'Role',
    metadata: { name: 'viewer' },
    rules: [{ apiGroups: ['skupper.io'], resources: ['sites'], verbs: ['get'] }],
  },
  {
    apiVersion: RBAC,
    kind: 'RoleBinding',
    metadata: { name: 'viewer' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'viewer' },
    subjects: [{ kind: 'ServiceAccount', name: 'viewer' }],
  },
];

/** A port of this machine that leads to the console, as an administrator opens one. */
async function forward(place: Place): Promise<{ port: number; child: ChildProcess }> {
  const flags = ['--context', place.context, '-n', place.namespace, 'port-forward', `service/${CONSOLE}`, '0:443'];
  const child = spawn(kubectlProgram(), flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const [, port] = /127\.0\.0\.1:(\d+) ->/.exec(line) ?? [];
    if (port !== undefined) return { port: Number(port), child };
  }
  throw new Error('kubectl forwards no port');
}

async function send(options: RequestOptions, body?: object): Promise<{ status: number; body: string; cookie: string }> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = { ...options.headers, ...(text !== undefined && { 'content-type': 'application/json' }) };
  const asked = request({ ...options, headers, host: 'localhost', agent: false, timeout: 20_000 });
  asked.end(text);
  const [answer] = await once(asked, 'response');
  let got = '';
  for await (const part of answer.setEncoding('utf8')) got += part;
  return { status: answer.statusCode, body: got, cookie: String(answer.headers['set-cookie'] ?? '') };
}

describe.skipIf(CONTEXTS.length < 2)('what is to be seen', { timeout: FOUR_MINUTES }, () => {
  let west: Place;
  let east: Place;

  beforeAll(async () => {
    [west, east] = await newPair('seen');
    await east.server('web');
    await east.apply(connector('web', 'web', ECHO));
    await west.apply(listener('web', ECHO));
    await west.client();
    const trying = west.start('client', 'tries', []);
    await eventually('an answer', async () => !(await trying.ask(`web ${ECHO}`)).includes('failure'));
    await trying.stop();
  }, FOUR_MINUTES);
  afterAll(() => dropPlaces([west, east]), FOUR_MINUTES);

  describe('by the console that a Site asks for', () => {
    let forwarded: Awaited<ReturnType<typeof forward>>;
    let ca: string;
    const tokenOf = async (name: string) => (await west.kubectl(['create', 'token', name])).trim();
    const ask = (path: string, headers: Record<string, string> = {}) =>
      send({ port: forwarded.port, path, ca, headers });
    const asViewer = async (path: string) => ask(path, { authorization: `Bearer ${await tokenOf('viewer')}` });

    beforeAll(async () => {
      await west.apply(...viewer);
      const patch = { spec: { settings: { 'skuprt.io/console': 'true' } } };
      await west.kubectl(['patch', 'site', west.context, '--type=merge', '-p', JSON.stringify(patch)]);
      await eventually('a console', () => west.get('deployment', CONSOLE));
      await west.kubectl(['rollout', 'status', `deployment/${CONSOLE}`, '--timeout=90s'], { timeoutMs: 100_000 });
      ca = Buffer.from((await west.get('secret', CONSOLE)).data['ca.crt'], 'base64').toString();
      forwarded = await forward(west);
    }, FOUR_MINUTES);
    afterAll(() => void forwarded?.child.kill());

    it('who may get the Site comes in, with a token of the cluster', async () => {
      const { status, cookie } = await send(
        { port: forwarded.port, ca, path: '/api/v1/sign-in', method: 'POST' },
        { token: await tokenOf('viewer') },
      );
      expect(status).toBe(200);
      expect(cookie).toMatch(/HttpOnly; SameSite=Strict; Secure/);
      expect((await ask('/api/v1/network', { cookie: cookie.split(';')[0]! })).status).toBe(200);
    });

    it('nobody else does', async () => {
      expect((await ask('/')).status).toBe(200);
      expect((await ask('/api/v1/network')).status).toBe(401);
      const stranger = await ask('/api/v1/network', { authorization: `Bearer ${await tokenOf('stranger')}` });
      expect(stranger.status).toBe(401);
      expect(stranger.body).not.toContain('"sites"');
    });

    it('it shows both sites, the link and the service', async () => {
      await eventually('the network', async () => {
        const { body } = await asViewer('/api/v1/network');
        const network = JSON.parse(body) as NetworkView & { user: string; readOnly: boolean };
        expect(network.user).toBe(`system:serviceaccount:${west.namespace}:viewer`);
        expect(network.readOnly).toBe(true);
        expect(network.sites.map(({ name }) => name).sort()).toEqual([west.context, east.context].sort());
        expect(network.links).toMatchObject([{ status: 'up' }]);
        expect(network.services).toMatchObject([{ address: 'web', listenerCount: 1, connectorCount: 1 }]);
        return true;
      });
    });

    it('no token is made in it, nor shown to who may not see tokens', async () => {
      const authorization = `Bearer ${await tokenOf('viewer')}`;
      const path = '/api/v1/tokens';
      const before = (await west.list('accessgrants')).length;
      expect(
        (await send({ port: forwarded.port, ca, path, method: 'POST', headers: { authorization } }, {})).status,
      ).toBe(403);
      expect((await asViewer(path)).status).toBe(403);
      expect(await west.list('accessgrants')).toHaveLength(before);
    });

    it('goes when it is no longer asked for', async () => {
      const patch = { spec: { settings: { 'skuprt.io/console': null } } };
      await west.kubectl(['patch', 'site', west.context, '--type=merge', '-p', JSON.stringify(patch)]);
      await eventually('none', async () =>
        (
          await Promise.all(
            ['deployment', 'service', 'serviceaccount', 'role', 'secret'].map((kind) => west.list(kind)),
          )
        )
          .flat()
          .every(({ metadata }) => metadata.name !== CONSOLE),
      );
    });
  });

  it('a NetworkPolicy opens what the routers need, where the Site asks for one', async () => {
    const patch = { spec: { settings: { 'skuprt.io/network-policy': 'true' } } };
    await west.kubectl(['patch', 'site', west.context, '--type=merge', '-p', JSON.stringify(patch)]);
    const policy = await eventually('a NetworkPolicy', () => west.get('networkpolicy', 'skupper-router'));
    const [pod] = await west.list('pods', 'skupper.io/component=router');
    for (const [key, value] of Object.entries(policy.spec.podSelector.matchLabels)) {
      expect(pod.metadata.labels[key]).toBe(value);
    }
    const service = await west.get('service', 'web');
    const ports = policy.spec.ingress.flatMap((rule: Json) => rule.ports);
    const { targetPort } = service.spec.ports[0];
    expect(ports.some(({ port, endPort = port }: Json) => port <= targetPort && targetPort <= endPort)).toBe(true);
  });

  it('top, the graph, flows, events and check say what there is, with no more than the API server to reach', async () => {
    const flow = west.start('client', 'flow', ['web', ECHO, 2]);
    try {
      const top = await eventually('both connections', async () => {
        const text = await west.skuprt(['top', '--once']);
        return /^web +1 +1 +2 /m.test(text) && text;
      });
      expect(top).toMatch(/^2 sites +2 routers +1 link +1 service$/m);
      const flows = await west.skuprt(['flows', '--service', 'web', '--state', 'open', '-o', 'json']);
      expect(JSON.parse(flows).items).toMatchObject([{ state: 'open' }, { state: 'open' }]);
    } finally {
      await flow.stop();
    }
    const graph = await west.skuprt(['network', 'graph', '-o', 'dot']);
    expect(graph).toContain(`label="${west.context}\\n`);
    expect(graph).toContain(`label="${east.context}\\n`);
    expect(await west.skuprt(['network', 'graph', '-o', 'svg'])).toContain('<svg');
    expect(await west.skuprt(['events'])).toContain('link-up');
    expect(await west.skuprt(['check'])).toMatch(/^ok +listener web/m);
  });

  it('two versions of a service get their shares', async () => {
    await Promise.all(['old', 'new'].map((name) => east.server(name, 1, { env: [{ name: 'ANSWER', value: name }] })));
    const shared = (name: string, share: number) => {
      const made = connector(name, name) as { spec: object };
      return { ...made, spec: { ...made.spec, routingKey: 'canary', settings: { 'skuprt.io/share': String(share) } } };
    };
    await east.apply(shared('old', 90), shared('new', 10));
    await west.apply(listener('canary'));
    await eventually('both', async () => {
      const counts = JSON.parse(await west.script('client', 'tally', ['canary', 8080, 40]));
      return counts.old > 0 && counts.new > 0;
    });
    const counts = JSON.parse(await west.script('client', 'tally', ['canary', 8080, 200]));
    process.stdout.write(`of 200 connections: ${JSON.stringify(counts)}\n`);
    expect(counts.old + counts.new).toBe(200);
    expect(counts.new).toBeGreaterThanOrEqual(10);
    expect(counts.new).toBeLessThanOrEqual(35);
  });
});
