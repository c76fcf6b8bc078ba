/** What every place that commands work on must do, as a function over a factory: files of a local site, an API server, a map of objects. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Place } from '../../cli/places/place.ts';
import type { ResourceOf } from '../../config/api/index.ts';

export interface PlaceUnderTest {
  /** Empty. */
  open(): Promise<Place>;
  close(): Promise<void>;
}

export function placeConformance(name: string, { open, close }: PlaceUnderTest): void {
  describe(`the resources of ${name}`, () => {
    let place: Place;
    beforeAll(async () => {
      place = await open();
    });
    afterAll(close);

    const connector = (spec: Partial<ResourceOf<'Connector'>['spec']> = {}): ResourceOf<'Connector'> => ({
      apiVersion: 'skupper.io/v2alpha1',
      kind: 'Connector',
      metadata: { name: 'backend', labels: { team: 'x' } },
      spec: { routingKey: 'backend', host: 'h', port: 80, ...spec },
    });

    it('are none at first', async () => {
      expect(await place.resources.list('Connector')).toEqual([]);
      expect(await place.resources.get('Connector', 'backend')).toBeUndefined();
    });

    it('are found as they were written, by kind and by name', async () => {
      await place.resources.apply(connector());
      const found = await place.resources.get('Connector', 'backend');
      expect(found).toMatchObject(connector());
      expect(await place.resources.list('Connector')).toEqual([found]);
      expect(await place.resources.list('Listener')).toEqual([]);
    });

    it('become as they are written, and lose what is left out', async () => {
      const before = await place.resources.get('Connector', 'backend');
      const { host: _host, ...spec } = connector({ selector: 'a=b', settings: { k: 'v' } }).spec;
      await place.resources.apply({ ...before!, metadata: { name: 'backend' }, spec });
      const after = await place.resources.get('Connector', 'backend');
      expect(after?.spec).toEqual({ routingKey: 'backend', selector: 'a=b', port: 80, settings: { k: 'v' } });
      expect(after?.metadata.labels ?? {}).toEqual({});
    });

    it('that are written again as they are stay untouched', async () => {
      const before = await place.resources.get('Connector', 'backend');
      await place.resources.apply(before!);
      expect(await place.resources.get('Connector', 'backend')).toEqual(before);
    });

    it('are listed by name', async () => {
      await place.resources.apply({ ...connector(), metadata: { name: 'zebra' } });
      await place.resources.apply({ ...connector(), metadata: { name: 'ant' } });
      const names = (await place.resources.list('Connector')).map(({ metadata }) => metadata.name);
      expect(names).toEqual(['ant', 'backend', 'zebra']);
    });

    it('are gone once deleted, which may be said twice', async () => {
      for (const name of ['ant', 'backend', 'zebra', 'ant']) await place.resources.delete('Connector', name);
      expect(await place.resources.list('Connector')).toEqual([]);
    });

    it('have no network, no credentials and no router before there is a site', async () => {
      const site: ResourceOf<'Site'> = { ...connector(), kind: 'Site', spec: {} };
      expect(await place.network(site)).toBeUndefined();
      expect(await place.credential('none')).toBeUndefined();
      expect(await place.serves('connector/backend')).toBe(false);
      expect(await place.faults()).toEqual([]);
    });

    it('reach hosts as they are named', async () => {
      expect(await place.target({ kind: 'host', name: 'h' })).toMatchObject({ host: 'h', isByName: false });
    });
  });
}
