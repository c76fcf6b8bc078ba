/** Services between two clusters with real pods: whatever a workload of one speaks, a pod of the other uses it by name. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { podScript } from './pods.ts';
import {
  CONTEXTS,
  connector,
  dropPlaces,
  eventually,
  IMAGE,
  type Json,
  listener,
  newNamespace,
  newPair,
  type Place,
  Place as PlaceOf,
  POSTGRES_IMAGE,
  REDIS_IMAGE,
  workload,
} from './world.ts';

const TWO_MINUTES = 120_000;

describe.skipIf(CONTEXTS.length < 2)('services', { timeout: TWO_MINUTES }, () => {
  let west: Place;
  let east: Place;

  beforeAll(async () => {
    [west, east] = await newPair('services');
    await Promise.all([east.client(), west.client()]);
  }, TWO_MINUTES);
  afterAll(() => dropPlaces([west, east]), TWO_MINUTES);

  it('a Deployment exposed in one cluster answers by name in the other', async () => {
    await west.server('backend', 1, { env: [{ name: 'ANSWER', value: 'hello from west' }] });
    await west.skuprt(['expose', 'deployment/backend', '--port', '8080']);
    const answer = await eventually('an answer', () => east.ask('client', 'http://backend:8080/'));
    expect(answer).toBe('hello from west');
  });

  it('a Service that somebody else made is not taken over', async () => {
    await east.kubectl(['create', 'service', 'clusterip', 'taken', '--tcp=8080']);
    const before = (await east.get('service', 'taken')).metadata.resourceVersion;
    await east.skuprt(['listener', 'create', 'taken', '8080', '--wait', 'none']);
    const message = await eventually('a fault', async () => {
      const { status } = await east.get('listener', 'taken');
      return (
        status?.message !== undefined && status.message !== 'OK' && !/match/i.test(status.message) && status.message
      );
    });
    expect(message).toContain('taken');
    expect((await east.get('service', 'taken')).metadata.resourceVersion).toBe(before);
  });

  it('psql of one cluster uses PostgreSQL of the other', async () => {
    const start = [
      'initdb -D /tmp/data -U postgres --auth=trust >/dev/null',
      'echo "host all all all trust" >>/tmp/data/pg_hba.conf',
      'exec postgres -D /tmp/data -k /tmp -h "*"',
    ].join(' && ');
    const asUser = { securityContext: { runAsUser: 999, runAsGroup: 999 } };
    await west.pod('postgres', POSTGRES_IMAGE, ['sh', '-c', start], asUser);
    await east.pod('psql', POSTGRES_IMAGE, ['sleep', '86400'], asUser);
    await west.skuprt(['expose', 'pods/app=postgres', '--address', 'postgres', '--port', '5432']);
    const sql = async (text: string) =>
      (await east.exec('psql', ['psql', '-h', 'postgres', '-U', 'postgres', '-tA', '-c', text])).trim();
    await eventually('a first query', async () => (await sql('select 1')) === '1');
    await sql('create table t as select generate_series(1, 100000) n');
    expect(await sql('select sum(n) from t')).toBe('5000050000');
  });

  it('a Redis replica follows a primary in the other cluster', async () => {
    const redis = ['redis-server', '--protected-mode', 'no', '--save', '', '--dir', '/tmp'];
    await west.pod('redis', REDIS_IMAGE, redis, { securityContext: { runAsUser: 999 } });
    await west.skuprt(['expose', 'pods/app=redis', '--address', 'redis', '--port', '6379']);
    await east.pod('replica', REDIS_IMAGE, [...redis, '--replicaof', 'redis', '6379'], {
      securityContext: { runAsUser: 999 },
    });
    const ask = async (place: Place, pod: string, ...words: string[]) =>
      (await place.exec(pod, ['redis-cli', ...words])).trim();
    await eventually('the replica is linked', async () =>
      (await ask(east, 'replica', 'info', 'replication')).includes('master_link_status:up'),
    );
    await ask(west, 'redis', 'set', 'colour', 'green');
    await eventually('the value is there', async () => (await ask(east, 'replica', 'get', 'colour')) === 'green');
  });

  it('a gRPC stream of 5,000 messages crosses with its trailers', async () => {
    const command = ['node', '--input-type=module-typescript', '-e', podScript('grpc'), '--', 'serve', '50051'];
    await west.pod('numbers', IMAGE, command);
    await west.skuprt(['expose', 'pods/app=numbers', '--address', 'numbers', '--port', '50051']);
    const told = await eventually('an answer', () => east.script('client', 'grpc', ['call', 'numbers:50051', 5000]));
    expect(JSON.parse(told)).toEqual({ sum: 25_005_000, status: '0' });
  });

  it('each pod of a StatefulSet answers by its own name, also after a rolling update', async () => {
    await west.apply(headless('store'), workload('StatefulSet', 'store', 2));
    await west.skuprt(['expose', 'statefulset/store', '--port', '8080']);
    const bothAnswer = async () => {
      for (const pod of ['store-0', 'store-1']) {
        if ((await east.ask('client', `http://${pod}:8080/`)) !== pod) return false;
      }
      return true;
    };
    await eventually('both answer', bothAnswer, 60_000);
    await west.kubectl(['rollout', 'restart', 'statefulset/store']);
    await west.kubectl(['rollout', 'status', 'statefulset/store', '--timeout=90s'], { timeoutMs: 100_000 });
    await eventually('both answer again', bothAnswer, 60_000);
    await west.kubectl(['scale', 'statefulset/store', '--replicas=1']);
    await eventually('the name of a pod that is gone is gone', async () => {
      const services = await east.list('services');
      return !services.some(({ metadata }: Json) => metadata.name === 'store-1');
    });
  });

  it('50 services are ready and answer', async () => {
    await west.server('many');
    const names = Array.from({ length: 50 }, (_, index) => `many-${index}`);
    await west.apply(...names.map((name) => connector(name, 'many')));
    await east.apply(...names.map((name) => listener(name)));
    await eventually(
      'all ready',
      async () => {
        const found = [...(await west.list('connectors')), ...(await east.list('listeners'))];
        const ready = found.filter(
          ({ metadata, status }) => names.includes(metadata.name) && status?.status === 'Ready',
        );
        return ready.length === 100;
      },
      60_000,
    );
    for (const name of names.filter((_, index) => index % 10 === 0)) {
      // A Listener is ready before kube-proxy has heard of its Service's address.
      const answer = await eventually(`${name} answers`, () => east.ask('client', `http://${name}:8080/`));
      expect(answer).toMatch(/^many-/);
    }
  });

  it('an attached connector serves pods of another namespace, once both agree', async () => {
    const other = new PlaceOf(west.context, 'e2e-attached');
    await newNamespace(other);
    try {
      await other.server('ledger');
      await other.apply({
        apiVersion: 'skupper.io/v2alpha1',
        kind: 'AttachedConnector',
        metadata: { name: 'ledger' },
        spec: { siteNamespace: west.namespace, selector: 'app=ledger', port: 8080 },
      });
      await west.apply({
        apiVersion: 'skupper.io/v2alpha1',
        kind: 'AttachedConnectorBinding',
        metadata: { name: 'ledger' },
        spec: { connectorNamespace: other.namespace, routingKey: 'ledger' },
      });
      await east.apply(listener('ledger'));
      expect(await eventually('an answer', () => east.ask('client', 'http://ledger:8080/'))).toMatch(/^ledger-/);
      await west.remove('attachedconnectorbinding', 'ledger');
      await eventually('no answer', () =>
        east.ask('client', 'http://ledger:8080/').then(
          () => false,
          () => true,
        ),
      );
    } finally {
      await dropPlaces([other]);
    }
  });
});

function headless(name: string): object {
  const spec = { clusterIP: 'None', selector: { app: name }, ports: [{ port: 8080 }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
}
