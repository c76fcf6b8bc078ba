/** Versions of one exported service: who gets which share of the connections that come from other clusters. */
import { describe, expect, it } from 'vitest';
import { SETTING } from '../../config/names.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { explanationLines } from '../../service-controller/merge/explain.ts';
import { VersionUsers } from '../../service-controller/platform/kubernetes/version-users.ts';
import { parseVersions } from '../../service-controller/reconcile/connector/versions.ts';
import { explainObserved } from '../../service-controller/reconcile/explain.ts';
import type { Observed } from '../../service-controller/reconcile/observed.ts';
import { exportSettings } from '../../service-controller/reconcile/serviceexport/annotations.ts';
import { runHere } from '../support/cli.ts';
import { exported, madeExport, slice } from '../support/services/observed-service.ts';
import { settingsOf, world } from '../support/services/service-world.ts';

const VERSIONS = 'skuprt.io/versions';

/** Three pods, of which web-v1 has one and web-v2 another. */
function view(annotation: string): Partial<Observed> {
  const pods = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => ({ address }));
  const version = (address: string) => [slice([{ address }], { ports: [{ name: '', protocol: 'TCP', port: 9 }] })];
  return {
    ...exported(pods),
    export: madeExport({}, { [VERSIONS]: annotation }),
    versions: new Map([
      ['web-v1', version('10.0.0.1')],
      ['web-v2', version('10.0.0.2')],
    ]),
  };
}

function shares(connectors: readonly KubeObject[]): (string | undefined)[][] {
  return connectors.map((made) => [settingsOf(made)[SETTING.endpoints], settingsOf(made)[SETTING.share]]);
}

describe('an export with versions', () => {
  it('makes a connector of the same routing key for each, with its share and its endpoints, and one for what is left', () => {
    const made = world(view('web-v1=90, web-v2=10')).list('Connector');
    expect(shares(made).sort()).toEqual([
      ['10.0.0.1:8080', '90'],
      ['10.0.0.2:8080', '10'],
      ['10.0.0.3:8080', '0'],
    ]);
    const keys = new Set(made.map(({ spec }) => (spec as { routingKey: string }).routingKey));
    expect(keys.size).toBe(1);
  });

  it('has one connector again without the annotation, the one that was there before', () => {
    const [plain] = world({ ...view(''), export: madeExport() }).list('Connector');
    const made = world(view('web-v1=90'));
    expect(made.list('Connector').map(({ metadata }) => metadata.name)).toContain(plain!.metadata.name);
    made.view = { ...made.view, export: madeExport() };
    made.rest();
    expect(shares(made.list('Connector'))).toEqual([['10.0.0.1:8080,10.0.0.2:8080,10.0.0.3:8080', undefined]]);
  });

  it('explains them', () => {
    const seen = world(view('web-v1=90,web-v2=10')).look();
    const lines = explanationLines(explainObserved(seen, seen.startedAt + 60_000).explanation);
    expect(lines.slice(lines.indexOf('Versions here, of connections from other clusters'))).toEqual([
      'Versions here, of connections from other clusters',
      '  web-v1: share 90, 1 ready',
      '  web-v2: share 10, 1 ready',
      '  none of them: 1 ready, used when the versions fail',
    ]);
  });

  it.each([
    ['web-v1', '"web-v1" is not SERVICE=SHARE'],
    ['web-v1=1001', 'from 0 to 1000'],
    ['a=1,a=2', '"a" is there twice'],
    ['A=1', 'is not SERVICE=SHARE'],
    [Array.from({ length: 17 }, (_, i) => `v${i}=1`).join(','), 'at most 16'],
  ])('that cannot be followed is told, and all endpoints are one: %s', (annotation, what) => {
    expect(parseVersions(annotation)).toContain(what);
    expect(exportSettings(madeExport({}, { [VERSIONS]: annotation })).faults).toEqual([
      expect.stringContaining(`${VERSIONS}: `),
    ]);
    expect(shares(world(view(annotation)).list('Connector'))).toHaveLength(1);
  });

  it('is looked at again when endpoints of a version change', () => {
    const users = new VersionUsers();
    const made = madeExport({}, { [VERSIONS]: 'web-v1=1,web-v2=2' });
    users.changed(undefined, made);
    expect([...users.usersOf('shop/web-v2')]).toEqual(['shop/web']);
    users.changed(made, madeExport({}, { [VERSIONS]: 'web-v1=1' }));
    expect([...users.usersOf('shop/web-v2')]).toEqual([]);
    users.changed(madeExport({}, { [VERSIONS]: 'web-v1=1' }), undefined);
    expect([...users.usersOf('shop/web-v1')]).toEqual([]);
  });

  it('is made by a flag, which is read before anything is done', async () => {
    const { code, err } = await runHere(['-p', 'local', 'service', 'export', 'web', '--versions', 'web-v1:1']);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('--versions: "web-v1:1" is not') });
    const made = await runHere([
      '-p',
      'local',
      'service',
      'export',
      'web',
      '--versions',
      'a=1',
      '--dry-run',
      '-o',
      'json',
    ]);
    expect(JSON.parse(made.out).metadata.annotations).toEqual({ [VERSIONS]: 'a=1' });
  });
});
