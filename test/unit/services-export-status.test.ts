/** The age of an export, which decides conflicts, and what its status says. */
import { describe, expect, it } from 'vitest';
import { type Exporter, mergeExports } from '../../service-controller/merge/merge.ts';
import type { Observed } from '../../service-controller/reconcile/observed.ts';
import { exportStatus, ownExport } from '../../service-controller/reconcile/serviceexport/own-record.ts';
import { exporter, serviceRecord } from '../support/service-records.ts';
import {
  annotated,
  CREATED,
  CREATED_MS,
  cluster,
  madeExport,
  NOW,
  observed,
  record,
} from '../support/services/own-export.ts';

describe('the age of an export', () => {
  const fresh = madeExport({}, { annotations: {} });
  const running = cluster('west', serviceRecord({ since: CREATED_MS + 5000 }));

  it('is its creation, and is written down all the same', () => {
    const own = ownExport(observed({ export: fresh }))!;
    expect([own.record!.since, own.sinceAnnotation]).toEqual([CREATED_MS, '2026-03-01T11:00:00.000Z']);
  });

  it('is later than those that run, also than those that fell silent', () => {
    for (const state of ['live', 'lost'] as const) {
      const own = ownExport(observed({ export: fresh, clusters: [{ ...running, state }] }))!;
      expect([own.record!.since, own.sinceAnnotation]).toEqual([CREATED_MS + 5001, '2026-03-01T11:00:05.001Z']);
    }
  });

  it('stays what is written, whoever came since', () => {
    const own = ownExport(observed({ clusters: [running] }))!;
    expect([own.record!.since, own.sinceAnnotation]).toEqual([CREATED_MS, undefined]);
  });

  it('is not told before all others were heard', () => {
    const own = ownExport(observed({ export: fresh, isSettled: false }))!;
    expect([own.record, own.valid.status, own.sinceAnnotation]).toEqual([undefined, 'True', undefined]);
    expect(record({ isSettled: false }).since).toBe(CREATED_MS);
  });

  it('is not told while somebody whom the import lists may still be heard', () => {
    const annotations = { 'skuprt.io/exporting-clusters': 'east,west' };
    const made = {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceImport',
      metadata: { name: 'web', namespace: 'shop', annotations },
    };
    const sinceAt = (over: object) => ownExport(observed({ export: fresh, import: made, ...over }))!.sinceAnnotation;
    expect(sinceAt({ clusters: [], hasWaited: false })).toBeUndefined();
    expect(sinceAt({ clusters: [], hasWaited: true })).toBeDefined();
    expect(sinceAt({ clusters: [running], hasWaited: false })).toBeDefined();
  });

  it('is not decided without a mesh', () => {
    const own = ownExport(observed({ export: fresh, carrier: undefined, isSettled: false }))!;
    expect([own.record!.since, own.sinceAnnotation]).toEqual([CREATED_MS, undefined]);
  });

  it('copied from an older export does not count', () => {
    const copied = annotated({ 'skuprt.io/since': '2020-01-01T00:00:00.000Z' });
    const own = ownExport(observed({ export: copied, clusters: [running] }))!;
    expect([own.record!.since, own.sinceAnnotation]).toEqual([CREATED_MS + 5001, '2026-03-01T11:00:05.001Z']);
  });

  it('that is no time is decided anew, and named', () => {
    const own = ownExport(observed({ export: annotated({ 'skuprt.io/since': 'yesterday' }) }))!;
    expect([own.record!.since, own.sinceAnnotation]).toEqual([CREATED_MS, '2026-03-01T11:00:00.000Z']);
    expect(own.valid.message).toContain('skuprt.io/since is no time');
  });
});

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

function conditions(parts: Partial<Observed> = {}, others: Exporter[] = [], now = NOW): Record<string, Condition> {
  const state = observed(parts);
  const own = ownExport(state)!;
  const all = own.record ? [{ cluster: 'east', record: own.record }, ...others] : others;
  const status = exportStatus(state, own, mergeExports(all), now) as { conditions: Condition[] };
  return Object.fromEntries(status.conditions.map((condition) => [condition.type, condition]));
}

const brief = (made: Record<string, Condition>) =>
  Object.fromEntries(Object.values(made).map(({ type, status, reason }) => [type, `${status} ${reason}`]));

describe('the status of an export', () => {
  it('is valid, ready and without conflicts', () => {
    const made = conditions();
    expect(brief(made)).toEqual({ Valid: 'True Valid', Ready: 'True Exported', Conflict: 'False NoConflicts' });
    expect(Object.values(made).every(({ observedGeneration }) => observedGeneration === 3)).toBe(true);
    expect(made.Ready!.lastTransitionTime).toBe('2026-03-01T12:00:00Z');
  });

  it('has the conflict also at the winner, with all reasons', () => {
    const odd = exporter('west', -1000, { labels: { a: 'b' }, sessionAffinity: 'ClientIP' });
    const winner = conditions({}, [odd]);
    expect(brief(winner).Conflict).toBe('True SessionAffinityConflict,LabelsConflict');
    expect(winner.Conflict!.message).toBe(
      'sessionAffinity: None of cluster east, the oldest export, wins; 1/2 clusters disagree. ' +
        'exportedLabels: that of cluster east, the oldest export, wins; 1/2 clusters disagree.',
    );
    const older = exporter('west', 7200, { labels: { a: 'b' } });
    expect(conditions({}, [older]).Conflict!.message).toContain('that of cluster west');
  });

  it('is failed when it is not valid, and has no conflict then', () => {
    const former = {
      conditions: [
        { type: 'Conflict', status: 'True', reason: 'PortConflict', message: 'x', lastTransitionTime: CREATED },
      ],
    };
    const made = conditions({ service: undefined, export: madeExport({}, {}, former) }, [exporter('west', 1)]);
    expect(brief(made)).toEqual({ Valid: 'False NoService', Ready: 'False Failed' });
    expect(made.Ready!.message).toContain('There is no Service backend/be-svc');
  });

  it('is pending without a carrier, and says why', () => {
    const made = conditions({ carrier: undefined, carrierFault: 'there are two Sites, label one of them' });
    expect(made.Ready).toMatchObject({
      status: 'False',
      reason: 'Pending',
      message: 'there are two Sites, label one of them',
    });
  });

  it('is failed when the carrier has a fault', () => {
    expect(brief(conditions({ carrierFault: 'the router refuses us' })).Ready).toBe('False Failed');
  });

  it('is pending until the others were heard', () => {
    expect(brief(conditions({ isSettled: false })).Ready).toBe('False Pending');
  });

  it('does not change because a controller began anew', () => {
    const odd = exporter('west', -1000, { labels: { a: 'b' } });
    const state = observed();
    const own = ownExport(state)!;
    const merged = mergeExports([{ cluster: 'east', record: own.record! }, odd]);
    const status = exportStatus(state, own, merged, NOW);
    const restarted = observed({ isSettled: false, export: madeExport({}, {}, status) });
    const alone = mergeExports([{ cluster: 'east', record: own.record! }]);
    expect(exportStatus(restarted, ownExport(restarted)!, alone, NOW + 60_000)).toEqual(status);
  });

  it('keeps its times while nothing changes, and moves only that of what changed', () => {
    const first = exportStatus(observed(), ownExport(observed())!, mergeExports([exporter('east', 1)]), NOW);
    const again = { export: madeExport({}, {}, first) };
    const odd = exporter('west', -9999, { labels: { a: 'b' } });
    const times = (made: Record<string, Condition>) =>
      Object.fromEntries(
        Object.values(made).map(({ type, lastTransitionTime }) => [type, lastTransitionTime.slice(11, 19)]),
      );
    expect(times(conditions(again, [], NOW + 60_000))).toEqual({
      Valid: '12:00:00',
      Ready: '12:00:00',
      Conflict: '12:00:00',
    });
    expect(times(conditions(again, [odd], NOW + 60_000))).toEqual({
      Valid: '12:00:00',
      Ready: '12:00:00',
      Conflict: '12:01:00',
    });
  });

  it('leaves conditions of others alone', () => {
    const foreign = {
      type: 'example.com/Seen',
      status: 'True',
      reason: 'Seen',
      message: '',
      lastTransitionTime: CREATED,
    };
    const made = conditions({ export: madeExport({}, {}, { conditions: [foreign] }) });
    expect(made['example.com/Seen']).toEqual(foreign);
  });
});
