/** Who may open the console of a cluster, and what they see and make in it, as a real API server says. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KubernetesAccess } from '../../cli/console/kubernetes-access.ts';
import { clusterPlaces, UserPlaces } from '../../cli/console/user-places.ts';
import { connectClient } from '../../cli/places/cluster-connection.ts';
import { contextOf } from '../../cli/platform.ts';
import { LIMITS } from '../../console/server/limits.ts';
import type { SignedIn } from '../../console/server/uses.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { Authority } from '../support/authority.ts';
import { stopChild } from '../support/child-process.ts';
import { CLI_ENTRY, runHere, surroundings } from '../support/cli.ts';
import { fakeConsole } from '../support/console-server.ts';
import { ApiServer } from '../support/kube/api-server.ts';
import { kubeAssets } from '../support/kube/assets.ts';
import { freePort } from '../support/local-machine.ts';

const NAMESPACE = 'shop';
const RBAC = 'rbac.authorization.k8s.io/v1';
const SKUPPER = 'skupper.io/v2alpha1';
const HOST = { host: 'localhost:8090' };
const ADMIN = 'admin-of-tests';

const ROLES: Readonly<Record<string, readonly { resources: string[]; verbs: string[] }[]>> = {
  viewer: [{ resources: ['sites', 'links', 'listeners', 'connectors', 'multikeylisteners'], verbs: ['get', 'list'] }],
  editor: [{ resources: ['sites', 'links', 'accessgrants', 'accesstokens'], verbs: ['get', 'list', 'create'] }],
  stranger: [{ resources: ['connectors'], verbs: ['get'] }],
};

describe.runIf(kubeAssets() !== undefined)('the console of a cluster', () => {
  const home = mkdtempSync(join(tmpdir(), 'skuprt-kube-console-'));
  let api: ApiServer;
  let client: KubeClient;
  let access: KubernetesAccess;
  let places: UserPlaces;
  const tokens = new Map<string, string>();

  beforeAll(async () => {
    api = await ApiServer.start('west');
    const env = { XDG_DATA_HOME: home, KUBECONFIG: await api.kubeconfig() };
    const made = await runHere(`-n ${NAMESPACE} init west --install --wait none`.split(' '), {
      env,
      connect: connectClient,
    });
    expect([made.code, made.err]).toEqual([0, expect.any(String)]);
    client = (await api.connect()).client;
    for (const name of Object.keys(ROLES)) tokens.set(name, await user(name));
    access = new KubernetesAccess({ env }, NAMESPACE);
    const context = contextOf({}, surroundings({ env, connect: connectClient }), {
      platform: 'kubernetes',
      namespace: NAMESPACE,
    });
    places = new UserPlaces(clusterPlaces(context));
  });

  afterAll(async () => {
    places?.close();
    client?.close();
    await api?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  /** A service account with the role of its name, and a token of it. */
  async function user(name: string): Promise<string> {
    const metadata = { name, namespace: NAMESPACE };
    const accounts = { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts' };
    await client.create(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    const rules = ROLES[name]!.map((rule) => ({ apiGroups: ['skupper.io'], ...rule }));
    await client.create(
      { apiVersion: RBAC, kind: 'Role', plural: 'roles' },
      {
        apiVersion: RBAC,
        kind: 'Role',
        metadata,
        rules,
      },
    );
    await client.create(
      { apiVersion: RBAC, kind: 'RoleBinding', plural: 'rolebindings' },
      {
        apiVersion: RBAC,
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace: NAMESPACE }],
      },
    );
    const path = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${name}/token`;
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
    const answer = (await client.raw('POST', path, request)) as { status: { token: string } };
    return answer.status.token;
  }

  const nameOf = (name: string) => `system:serviceaccount:${NAMESPACE}:${name}`;
  const signedIn = (name: string): SignedIn => ({ name, mayIssue: false, token: tokens.get(name)! });

  it('is for who may see sites of the namespace, and tokens are made by who may make grants', async () => {
    expect(await access.check(tokens.get('viewer')!)).toEqual({ name: nameOf('viewer'), mayIssue: false });
    expect(await access.check(tokens.get('editor')!)).toEqual({ name: nameOf('editor'), mayIssue: true });
    expect(await access.check(ADMIN)).toEqual({ name: 'admin', mayIssue: true });
    expect(await access.check(tokens.get('stranger')!)).toBeUndefined();
  });

  it('is for nobody with a token that is none', async () => {
    const [head, body] = tokens.get('editor')!.split('.');
    for (const token of ['x', `${head}.${body}.AAAA`, 'a\r\nimpersonate-user: admin', 'with space', 'ä', '\0']) {
      expect([token, await access.check(token)]).toEqual([token, undefined]);
    }
  });

  it('shows each user what they may see', async () => {
    const viewer = await places.of(signedIn('viewer'));
    await expect(viewer.tokens()).rejects.toMatchObject({ status: 403 });
    expect(await viewer.linkEndpoints('none')).toBeUndefined();
    expect(await viewer.policies()).toEqual([]);
    expect((await viewer.explain('backend')).explain).toHaveLength(1);
    const editor = await places.of(signedIn('editor'));
    expect(await editor.tokens()).toEqual([]);
  });

  it('makes no token for who may not, and changes nothing then', async () => {
    const viewer = await places.of(signedIn('viewer'));
    await expect(viewer.issueToken({})).rejects.toMatchObject({ name: expect.any(String) });
    const grants = await client.list({ apiVersion: SKUPPER, kind: 'AccessGrant', plural: 'accessgrants' });
    expect(grants.items).toEqual([]);
  });

  it('answers over HTTP what the API server refuses, and ends sessions of tokens that were taken back', async () => {
    const made = fakeConsole({}, { access, placeOf: places.of });
    const ask = (path: string, cookie: string) =>
      made.server.inject({ url: `/api/v1/${path}`, headers: { ...HOST, cookie } });
    const signIn = async (token: string) => {
      const answer = await made.server.inject({
        method: 'POST',
        url: '/api/v1/sign-in',
        headers: HOST,
        payload: { token },
      });
      return { status: answer.statusCode, cookie: String(answer.headers['set-cookie']).split(';')[0]! };
    };
    expect((await signIn(tokens.get('stranger')!)).status).toBe(401);
    const { status, cookie } = await signIn(tokens.get('viewer')!);
    expect(status).toBe(200);
    expect((await ask('network', cookie)).json()).toMatchObject({ user: nameOf('viewer'), readOnly: true });
    expect((await ask('tokens', cookie)).statusCode).toBe(403);
    const accounts = { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts' };
    await client.delete(accounts, NAMESPACE, 'viewer');
    made.clock.at += LIMITS.sessionRecheckMs;
    // The API server keeps what it knows of a token for some seconds.
    await expect
      .poll(
        async () => {
          made.clock.at += LIMITS.sessionRecheckMs;
          return (await ask('network', cookie)).statusCode;
        },
        { timeout: 45_000, interval: 500 },
      )
      .toBe(401);
  });

  it('runs as its pod starts it: with TLS, its certificate and that for the router in files, for users of the cluster', async () => {
    const tls = join(home, 'tls');
    const authority = new Authority('console-ca');
    authority.write(tls, 'localhost');
    const metricsPort = await freePort();
    const flags = ['--sign-in', 'kubernetes', '--tls-credentials', tls, '--metrics-port', String(metricsPort)];
    const router = ['--router-host', 'localhost', '--router-port', '1', '--router-credentials', tls];
    const args = ['-p', 'kubernetes', '-n', NAMESPACE, 'console', '--port', '0', '--host', 'localhost'];
    const env = { ...process.env, XDG_DATA_HOME: home, KUBECONFIG: await api.kubeconfig() };
    const child = spawn(process.execPath, [CLI_ENTRY, ...args, ...flags, ...router], { env });
    try {
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
      await expect.poll(() => output, { timeout: 40_000 }).toMatch(/^https:\/\/localhost:\d+\/$/m);
      const [url = ''] = /https:\S+/.exec(output) ?? [];
      const { certificate: ca } = authority.ca;
      const ask = (token: string) =>
        statusOf(`${url}api/v1/network`, { ca, headers: { authorization: `Bearer ${token}` } });
      expect(await ask(tokens.get('editor')!)).toBe(200);
      expect(await ask(tokens.get('stranger')!)).toBe(401);
      expect(await (await fetch(`http://localhost:${metricsPort}/metrics`)).text()).toContain(
        'skuprt_console_sign_ins_total{result="refused"} 1',
      );
    } finally {
      await stopChild(child);
    }
  });

  it('lets nobody in, and nobody out, while the API server does not answer', async () => {
    const made = fakeConsole({}, { access, placeOf: places.of });
    const headers = { ...HOST, authorization: `Bearer ${tokens.get('editor')}` };
    const ask = () => made.server.inject({ url: '/api/v1/network', headers });
    expect((await ask()).statusCode).toBe(200);
    await api.stopServer();
    const stranger = { ...HOST, authorization: `Bearer ${ADMIN}` };
    const answer = await made.server.inject({ url: '/api/v1/network', headers: stranger });
    expect([answer.statusCode, answer.json().code]).toEqual([502, 'SKUPRT_KUBE_UNREACHABLE']);
    expect((await ask()).statusCode).toBe(200);
  });
});

function statusOf(url: string, options: RequestOptions): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const made = request(url, options, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    made.on('error', reject).end();
  });
}
