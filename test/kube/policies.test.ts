/** Access policies on a real API server: what reaches the configuration of routers, how soon, and what is said of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sectionsOf } from '../../config/router-config.ts';
import { decodeWorkloads } from '../../site-controller/reconcile/policy/workload-document.ts';
import { eventually } from '../support/eventually.ts';
import { kubeAssets } from '../support/kube/assets.ts';
import { ControlledCluster, type RunningController } from '../support/kube/controlled-cluster.ts';

describe.runIf(kubeAssets() !== undefined)('access policies on a real API server', () => {
  let cluster: ControlledCluster;
  let running: RunningController;

  beforeAll(async () => {
    cluster = await ControlledCluster.start('policies');
    running = await cluster.startController();
  });
  afterAll(() => cluster?.stop());

  async function site(spec: object = {}): Promise<string> {
    const namespace = await cluster.namespace();
    await cluster.put('Site', namespace, 'west', spec);
    await cluster.seen('ConfigMap', namespace, 'skupper-router');
    return namespace;
  }

  const policiesIn = (data: unknown) =>
    sectionsOf(data).flatMap(({ type, attributes }) => (type === 'accessPolicy' ? [String(attributes.name)] : []));

  /** Waits until the routers of the namespace are told of these and no others. */
  async function told(namespace: string, ...names: string[]): Promise<void> {
    await cluster.seen(
      'ConfigMap',
      namespace,
      'skupper-router',
      ({ data }) => policiesIn(data).join() === names.join(),
    );
  }

  it('reach the routers of their namespace, those of the cluster all routers, and go again', async () => {
    const [shop, other] = [await site(), await site()];
    await cluster.put('AccessPolicy', shop, 'own', { rules: [{ action: 'Allow' }] });
    await cluster.put('ClusterAccessPolicy', '', 'all', { rules: [{ action: 'Deny', from: [{ sites: ['evil'] }] }] });
    await told(shop, `AccessPolicy/${shop}/own`, 'ClusterAccessPolicy/all');
    await told(other, 'ClusterAccessPolicy/all');
    await cluster.remove('ClusterAccessPolicy', '', 'all');
    await cluster.remove('AccessPolicy', shop, 'own');
    await told(shop);
    await told(other);
  });

  it('keep a Connector out of the routers, which says so until it may', async () => {
    const namespace = await site();
    await cluster.put('Connector', namespace, 'db', { routingKey: 'db', host: 'db', port: 5432 });
    await cluster.condition(['Connector', namespace, 'db'], 'Configured', 'True');
    const rules = [{ action: 'Deny', operations: ['Expose'] }];
    await cluster.put('ClusterAccessPolicy', '', 'closed', { services: [{ namespaces: [namespace] }], rules });
    await cluster.condition(['Connector', namespace, 'db'], 'Configured', 'False', 'ClusterAccessPolicy/closed');
    await cluster.seen('ConfigMap', namespace, 'skupper-router', ({ data }) =>
      sectionsOf(data).every(({ type }) => type !== 'tcpConnector'),
    );
    await cluster.seen('ClusterAccessPolicy', '', 'closed', ({ status }) => {
      const { selected } = (status ?? {}) as { selected?: { connectors?: number } };
      return selected?.connectors === 1;
    });
    await cluster.remove('ClusterAccessPolicy', '', 'closed');
    await cluster.condition(['Connector', namespace, 'db'], 'Configured', 'True');
  });

  it('warn of what is probably not meant, by condition and Event', async () => {
    const namespace = await site();
    await cluster.put('AccessPolicy', namespace, 'typo', {
      services: [{ names: ['wbe'] }],
      rules: [{ action: 'Allow' }],
    });
    await cluster.condition(['AccessPolicy', namespace, 'typo'], 'Warnings', 'True', 'selects no');
    await cluster.condition(['AccessPolicy', namespace, 'typo'], 'Ready', 'True');
    // Told when the condition is written, which is seen before.
    await eventually('the Event', () =>
      running.events.some(
        ({ type, reason, about }) => type === 'Warning' && reason === 'SelectsNothing' && about.kind === 'AccessPolicy',
      ),
    );
  });

  it('let routers be told of workloads while one asks', async () => {
    const namespace = await site();
    const elsewhere = await cluster.namespace();
    await cluster.put(
      'Pod',
      elsewhere,
      'client',
      { containers: [{ name: 'c', image: 'i' }] },
      { metadata: { labels: { app: 'client' } } },
    );
    const status = { phase: 'Running', podIP: '10.9.8.7', podIPs: [{ ip: '10.9.8.7' }] };
    const pods = { apiVersion: 'v1', kind: 'Pod', plural: 'pods' };
    await cluster.client.patch(pods, elsewhere, 'client', { status }, { subresource: 'status' });
    await cluster.put('AccessPolicy', namespace, 'by-label', {
      rules: [{ action: 'Allow', from: [{ selector: { matchLabels: { app: 'client' } } }] }],
    });
    await cluster.seen('ConfigMap', namespace, 'skuprt-workloads', ({ data }) => {
      const found = decodeWorkloads([data as Record<string, string>])?.get('10.9.8.7');
      return found?.namespace === elsewhere && found.pod === 'client' && found.labels === 'app=client';
    });
    await cluster.seen('Role', namespace, 'skupper-router', ({ rules }) =>
      JSON.stringify(rules).includes('skuprt-workloads'),
    );
    await cluster.remove('AccessPolicy', namespace, 'by-label');
    await cluster.gone('ConfigMap', namespace, 'skuprt-workloads');
  });

  it('leave NetworkPolicies to those who ask for one', async () => {
    const plain = await site({ linkAccess: 'default' });
    const asking = await site({ linkAccess: 'default', settings: { 'skuprt.io/network-policy': 'true' } });
    const made = await cluster.seen('NetworkPolicy', asking, 'skupper-router', ({ spec }) =>
      JSON.stringify(spec).includes('55671'),
    );
    expect(made.spec).toMatchObject({ policyTypes: ['Ingress'] });
    expect(await cluster.find('NetworkPolicy', plain, 'skupper-router')).toBeUndefined();
  });
});
