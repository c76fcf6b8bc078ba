/** Access policies in the plans of a site: what reaches the routers, what is kept from them, and what the policies' statuses say. */
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../config/api/index.ts';
import { parseResources } from '../../config/api/parse.ts';
import { incomingRefusal } from '../../site-controller/grants/issuers.ts';
import { eventsOf } from '../../site-controller/platform/kubernetes/status-events.ts';
import { tokensDue } from '../../site-controller/reconcile/accesstoken/plan.ts';
import { connectorEntities } from '../../site-controller/reconcile/connector/plan.ts';
import { linkEntities } from '../../site-controller/reconcile/link/plan.ts';
import { listenerEntities } from '../../site-controller/reconcile/listener/plan.ts';
import { multiKeyListenerEntities } from '../../site-controller/reconcile/multikeylistener/plan.ts';
import type { Observed } from '../../site-controller/reconcile/observed.ts';
import { type OutcomeInputs, planOutcomes, statusFrom } from '../../site-controller/reconcile/outcomes.ts';
import { ownContent } from '../../site-controller/reconcile/own-content.ts';
import { linkRefusal } from '../../site-controller/reconcile/policy/refusals.ts';
import { accessPolicyEntities } from '../../site-controller/reconcile/policy/router-entities.ts';
import { asksWorkloads } from '../../site-controller/reconcile/policy/workloads.ts';
import { activeSite } from '../../site-controller/reconcile/site/identity.ts';
import { credential, NOW, observed, remoteSite, resource, routerState, site } from '../support/observed.ts';
import { configMap, onKubernetes } from '../support/observed-cluster.ts';

const INPUTS: OutcomeInputs = { newCode: () => 'code', redemptions: () => 0, attempts: new Map() };

function policy(
  kind: 'AccessPolicy' | 'ClusterAccessPolicy',
  name: string,
  spec: object,
  metadata: object = {},
): Resource {
  const identity = { uid: `uid-${name}`, generation: 3, creationTimestamp: '2026-03-01T00:00:00Z' };
  const text = JSON.stringify({
    apiVersion: 'skuprt.io/v1alpha1',
    kind,
    metadata: { name, ...identity, ...metadata },
    spec,
  });
  return parseResources(text, name)[0]!;
}

const LISTENER = resource(
  'Listener',
  'web',
  { routingKey: 'web', host: 'web', port: 8080 },
  { labels: { tier: 'front' } },
);
const CONNECTOR = resource('Connector', 'db', {
  routingKey: 'db',
  host: 'db',
  port: 5432,
  settings: { 'skuprt.io/advertise': 'true' },
});
const deny = (operations: string[], services?: object[]) => ({
  ...(services && { services }),
  rules: [{ action: 'Deny', operations }],
});

function conditionOf(seen: Observed, kind: string, name: string, type: string) {
  const outcome = planOutcomes(seen, INPUTS).find(
    ({ resource: one }) => one.kind === kind && one.metadata.name === name,
  )!;
  const status = statusFrom(outcome, NOW) as {
    conditions: { type: string; status: string; reason: string; message: string }[];
  };
  return status.conditions.find((condition) => condition.type === type)!;
}

function statusOf(seen: Observed, kind: string, name: string): Record<string, unknown> {
  const outcome = planOutcomes(seen, INPUTS).find(
    ({ resource: one }) => one.kind === kind && one.metadata.name === name,
  )!;
  return statusFrom(outcome, NOW) as Record<string, unknown>;
}

describe('policies of a site', () => {
  it('leave everything as it is where there are none', () => {
    const seen = observed([site(), LISTENER, CONNECTOR]);
    expect(accessPolicyEntities(seen)).toEqual([]);
    expect(JSON.stringify([listenerEntities(seen), connectorEntities(seen)])).not.toContain('policy');
  });

  it('reach the router as they are, with what they know services by', () => {
    const spec = { rules: [{ action: 'Allow', from: [{ sites: ['east'] }] }] };
    const seen = observed([
      site(),
      LISTENER,
      CONNECTOR,
      policy('AccessPolicy', 'own', spec),
      policy('ClusterAccessPolicy', 'all', spec),
    ]);
    expect(accessPolicyEntities(seen)).toEqual([
      ['accessPolicy', { name: 'AccessPolicy/ns-west/own', spec: JSON.stringify(spec) }],
      ['accessPolicy', { name: 'ClusterAccessPolicy/all', spec: JSON.stringify(spec) }],
    ]);
    expect(listenerEntities(seen)[0]![1]).toMatchObject({
      policyNamespace: 'ns-west',
      policyService: 'web',
      policyLabels: 'tier=front',
    });
    expect(connectorEntities(seen)[0]![1]).toMatchObject({ policyNamespace: 'ns-west', policyService: 'db' });
  });

  it('know what a service-controller made by the service that it is of', () => {
    const labels = {
      'app.kubernetes.io/managed-by': 'skuprt-service-controller',
      'skuprt.io/service': 'shop',
      'skuprt.io/service-namespace': 'sales',
    };
    const annotations = { 'skuprt.io/service-labels': '{"app":"shop"}' };
    const made = resource(
      'Connector',
      'svc-1',
      { routingKey: 'skuprt.service/c1/sales/shop/80', host: 'h', port: 1 },
      { labels, annotations },
    );
    const seen = observed([site(), made, policy('ClusterAccessPolicy', 'p', deny(['Import']))]);
    expect(connectorEntities(seen)[0]![1]).toMatchObject({
      policyNamespace: 'sales',
      policyService: 'shop',
      policyLabels: 'app=shop',
    });
    const refusing = observed([
      site(),
      made,
      policy('ClusterAccessPolicy', 'p', deny(['Expose'], [{ namespaces: ['sales'] }])),
    ]);
    expect(connectorEntities(refusing)).toEqual([]);
  });

  it('take no label for a service whose routing key it is not', () => {
    const labels = {
      'app.kubernetes.io/managed-by': 'skuprt-service-controller',
      'skuprt.io/service': 'shop',
      'skuprt.io/service-namespace': 'sales',
    };
    const claiming = resource('Connector', 'own', { routingKey: 'own', host: 'h', port: 1 }, { labels });
    const seen = observed([site(), claiming, policy('ClusterAccessPolicy', 'p', deny(['Import']))]);
    expect(connectorEntities(seen)[0]![1]).toMatchObject({ policyNamespace: 'ns-west', policyService: 'own' });
  });

  it('keep a Connector that may not be exposed out of the router and out of what others hear, and say why', () => {
    const seen = observed([
      site(),
      CONNECTOR,
      policy('ClusterAccessPolicy', 'no-db', deny(['Expose'], [{ names: ['db'] }])),
    ]);
    expect(connectorEntities(seen)).toEqual([]);
    const { connectors, services } = ownContent(seen, activeSite(seen)!);
    expect([connectors, services]).toEqual([[], []]);
    expect(conditionOf(seen, 'Connector', 'db', 'Configured')).toMatchObject({
      status: 'False',
      reason: 'Error',
      message: expect.stringContaining('ClusterAccessPolicy/no-db'),
    });
  });

  it('keep a Listener that may not be imported out of the router, and say why', () => {
    const seen = observed([
      site(),
      LISTENER,
      policy('AccessPolicy', 'no-web', deny(['Import'], [{ routingKeys: ['web'] }])),
    ]);
    expect(listenerEntities(seen)).toEqual([]);
    const { message } = conditionOf(seen, 'Listener', 'web', 'Configured');
    expect(message).toContain('AccessPolicy/ns-west/no-web');
    const other = resource('Listener', 'other', { routingKey: 'other', host: 'other', port: 8081 });
    const both = observed([
      site(),
      other,
      policy('AccessPolicy', 'no-web', deny(['Import'], [{ routingKeys: ['web'] }])),
    ]);
    expect(listenerEntities(both)).toHaveLength(1);
  });

  it('take from a MultiKeyListener the routing keys that it may not use', () => {
    const strategy = { priority: { routingKeys: ['a', 'b'] } };
    const listener = resource('MultiKeyListener', 'multi', { host: 'multi', port: 8082, strategy });
    const refuse = (...routingKeys: string[]) =>
      observed([site(), listener, policy('AccessPolicy', 'p', deny(['Import'], [{ routingKeys }]))]);
    const keysOf = (seen: Observed) =>
      multiKeyListenerEntities(seen).flatMap(([type, { address }]) => (type === 'listenerAddress' ? [address] : []));
    expect(keysOf(refuse('a'))).toEqual(['b']);
    expect(conditionOf(refuse('a'), 'MultiKeyListener', 'multi', 'Configured')).toMatchObject({
      status: 'True',
      message: expect.stringContaining('1 of its'),
    });
    expect(multiKeyListenerEntities(refuse('a', 'b'))).toEqual([]);
    expect(conditionOf(refuse('a', 'b'), 'MultiKeyListener', 'multi', 'Configured').status).toBe('False');
  });

  it('do nothing while they are only tried', () => {
    const seen = observed([site(), CONNECTOR, policy('AccessPolicy', 'try', { ...deny(['Expose']), dryRun: true })]);
    expect(connectorEntities(seen)).toHaveLength(1);
    expect(accessPolicyEntities(seen)).toHaveLength(1);
  });

  it('ask for workloads when some rule of connections does', () => {
    const rule = (from: object, operations = ['Connect']) =>
      observed([site(), policy('AccessPolicy', 'p', { rules: [{ action: 'Allow', operations, from: [from] }] })]);
    expect(asksWorkloads(rule({ workloads: ['web'] }))).toBe(true);
    expect(asksWorkloads(rule({ selector: { matchLabels: { app: 'web' } } }))).toBe(true);
    expect(asksWorkloads(rule({ sites: ['east'] }))).toBe(false);
    const seen = rule({ workloads: ['web'] });
    expect(ownContent(seen, activeSite(seen)!).site.asksWorkloads).toBe(true);
  });
});

describe('policies of links', () => {
  const endpoints = ['east.example.com', 'other.example.org'].map((host) => ({
    name: 'inter-router',
    host,
    port: '55671',
  }));
  const link = resource('Link', 'to-east', { endpoints, tlsCredentials: 'to-east' });
  const token = resource('AccessToken', 'to-east', { url: 'https://east:9443/uid', ca: 'PEM', code: 'code' });
  const allow = (from: object) =>
    policy('ClusterAccessPolicy', 'links', { rules: [{ action: 'Allow', operations: ['Link'], from: [from] }] });
  const withLink = (...resources: Resource[]) =>
    observed([site(), link, token, ...resources], { credentials: new Map([['to-east', credential('to-east')]]) });

  it('leave the hosts that they allow, and say so when none is left', () => {
    const some = withLink(allow({ direction: 'Outgoing', hosts: ['*.example.com'] }));
    expect(linkEntities(some)).toMatchObject([['connector', { host: 'east.example.com' }]]);
    expect(JSON.stringify(linkEntities(some))).not.toContain('example.org');
    const none = withLink(allow({ direction: 'Outgoing', hosts: ['nowhere'] }));
    expect(linkEntities(none)).toEqual([]);
    expect(conditionOf(none, 'Link', 'to-east', 'Configured').message).toContain('ClusterAccessPolicy/links');
  });

  it('leave to the routers what depends on which site is at the other end', () => {
    expect(linkEntities(withLink(allow({ sites: ['east'] })))).toHaveLength(1);
  });

  it('keep a token from being redeemed when no link is possible, and only then', () => {
    const none = withLink(policy('AccessPolicy', 'no-links', deny(['Link'])));
    expect(tokensDue(none, new Map())).toEqual([]);
    expect(conditionOf(none, 'AccessToken', 'to-east', 'Redeemed')).toMatchObject({
      status: 'False',
      reason: 'Error',
      message: expect.stringContaining('AccessPolicy/ns-west/no-links'),
    });
    expect(tokensDue(withLink(allow({ sites: ['east'] })), new Map())).toHaveLength(1);
  });

  it('refuse at redemption who will be refused whatever becomes known', () => {
    const seen = withLink(
      policy('ClusterAccessPolicy', 'no-evil', {
        rules: [
          { action: 'Deny', operations: ['Link'], from: [{ sites: ['id-evil'] }] },
          { action: 'Allow', operations: ['Link'] },
        ],
      }),
    );
    expect(linkRefusal(seen, { direction: 'Incoming', siteId: 'id-evil' })).toContain('no-evil');
    expect(linkRefusal(seen, { direction: 'Incoming', siteId: 'id-good' })).toBeUndefined();
  });

  it('refuse at redemption a site by the name that it says, unless the network knows it by another', () => {
    const only = policy('ClusterAccessPolicy', 'mid-only', {
      rules: [{ action: 'Allow', operations: ['Link'], from: [{ sites: ['mid'] }] }],
    });
    const seen = withLink(only);
    expect(incomingRefusal(seen, 'id-north', 'north')).toContain('mid-only');
    expect(incomingRefusal(seen, 'id-mid', 'mid')).toBeUndefined();
    const known = { ...seen, network: { sites: [remoteSite('north')], settled: true, gone: new Set<string>() } };
    expect(incomingRefusal(known, 'id-north', 'mid')).toContain('mid-only');
  });
});

describe('the status of a policy', () => {
  it('tells what it governs, and its generation', () => {
    const seen = observed([
      site(),
      LISTENER,
      CONNECTOR,
      policy('AccessPolicy', 'p', deny(['Import'], [{ names: ['web'] }])),
    ]);
    expect(statusOf(seen, 'AccessPolicy', 'p')).toMatchObject({
      status: 'Ready',
      observedGeneration: 3,
      selected: { listeners: 1, connectors: 0, sites: 0 },
    });
    expect(conditionOf(seen, 'AccessPolicy', 'p', 'Warnings')).toMatchObject({ status: 'False', reason: 'NoWarnings' });
  });

  it('warns of one that selects nothing, by condition and Event, once', () => {
    const seen = observed([site(), LISTENER, policy('AccessPolicy', 'p', deny(['Import'], [{ names: ['nobody'] }]))]);
    expect(conditionOf(seen, 'AccessPolicy', 'p', 'Warnings')).toMatchObject({
      status: 'True',
      reason: 'SelectsNothing',
    });
    expect(conditionOf(seen, 'AccessPolicy', 'p', 'Ready').status).toBe('True');
    const after = statusOf(seen, 'AccessPolicy', 'p');
    const about = seen.resources.get('AccessPolicy/p')!;
    expect(eventsOf(about, undefined, after)).toMatchObject([{ type: 'Warning', reason: 'SelectsNothing' }]);
    expect(eventsOf(about, after, after)).toEqual([]);
  });

  it('warns of one that cuts the links that are up', () => {
    const connection = {
      container: 'east-router',
      role: 'inter-router',
      direction: 'in' as const,
      host: '192.0.2.1',
      identity: '1',
    };
    const router = routerState({ connections: [connection as never] });
    const seen = observed([site(), policy('AccessPolicy', 'p', deny(['Link']))], { router });
    const { reason, message } = conditionOf(seen, 'AccessPolicy', 'p', 'Warnings');
    expect(reason).toBe('CutsLinks');
    expect(message).toContain('all links');
  });

  it('says what has no meaning, and leaves it out of force', () => {
    const bad = policy('AccessPolicy', 'p', { rules: [{ action: 'Allow', limits: { connectionsPerSecond: 1 } }] });
    const seen = observed([site(), bad]);
    expect(conditionOf(seen, 'AccessPolicy', 'p', 'Valid')).toMatchObject({
      status: 'False',
      message: expect.stringContaining('limits'),
    });
    expect(statusOf(seen, 'AccessPolicy', 'p').status).toBe('Error');
    expect(accessPolicyEntities(seen)).toEqual([]);
  });

  it('is in force as it was last good, on Kubernetes, when it has become bad', () => {
    const good = { rules: [{ action: 'Deny', operations: ['Expose'] }] };
    const bad = policy('AccessPolicy', 'p', { rules: [{ action: 'Allow', limits: { connectionsPerSecond: 1 } }] });
    const told = configMap('skupper-router', [
      ['accessPolicy', { name: 'AccessPolicy/ns-west/p', spec: JSON.stringify(good) }],
    ]);
    const seen = onKubernetes([site(), bad], { objects: [told] });
    expect(accessPolicyEntities(seen)).toEqual([
      ['accessPolicy', { name: 'AccessPolicy/ns-west/p', spec: JSON.stringify(good) }],
    ]);
    const invalid = [
      { kind: 'AccessPolicy' as const, metadata: { name: 'p' }, status: undefined, message: 'spec.rules is missing' },
    ];
    expect(accessPolicyEntities(onKubernetes([site()], { objects: [told], invalid }))).toHaveLength(1);
  });
});
