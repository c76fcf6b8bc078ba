/** Three clusters that export, fall silent, come back and restart in any order: what holds in each of them all the time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RETENTION_MS } from '../../service-controller/reconcile/limits.ts';
import type { IpFamily } from '../../service-controller/records.ts';
import { ClusterSet, keysOf, type Member, offers, VARIANTS } from '../support/services/cluster-set.ts';
import { endpointsOf, specOf } from '../support/services/service-world.ts';

const IDS = ['a', 'bb', 'ccc'];
const SEED = 20261121;
const SOURCE = 'multicluster.kubernetes.io/source-cluster';

const step = fc.record({
  who: fc.nat(IDS.length - 1),
  what: fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('export' as const), variant: fc.constantFrom(...VARIANTS) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('ready' as const), count: fc.nat(2) }) },
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constantFrom('unexport', 'cut', 'heal', 'restart', 'settle', 'wait', 'wait', 'leave', 'join' as const),
      }),
    },
  ),
  // Silence ends an export after an hour: most of what happens comes before.
  seconds: fc.oneof({ weight: 12, arbitrary: fc.constantFrom(1, 20) }, { weight: 1, arbitrary: fc.constant(1_800) }),
});
const sequences = fc.array(step, { minLength: 1, maxLength: 40, size: 'max' });
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function take(set: ClusterSet, { who, what, seconds }: Step): void {
  const member = set.members[who]!;
  set.now += seconds * 1000;
  switch (what.kind) {
    case 'export':
      member.export(what.variant, set.now);
      break;
    case 'unexport':
      member.world.view = { ...member.world.view, export: undefined };
      break;
    case 'ready':
      member.ready(what.count);
      break;
    case 'cut':
      member.isConnected = false;
      break;
    case 'heal':
      member.isConnected = true;
      break;
    case 'restart':
      member.restart(set.now);
      break;
    case 'settle':
      member.isSettled = true;
      break;
    case 'wait':
      member.isSettled = true;
      member.hasWaited = true;
      break;
    case 'leave':
      set.leave(member);
      break;
    case 'join':
      member.hasLeft = false;
      break;
  }
}

/** Clusters of which this one cannot know that they stopped exporting: heard at a time since which silence is not long enough. */
function possibleExporters(set: ClusterSet, member: Member, since: (at: number) => number = (at) => at): string[] {
  const others = [...member.told].flatMap(([id, { record, at }]) => {
    const other = set.members.find((candidate) => candidate.id === id)!;
    const isFresh = set.areConnected(member, other) || set.now - since(at) < RETENTION_MS;
    return record !== undefined && isFresh ? [id] : [];
  });
  return member.isExporting ? [...others, member.id] : others;
}

/** A controller that restarted does not know how long they have been silent before. */
function rememberedExporters(set: ClusterSet, member: Member): string[] {
  const known = possibleExporters(set, member, (at) => Math.max(at, member.startedAt));
  return set.now - member.startedAt < RETENTION_MS ? [...new Set([...known, ...member.doubtful])] : known;
}

/** Those that say so. */
function heardExporters(set: ClusterSet, member: Member): string[] {
  const others = set.members.filter((other) => other !== member && set.areConnected(member, other));
  const heard = others.map(({ id }) => id).filter((id) => member.told.get(id)?.record !== undefined);
  return member.isExporting ? [...heard, member.id] : heard;
}

/** Connected ones, and itself. */
function exporters(set: ClusterSet, member: Member): string[] {
  return set.members
    .filter((other) => other.isExporting && (other === member || set.areConnected(member, other)))
    .map(({ id }) => id);
}

function checkSafe(set: ClusterSet, member: Member): void {
  const { world } = member;
  if (world.writes.some((write) => write.startsWith('prune ServiceImport/'))) {
    expect(possibleExporters(set, member)).toEqual([]);
  }
  const told = new Set([...rememberedExporters(set, member), member.id]);
  const sources = world.list('EndpointSlice').flatMap(({ metadata }) => metadata.labels?.[SOURCE] ?? []);
  if (member.hasWaited) expect(heardExporters(set, member)).toEqual(expect.arrayContaining(sources));
  const clusters = [...world.list('Listener'), ...world.list('MultiKeyListener')]
    .flatMap(keysOf)
    .map((key) => key.split('/')[1]!);
  if (member.hasWaited) expect([...told]).toEqual(expect.arrayContaining(clusters));
  if (!member.isExporting) {
    const pods = world
      .list('EndpointSlice')
      .flatMap(endpointsOf)
      .flatMap(({ addresses }) => addresses);
    expect(pods.filter((address) => address.startsWith(`10.9${member.id.length}.0.`))).toEqual([]);
    expect(world.list('Connector')).toEqual([]);
  }
}

function checkAtRest(set: ClusterSet, member: Member): void {
  const { world } = member;
  if (!member.hasWaited) return;
  const sources = world.list('EndpointSlice').flatMap(({ metadata }) => metadata.labels?.[SOURCE] ?? []);
  expect(exporters(set, member)).toEqual(expect.arrayContaining(sources));
  if (possibleExporters(set, member).length > 0) expect(world.import).toBeDefined();
  if (rememberedExporters(set, member).length === 0) expect([...world.objects.keys()]).toEqual([]);
  if (world.import?.spec === undefined || (world.import.spec as { type: string }).type === 'Headless') return;
  const keys = world.list('MultiKeyListener').flatMap(keysOf);
  // One that knows of other exporters than we do may see its own export lose.
  const isServed = exporters(set, member).some((id) => {
    const key = `skuprt.service/${id}/shop/web/80`;
    return keys.includes(key) && offers(set.members.find((candidate) => candidate.id === id)!, key);
  });
  if (isServed) expect(world.targets('http')).not.toEqual([]);
}

/** Each cluster lists the ready pods of each other one, by those names of which it has the family. */
function checkPods(set: ClusterSet, { world, id }: Member): void {
  for (const { id: source, world: exporting, isExporting } of set.members) {
    if (source === id || !isExporting || exporting.record?.type !== 'Headless') continue;
    const ready = exporting.record.pods!.filter((pod) => pod.ready);
    const families = (specOf(world.import).ipFamilies as IpFamily[]).filter((one) =>
      world.serviceFamilies.includes(one),
    );
    const named = ready.filter(({ family }) => family === undefined || families.includes(family));
    const listed = world
      .slicesOf(source)
      .flatMap(endpointsOf)
      .flatMap(({ hostname, conditions }) => (conditions.ready ? [hostname] : []));
    expect([...new Set(listed)].sort()).toEqual(named.map(({ hostname }) => hostname).sort());
  }
}

describe('a set of clusters', () => {
  it('comes to rest after whatever happens, and nobody loses an import that somebody exports', () => {
    fc.assert(
      fc.property(sequences, (steps) => {
        const set = new ClusterSet(IDS);
        for (const taken of steps) {
          take(set, taken);
          set.rest((member) => checkSafe(set, member));
          for (const member of set.members) if (!member.hasLeft) checkAtRest(set, member);
        }
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  it('agrees on the service once all are heard', () => {
    fc.assert(
      fc.property(sequences, (steps) => {
        const set = new ClusterSet(IDS);
        for (const taken of steps) {
          take(set, taken);
          set.rest();
        }
        for (const member of set.members) {
          member.isConnected = true;
          member.hasLeft = false;
          member.isSettled = true;
          member.hasWaited = true;
        }
        set.rest();
        // The first has both families, the others those of them that they have.
        const families = specOf(set.members[0]!.world.import).ipFamilies as IpFamily[] | undefined;
        const shown = set.members.map(({ world }) => {
          const { ips: _ips, ipFamilies, ...spec } = specOf(world.import);
          expect(ipFamilies).toEqual(families?.filter((family) => world.view.carrier!.ipFamilies.includes(family)));
          return spec;
        });
        expect(shown).toEqual(shown.map(() => shown[0]));
        if (shown[0]?.type === 'Headless') for (const member of set.members) checkPods(set, member);
      }),
      { seed: SEED, numRuns: 80 },
    );
  });
});
