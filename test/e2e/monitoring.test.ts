/**
 * What Prometheus makes of clusters by the files of config/monitoring: it finds every process, dashboards show what happens, and alerts
 * fire on their faults and end with them. Wants an image of a Prometheus with discovery of Kubernetes: `--prometheus IMAGE`.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DASHBOARDS } from '../../config/monitoring/dashboards.ts';
import { createCa, issueCertificate } from '../../site-controller/pki/authority.ts';
import { ClusterPrometheus, PROMETHEUS_IMAGE } from './prometheus.ts';
import {
  CONTEXTS,
  connector,
  dropPlaces,
  eventually,
  type Json,
  listener,
  newPair,
  Place,
  type Started,
} from './world.ts';

const FIVE_MINUTES = 300_000;
const DAY_MS = 86_400_000;
const ECHO = 7000;
const NAMESPACE = 'e2e-monitoring';
const CONTROL_PLANE = ['skupper-controller', 'skuprt-service-controller', 'skuprt-dns'];
/** What answers with nothing where nobody asks, or while all is well. */
const MAY_BE_SILENT = ['Names asked for', 'Faults of peers', 'Refused by policies'];

if (CONTEXTS.length >= 2 && !PROMETHEUS_IMAGE)
  process.stdout.write('e2e: monitoring is skipped; to run it, --prometheus names an image of Prometheus\n');

describe.skipIf(CONTEXTS.length < 2 || !PROMETHEUS_IMAGE)(
  'a Prometheus in a cluster',
  { timeout: FIVE_MINUTES },
  () => {
    let west: Place;
    let east: Place;
    let trying: Started;
    /** In the cluster of the site that dials. */
    const prometheus = new ClusterPrometheus(new Place(CONTEXTS[1] ?? '', `${NAMESPACE}-prometheus`));

    beforeAll(async () => {
      [west, east] = await newPair('monitoring');
      await Promise.all([west.server('web'), east.client(), prometheus.start()]);
      await west.apply(connector('web', 'web', ECHO));
      await east.apply(listener('web', ECHO));
      trying = east.start('client', 'tries', []);
      await eventually(
        'an answer',
        async () => {
          const [{ failure } = {}] = await tries();
          if (failure !== undefined) throw new Error(failure);
          return true;
        },
        90_000,
      );
    }, FIVE_MINUTES);
    afterAll(async () => {
      await trying?.stop();
      await prometheus.stop();
      await dropPlaces([west, east].filter((place) => place !== undefined));
    }, FIVE_MINUTES);

    const tries = async (host = 'web', count = 1): Promise<{ failure?: string }[]> =>
      JSON.parse(await trying.ask(`${host} ${ECHO} ${count} 50`));
    const router = { namespace: NAMESPACE };
    const fires = (name: string, labels: Record<string, string>) => prometheus.untilFiring(name, labels);
    const ends = (name: string, labels: Record<string, string>) => prometheus.untilFiring(name, labels, true);

    it('scrapes each port with metrics of each process', async () => {
      const portsOf = (labels: Record<string, string> = {}) => {
        if (labels['skupper.io/component'] === 'router') return [9000, 9090];
        return CONTROL_PLANE.includes(labels.application ?? '') ? [9000] : [];
      };
      const pods = JSON.parse(await east.kubectl(['get', 'pods', '-A', '-o', 'json'])).items as Json[];
      const wanted = pods.flatMap(({ metadata: { labels, namespace, name } }) =>
        portsOf(labels).map((port) => `${namespace}/${name}:${port}`),
      );
      expect(wanted.length).toBeGreaterThan(5);
      await eventually('all are up', async () => {
        const targets = await prometheus.targets();
        const names = targets.map(
          ({ labels }) => `${labels.namespace}/${labels.pod}:${labels.instance?.split(':').at(-1)}`,
        );
        expect(names.sort()).toEqual(wanted.sort());
        expect(targets.filter(({ health }) => health !== 'up').map(({ lastError }) => lastError)).toEqual([]);
        return true;
      });
    });

    it.each(DASHBOARDS.map((dashboard) => [dashboard.uid, dashboard] as const))(
      'answers each query of the dashboard %s',
      async (_, { panels, variables }) => {
        const queries = panels.flatMap(({ title, queries: all }) => all.map(({ expr }) => ({ title, expr })));
        const all = [...queries, ...variables.map(({ name, metric }) => ({ title: `$${name}`, expr: metric }))];
        let silent: string[] = [];
        const isAnswered = async () => {
          await tries();
          silent = [];
          for (const { title, expr } of all) {
            const concrete = expr.replaceAll('$__rate_interval', '30s').replaceAll(/\$(\w+)/g, '.*');
            const isEmpty = (await prometheus.query(concrete)).length === 0;
            if (isEmpty && !MAY_BE_SILENT.includes(title)) silent.push(`${title}: ${concrete}`);
          }
          return silent.length === 0;
        };
        await eventually('an answer to each', isAnswered, 60_000).catch(() => undefined);
        expect(silent).toEqual([]);
      },
    );

    it('tells of a link that is down, and of a site that has no other', async () => {
      const [link] = await east.list('links.skupper.io');
      const { name } = link.metadata;
      const point = (endpoints: object) =>
        east.kubectl([
          'patch',
          'links.skupper.io',
          name,
          '--type=merge',
          '-p',
          JSON.stringify({ spec: { endpoints } }),
        ]);
      const nowhere = link.spec.endpoints.map((endpoint: object) => ({ ...endpoint, port: '9' }));
      await point(nowhere);
      try {
        await fires('SkuprtLinkDown', router);
        await fires('SkuprtSiteCutOff', router);
        await fires('SkuprtServiceUnreachable', { ...router, address: 'web' });
      } finally {
        await point(link.spec.endpoints);
      }
      for (const alert of ['SkuprtLinkDown', 'SkuprtSiteCutOff', 'SkuprtServiceUnreachable']) await ends(alert, router);
    });

    it('tells of connections that find no backend', async () => {
      await Promise.all([
        east.apply(listener('broken', ECHO)),
        // In the same cluster, so that both ends are seen.
        east.apply({
          apiVersion: 'skupper.io/v2alpha1',
          kind: 'Connector',
          metadata: { name: 'broken' },
          spec: { routingKey: 'broken', host: 'web.invalid', port: 9 },
        }),
      ]);
      const service = { ...router, address: 'broken' };
      await eventually(
        'both alerts',
        async () => {
          await tries('broken', 5);
          const all = [
            ...(await prometheus.firing('SkuprtFlowsRefused')),
            ...(await prometheus.firing('SkuprtBackendsUnfit')),
          ];
          return all.filter(({ address }) => address === 'broken').length === 2;
        },
        120_000,
      );
      for (const kind of ['connectors.skupper.io', 'listeners.skupper.io']) await east.remove(kind, 'broken');
      for (const alert of ['SkuprtFlowsRefused', 'SkuprtBackendsUnfit']) await ends(alert, service);
    });

    it('tells of a policy that refuses connections all the time', async () => {
      await east.apply({
        apiVersion: 'skuprt.io/v1alpha1',
        kind: 'AccessPolicy',
        metadata: { name: 'nobody' },
        spec: { services: [{ routingKeys: ['web'] }], rules: [{ action: 'Deny' }] },
      });
      const labels = { ...router, policy: `AccessPolicy/${NAMESPACE}/nobody` };
      await eventually(
        'the alert',
        async () => {
          await tries('web', 5);
          return (await prometheus.firing('SkuprtPolicyRefuses')).some(({ policy }) => policy === labels.policy);
        },
        60_000,
      );
      await east.remove('accesspolicies', 'nobody');
      await ends('SkuprtPolicyRefuses', labels);
    });

    it('tells of certificates before they expire, the last day louder', async () => {
      const now = Date.now();
      const ca = createCa({ commonName: 'monitoring', validMs: 30 * DAY_MS, now });
      const secret = (validMs: number) => {
        const usages = ['server'] as ['server'];
        const made = issueCertificate({ ca, subject: 'web', hosts: ['late'], uris: [], usages, validMs, now });
        const data = { 'ca.crt': ca.certificate, 'tls.crt': made.certificate, 'tls.key': made.privateKey };
        return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'late' }, stringData: data };
      };
      const { spec, ...late } = listener('late', ECHO) as { spec: object };
      await east.apply(secret(3 * DAY_MS), { ...late, spec: { ...spec, tlsCredentials: 'late' } });
      await fires('SkuprtCertificateExpires', router);
      expect(await prometheus.firing('SkuprtCertificateExpiresSoon')).toEqual([]);
      await east.apply(secret(DAY_MS / 2));
      await fires('SkuprtCertificateExpiresSoon', router);
      await east.apply(secret(20 * DAY_MS));
      for (const alert of ['SkuprtCertificateExpires', 'SkuprtCertificateExpiresSoon']) await ends(alert, router);
    });
  },
);
