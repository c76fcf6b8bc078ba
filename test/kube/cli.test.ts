/** The command line on a real API server, without a controller: what it installs, writes, prints and is refused. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { connectClient } from '../../cli/places/cluster-connection.ts';
import { KubernetesPlace } from '../../cli/places/kubernetes.ts';
import { contextOf } from '../../cli/platform.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { runHere, surroundings } from '../support/cli.ts';
import { placeConformance } from '../support/cli-place-conformance.ts';
import { ApiServer } from '../support/kube/api-server.ts';
import { kubeAssets } from '../support/kube/assets.ts';

describe.runIf(kubeAssets() !== undefined)('the command line on a real API server', () => {
  const home = mkdtempSync(join(tmpdir(), 'skuprt-kube-cli-'));
  let api: ApiServer;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    api = await ApiServer.start('west');
    env = { XDG_DATA_HOME: home, KUBECONFIG: await api.kubeconfig() };
  });

  afterAll(async () => {
    await api?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const run = (line: string) => runHere(line.split(' '), { env, connect: connectClient });
  const shown = async (line: string) => JSON.parse((await run(`${line} -o json`)).out) as KubeObject;

  it('tells a cluster without the kinds from one without a site, and says what to do', async () => {
    expect(await run('site status')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/not installed[\s\S]*install/),
    });
    expect(await run('check')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/warn {2}kinds[\s\S]*ok {4}rights to install/),
    });
  });

  it('installs what init needs, and says so', async () => {
    const first = await run('--context west -n first init --wait none');
    expect(first).toMatchObject({
      code: 0,
      err: expect.stringMatching(/installing the controller[\s\S]*Site "first" is made/),
    });
    expect((await run('check')).out).toMatch(/ok {4}kinds[\s\S]*fail {2}controller skupper\/skupper-controller/);
    const made = await run('-n shop init west --wait none --link-access-type nodeport --enable-ha');
    expect(made).toMatchObject({ code: 0, err: expect.stringContaining('Namespace "shop" is made') });
    expect((await shown('-n shop site status west')).spec).toEqual({ linkAccess: 'nodeport', ha: true });
    expect(await run('-n shop init west --wait none')).toMatchObject({ code: 1 });
  });

  it('writes what it prints with --dry-run, and prints it alike each time', async () => {
    const line = '-n shop connector create backend 8080 --selector app=x --include-not-ready';
    const dry = await run(`${line} --dry-run -o json`);
    expect((await run(`${line} --dry-run -o json`)).out).toBe(dry.out);
    expect(await run(`${line} --wait none`)).toMatchObject({ code: 0 });
    const { metadata, ...wanted } = JSON.parse(dry.out) as KubeObject;
    expect(await shown('-n shop connector status backend')).toMatchObject({
      ...wanted,
      metadata: { ...metadata, namespace: 'shop' },
    });
  });

  it('changes what is given and leaves the fields of others', async () => {
    const { client } = await api.connect();
    const type = { apiVersion: 'skupper.io/v2alpha1', kind: 'Connector', plural: 'connectors' };
    const theirs = {
      apiVersion: type.apiVersion,
      kind: type.kind,
      metadata: { name: 'backend', namespace: 'shop', labels: { team: 'x' } },
    };
    await client.apply(type, theirs, { fieldManager: 'somebody', force: false });
    expect(await run('-n shop connector update backend --host db.example --wait none')).toMatchObject({ code: 0 });
    const { spec, metadata } = await shown('-n shop connector status backend');
    expect(spec).toEqual({ routingKey: 'backend', host: 'db.example', port: 8080, includeNotReadyPods: true });
    expect(metadata.labels).toEqual({ team: 'x' });
    expect('managedFields' in metadata).toBe(false);
    client.close();
  });

  it('generates manifests that the API server takes', async () => {
    const { client } = await api.connect();
    for (const line of ['site generate a --edge', 'listener generate a 80', 'connector generate a 80']) {
      const { out } = await run(`-p kubernetes ${line}`);
      for (const document of parseAllDocuments(out)) {
        const object = document.toJS() as KubeObject;
        const type = { apiVersion: object.apiVersion, kind: object.kind, plural: `${object.kind.toLowerCase()}s` };
        await client.create(
          type,
          { ...object, metadata: { ...object.metadata, namespace: 'default' } },
          { dryRun: true },
        );
      }
    }
    client.close();
  });

  it('exposes the pods of a workload by its selector', async () => {
    const { client } = await api.connect();
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const spec = { selector: { matchLabels: { app: 'web' } }, template };
    const metadata = { name: 'web', namespace: 'shop' };
    await client.create(
      { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' },
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec },
    );
    expect(await run('-n shop expose deployment/web --port 80 --wait none')).toMatchObject({ code: 0 });
    expect((await shown('-n shop connector status web')).spec).toMatchObject({ selector: 'app=web', port: 80 });
    client.close();
  });

  it('says what the API server refuses, before anything is written', async () => {
    expect(await run('-n shop listener create a 99999')).toMatchObject({ code: 2 });
    expect(await run('-n nowhere listener create a 80')).toMatchObject({ code: 3 });
    expect(await run('--kubeconfig /none status')).toMatchObject({
      code: 2,
      err: expect.stringContaining('kubeconfig'),
    });
  });

  it('ends a wait in time with exit 4, and says that the controller is not ready', async () => {
    const { code, err } = await run('-n shop listener create slow 80 --timeout 500ms');
    expect({ code, err }).toEqual({ code: 4, err: expect.stringContaining('is not ready') });
    expect(await run('-n shop listener delete slow --yes')).toMatchObject({ code: 0 });
  });

  it('removes a site, and with --all every resource of ours', async () => {
    expect(await run('-n shop delete --yes')).toMatchObject({ code: 0 });
    expect((await run('-n shop connector status -o name')).out).toBe('connector/backend\nconnector/web\n');
    expect(await run('-n shop delete --all --yes')).toMatchObject({ code: 0 });
    expect((await run('-n shop connector status -o name')).out).toBe('');
  });

  placeConformance('a namespace of a real API server', {
    open: async () => {
      const context = contextOf({}, surroundings({ env }), { platform: 'kubernetes', namespace: 'default' });
      return new KubernetesPlace(context, await connectClient(context.cluster, env));
    },
    close: () => Promise.resolve(),
  });
});
