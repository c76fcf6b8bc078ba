/** Grants that two replicas of a controller serve from one API server: which of them a redeemer meets makes no difference. */
import { randomUUID } from 'node:crypto';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ANSWER } from '../../site-controller/grants/protocol.ts';
import { createRequest } from '../../site-controller/pki/request.ts';
import { eventually } from '../support/eventually.ts';
import { kubeAssets } from '../support/kube/assets.ts';
import { ControlledCluster, type RunningController } from '../support/kube/controlled-cluster.ts';

const parts = {
  enableGrants: true,
  grantServer: {
    autoconfigure: true,
    baseUrl: 'https://127.0.0.1:9090',
    port: 0,
    tlsCredentials: 'skupper-grant-server',
  },
  enabledAccessTypes: ['local'],
};

interface Grant {
  uid: string;
  code: string;
}

describe.runIf(kubeAssets() !== undefined)('grants of two replicas on a real API server', () => {
  let cluster: ControlledCluster;
  let replicas: RunningController[];

  beforeAll(async () => {
    cluster = await ControlledCluster.start('grants');
    replicas = [
      await cluster.startController({ elects: true, parts }),
      await cluster.startController({ elects: true, parts }),
    ];
    await eventually('both listen', () => replicas.every(({ controller }) => controller.grants.port !== undefined));
  });
  afterAll(() => cluster?.stop());

  /** Of a site that can be linked to. */
  async function grant(spec: object = {}): Promise<{ namespace: string } & Grant> {
    const namespace = await cluster.namespace();
    await cluster.put('Site', namespace, 'west', { linkAccess: 'default' });
    await cluster.condition(['Site', namespace, 'west'], 'Configured', 'True');
    await cluster.put('AccessGrant', namespace, 'g', spec);
    await cluster.condition(['AccessGrant', namespace, 'g'], 'Ready', 'True');
    const { status, metadata } = await cluster.seen('AccessGrant', namespace, 'g');
    expect(status).toMatchObject({
      code: expect.any(String),
      url: `https://127.0.0.1:9090/${metadata.uid}`,
    });
    return { namespace, uid: metadata.uid!, code: (status as { code: string }).code };
  }

  const ask = ({ controller }: RunningController, { uid, code }: Grant, csr: string) =>
    post(`https://127.0.0.1:${controller.grants.port}/${uid}`, JSON.stringify({ code, csr, subject: 'another-site' }));

  /** What the certificates and endpoints are made of may reach a replica after the grant: it says so, and is asked again. */
  async function redeem(replica: RunningController, wanted: Grant, csr: string): Promise<string> {
    return await eventually(`${wanted.uid} is redeemed`, async () => {
      const { status, body } = await ask(replica, wanted, csr);
      expect([200, 500]).toContain(status);
      return status === 200 && body;
    });
  }

  const counted = async (namespace: string, count: number) =>
    await cluster.seen('AccessGrant', namespace, 'g', ({ status }) => {
      return (status as { redemptions?: number }).redemptions === count;
    });

  it('are redeemed by either, and the same request by both is one use', async () => {
    const { namespace, ...wanted } = await grant({ redemptionsAllowed: 1 });
    const { csr } = createRequest({ subject: 'another-site' });
    for (const replica of replicas) expect(await redeem(replica, wanted, csr)).toContain('kind: Link');
    await counted(namespace, 1);
    const another = createRequest({ subject: 'another-site' });
    for (const replica of replicas) expect(await ask(replica, wanted, another.csr)).toMatchObject({ status: 404 });
  });

  it('are redeemed by one that has not heard of them, which knows for sure when it says that there is none', async () => {
    const { namespace, ...wanted } = await grant();
    const [behind] = replicas as [RunningController];
    const reflector = behind.controller.reflectors.get('AccessGrant')!;
    const list = vi.spyOn(reflector, 'list').mockImplementation(() => []);
    const { csr } = createRequest({ subject: 'another-site' });
    expect(await redeem(behind, wanted, csr)).toContain('kind: Link');
    expect(await ask(behind, { ...wanted, uid: randomUUID() }, csr)).toEqual({
      status: 404,
      body: `${ANSWER.unknown}\n`,
    });
    await cluster.remove('AccessGrant', namespace, 'g');
    expect(await ask(behind, wanted, csr)).toMatchObject({ status: 404 });
    list.mockRestore();
  });
});

/** Whoever answers: it is not reached by a name of its own here. */
function post(url: string, body: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const asked = request(url, { method: 'POST', rejectUnauthorized: false, headers }, (answer) => {
      text(answer).then((read) => resolve({ status: answer.statusCode ?? 0, body: read }), reject);
    });
    asked.once('error', reject).end(body);
  });
}
