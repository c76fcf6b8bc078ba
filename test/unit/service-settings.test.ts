/** What settings say of servers and ports of services: attributes of the router, faults, and the flags that write them. */
import { describe, expect, it } from 'vitest';
import { exportObject } from '../../cli/commands/service/export.ts';
import { settingFields } from '../../cli/commands/service/settings.ts';
import type { Resource } from '../../config/api/index.ts';
import { SETTING } from '../../config/names.ts';
import { connectorSettings, listenerSettings } from '../../config/service-settings.ts';
import { parseConfig } from '../../router/management/config.ts';
import { exportSettings } from '../../service-controller/reconcile/serviceexport/annotations.ts';
import { planOperations } from '../../site-controller/adaptor/router-diff.ts';
import { attachedEntities } from '../../site-controller/reconcile/attachedconnector/plan.ts';
import { connectorEntities, planConnectors } from '../../site-controller/reconcile/connector/plan.ts';
import { listenerEntities, planListeners } from '../../site-controller/reconcile/listener/plan.ts';
import { allocatePorts } from '../../site-controller/reconcile/listener/ports.ts';
import { multiKeyListenerEntities } from '../../site-controller/reconcile/multikeylistener/plan.ts';
import type { Observed, Outcome, RouterEntity } from '../../site-controller/reconcile/observed.ts';
import { routerEnvironment } from '../../site-controller/reconcile/router-environment.ts';
import { planSites } from '../../site-controller/reconcile/site/plan.ts';
import { planWorkload } from '../../site-controller/reconcile/site/workload.ts';
import { runHere } from '../support/cli.ts';
import { observed, resource, site } from '../support/observed.ts';
import { onKubernetes, pod } from '../support/observed-cluster.ts';
import { exported } from '../support/services/observed-service.ts';
import { settingsOf, world } from '../support/services/service-world.ts';

const ALL = {
  [SETTING.healthCheck]: 'http:/healthz',
  [SETTING.healthCheckIntervalSeconds]: '1',
  [SETTING.healthCheckTimeoutSeconds]: '3',
  [SETTING.unhealthyThreshold]: '4',
  [SETTING.healthyThreshold]: '5',
  [SETTING.connectTimeoutSeconds]: '6',
  [SETTING.maxConnections]: '7',
  [SETTING.maxQueuedConnections]: '8',
  [SETTING.proxyProtocol]: 'v2',
};
const ATTRIBUTES = {
  healthCheck: 'http',
  healthCheckPath: '/healthz',
  healthCheckIntervalSeconds: 1,
  healthCheckTimeoutSeconds: 3,
  unhealthyThreshold: 4,
  healthyThreshold: 5,
  connectTimeoutSeconds: 6,
  maxConnections: 7,
  maxQueuedConnections: 8,
  proxyProtocol: 'v2',
};

const connector = (settings: object, spec: object = { host: '127.0.0.1' }): Resource =>
  resource('Connector', 'web', { routingKey: 'web', port: 80, ...spec, settings });
const listener = (settings: object): Resource =>
  resource('Listener', 'web', { routingKey: 'web', host: 'web', port: 80, settings });
const withPorts = (seen: Observed): Observed => ({ ...seen, ports: allocatePorts(seen) });

function configured([outcome]: Outcome[]): string {
  const { status, reason, message } = outcome!.findings[0]!;
  return status === 'True' ? 'OK' : `${reason}: ${message}`;
}

function operations(before: readonly RouterEntity[], after: readonly RouterEntity[]): string[] {
  const [type] = before[0]!;
  const wanted = after.map(([, found]) => ({ type, name: String(found.name), attributes: found }) as never);
  const shown = { [type]: before.map(([, found]) => ({ ...found, identity: found.name })) };
  return planOperations(wanted, shown).map(({ op }) => op);
}

describe('settings of a Connector', () => {
  it('become attributes of its tcpConnector, of each pod on Kubernetes, which a router takes', () => {
    const local = connectorEntities(observed([site(), connector(ALL)]));
    expect(local.map(([, attributes]) => attributes)).toMatchObject([{ host: '127.0.0.1', ...ATTRIBUTES }]);
    const pods = [pod('a', '10.0.0.1'), pod('b', '10.0.0.2')];
    const seen = onKubernetes([site(), connector(ALL, { selector: 'app=web' })], { pods });
    expect(connectorEntities(seen).map(([, attributes]) => attributes)).toMatchObject([ATTRIBUTES, ATTRIBUTES]);
    const text = JSON.stringify([['router', { id: 'r', mode: 'interior' }], ...local]);
    const { entities } = parseConfig(text, 'skrouterd.json');
    expect([...entities.get('tcpConnector')!.values()]).toMatchObject([ATTRIBUTES]);
  });

  it('that are what the router does anyway become no attribute', () => {
    const nothing = { [SETTING.healthCheck]: 'none', [SETTING.maxConnections]: '0', [SETTING.proxyProtocol]: 'none' };
    expect(connectorSettings({ ...nothing, [SETTING.connectTimeoutSeconds]: '' })).toEqual({
      attributes: {},
      faults: [],
    });
    expect(connectorSettings({ [SETTING.healthCheck]: 'http' }).attributes).toEqual({ healthCheck: 'http' });
  });

  it.each([
    [SETTING.healthCheck, 'http:healthz', 'path that begins with "/"'],
    [SETTING.healthCheck, 'http:/a b', 'no spaces'],
    [SETTING.healthCheck, 'udp', 'path'],
    [SETTING.connectTimeoutSeconds, '0', 'is not a whole number from 1 to 300'],
    [SETTING.connectTimeoutSeconds, '5s', 'is not a whole number from 1 to 300'],
    [SETTING.maxConnections, '-1', 'is not a whole number from 0 to 999999999'],
    [SETTING.maxQueuedConnections, '65537', 'is not a whole number from 0 to 65536'],
    [SETTING.proxyProtocol, 'required', 'only "none" or "v1" or "v2"'],
  ])('%s of "%s" is told, and the connector is not configured', (key, value, what) => {
    const seen = observed([site(), connector({ [key]: value })]);
    expect(configured(planConnectors(seen))).toContain(`settings.${key}: "${value}" `);
    expect(configured(planConnectors(seen))).toContain(what);
    expect(connectorEntities(seen)).toEqual([]);
  });

  it('are those of an AttachedConnector too', () => {
    const seen = onKubernetes(
      [
        site(),
        resource('AttachedConnector', 'db', {
          siteNamespace: 'ns-west',
          port: 80,
          selector: 'app=web',
          settings: { [SETTING.maxConnections]: '3' },
        }),
        resource('AttachedConnectorBinding', 'db', { connectorNamespace: 'ns-west', routingKey: 'db' }),
      ],
      { pods: [pod('a', '10.0.0.1')] },
    );
    expect(attachedEntities(seen).map(([, { maxConnections }]) => maxConnections)).toEqual([3]);
  });
});

describe('the share of a Connector', () => {
  const shared = (name: string, share: string | undefined, selector: string): Resource =>
    resource('Connector', name, {
      routingKey: 'web',
      port: 80,
      selector,
      settings: share === undefined ? {} : { [SETTING.share]: share },
    });
  const pods = [
    pod('a', '10.0.0.1', { labels: { v: '1' } }),
    pod('b', '10.0.0.2', { labels: { v: '1' } }),
    pod('c', '10.0.0.3', { labels: { v: '2' } }),
  ];
  const weights = (...connectors: Resource[]) =>
    connectorEntities(onKubernetes([site(), ...connectors], { pods })).map(([, { host, weight }]) => [host, weight]);

  it('is that of all of its pods together, beside those of its routing key', () => {
    expect(weights(shared('v1', '90', 'v=1'), shared('v2', '10', 'v=2'))).toEqual([
      ['10.0.0.1', 45_000],
      ['10.0.0.2', 45_000],
      ['10.0.0.3', 10_000],
    ]);
  });

  it('is 100 beside one that has said its own, and nobody is told anything where none has', () => {
    expect(weights(shared('v1', undefined, 'v=1'), shared('v2', '0', 'v=2')).map(([, weight]) => weight)).toEqual([
      50_000, 50_000, 0,
    ]);
    expect(weights(shared('v1', undefined, 'v=1'), shared('v2', undefined, 'v=2')).map(([, weight]) => weight)).toEqual(
      [undefined, undefined, undefined],
    );
  });

  it('changes in place', () => {
    const at = (share: string) => connectorEntities(observed([site(), connector({ [SETTING.share]: share })]));
    expect(operations(at('5'), at('6'))).toEqual(['update']);
  });

  it('that cannot be used is told', () => {
    const seen = observed([site(), connector({ [SETTING.share]: '1001' })]);
    expect(configured(planConnectors(seen))).toContain('is not a whole number from 0 to 1000');
  });

  it('is a flag of expose and of connectors, not of exports, whose weight is that of a cluster', async () => {
    const { code, err } = await runHere(['-p', 'local', 'service', 'export', 'web', '--share', '5']);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('--share') });
  });
});

describe('settings of a Listener', () => {
  const settings = { [SETTING.maxConnections]: '9', [SETTING.proxyProtocol]: 'required' };

  it('become attributes of its tcpListener, of a MultiKeyListener too, on both platforms', () => {
    const multi = resource('MultiKeyListener', 'many', {
      host: 'many',
      port: 81,
      strategy: { priority: { routingKeys: ['web'] } },
      settings,
    });
    const resources = [site(), listener(settings), multi];
    for (const seen of [observed(resources), withPorts(onKubernetes(resources))]) {
      const made = [...listenerEntities(seen), ...multiKeyListenerEntities(seen)];
      const ports = made.flatMap(([type, attributes]) => (type === 'tcpListener' ? [attributes] : []));
      const wanted = { maxConnections: 9, proxyProtocol: 'required' };
      expect(ports).toMatchObject([wanted, wanted]);
    }
  });

  it('that cannot be used are told', () => {
    const seen = observed([site(), listener({ [SETTING.proxyProtocol]: 'v2' })]);
    expect(configured(planListeners(seen))).toContain('"v2" is not possible, only "none" or "required"');
    expect(listenerEntities(seen)).toEqual([]);
    expect(listenerSettings({ [SETTING.maxConnections]: 'many' }).faults).toHaveLength(1);
  });

  it('change in place where a router can, and make the listener anew where it cannot', () => {
    const at = (given: object) => listenerEntities(observed([site(), listener(given)]));
    expect(operations(at({}), at({ [SETTING.maxConnections]: '5' }))).toEqual(['update']);
    expect(operations(at({ [SETTING.maxConnections]: '5' }), at({}))).toEqual(['update']);
    expect(operations(at({}), at({ [SETTING.proxyProtocol]: 'required' }))).toEqual(['delete', 'create']);
    expect(operations(at({}), at({ [SETTING.proxyProtocol]: 'none' }))).toEqual([]);
  });
});

describe('annotations of a ServiceExport', () => {
  it('that cannot be used are told, and the export goes on', () => {
    const made = { apiVersion: 'v1', kind: 'ServiceExport', metadata: { name: 'web', annotations: {} } };
    const annotations = { ...ALL, [SETTING.maxConnections]: 'many' };
    expect(exportSettings({ ...made, metadata: { name: 'web', annotations } }).faults).toEqual([
      `${SETTING.maxConnections} is "many" and not a whole number from 0 to 999999999, it is not followed`,
    ]);
    expect(exportSettings(made).faults).toEqual([]);
  });

  it('are settings of the Connectors that it makes, as far as they can be used', () => {
    const view = exported([{ address: '10.0.0.1' }]);
    const annotations = { ...ALL, [SETTING.maxConnections]: 'many', 'skuprt.io/weight': '50' };
    const { [SETTING.maxConnections]: _many, ...usable } = ALL;
    const told = { ...view.export!, metadata: { ...view.export!.metadata, annotations } };
    const [made] = world({ ...view, export: told }).list('Connector');
    expect(settingsOf(made)).toEqual({ ...usable, [SETTING.endpoints]: '10.0.0.1:8080' });
  });

  it('are written by flags, which leave those that are there', () => {
    const flags = { wait: 'none', timeout: 0 } as const;
    const present = exportObject('web', { ...flags, proxyProtocol: 'v2', maxConnections: 5 }, undefined);
    const { metadata } = exportObject('web', { ...flags, maxConnections: 6 }, present);
    expect(metadata.annotations).toEqual({ [SETTING.proxyProtocol]: 'v2', [SETTING.maxConnections]: '6' });
  });
});

describe('settings of a Site that routers read when they start', () => {
  const settings = { [SETTING.flowPauseSeconds]: '0', [SETTING.flowMemory]: '256Mi' };
  const template = (spec: object, prefix = 'SKUPRT_', container = 0) => {
    const { objects } = planWorkload(onKubernetes([site(spec)]));
    const deployment = objects.find(({ kind }) => kind === 'Deployment')!;
    return (
      deployment.spec as { template: { spec: { containers: { env: { name: string; value?: string }[] }[] } } }
    ).template.spec.containers[container]!.env.filter(({ name }) => name.startsWith(prefix));
  };

  it('of traces are in that of its adaptor too, but for the share of connections', () => {
    const traced = { [SETTING.traceEndpoint]: 'http://collector:4318', [SETTING.traceRatio]: '0.1' };
    const endpoint = { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'http://collector:4318' };
    const share = { name: 'OTEL_TRACES_SAMPLER_ARG', value: '0.1' };
    expect(template({ settings: traced }, 'OTEL_')).toEqual([endpoint, share]);
    expect(template({ settings: traced }, 'OTEL_', 1)).toEqual([endpoint]);
    expect(template({ settings }, 'OTEL_', 1)).toEqual([]);
  });

  it('are in the environment of its pods, and without them nothing is', () => {
    expect(template({ settings })).toEqual([
      { name: 'SKUPRT_FLOW_PAUSE_SECONDS', value: '0' },
      { name: 'SKUPRT_FLOW_MEMORY', value: '256Mi' },
    ]);
    expect(template({})).toEqual([]);
  });

  it.each([
    [SETTING.flowPauseSeconds, '601', 'a number of seconds from 0 to 600'],
    [SETTING.flowPauseSeconds, '-1', 'a number of seconds'],
    [SETTING.flowMemory, '256MB', 'a number of octets, or one like 256Mi'],
    [SETTING.traceEndpoint, 'collector:4318', 'a URL like http://collector:4318'],
    [SETTING.traceRatio, '1.5', 'a number from 0 to 1'],
  ])('%s of "%s" is told on both platforms, and no router gets it', (key, value, what) => {
    const faulty = site({ settings: { [key]: value } });
    for (const seen of [observed([faulty]), onKubernetes([faulty])]) {
      expect(configured(planSites(seen))).toContain(`settings.${key}: "${value}" is not ${what}`);
    }
    expect(routerEnvironment(faulty as never).variables).toEqual({});
  });
});

describe('flags', () => {
  const generate = async (line: string) => {
    const { code, out, err } = await runHere(['-p', 'local', ...line.split(' '), '-o', 'json']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    return JSON.parse(out).spec;
  };

  it('become settings', async () => {
    const line = [
      'connector generate web 80 --health-check http:/healthz --health-check-interval 1s --health-check-timeout 3s',
      '--unhealthy-threshold 4 --healthy-threshold 5 --connect-timeout 6s --max-connections 7',
      '--max-queued-connections 8 --proxy-protocol v2',
    ];
    expect((await generate(line.join(' '))).settings).toEqual(ALL);
    const both = await generate('listener generate web 80 --max-connections 9 --proxy-protocol required');
    expect(both.settings).toEqual({ [SETTING.maxConnections]: '9', [SETTING.proxyProtocol]: 'required' });
    expect(await generate('connector generate web 80')).not.toHaveProperty('settings');
    const exposed = await generate('expose host/127.0.0.1 --port 80 --address web --health-check tcp --dry-run');
    expect(exposed.settings).toEqual({ [SETTING.advertise]: 'true', [SETTING.healthCheck]: 'tcp' });
    const made = await generate(
      'site generate west --flow-pause 1m --flow-memory 64MiB --no-import --router-logging info,POLICY:debug',
    );
    expect(made.settings).toMatchObject({
      [SETTING.flowPauseSeconds]: '60',
      [SETTING.flowMemory]: '67108864',
      [SETTING.routerLogging]: 'info,POLICY:debug',
    });
  });

  it.each([
    ['connector generate web 80 --health-check udp', 'http:/PATH'],
    ['connector generate web 80 --connect-timeout 500ms', 'whole seconds from 1s to 300s'],
    ['connector generate web 80 --connect-timeout 301s', 'whole seconds from 1s to 300s'],
    ['connector generate web 80 --proxy-protocol required', 'v1, v2, none'],
    ['listener generate web 80 --proxy-protocol v1', 'required, none'],
    ['site generate west --flow-pause 11m', 'at most 10m'],
    ['site generate west --router-logging loud', 'such as info,ROUTER_CORE:debug'],
  ])('that cannot be used are told before anything is read: %s', async (line, words) => {
    const { code, err } = await runHere(['-p', 'local', ...line.split(' ')]);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining(words) });
  });

  it('are shown in words, and nothing that was not set', () => {
    expect(settingFields(ALL)).toEqual([
      ['Health check', 'http:/healthz, every 1 s, within 3 s, unhealthy after 4, healthy after 5'],
      ['Connect timeout', '6 s'],
      ['Max connections', '7'],
      ['Max queued connections', '8'],
      ['PROXY protocol', 'v2'],
    ]);
    expect(settingFields(undefined)).toEqual([]);
  });
});
