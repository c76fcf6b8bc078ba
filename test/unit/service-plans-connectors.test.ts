/** Connectors on Kubernetes: which pods a selector takes, what dials them, and workloads of other namespaces. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttachedConnector } from '../../config/api/attached-connector.ts';
import type { AttachedConnectorBinding } from '../../config/api/attached-connector-binding.ts';
import type { Resource } from '../../config/api/index.ts';
import { parseConfig } from '../../router/management/config.ts';
import {
  attachedEntities,
  planAttachedConnectorBindings,
  planAttachedConnectors,
} from '../../site-controller/reconcile/attachedconnector/plan.ts';
import { connectorEntities, planConnectors } from '../../site-controller/reconcile/connector/plan.ts';
import { connectorProfiles, connectorRecords } from '../../site-controller/reconcile/connector/records.ts';
import { parseSelector } from '../../site-controller/reconcile/connector/selector.ts';
import type { Observed, Outcome } from '../../site-controller/reconcile/observed.ts';
import { statusFrom } from '../../site-controller/reconcile/outcomes.ts';
import { credential, NOW, remoteSite, resource, routerState, SITE_UID, site } from '../support/observed.ts';
import { onKubernetes, pod } from '../support/observed-cluster.ts';

const connector = (name: string, spec: object = {}): Resource =>
  resource('Connector', name, { routingKey: name, port: 80, selector: 'app=web', ...spec });
const entityNames = (seen: Observed) => connectorEntities(seen).map(([, { name }]) => name);

function configured(outcomes: Outcome[]): string {
  const { status, reason, message } = outcomes[0]!.findings[0]!;
  return status === 'True' ? 'OK' : `${reason}: ${message}`;
}

describe('a label selector', () => {
  const labels = { app: 'web', tier: 'front', 'example.com/size': '3', empty: '' };

  it.each([
    ['app=web', true],
    ['app==web', true],
    [' app = web , tier=front ', true],
    ['app=db', false],
    ['none=', false],
    ['empty=', true],
    ['app!=web', false],
    ['app!=db', true],
    ['none!=db', true],
    ['app', true],
    ['none', false],
    ['!none', true],
    ['! app', false],
    ['app in (web, db)', true],
    ['app in (db),tier', false],
    ['app in(web)', true],
    ['app notin (web,db)', false],
    ['none notin (web)', true],
    ['empty in (,a)', true],
    ['example.com/size=3', true],
    ['example.com/size>2', true],
    ['example.com/size < 3', false],
    ['app>1', false],
    ['toString', false],
  ])('"%s" on the labels of a pod is %s', (text, expected) => {
    const selector = parseSelector(text);
    expect('matches' in selector && selector.matches(labels)).toBe(expected);
  });

  it.each([
    ['', 'a requirement is missing'],
    ['app=web,', 'a requirement is missing'],
    ['app in (web', '"app in (web" is none of key, !key'],
    ['app in web', '"app in web" is none of'],
    ['app=web=x', '"app=web=x" is none of'],
    ['a b', '"a b" is none of'],
    ['-app=web', '"-app" cannot be the key of a label'],
    ['a/b/c', '"a/b/c" cannot be the key of a label'],
    ['UP.com/x=1', '"UP.com/x" cannot be the key of a label'],
    ['app=we$b', '"we$b" cannot be the value of a label'],
    ['app in (a b)', '"a b" cannot be the value of a label'],
    [`app=${'x'.repeat(64)}`, 'cannot be the value of a label'],
    ['size>many', '"many" after > is not a whole number'],
  ])('"%s" is refused by what is wrong with it', (text, fault) => {
    expect(parseSelector(text)).toMatchObject({ fault: expect.stringContaining(fault) });
  });

  it('never throws, whatever the text', () => {
    const piece = fc.constantFrom(
      'app',
      '=',
      '!',
      ',',
      '(',
      ')',
      ' in ',
      ' notin ',
      'web',
      '<',
      '>',
      '/',
      ' ',
      '-',
      '.',
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const selector = parseSelector(text);
        if ('matches' in selector) selector.matches(labels);
      }),
      { seed: 20261121, numRuns: 2000 },
    );
  });
});

describe('a Connector with a selector', () => {
  it('has a tcpConnector for each pod, by its first address, that names the pod', () => {
    const pods = [
      pod('b', '10.0.0.2', { ips: ['10.0.0.2', 'fd00::2'] }),
      pod('a', 'fd00::1'),
      pod('x', '10.0.0.3', { labels: {} }),
    ];
    const seen = onKubernetes([site(), connector('web', { routingKey: 'key' })], { pods });
    const target = { port: 80, address: 'key', siteId: SITE_UID };
    expect(connectorEntities(seen)).toEqual([
      ['tcpConnector', { name: 'connector/web@fd00::1', host: 'fd00::1', processId: 'uid-a', ...target }],
      ['tcpConnector', { name: 'connector/web@10.0.0.2', host: '10.0.0.2', processId: 'uid-b', ...target }],
    ]);
    expect(planConnectors(seen)[0]!.status).toEqual({
      hasMatchingListener: false,
      selectedPods: [
        { name: 'a', ip: 'fd00::1' },
        { name: 'b', ip: '10.0.0.2' },
      ],
    });
  });

  it.each([
    ['is not ready', { isReady: false }, false, true],
    ['does not run yet', { phase: 'Pending' }, false, false],
    ['has failed', { phase: 'Failed' }, false, false],
    ['is being deleted', { isDeleting: true }, false, false],
    ['has no address', { ips: [] }, false, false],
    ['is ready', {}, true, true],
  ])('takes a pod that %s: normally, and with includeNotReadyPods', (_what, parts, normally, notReady) => {
    const pods = [pod('a', '10.0.0.1', parts)];
    const taken = (spec: object) => entityNames(onKubernetes([site(), connector('web', spec)], { pods })).length === 1;
    expect(taken({})).toBe(normally);
    expect(taken({ includeNotReadyPods: true })).toBe(notReady);
  });

  it('takes pods that share the address of their host once', () => {
    const pods = [pod('a', '192.0.2.1'), pod('b', '192.0.2.1')];
    expect(entityNames(onKubernetes([site(), connector('web')], { pods }))).toEqual(['connector/web@192.0.2.1']);
  });

  it('says at once that no pod matches', () => {
    const seen = onKubernetes([site(), connector('web')], { pods: [pod('x', '10.0.0.1', { labels: { app: 'db' } })] });
    expect(configured(planConnectors(seen))).toBe('Error: No pods match selector');
    expect(planConnectors(seen)[0]!.status).toMatchObject({ selectedPods: [] });
  });

  it('waits, and says for what, while the pods that match are not ready: a rollout is no error', () => {
    const starting = pod('new', '10.0.0.2', { isReady: false, message: 'containers with unready status: [web]' });
    const ending = pod('a-old', '10.0.0.1', { isDeleting: true });
    const message = (...pods: ReturnType<typeof pod>[]) =>
      configured(planConnectors(onKubernetes([site(), connector('web')], { pods })));
    expect(message(ending, starting)).toBe(
      'Pending: No pod that matches the selector is ready: new (containers with unready status: [web]), 1 more',
    );
    expect(message(ending)).toBe('Pending: No pod that matches the selector is ready: a-old (being deleted)');
    expect(message(pod('old', '10.0.0.1'), starting)).toBe('OK');
  });

  it('names what is wrong with the selector', () => {
    const seen = onKubernetes([site(), connector('web', { selector: 'app in (' })], { pods: [pod('a', '10.0.0.1')] });
    expect(configured(planConnectors(seen))).toBe(
      'Error: selector "app in (" is not valid: "app in (" is none of key, !key, key=value, key!=value, key in (a, b), key notin (a, b)',
    );
  });

  it('offers each pod under its own name beside the service when it exposes pods by name', () => {
    const pods = [pod('db-0', '10.0.0.1'), pod('db-1', '10.0.0.2')];
    const seen = onKubernetes([site(), connector('db', { exposePodsByName: true })], { pods });
    expect(connectorEntities(seen).map(([, { name, host, address }]) => [name, host, address])).toEqual([
      ['connector/db@10.0.0.1', '10.0.0.1', 'db'],
      ['connector/db@db-0', '10.0.0.1', 'db.db-0'],
      ['connector/db@10.0.0.2', '10.0.0.2', 'db'],
      ['connector/db@db-1', '10.0.0.2', 'db.db-1'],
    ]);
    expect(connectorRecords(seen)).toEqual([
      { name: 'db', routingKey: 'db', host: '', port: 80 },
      { name: 'db@db-0', routingKey: 'db.db-0', host: '10.0.0.1', port: 80 },
      { name: 'db@db-1', routingKey: 'db.db-1', host: '10.0.0.2', port: 80 },
    ]);
  });

  it('tells the others nothing while it has no pod', () => {
    expect(connectorRecords(onKubernetes([site(), connector('web')]))).toEqual([]);
  });

  it('shows that its workload cannot be reached only when no pod can', () => {
    const pods = [pod('a', '10.0.0.1'), pod('b', 'fd00::2')];
    const down = { operStatus: 'down', message: 'connect ECONNREFUSED' };
    const message = (...names: string[]) => {
      const router = routerState({ tcpConnectors: new Map(names.map((name) => [`connector/web@${name}`, down])) });
      return configured(planConnectors(onKubernetes([site(), connector('web')], { pods }, { router })));
    };
    expect(message('10.0.0.1')).toBe('OK');
    expect(message('10.0.0.1', 'fd00::2')).toBe(
      'Error: workload at 10.0.0.1:80 cannot be reached: connect ECONNREFUSED',
    );
  });
});

describe('a Connector with TLS', () => {
  const credentials = new Map([['db-tls', credential('db-tls')]]);
  const tls = (spec: object) => {
    const resources = [site(), connector('web', { tlsCredentials: 'db-tls', ...spec })];
    return onKubernetes(resources, { pods: [pod('a', '10.0.0.1')] }, { credentials });
  };

  it.each([
    [{}, 'db-tls-profile', false],
    [{ verifyHostname: true }, 'db-tls-profile', true],
    [{ useClientCert: true }, 'db-tls', false],
    [{ selector: undefined, host: 'db.example' }, 'db-tls-profile', true],
    [{ selector: undefined, host: 'db.example', verifyHostname: false }, 'db-tls-profile', false],
  ])('with %j uses the profile %s and checks the name: %s', (spec, sslProfile, verifyHostname) => {
    expect(connectorEntities(tls(spec))[0]![1]).toMatchObject({ sslProfile, verifyHostname });
  });

  it('waits for its Secret', () => {
    const seen = { ...tls({}), credentials: new Map() };
    expect(configured(planConnectors(seen))).toBe('Error: TLS credentials secret "db-tls" not found');
    expect(connectorEntities(seen)).toEqual([]);
  });
});

describe('a Connector with a host', () => {
  it('dials it, and has no pods', () => {
    const seen = onKubernetes([site(), connector('web', { selector: undefined, host: 'db.other.svc' })]);
    expect(entityNames(seen)).toEqual(['connector/web@db.other.svc']);
    expect(JSON.stringify(statusFrom(planConnectors(seen)[0]!, NOW))).not.toContain('selectedPods');
  });
});

describe('an AttachedConnector', () => {
  const attached = (namespace: string, spec: object = {}): AttachedConnector =>
    resource(
      'AttachedConnector',
      'db',
      { siteNamespace: 'ns-west', port: 5432, selector: 'app=web', ...spec },
      {
        namespace,
      },
    ) as AttachedConnector;
  const binding = (connectorNamespace: string, spec: object = {}, metadata: object = {}): AttachedConnectorBinding =>
    resource(
      'AttachedConnectorBinding',
      'db',
      { connectorNamespace, routingKey: 'db-key', ...spec },
      metadata,
    ) as AttachedConnectorBinding;
  const pods = [pod('db-0', '10.0.0.1', { namespace: 'apps' })];

  /** As the namespace of the site sees it. */
  const siteSide = (
    resources: Resource[],
    connectors: AttachedConnector[],
    parts: Partial<Observed> = {},
    podsThere = pods,
  ) => onKubernetes(resources, { attached: connectors.map((entry) => ({ connector: entry, pods: podsThere })) }, parts);
  /** As the namespace of the workload sees it. */
  const workloadSide = (bindings: AttachedConnectorBinding[], podsThere = pods) => ({
    ...onKubernetes([attached('apps')], { bindings, pods: podsThere }),
    namespace: 'apps',
  });
  const ofSite = (connectorNamespace: string, metadata: object = {}) =>
    binding(connectorNamespace, {}, { namespace: 'ns-west', ...metadata });

  it('is dialled when both sides agree', () => {
    const seen = siteSide([site(), binding('apps', { exposePodsByName: true })], [attached('apps'), attached('other')]);
    expect(attachedEntities(seen)).toMatchObject([
      ['tcpConnector', { name: 'connector/db@10.0.0.1', address: 'db-key', port: 5432, processId: 'uid-db-0' }],
      ['tcpConnector', { name: 'connector/db@db-0', address: 'db-key.db-0' }],
    ]);
    expect(configured(planAttachedConnectorBindings(seen))).toBe('OK');
    expect(planAttachedConnectorBindings(seen)[0]!.status).toEqual({ hasMatchingListener: false });
    expect(connectorRecords(seen).map(({ routingKey }) => routingKey)).toEqual(['db-key', 'db-key.db-0']);
  });

  it('may be in the namespace of the site', () => {
    const seen = onKubernetes([site(), binding('ns-west'), attached('ns-west')], { pods });
    expect(attachedEntities(seen)).toHaveLength(1);
    expect(configured(planAttachedConnectors(seen))).toBe('OK');
  });

  it.each([
    ['nobody asks', [], 'Error: No matching AttachedConnector'],
    ['another namespace asks', [attached('other')], 'Error: No matching AttachedConnector'],
  ])('is not dialled when %s', (_what, connectors, message) => {
    const seen = siteSide([site(), binding('apps')], connectors);
    expect(configured(planAttachedConnectorBindings(seen))).toBe(message);
    expect(attachedEntities(seen)).toEqual([]);
  });

  it('is not dialled without a site, a pod, or its Secret, and the binding says so', () => {
    const message = (...given: Parameters<typeof siteSide>) => {
      const seen = siteSide(...given);
      expect(attachedEntities(seen)).toEqual([]);
      return configured(planAttachedConnectorBindings(seen));
    };
    expect(message([binding('apps')], [attached('apps')])).toBe('Error: No active site in namespace');
    expect(message([site(), binding('apps')], [attached('apps')], {}, [])).toBe('Error: No matches for selector');
    const tls = attached('apps', { tlsCredentials: 'db-tls' });
    expect(message([site(), binding('apps')], [tls])).toBe('Error: TLS credentials secret "db-tls" not found');
    expect(message([site(), binding('apps')], [attached('apps', { selector: 'a b' })])).toContain(
      'selector "a b" is not valid',
    );
  });

  it('takes its Secret from the namespace of the site', () => {
    const credentials = new Map([['db-tls', credential('db-tls')]]);
    const seen = siteSide([site(), binding('apps')], [attached('apps', { tlsCredentials: 'db-tls' })], { credentials });
    expect(attachedEntities(seen)[0]![1]).toMatchObject({ sslProfile: 'db-tls-profile', verifyHostname: false });
    expect(connectorProfiles(seen)).toEqual(new Map([['db-tls-profile', { credentialName: 'db-tls', caOnly: true }]]));
  });

  it.each([
    ['nobody allows it', [], 'Error: No matching AttachedConnectorBinding in site namespace'],
    [
      'another namespace is allowed',
      [ofSite('other')],
      'Error: AttachedConnectorBinding ns-west/db does not allow AttachedConnector in apps (only other)',
    ],
    ['it is allowed', [ofSite('apps')], 'OK'],
    [
      'another site allows it',
      [ofSite('apps', { namespace: 'ns-east' })],
      'Error: No matching AttachedConnectorBinding in site namespace',
    ],
  ])('says in its own namespace when %s', (_what, bindings, message) => {
    expect(configured(planAttachedConnectors(workloadSide(bindings)))).toBe(message);
  });

  it('names its pods, and that there are none', () => {
    const seen = workloadSide([ofSite('apps')]);
    expect(planAttachedConnectors(seen)[0]!.status).toEqual({ selectedPods: [{ name: 'db-0', ip: '10.0.0.1' }] });
    expect(configured(planAttachedConnectors(workloadSide([ofSite('apps')], [])))).toBe(
      'Error: No matches for selector',
    );
  });

  it('repeats what only the site can see, unless that is about a binding of before', () => {
    const seen = siteSide([site(), binding('apps')], [attached('apps', { tlsCredentials: 'db-tls' })]);
    const status = statusFrom(planAttachedConnectorBindings(seen)[0]!, NOW);
    const told = { ...ofSite('apps'), status } as AttachedConnectorBinding;
    expect(configured(planAttachedConnectors(workloadSide([told])))).toBe(
      'Error: TLS credentials secret "db-tls" not found',
    );
    const changed = { ...told, metadata: { ...told.metadata, generation: 2 } };
    expect(configured(planAttachedConnectors(workloadSide([changed])))).toBe('OK');
  });
});

describe('what connectors ask of the router', () => {
  it('is a configuration that the router takes', () => {
    const pods = [pod('db-0', 'fd00::1'), pod('db-1', '10.0.0.2')];
    const network = { sites: [remoteSite('east')], settled: true, gone: new Set<string>() };
    const seen = onKubernetes([site(), connector('db', { exposePodsByName: true })], { pods }, { network });
    const entities = [['router', { id: 'west', mode: 'interior' }], ...connectorEntities(seen)];
    expect(() => parseConfig(JSON.stringify(entities), 'skrouterd.json')).not.toThrow();
  });
});
