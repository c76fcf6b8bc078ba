/** Which changes of conditions become Kubernetes Events. */
import { describe, expect, it } from 'vitest';
import { type Finding, failed, pending, ready, withFindings } from '../../config/api/conditions.ts';
import { eventsOf } from '../../site-controller/platform/kubernetes/status-events.ts';
import { NOW, resource } from '../support/observed.ts';

const LISTENER = resource('Listener', 'backend', { routingKey: 'backend', host: 'backend', port: 8080 });
const status = (...findings: Finding[]) => withFindings(LISTENER, {}, findings, NOW);
const told = (before: object | undefined, after: object) =>
  eventsOf(LISTENER, before, after).map(({ type, reason, message }) => `${type} ${reason}: ${message}`);

describe('Events of conditions', () => {
  const waiting = status(ready('Configured'), pending('Matched', 'No matching connectors'));
  const matched = status(ready('Configured'), ready('Matched'));
  const broken = status(failed('Configured', 'Service backend already exists'), pending('Matched', 'none'));

  it.each([
    ['waiting from the start is not told', undefined, waiting, []],
    ['what came true is', waiting, matched, ['Normal Matched: Listener is matched']],
    ['what is true from the start is', undefined, matched, ['Normal Matched: Listener is matched']],
    ['what goes on is not', matched, matched, []],
    ['what was lost is', matched, waiting, ['Warning NotMatched: No matching connectors']],
    ['an error is at once', undefined, broken, ['Warning NotConfigured: Service backend already exists']],
    ['the same error is not told twice', broken, broken, []],
    ['another error is', broken, status(failed('Configured', 'port 99999')), ['Warning NotConfigured: port 99999']],
  ])('%s', (_what, before, after, expected) => {
    expect(told(before, after)).toEqual(expected);
  });

  it('of a certificate only trouble is told', () => {
    const certificate = resource('Certificate', 'c', { ca: '', subject: 'c', signing: true });
    const good = withFindings(certificate, {}, [ready('Ready')], NOW);
    const bad = withFindings(certificate, {}, [failed('Ready', 'expired')], NOW);
    expect(eventsOf(certificate, undefined, good)).toEqual([]);
    expect(eventsOf(certificate, good, bad)).toMatchObject([
      { type: 'Warning', reason: 'NotReady', message: 'expired' },
    ]);
  });
});
