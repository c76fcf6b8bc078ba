/** The router's configuration of a local site, the import of services, and the network as one document. */
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../config/api/index.ts';
import { IMPORTED_FROM_ANNOTATION } from '../../config/names.ts';
import { parseConfig } from '../../router/management/config.ts';
import { importPorts, lostPorts, planImports } from '../../site-controller/reconcile/import/plan.ts';
import { networkStatus } from '../../site-controller/reconcile/network-status.ts';
import type { Observed } from '../../site-controller/reconcile/observed.ts';
import { ownContent } from '../../site-controller/reconcile/own-content.ts';
import { renderRouterConfig } from '../../site-controller/reconcile/router-config.ts';
import { activeSite } from '../../site-controller/reconcile/site/identity.ts';
import { credential, observed, remoteSite, resource, routerState, SITE_UID, site } from '../support/observed.ts';

type Entities = [string, Record<string, unknown>][];

function entities(state: Observed): Entities {
  return JSON.parse(renderRouterConfig(state)!) as Entities;
}

function named(state: Observed, type: string, name: string): Record<string, unknown> | undefined {
  return entities(state).find(([kind, attributes]) => kind === type && attributes.name === name)?.[1];
}

const full = (): Observed =>
  observed(
    [
      site(),
      resource('RouterAccess', 'west', {
        roles: [{ name: 'inter-router' }],
        tlsCredentials: 'skupper-site-server',
        bindHost: '127.0.0.1',
      }),
      resource('Link', 'east', {
        endpoints: [
          { name: 'edge', host: 'e', port: '1' },
          { name: 'inter-router', host: 'e', port: '55671' },
        ],
        tlsCredentials: 'east',
        cost: 5,
      }),
      resource('Listener', 'web', { routingKey: 'web-key', host: '127.0.0.1', port: 8080 }),
      resource('MultiKeyListener', 'both', {
        host: '127.0.0.1',
        port: 8081,
        strategy: { weighted: { routingKeys: { a: 3, b: 1 } } },
      }),
      resource('MultiKeyListener', 'first', {
        host: '127.0.0.1',
        port: 8082,
        strategy: { priority: { routingKeys: ['x', 'y'] } },
      }),
      resource('Connector', 'db', { routingKey: 'db-key', host: '10.0.0.5', port: 5432, tlsCredentials: 'east' }),
    ],
    {
      credentials: new Map([...observed([]).credentials, ['east', credential('east')]]),
      ports: new Map([
        ['amqps', 5671],
        ['http', 9090],
        ['routeraccess/west/inter-router', 55673],
      ]),
    },
  );

describe('router configuration', () => {
  it('is one that the router accepts', () => {
    const config = parseConfig(renderRouterConfig(full())!, 'skrouterd.json');
    expect(config.router).toMatchObject({ id: 'west-11111111', mode: 'interior' });
  });

  it('holds every resource under the names that Skupper gives them', () => {
    const state = full();
    expect(named(state, 'listener', 'west-inter-router')).toMatchObject({
      role: 'inter-router',
      port: 55673,
      sslProfile: 'skupper-site-server',
      authenticatePeer: true,
    });
    expect(named(state, 'connector', 'east')).toMatchObject({
      host: 'e',
      port: '55671',
      cost: 5,
      sslProfile: 'east-profile',
    });
    expect(named(state, 'tcpListener', 'listener/web')).toMatchObject({
      address: 'web-key',
      port: 8080,
      siteId: SITE_UID,
    });
    expect(named(state, 'tcpConnector', 'connector/db@10.0.0.5')).toMatchObject({
      address: 'db-key',
      host: '10.0.0.5',
    });
    expect(named(state, 'tcpListener', 'multiAddress/both')).toMatchObject({ multiAddressStrategy: 'weighted' });
    expect(named(state, 'listenerAddress', 'multiAddress/both/a')).toMatchObject({ value: 3 });
    expect(named(state, 'listenerAddress', 'multiAddress/first/x')).toMatchObject({ value: 1 });
    expect(named(state, 'listenerAddress', 'multiAddress/first/y')).toMatchObject({ value: 0 });
  });

  it('gives a link all of a credential that a connector needs only the CA of', () => {
    expect(named(full(), 'sslProfile', 'east-profile')).toEqual({
      name: 'east-profile',
      caCertFile: '/certs/east/ca.crt',
      certFile: '/certs/east/tls.crt',
      privateKeyFile: '/certs/east/tls.key',
    });
  });

  it('holds back what lacks its TLS material, and what is wrong, and nothing else', () => {
    const state = { ...full(), credentials: observed([]).credentials };
    expect(named(state, 'connector', 'east')).toBeUndefined();
    expect(named(state, 'tcpConnector', 'connector/db@10.0.0.5')).toBeUndefined();
    expect(named(state, 'tcpListener', 'listener/web')).toBeDefined();
  });

  it('does not depend on what the router or the network say', () => {
    const state = full();
    const later = {
      ...state,
      router: routerState({ consumers: new Map([['web-key', 1]]) }),
      network: { sites: [remoteSite('east')], settled: true, gone: new Set<string>() },
    };
    expect(renderRouterConfig(later)).toBe(renderRouterConfig(state));
  });

  it('is not there without a site, or before its own certificate', () => {
    expect(renderRouterConfig(observed([]))).toBeUndefined();
    expect(renderRouterConfig(observed([site()], { credentials: new Map() }))).toBeUndefined();
  });
});

describe('import', () => {
  const services = (port: number, address = 'backend') => ({ services: [{ address, protocol: 'tcp', port }] });
  const network = (...sites: ReturnType<typeof remoteSite>[]) => ({ sites, settled: true, gone: new Set<string>() });
  const port = (value: number) => new Map([['import/"backend"', value]]);
  const imported = (): Resource => {
    const state = observed([site()], { network: network(remoteSite('east', services(80))), ports: port(8081) });
    return planImports(state).apply[0]!;
  };

  it('asks for the port of the service and listens on the one it was given', () => {
    const state = observed([site()], { network: network(remoteSite('east', services(80))), ports: port(8081) });
    expect(importPorts(state)).toEqual([{ purpose: 'import/"backend"', from: 80, host: '127.0.0.1' }]);
    expect(planImports(state).apply).toMatchObject([
      {
        metadata: { name: 'backend', annotations: { [IMPORTED_FROM_ANNOTATION]: 'id-east' } },
        spec: { routingKey: 'backend', host: '127.0.0.1', port: 8081 },
      },
    ]);
  });

  it('follows the first site by id where two disagree about the port', () => {
    const state = observed([site()], {
      network: network(remoteSite('a', services(80)), remoteSite('b', services(90))),
    });
    expect(importPorts(state)).toMatchObject([{ from: 80 }]);
  });

  it('leaves an address alone that the user listens for', () => {
    const own = resource('Listener', 'mine', { routingKey: 'backend', host: '127.0.0.1', port: 1234 });
    const state = observed([site(), own, imported()], {
      network: network(remoteSite('east', services(80))),
      ports: port(8081),
    });
    expect(planImports(state)).toEqual({ apply: [], prune: ['backend'], release: ['import/"backend"'] });
  });

  it('stops when the site says so', () => {
    const closed = site({ settings: { 'skuprt.io/import': 'false' } });
    const state = observed([closed, imported()], { network: network(remoteSite('east', services(80))) });
    expect(planImports(state)).toEqual({ apply: [], prune: ['backend'], release: ['import/"backend"'] });
  });

  it('prunes what nobody advertises any more, but not before everyone had time to speak', () => {
    const gone = observed([site(), imported()]);
    expect(planImports(gone).prune).toEqual(['backend']);
    expect(planImports({ ...gone, network: { sites: [], settled: false, gone: new Set<string>() } }).prune).toEqual([]);
  });

  it('prunes before that when the sites it came from have spoken, or left', () => {
    const early = { sites: [], settled: false, gone: new Set<string>() };
    const state = observed([site(), imported()]);
    const spoken = { ...early, sites: [remoteSite('east')] };
    expect(planImports({ ...state, network: spoken }).prune).toEqual(['backend']);
    expect(planImports({ ...state, network: { ...early, gone: new Set(['id-east']) } }).prune).toEqual(['backend']);
  });

  it('frees the port when the service is withdrawn, and keeps it for a site that is only away', () => {
    const state = observed([site(), imported()]);
    const withdrawn = network(remoteSite('east'));
    expect(planImports({ ...state, network: withdrawn }).release).toEqual(['import/"backend"']);
    expect(planImports({ ...state, network: network() }).release).toEqual([]);
  });

  it('gives up its port when the service asks for another', () => {
    const asking = (asked: number) =>
      observed([site(), imported()], { network: network(remoteSite('east', services(asked))), ports: port(8081) });
    expect(lostPorts(asking(80))).toEqual([]);
    expect(lostPorts(asking(90))).toEqual(['import/"backend"']);
  });

  it('keeps its port while one of several sites asks for it, or the one that did is away', () => {
    const before = observed([site(), imported()], { ports: port(8081) });
    const several = network(remoteSite('a', services(90)), remoteSite('east', services(80)));
    expect(lostPorts({ ...before, network: several })).toEqual([]);
    expect(lostPorts({ ...before, network: network(remoteSite('a', services(90))) })).toEqual([]);
  });

  it('never prunes what the user made', () => {
    const own = resource('Listener', 'backend', { routingKey: 'other', host: '127.0.0.1', port: 1234 });
    expect(planImports(observed([site(), own])).prune).toEqual([]);
  });

  it('finds names for addresses that are none, or that are taken', () => {
    const taken = resource('Listener', 'backend', { routingKey: 'other', host: '127.0.0.1', port: 1234 });
    const east = remoteSite('east', {
      services: [
        { address: 'backend', protocol: 'tcp', port: 80 },
        { address: 'My_Service/v1', protocol: 'tcp', port: 81 },
      ],
    });
    const ports = new Map([
      ['import/"backend"', 80],
      ['import/"My_Service/v1"', 81],
    ]);
    const names = planImports(observed([site(), taken], { network: network(east), ports })).apply.map(
      ({ metadata }) => metadata.name,
    );
    expect(names).toHaveLength(2);
    expect(names[0]).toMatch(/^my-service-v1-[0-9a-f]{8}$/);
    expect(names[1]).toMatch(/^backend-[0-9a-f]{8}$/);
  });

  it('gives up a port that another program took', () => {
    const state = { operStatus: 'down', message: 'EADDRINUSE' };
    const router = routerState({ listeners: new Map([['listener/backend', state]]) });
    const lost = observed([site(), imported()], { router, ports: port(8081) });
    expect(lostPorts(lost)).toEqual(['import/"backend"']);
    expect(lostPorts({ ...lost, ports: port(8082) })).toEqual([]);
  });
});

describe('what a site says of itself', () => {
  const exposed = resource('Connector', 'web', {
    routingKey: 'backend',
    host: '127.0.0.1',
    port: 8080,
    settings: { 'skuprt.io/advertise': 'true', 'skuprt.io/service-port': '80' },
  });
  const silent = resource('Connector', 'db', { routingKey: 'db', host: '127.0.0.1', port: 5432 });

  it('advertises exposed connectors only, with the port of the service', () => {
    const state = observed([site(), exposed, silent]);
    const content = ownContent(state, activeSite(state)!);
    expect(content.services).toEqual([{ address: 'backend', protocol: 'tcp', port: 80 }]);
    expect(content.connectors).toHaveLength(2);
  });

  it('counts the connections of one router as one incoming link, at the cost its site says', () => {
    const connection = {
      host: '10.0.0.9:40000',
      container: 'east-router',
      role: 'inter-router',
      opened: true,
      direction: 'in' as const,
    };
    const outgoing = {
      name: 'to-west',
      role: 'inter-router',
      direction: 'outgoing' as const,
      cost: 7,
      operational: true,
      remoteSiteId: SITE_UID,
      remoteSiteName: 'west',
      remoteRouterId: 'west-11111111',
      message: 'OK',
    };
    const east = remoteSite('east', { routers: [{ id: 'east-router', links: [outgoing], routerAccess: [] }] });
    const state = observed([site()], {
      network: { sites: [east], settled: true, gone: new Set<string>() },
      router: routerState({ connections: [connection, { ...connection, host: '10.0.0.9:40001' }] }),
    });
    expect(ownContent(state, activeSite(state)!).routers[0]!.links).toMatchObject([
      { direction: 'incoming', cost: 7, remoteSiteId: 'id-east', remoteSiteName: 'east' },
    ]);
  });

  it('becomes, with the others, a document of the shape that Skupper reads', () => {
    const east = remoteSite('east', {
      listeners: [{ name: 'backend', routingKey: 'backend', host: '127.0.0.1', port: 8081 }],
    });
    const state = observed([site(), exposed], { network: { sites: [east], settled: true, gone: new Set<string>() } });
    expect(networkStatus(state, activeSite(state)!)).toMatchObject({
      addresses: [{ name: 'backend', listenerCount: 1, connectorCount: 1 }],
      siteStatus: [
        { site: { identity: SITE_UID, name: 'west' }, routerStatus: [{ router: { name: 'west-11111111' } }] },
        { site: { name: 'east' }, routerStatus: [{ listeners: [{ address: 'backend', destPort: '8081' }] }] },
      ],
    });
  });
});
