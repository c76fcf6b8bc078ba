import { describe, expect, it } from 'vitest';
import type { ConditionedStatus } from '../../config/api/conditions.ts';
import { failed, pending, ready, setCondition, setReady, withFindings } from '../../config/api/conditions.ts';
import { parseDurationMs } from '../../config/api/duration.ts';
import type { Resource } from '../../config/api/index.ts';

const FIRST = Date.UTC(2026, 0, 1);
const LATER = FIRST + 60_000;

describe('setCondition', () => {
  it('moves lastTransitionTime only when the boolean changes, observedGeneration always', () => {
    let status: ConditionedStatus = setCondition({}, pending('Running', 'No router'), 1, FIRST);
    status = setCondition(status, failed('Running', 'Crashed'), 2, LATER);
    expect(status.conditions).toEqual([
      {
        type: 'Running',
        status: 'False',
        reason: 'Error',
        message: 'Crashed',
        observedGeneration: 2,
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ]);
    status = setCondition(status, ready('Running'), 2, LATER);
    expect(status.conditions?.[0]).toMatchObject({
      status: 'True',
      reason: 'Ready',
      message: 'OK',
      lastTransitionTime: '2026-01-01T00:01:00Z',
    });
  });
});

describe('setReady', () => {
  const required = ['Configured', 'Running'] as const;
  const configured = setCondition<ConditionedStatus>({}, ready('Configured'), 1, FIRST);

  it('is pending with the name of the first missing condition', () => {
    expect(setReady(configured, required, 1, FIRST)).toMatchObject({ status: 'Pending', message: 'Not Running' });
  });

  it('takes reason and message of the first condition that is False', () => {
    const status = setReady(setCondition(configured, failed('Running', 'No binary'), 1, FIRST), required, 1, FIRST);
    expect(status).toMatchObject({ status: 'Error', message: 'No binary' });
    expect(status.conditions?.at(-1)).toMatchObject({ type: 'Ready', status: 'False', reason: 'Error' });
  });

  it('is ready when all are True', () => {
    const status = setReady(setCondition(configured, ready('Running'), 1, FIRST), required, 1, FIRST);
    expect(status).toMatchObject({ status: 'Ready', message: 'OK' });
  });
});

describe('withFindings', () => {
  const site = (linkAccess?: string): Resource => ({
    apiVersion: 'skupper.io/v2alpha1',
    kind: 'Site',
    metadata: { name: 'east', generation: 7 },
    spec: { linkAccess },
  });

  it('asks for Resolved only of a site with link access', () => {
    const findings = [ready('Configured'), ready('Running')];
    expect(withFindings(site('none'), {}, findings, FIRST)).toMatchObject({ status: 'Ready' });
    const withAccess = withFindings<ConditionedStatus>(site('default'), {}, findings, FIRST);
    expect(withAccess).toMatchObject({ status: 'Pending', message: 'Not Resolved' });
    expect(withAccess.conditions?.every((condition) => condition.observedGeneration === 7)).toBe(true);
  });
});

describe('parseDurationMs', () => {
  it.each([
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['300ms', 300],
    ['', undefined],
    ['15', undefined],
    ['-1m', undefined],
    ['m', undefined],
  ])('%j is %j ms', (text, expected) => {
    expect(parseDurationMs(text)).toBe(expected);
  });
});
