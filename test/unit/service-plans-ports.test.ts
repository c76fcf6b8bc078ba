/** The ports of routers in pods, and the Services that lead to them: whatever comes and goes, nobody gets what is somebody else's. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../config/api/index.ts';
import type { Listener } from '../../config/api/listener.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { listenerEntities } from '../../site-controller/reconcile/listener/plan.ts';
import { allocatePorts, LISTENER_PORTS } from '../../site-controller/reconcile/listener/ports.ts';
import { planServices } from '../../site-controller/reconcile/listener/services.ts';
import { multiKeyListenerEntities } from '../../site-controller/reconcile/multikeylistener/plan.ts';
import type { Observed, RouterEntity } from '../../site-controller/reconcile/observed.ts';
import { resource, routerState, site } from '../support/observed.ts';
import { applied, configMap, foreignService, onKubernetes } from '../support/observed-cluster.ts';

const options = { seed: 20261121, numRuns: 80 };
const RESERVED = [5671, 5672, 9000, 9090, 9191, 45671, 55671];

const listener = (name: string, spec: object = {}): Resource =>
  resource('Listener', name, { routingKey: name, host: name, port: 8080, ...spec });
const entities = (seen: Observed) => [...listenerEntities(seen), ...multiKeyListenerEntities(seen)];
const withPorts = (seen: Observed): Observed => ({ ...seen, ports: allocatePorts(seen) });
const portOf = (resources: Resource[], objects: KubeObject[], routers = new Map()) =>
  allocatePorts(onKubernetes([site(), ...resources], { objects, routers })).get('listener/web');

describe('the port of a listener', () => {
  it('is the one of the configuration, also as Skupper wrote it; the first group decides', () => {
    const web = (port: unknown) => [['tcpListener', { name: 'listener/web', host: '', port, address: 'web' }]];
    expect(portOf([listener('web')], [configMap('skupper-router', web('1024'))])).toBe(1024);
    const both = [configMap('skupper-router-2', web(2000)), configMap('skupper-router', web(3000))];
    expect(portOf([listener('web')], both)).toBe(3000);
    expect(portOf([listener('web')], [both[0]!])).toBe(2000);
  });

  it('is found again in a running router, and in the Service, when the configuration is gone', () => {
    const first = withPorts(onKubernetes([site(), listener('web')]));
    const state = { operStatus: 'up', message: '', port: 4711 };
    const routers = new Map([['pod', routerState({ listeners: new Map([['listener/web', state]]) })]]);
    expect(portOf([listener('web')], [], routers)).toBe(4711);
    const [service] = planServices({ ...first, ports: new Map([['listener/web', 4712]]) }).objects;
    expect(portOf([listener('web')], [applied(service!)])).toBe(4712);
  });

  it.each([
    ['not JSON', '{'],
    ['not a list', '{}'],
    ['of other shapes', '[null, 1, ["tcpListener"], ["tcpListener", 3], ["tcpListener", {"name": "listener/web"}]]'],
    ['no port', '[["tcpListener", {"name": "listener/web", "port": "many"}]]'],
    ['none that may be used', '[["tcpListener", {"name": "listener/web", "port": 5671}]]'],
    ['a privileged one', '[["tcpListener", {"name": "listener/web", "port": 80}]]'],
  ])('is a new one when what somebody wrote into the configuration is %s', (_what, text) => {
    const fresh = portOf([listener('web')], []);
    expect(portOf([listener('web')], [configMap('skupper-router', text)])).toBe(fresh);
  });

  it('is none that link access asks for', () => {
    const port = portOf([listener('web')], [])!;
    const access = resource('RouterAccess', 'links', {
      roles: [{ name: 'inter-router', port }],
      tlsCredentials: 'skupper-site-server',
    });
    expect(portOf([listener('web'), access], [])).not.toBe(port);
    const config = configMap('skupper-router', [['tcpListener', { name: 'listener/web', port }]]);
    expect(portOf([listener('web'), access], [config])).not.toBe(port);
  });

  it('goes to nobody else while a router may still listen there', () => {
    const fresh = portOf([listener('web')], [])!;
    const config = configMap('skupper-router', [['tcpListener', { name: 'listener/gone', port: fresh }]]);
    expect(portOf([listener('web')], [config])).not.toBe(fresh);
    const state = { operStatus: 'up', message: '', port: fresh };
    const routers = new Map([['pod', routerState({ listeners: new Map([['listener/gone', state]]) })]]);
    expect(portOf([listener('web')], [], routers)).not.toBe(fresh);
    const gone = { ...onKubernetes([site(), listener('gone')]), ports: new Map([['listener/gone', fresh]]) };
    expect(portOf([listener('web')], planServices(gone).objects.map(applied))).not.toBe(fresh);
  });

  it('becomes another when the router finds it taken, once', () => {
    const fresh = portOf([listener('web')], [])!;
    const config = (port: number) => configMap('skupper-router', [['tcpListener', { name: 'listener/web', port }]]);
    const state = { operStatus: 'down', message: 'listen EADDRINUSE: address already in use', port: fresh };
    const routers = new Map([['pod', routerState({ listeners: new Map([['listener/web', state]]) })]]);
    const next = portOf([listener('web')], [config(fresh)], routers)!;
    expect(next).not.toBe(fresh);
    expect(portOf([listener('web')], [config(next)], routers)).toBe(next);
  });
});

/** Names are few, so that they meet. */
const hosts = fc.constantFrom('a', 'b', 'c', 'a.ns-west', 'foreign', 'UPPER', 'skupper-router-local');
const made = fc.record({
  name: fc.constantFrom('l1', 'l2', 'l3', 'l4', 'l5', 'l6'),
  isMulti: fc.boolean(),
  host: hosts,
  port: fc.constantFrom(80, 81, 443),
  age: fc.integer({ min: 1, max: 9 }),
  tlsCredentials: fc.constantFrom(undefined, 'missing'),
  hasService: fc.boolean(),
});
const worlds = fc.array(fc.array(made, { maxLength: 8 }), { minLength: 1, maxLength: 6 });

function resourcesOf(world: readonly (typeof made extends fc.Arbitrary<infer T> ? T : never)[]): Resource[] {
  const listeners = world.map(({ name, isMulti, host, port, age, tlsCredentials, hasService }) => {
    const metadata = { creationTimestamp: `2026-03-0${age}T00:00:00Z` };
    const settings = { 'skuprt.io/service': 'none' };
    const spec = { host, port, ...(tlsCredentials && { tlsCredentials }), ...(!hasService && { settings }) };
    return isMulti
      ? resource('MultiKeyListener', name, { ...spec, strategy: { priority: { routingKeys: ['x'] } } }, metadata)
      : resource('Listener', name, { ...spec, routingKey: name }, metadata);
  });
  return [site(), ...listeners];
}

/** What the API server holds after a pass: the Services of the plan, the configuration, and what is none of our business. */
function objectsAfter(seen: Observed): KubeObject[] {
  const config = entities(seen);
  return [
    foreignService('foreign'),
    ...planServices(seen).objects.map(applied),
    configMap('skupper-router', config),
    configMap('skupper-router-2', config),
  ];
}

const isServed = ({ resources }: Observed, name: string): boolean => {
  const key = name.replace('listener/', 'Listener/').replace('multiAddress/', 'MultiKeyListener/');
  return (resources.get(key as never) as Listener).spec.settings === undefined;
};

const portsOf = (config: readonly RouterEntity[]) =>
  new Map(config.map(([, { name, port }]) => [String(name), Number(port)]));

describe('whatever users do', () => {
  it('each tcpListener has a port of its own and keeps it, and each Service leads to the one of its listener', () => {
    fc.assert(
      fc.property(worlds, (sequence) => {
        let objects: KubeObject[] = [foreignService('foreign')];
        let before = new Map<string, number>();
        for (const world of sequence) {
          const seen = withPorts(onKubernetes(resourcesOf(world), { objects }));
          const config = entities(seen).filter(([type]) => type === 'tcpListener');
          const ports = portsOf(config);
          expect(new Set(seen.ports.values()).size).toBe(seen.ports.size);
          for (const port of seen.ports.values()) {
            expect(port).toBeGreaterThanOrEqual(LISTENER_PORTS.first);
            expect(RESERVED).not.toContain(port);
          }
          for (const [name, port] of ports) {
            if (before.has(name)) expect(port).toBe(before.get(name));
            else expect([...before.values()]).not.toContain(port);
          }
          const services = planServices(seen).objects;
          const targets = services.flatMap(({ spec }) => (spec as { ports: { targetPort: number }[] }).ports);
          const served = [...seen.ports].filter(([name]) => isServed(seen, name)).map(([, port]) => port);
          expect(targets.map(({ targetPort }) => targetPort).sort()).toEqual(served.sort());
          expect(services.map(({ metadata }) => metadata.name)).not.toContain('foreign');
          for (const { metadata, spec } of services) {
            expect(metadata.name).toMatch(/^[abc]$/);
            const numbers = (spec as { ports: { port: number }[] }).ports.map(({ port }) => port);
            expect(new Set(numbers).size).toBe(numbers.length);
          }
          objects = objectsAfter(seen);
          before = ports;
        }
      }),
      options,
    );
  });

  it('a second look at what the first one made changes nothing', () => {
    fc.assert(
      fc.property(worlds, (sequence) => {
        let objects: KubeObject[] = [foreignService('foreign')];
        for (const world of sequence) {
          const first = withPorts(onKubernetes(resourcesOf(world), { objects }));
          objects = objectsAfter(first);
          const second = withPorts(onKubernetes(resourcesOf(world), { objects }));
          expect(second.ports).toEqual(first.ports);
          expect(planServices(second)).toEqual(planServices(first));
          expect(entities(second)).toEqual(entities(first));
        }
      }),
      options,
    );
  });

  it('two thousand listeners are planned in a moment', () => {
    const many = Array.from({ length: 2000 }, (_, index) => listener(`l${index}`));
    const seen = withPorts(onKubernetes([site(), ...many]));
    expect(seen.ports.size).toBe(2000);
    expect(planServices(seen).objects).toHaveLength(2000);
    expect(entities(seen)).toHaveLength(2000);
  });
});
