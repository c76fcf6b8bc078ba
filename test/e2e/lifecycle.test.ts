/** Sites, tokens and access on clusters with pods: what a user chooses, and what is left when it goes. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CONTEXTS,
  dropPlaces,
  eventually,
  type Json,
  link,
  makeSite,
  newNamespace,
  newSite,
  Place,
  routerPods,
  tokenOf,
} from './world.ts';

const THREE_MINUTES = 180_000;
const API_VERSION = 'skupper.io/v2alpha1';

describe.skipIf(CONTEXTS.length < 2)('tokens', { timeout: THREE_MINUTES }, () => {
  const west = new Place(CONTEXTS[0] ?? '', 'e2e-tokens');
  const [east, third] = ['e2e-tokens', 'e2e-tokens-2'].map((name) => new Place(CONTEXTS[1] ?? '', name)) as [
    Place,
    Place,
  ];

  beforeAll(async () => {
    await newSite(west);
    await Promise.all([east, third].map((place) => newSite(place, { flags: [] })));
  }, THREE_MINUTES);
  afterAll(() => dropPlaces([west, east, third]), THREE_MINUTES);

  const redeem = (place: Place, token: string) =>
    place.skuprt(['token', 'redeem', '-', '--timeout', '20s'], { input: token });

  it('one is good for one link', async () => {
    const token = await tokenOf(west);
    await redeem(east, token);
    await expect(redeem(third, token)).rejects.toThrow(/used|redeemed/i);
  });

  it('one that has expired is refused', async () => {
    const token = await tokenOf(west, ['--expiration-window', '2s']);
    await sleep(3000);
    await expect(redeem(third, token)).rejects.toThrow(/expired/i);
  });

  it('a wrong code is refused', async () => {
    const token = (await tokenOf(west)).replace(/code: .*/, `code: ${randomUUID()}`);
    await expect(redeem(third, token)).rejects.toThrow();
  });

  it('one good for two uses links a second site, and all three see each other', async () => {
    const token = await tokenOf(west, ['--redemptions-allowed', '2']);
    await redeem(third, token);
    await eventually('three sites in the network', async () => {
      const sites = await Promise.all([west, east, third].map(async (place) => (await place.list('sites'))[0]));
      return sites.every((site) => site.status?.sitesInNetwork === 3);
    });
  });
});

describe.skipIf(CONTEXTS.length < 2)('a site', { timeout: THREE_MINUTES }, () => {
  const place = new Place(CONTEXTS[0] ?? '', 'e2e-site');
  const other = new Place(CONTEXTS[1] ?? '', 'e2e-site');

  beforeAll(() => newSite(place), THREE_MINUTES);
  afterAll(() => dropPlaces([place, other]), THREE_MINUTES);

  const service = (name: string) => place.get('service', name);

  it.each([
    ['local', 'ClusterIP'],
    ['loadbalancer', 'LoadBalancer'],
    ['nodeport', 'NodePort'],
  ])('with access type %s has a Service of type %s', async (accessType, type) => {
    await place.skuprt(['site', 'update', '--link-access-type', accessType, '--enable-link-access', '--wait', 'none']);
    await eventually(`a ${type} Service`, async () => (await service('skupper-router')).spec.type === type);
  });

  it('names what is wrong with an access type that is unknown', async () => {
    await place.apply(routerAccess('wrong', 'carrier-pigeon'));
    const message = await eventually('a fault', async () => {
      const { status } = await place.get('routeraccess', 'wrong');
      return status?.status === 'Error' && status.message;
    });
    expect(message).toContain('carrier-pigeon');
    await place.remove('routeraccess', 'wrong');
  });

  it('carries the labels of a template, until the template is gone', async () => {
    await place.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'labels', labels: { 'skupper.io/label-template': 'true', team: 'blue' } },
    });
    await eventually('the label', async () => (await service('skupper-router-local')).metadata.labels?.team === 'blue');
    await place.remove('configmap', 'labels');
    await eventually(
      'no label',
      async () => (await service('skupper-router-local')).metadata.labels?.team === undefined,
    );
  });

  it('lays a fragment of a pod template over its routers', async () => {
    const template = 'spec:\n  tolerations:\n    - key: edge\n      operator: Exists\n';
    await place.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'overlay' },
      data: { 'template.yaml': template },
    });
    const settings = { spec: { settings: { 'skuprt.io/pod-template': 'overlay' } } };
    await place.kubectl(['patch', 'site', place.context, '--type=merge', '-p', JSON.stringify(settings)]);
    await eventually(
      'a router with the toleration',
      async () => {
        const [name] = await routerPods(place);
        const { spec } = await place.get('pod', name!);
        return spec.tolerations.some(({ key }: Json) => key === 'edge');
      },
      60_000,
    );
    await eventually(
      'the site is ready',
      async () => (await place.get('site', place.context)).status.status === 'Ready',
      60_000,
    );
  });

  it('a second one in the namespace is told that it is not the active one', async () => {
    await place.apply({ apiVersion: API_VERSION, kind: 'Site', metadata: { name: 'zz-second' }, spec: {} });
    const message = await eventually('a message', async () => {
      const { status } = await place.get('site', 'zz-second');
      return status?.status === 'Error' && status.message;
    });
    expect(message).toMatch(/active|already/i);
    await place.remove('site', 'zz-second');
  });

  it('of another controller is left alone until it is given to this one', async () => {
    await newNamespace(other);
    await other.apply(choice('somebody/else'));
    await other.apply({ apiVersion: API_VERSION, kind: 'Site', metadata: { name: 'theirs' }, spec: {} });
    await sleep(3000);
    expect(await other.list('deployments')).toEqual([]);
    await other.apply(choice('skupper/skupper-controller'));
    await eventually('it runs', async () => (await other.get('site', 'theirs')).status?.status === 'Ready', 60_000);
  });

  it('leaves nothing behind when it is deleted', async () => {
    await place.remove('sites', '--all');
    const kinds =
      'deployments,services,roles,rolebindings,secrets,leases,securedaccesses,certificates,poddisruptionbudgets';
    await eventually('nothing is left', async () => (await place.list(kinds)).length === 0, 60_000);
    const maps = await eventually('no ConfigMap of it', async () => {
      const left = (await place.list('configmaps')).filter(({ metadata }) => /^skupper-/.test(metadata.name));
      return left.length === 0 && left;
    });
    expect(maps).toEqual([]);
  });

  it('goes with its namespace, and comes back in a new one', async () => {
    await makeSite(place);
    await newSite(place);
    await link(place, other);
  });
});

function choice(controller: string): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'skupper' }, data: { controller } };
}

function routerAccess(name: string, accessType: string): object {
  const spec = { accessType, roles: [{ name: 'inter-router', port: 55_671 }], tlsCredentials: name };
  return { apiVersion: API_VERSION, kind: 'RouterAccess', metadata: { name }, spec };
}
