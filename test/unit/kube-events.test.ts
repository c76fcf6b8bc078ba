import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { type EventNote, EventRecorder } from '../../lib/kube/events.ts';
import { createLogger } from '../../lib/log.ts';
import { ControllerMetrics } from '../../lib/metrics.ts';
import { FakeApi } from '../support/kube/fake-api.ts';

const EVENT = { apiVersion: 'v1', kind: 'Event', plural: 'events' };
const about = {
  apiVersion: 'skupper.io/v2alpha1',
  kind: 'Site',
  metadata: { name: 'west', namespace: 'ns', uid: 'u' },
};
const note: EventNote = { about, type: 'Normal', reason: 'Running', message: 'Site is running' };
const log = createLogger({ name: 'test', level: 'silent' });

let api: FakeApi;
let recorder: EventRecorder;
let metrics: ControllerMetrics;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  api = new FakeApi({ types: [EVENT] });
  metrics = new ControllerMetrics({ process: 'site-controller', version: '1' });
  const onDropped = () => metrics.eventDropped();
  const parts = { client: api.client(), clock: systemClock, log, component: 'c', instance: 'pod', onDropped };
  recorder = new EventRecorder(parts);
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);

describe('the recorder of Events', () => {
  it('writes what happened about an object', async () => {
    recorder.record(note);
    await pass(1);
    expect(api.store.list(EVENT)).toMatchObject([
      {
        metadata: { namespace: 'ns' },
        involvedObject: { kind: 'Site', name: 'west', uid: 'u' },
        reason: 'Running',
        type: 'Normal',
        count: 1,
      },
    ]);
  });

  it('counts what happens again, at most once a minute, and begins anew after ten minutes without it', async () => {
    for (let second = 0; second < 130; second++) {
      recorder.record(note);
      await pass(1);
    }
    expect(api.store.list(EVENT)).toHaveLength(1);
    expect(api.store.changeCounts.get('MODIFIED Event')).toBe(2);
    await pass(601);
    recorder.record(note);
    await pass(1);
    expect(api.store.list(EVENT)).toHaveLength(2);
  });

  it('writes anew what the server has forgotten', async () => {
    recorder.record(note);
    await pass(61);
    const [first] = api.store.list(EVENT);
    api.store.remove(EVENT, { namespace: 'ns', name: first!.metadata.name, subresource: undefined });
    recorder.record(note);
    await pass(1);
    expect(api.store.list(EVENT)).toMatchObject([{ count: 2 }]);
  });

  it('is not drowned by one object, nor are the others', async () => {
    for (let count = 0; count < 500; count++) recorder.record({ ...note, message: `${count}` });
    recorder.record({ ...note, about: { ...about, metadata: { name: 'east', namespace: 'ns' } } });
    await pass(5);
    expect(api.store.list(EVENT)).toHaveLength(26);
    expect(await metrics.render()).toContain('skuprt_controller_events_dropped_total 475\n');
  });

  it('fails nobody when the server is away, and ends in time', async () => {
    api.goDown();
    recorder.record(note);
    const over = recorder.stop();
    await pass(60);
    await over;
    expect(vi.getTimerCount()).toBe(0);
  });
});
