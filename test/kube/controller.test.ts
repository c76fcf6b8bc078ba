/** The site-controller on a real API server: what a namespace gets, what is left alone, what is repaired. Control-plane reference 8.3. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { kubeAssets } from '../support/kube/assets.ts';
import { ControlledCluster, type RunningController } from '../support/kube/controlled-cluster.ts';

/** Longer than any write takes that follows from another. */
const QUIET_MS = 3000;
const OWN_MAP = { data: { controller: 'skupper/skupper-controller' } };

describe.runIf(kubeAssets() !== undefined)('a controller on a real API server', () => {
  let cluster: ControlledCluster;
  let running: RunningController;

  beforeAll(async () => {
    cluster = await ControlledCluster.start('controller', ['MultiKeyListener']);
    running = await cluster.startController();
  });
  afterAll(() => cluster?.stop());

  /** A namespace with a Site that is configured. */
  async function site(spec: object = {}): Promise<string> {
    const namespace = await cluster.namespace();
    await cluster.put('Site', namespace, 'west', spec);
    await cluster.condition(['Site', namespace, 'west'], 'Configured', 'True');
    await cluster.seen('ConfigMap', namespace, 'skupper-router');
    return namespace;
  }

  async function pod(namespace: string, name: string, ip: string, app = 'web'): Promise<void> {
    const labels = { labels: { app } };
    await cluster.put('Pod', namespace, name, { containers: [{ name: 'c', image: 'i' }] }, { metadata: labels });
    const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'True' }] };
    const type = { apiVersion: 'v1', kind: 'Pod', plural: 'pods' };
    await cluster.client.patch(type, namespace, name, { status }, { subresource: 'status' });
  }

  describe('makes of a Site', () => {
    it('a Deployment with router and adaptor, its rights, certificates and configuration, all owned by it', async () => {
      const namespace = await site();
      const { metadata } = await cluster.seen('Site', namespace, 'west');
      await cluster.condition(['Site', namespace, 'west'], 'Running', 'False');
      const deployment = await cluster.seen('Deployment', namespace, 'skupper-router');
      const { template } = deployment.spec as {
        template: { metadata: object; spec: { containers: { name: string }[] } };
      };
      expect(template.metadata).toMatchObject({ labels: { 'skupper.io/component': 'router' } });
      expect(template.spec.containers.map(({ name }) => name).sort()).toEqual(['kube-adaptor', 'router']);
      const made = [
        ...['ServiceAccount', 'Role', 'RoleBinding', 'ConfigMap'].map((kind) => [kind, 'skupper-router']),
        ...['skupper-site-ca', 'skupper-local-ca', 'skupper-local-server', 'skupper-local-client'].map((name) => [
          'Secret',
          name,
        ]),
        ['Service', 'skupper-router-local'],
        ['Certificate', 'skupper-site-ca'],
      ];
      for (const [kind = '', name = ''] of made) {
        const object = await cluster.seen(kind, namespace, name);
        expect(object.metadata.ownerReferences, `${kind} ${name}`).toMatchObject([{ kind: 'Site', uid: metadata.uid }]);
        expect(object.metadata.labels, `${kind} ${name}`).toMatchObject({ 'internal.skupper.io/controlled': 'true' });
      }
      await cluster.condition(['Certificate', namespace, 'skupper-site-ca'], 'Ready', 'True');
    });

    it('default link access: a Service by load balancer, and its endpoints once it has an address', async () => {
      const namespace = await site({ linkAccess: 'default' });
      const service = await cluster.seen('Service', namespace, 'skupper-router');
      expect(service.spec).toMatchObject({ type: 'LoadBalancer' });
      await cluster.condition(['Site', namespace, 'west'], 'Resolved', 'False');
      const status = { loadBalancer: { ingress: [{ ip: '192.0.2.9' }] } };
      const type = { apiVersion: 'v1', kind: 'Service', plural: 'services' };
      await cluster.client.patch(type, namespace, 'skupper-router', { status }, { subresource: 'status' });
      await cluster.condition(['Site', namespace, 'west'], 'Resolved', 'True');
      const { status: found } = await cluster.seen('Site', namespace, 'west');
      const { endpoints } = found as { endpoints: { name: string; host: string }[] };
      expect(endpoints.map(({ name, host }) => `${name} ${host}`).sort()).toEqual([
        'edge 192.0.2.9',
        'inter-router 192.0.2.9',
      ]);
      await cluster.seen('Certificate', namespace, 'skupper-site-server', ({ spec }) =>
        JSON.stringify(spec).includes('192.0.2.9'),
      );
    });

    it('link access as asked for, and says what cannot be had', async () => {
      const namespace = await site({ linkAccess: 'local' });
      const { spec } = await cluster.seen('Service', namespace, 'skupper-router');
      expect(spec).toMatchObject({ type: 'ClusterIP' });
      await cluster.put('Site', namespace, 'west', { linkAccess: 'nodeport' });
      await cluster.condition(['Site', namespace, 'west'], 'Configured', 'False', 'nodeport.*local, loadbalancer');
    });

    it('of an edge Site no access; edge with HA is refused', async () => {
      const namespace = await site({ edge: true });
      await eventually('mode edge', async () => {
        const config = [...(await cluster.routerConfig(namespace)).values()];
        return config.some(({ mode }) => mode === 'edge');
      });
      await cluster.put('Site', namespace, 'west', { edge: true, ha: true });
      await cluster.condition(['Site', namespace, 'west'], 'Configured', 'False', 'HA');
    });

    it('two of everything with HA, a budget for them, and one again without', async () => {
      const namespace = await site({ ha: true, linkAccess: 'default' });
      for (const name of ['skupper-router', 'skupper-router-2']) {
        await cluster.seen('Deployment', namespace, name);
        await cluster.seen('Service', namespace, name);
        await cluster.seen('ConfigMap', namespace, name);
      }
      await eventually('a budget', async () => (await cluster.list('PodDisruptionBudget', namespace)).length > 0);
      await cluster.put('Site', namespace, 'west', { ha: false });
      for (const kind of ['Deployment', 'ConfigMap', 'Service'])
        await cluster.gone(kind, namespace, 'skupper-router-2');
      await eventually('no budget', async () => (await cluster.list('PodDisruptionBudget', namespace)).length === 0);
    });

    it('resources by a size, and labels by templates', async () => {
      const labels = (entries: object) => ({ metadata: { labels: entries } });
      const size = { data: { 'router-cpu-limit': '250m' }, ...labels({ 'skupper.io/site-sizing': 'small' }) };
      await cluster.put('ConfigMap', 'skupper', 'sizing', {}, { ...size, spec: undefined });
      const namespace = await site({ settings: { size: 'small' } });
      const { spec } = await cluster.seen('Deployment', namespace, 'skupper-router');
      expect(JSON.stringify(spec)).toContain('"limits":{"cpu":"250m"}');
      const template = {
        ...labels({ 'skupper.io/label-template': '', 'company.example/team': 'networks' }),
        data: { kind: 'Service' },
      };
      const serviceLabel = (value: string | undefined) =>
        cluster.seen('Service', namespace, 'skupper-router-local', ({ metadata }) => {
          return metadata.labels?.['company.example/team'] === value;
        });
      await cluster.put('ConfigMap', namespace, 'template', {}, { ...template, spec: undefined });
      await serviceLabel('networks');
      await cluster.remove('ConfigMap', namespace, 'template');
      await serviceLabel(undefined);
      await cluster.put('Site', namespace, 'west', { settings: { size: 'huge' } });
      await cluster.condition(['Site', namespace, 'west'], 'Configured', 'False', 'huge.*small');
    });
  });

  describe('leaves alone', () => {
    it('a namespace of another controller until it is given over', async () => {
      const namespace = await cluster.namespace();
      await cluster.put('ConfigMap', namespace, 'skupper', {}, { data: { controller: 'other/one' }, spec: undefined });
      await cluster.put('Site', namespace, 'west', {});
      const neighbour = await site();
      expect(neighbour).not.toBe(namespace);
      expect((await cluster.find('Site', namespace, 'west'))?.status).toBeUndefined();
      await cluster.put('ConfigMap', namespace, 'skupper', {}, { ...OWN_MAP, spec: undefined });
      await cluster.condition(['Site', namespace, 'west'], 'Configured', 'True');
    });

    it("somebody else's Service of a Listener's name, and takes the name when that one goes", async () => {
      const namespace = await site();
      const theirs = await cluster.put('Service', namespace, 'backend', { ports: [{ port: 80 }] });
      await cluster.put('Listener', namespace, 'l', { routingKey: 'k', host: 'backend', port: 80 });
      await cluster.condition(['Listener', namespace, 'l'], 'Configured', 'False', 'backend already exists');
      expect(await cluster.find('Service', namespace, 'backend')).toEqual(theirs);
      await cluster.remove('Service', namespace, 'backend');
      await cluster.condition(['Listener', namespace, 'l'], 'Configured', 'True');
      await cluster.seen('Service', namespace, 'backend');
    });

    it('a second Site, which takes over when the first goes', async () => {
      const namespace = await site();
      await sleep(1100);
      await cluster.put('Site', namespace, 'a-second', {});
      await cluster.condition(['Site', namespace, 'a-second'], 'Configured', 'False', 'already exists.*west');
      await cluster.remove('Site', namespace, 'west');
      await cluster.collectGarbage(namespace);
      await cluster.condition(['Site', namespace, 'a-second'], 'Configured', 'True');
      const { metadata } = await cluster.seen('Site', namespace, 'a-second');
      await eventually('everything is of the second', async () => {
        await cluster.collectGarbage(namespace);
        const deployment = await cluster.find('Deployment', namespace, 'skupper-router');
        return deployment?.metadata.ownerReferences?.[0]?.uid === metadata.uid;
      });
    });
  });

  describe('repairs', () => {
    it('what was deleted and what was edited by hand', async () => {
      const namespace = await site();
      await cluster.put('Listener', namespace, 'l', { routingKey: 'k', host: 'backend', port: 80 });
      const { metadata } = await cluster.seen('Service', namespace, 'backend');
      await cluster.remove('Service', namespace, 'backend');
      const again = await cluster.seen('Service', namespace, 'backend', (found) => found.metadata.uid !== metadata.uid);
      const { ports } = again.spec as { ports: { targetPort: number }[] };
      const edited = ports.map((port) => ({ ...port, targetPort: 1 }));
      await cluster.put('Service', namespace, 'backend', { ports: edited });
      await cluster.seen('Service', namespace, 'backend', ({ spec }) => {
        return (spec as typeof again.spec & { ports: typeof ports }).ports[0]?.targetPort === ports[0]?.targetPort;
      });
      await cluster.put('Deployment', namespace, 'skupper-router', { replicas: 0 });
      await cluster.seen('Deployment', namespace, 'skupper-router', ({ spec }) => {
        return (spec as { replicas: number }).replicas === 1;
      });
      await cluster.remove('Secret', namespace, 'skupper-local-server');
      await cluster.seen('Secret', namespace, 'skupper-local-server');
    });
  });

  describe('serves', () => {
    it('a Listener: a Service to a port of the router, its changes, and its end', async () => {
      const namespace = await site();
      await cluster.put('Listener', namespace, 'l', { routingKey: 'k', host: 'backend', port: 8080 });
      const { port, address } = await cluster.entity(namespace, 'tcpListener listener/l');
      expect(address).toBe('k');
      const { spec } = await cluster.seen('Service', namespace, 'backend');
      expect(spec).toMatchObject({
        ports: [{ port: 8080, targetPort: Number(port) }],
        selector: { 'skupper.io/component': 'router' },
      });
      await cluster.condition(['Listener', namespace, 'l'], 'Configured', 'True');
      await cluster.put('Listener', namespace, 'l', { host: 'other' });
      await cluster.seen('Service', namespace, 'other');
      await cluster.gone('Service', namespace, 'backend');
      await cluster.remove('Listener', namespace, 'l');
      await cluster.gone('Service', namespace, 'other');
      await cluster.entity(namespace, 'tcpListener listener/l', false);
    });

    it('several Listeners of one host by one Service, and refuses a second on a port', async () => {
      const namespace = await site();
      await cluster.put('Listener', namespace, 'a', { routingKey: 'k', host: 'backend', port: 80 });
      await cluster.put('Listener', namespace, 'b', { routingKey: 'k2', host: 'backend', port: 81 });
      await cluster.seen(
        'Service',
        namespace,
        'backend',
        ({ spec }) => (spec as { ports: unknown[] }).ports.length === 2,
      );
      await sleep(1100);
      await cluster.put('Listener', namespace, 'c', { routingKey: 'k3', host: 'backend', port: 80 });
      await cluster.condition(['Listener', namespace, 'c'], 'Configured', 'False', 'backend');
      await cluster.remove('Listener', namespace, 'a');
      await cluster.condition(['Listener', namespace, 'c'], 'Configured', 'True');
    });

    it('a Connector by host and one by selector, whose pods come and go', async () => {
      const namespace = await site();
      await cluster.put('Connector', namespace, 'h', { routingKey: 'k', host: 'db.example', port: 5432 });
      expect(await cluster.entity(namespace, 'tcpConnector connector/h@db.example')).toMatchObject({ port: '5432' });
      await cluster.put('Connector', namespace, 's', { routingKey: 'k', selector: 'app=web', port: 80 });
      await cluster.condition(['Connector', namespace, 's'], 'Configured', 'False', 'No pods');
      await pod(namespace, 'web-0', '10.0.0.1');
      await cluster.entity(namespace, 'tcpConnector connector/s@10.0.0.1');
      await cluster.condition(['Connector', namespace, 's'], 'Configured', 'True');
      await cluster.client.delete({ apiVersion: 'v1', kind: 'Pod', plural: 'pods' }, namespace, 'web-0');
      await cluster.entity(namespace, 'tcpConnector connector/s@10.0.0.1', false);
    });

    it('says of resources without a Site that there is none', async () => {
      const namespace = await cluster.namespace();
      await cluster.put('Listener', namespace, 'l', { routingKey: 'k', host: 'backend', port: 80 });
      await cluster.put('Connector', namespace, 'c', { routingKey: 'k', host: 'db', port: 80 });
      for (const [kind, name] of [
        ['Listener', 'l'],
        ['Connector', 'c'],
      ] as const) {
        await cluster.condition([kind, namespace, name], 'Configured', 'False', 'No active site');
      }
      expect(await cluster.find('Service', namespace, 'backend')).toBeUndefined();
    });

    it('an AttachedConnector when both namespaces consent, and names what is amiss otherwise', async () => {
      const [near, far, third] = [await cluster.namespace(), await site(), await cluster.namespace()];
      const connector = ['AttachedConnector', near, 'w'] as const;
      const binding = ['AttachedConnectorBinding', far, 'w'] as const;
      await pod(near, 'web-0', '10.0.0.7');
      await cluster.put(...connector, { siteNamespace: far, port: 80, selector: 'app=web' });
      await cluster.condition(connector, 'Configured', 'False', 'No matching AttachedConnectorBinding');
      await cluster.put(...binding, { connectorNamespace: third, routingKey: 'k' });
      await cluster.condition(connector, 'Configured', 'False', `does not allow.*${near}`);
      await cluster.condition(binding, 'Configured', 'False', 'No matching AttachedConnector');
      await cluster.put(...binding, { connectorNamespace: near });
      await cluster.condition(connector, 'Configured', 'True');
      await cluster.condition(binding, 'Configured', 'True');
      const name = await eventually('the pod', async () =>
        [...(await cluster.routerConfig(far)).keys()].find((entry) => entry.includes('10.0.0.7')),
      );
      await cluster.remove(...connector);
      await cluster.entity(far, name, false);
      await cluster.condition(binding, 'Configured', 'False', 'No matching AttachedConnector');
    });

    it('MultiKeyListeners as soon as the API server has them', async () => {
      const namespace = await site();
      expect(running.controller.reflectors.get('MultiKeyListener')!.isPresent).toBe(false);
      await cluster.installKinds((kind) => kind === 'MultiKeyListener');
      const strategy = { priority: { routingKeys: ['a', 'b'] } };
      await cluster.put('MultiKeyListener', namespace, 'm', { host: 'multi', port: 80, strategy });
      // It is looked for each half minute; no test waits for that.
      running.controller.reflectors.get('MultiKeyListener')!.hurry();
      await cluster.condition(['MultiKeyListener', namespace, 'm'], 'Configured', 'True');
      await cluster.seen('Service', namespace, 'multi');
      expect(await cluster.entity(namespace, 'tcpListener multiAddress/m')).toBeDefined();
    });
  });

  it('writes nothing when it is started again', async () => {
    await eventually(
      'at rest',
      async () => {
        const before = running.writes.length;
        await sleep(QUIET_MS);
        return running.writes.length === before;
      },
      30_000,
    );
    await running.stop();
    running = await cluster.startController();
    await sleep(QUIET_MS);
    expect(running.writes).toEqual([]);
    expect(running.passes.failureCount).toBe(0);
  });

  it('of two replicas one leads, and the other takes over', async () => {
    await running.stop();
    const first = await cluster.startController({ elects: true });
    await eventually('the first leads', () => first.isLeading);
    const second = await cluster.startController({ elects: true });
    const namespace = await site();
    // What is written is there before whoever wrote it has the answer.
    await eventually('a write of the first', () => first.writes.length > 0);
    expect(second.writes).toEqual([]);
    expect(second.isLeading).toBe(false);
    await first.stop();
    running = second;
    await eventually('the second leads', () => second.isLeading);
    await cluster.put('Listener', namespace, 'l', { routingKey: 'k', host: 'backend', port: 80 });
    await cluster.condition(['Listener', namespace, 'l'], 'Configured', 'True');
    await eventually('a write of the second', () => second.writes.length > 0);
  });
});
