/** Policies in dry run in the plans of a site: nothing is kept back, and who would be refused is told in conditions, Events, logs and counts. */
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../config/api/index.ts';
import { parseResources } from '../../config/api/parse.ts';
import { createLogger } from '../../lib/log.ts';
import { eventsOf } from '../../site-controller/platform/kubernetes/status-events.ts';
import { connectorEntities } from '../../site-controller/reconcile/connector/plan.ts';
import { linkEntities } from '../../site-controller/reconcile/link/plan.ts';
import { multiKeyListenerEntities } from '../../site-controller/reconcile/multikeylistener/plan.ts';
import type { Observed } from '../../site-controller/reconcile/observed.ts';
import { planOutcomes, statusFrom } from '../../site-controller/reconcile/outcomes.ts';
import { rehearsals } from '../../site-controller/reconcile/policy/rehearsals.ts';
import { RehearsalBook } from '../../site-controller/rehearsal-book.ts';
import { credential, NOW, observed, resource, site } from '../support/observed.ts';

const CONNECTOR = resource('Connector', 'db', { routingKey: 'db', host: 'db', port: 5432 });
const LISTENER = resource('Listener', 'web', { routingKey: 'web', host: 'web', port: 8080 });
const MULTI = resource('MultiKeyListener', 'multi', {
  host: 'multi',
  port: 8082,
  strategy: { priority: { routingKeys: ['a', 'b', 'c'] } },
});

interface Status {
  status: string;
  conditions: { type: string; status: string; reason: string; message: string }[];
}

function policy(
  name: string,
  operation: string,
  { dryRun = true, ...more }: { dryRun?: boolean; services?: object[]; rules?: object[] } = {},
) {
  const spec = { dryRun, rules: [{ action: 'Deny', operations: [operation] }], ...more };
  const metadata = { name, uid: `uid-${name}`, generation: 1 };
  const text = JSON.stringify({ apiVersion: 'skuprt.io/v1alpha1', kind: 'AccessPolicy', metadata, spec });
  return parseResources(text, name)[0]!;
}

function statusOf(seen: Observed, { kind, metadata }: Resource): Status {
  const outcomes = planOutcomes(seen, { newCode: () => 'code', redemptions: () => 0, attempts: new Map() });
  const found = outcomes.find(({ resource: one }) => one.kind === kind && one.metadata.name === metadata.name)!;
  return statusFrom(found, NOW) as Status;
}

function condition(seen: Observed, about: Resource, type: string) {
  return statusOf(seen, about).conditions.find((one) => one.type === type);
}

describe('a policy in dry run', () => {
  it('leaves a Connector as it is, and says by condition and Event, once, that it would be refused', () => {
    const seen = observed([site(), CONNECTOR, LISTENER, policy('try', 'Expose')]);
    expect(connectorEntities(seen)).toHaveLength(1);
    const { conditions, status } = statusOf(seen, CONNECTOR);
    const without = statusOf(observed([site(), CONNECTOR, LISTENER]), CONNECTOR);
    expect([status, conditions.filter(({ type }) => type !== 'Warnings')]).toEqual([
      without.status,
      without.conditions,
    ]);
    expect(conditions.find(({ type }) => type === 'Warnings')).toMatchObject({
      status: 'True',
      reason: 'WouldBeRefused',
      message: expect.stringMatching(/^Would be refused by a policy in dry run: AccessPolicy\/ns-west\/try, rule 0, /),
    });
    const told = eventsOf(CONNECTOR, without, { conditions });
    expect(told).toMatchObject([{ type: 'Warning', reason: 'WouldBeRefused' }]);
    expect(eventsOf(CONNECTOR, { conditions }, { conditions })).toEqual([]);
    expect(condition(seen, LISTENER, 'Warnings')).toBeUndefined();
  });

  it('says it of a Listener that would not be imported, and of how many keys of one that has several', () => {
    const services = [{ routingKeys: ['web', 'a', 'b'] }];
    const seen = observed([site(), LISTENER, MULTI, policy('try', 'Import', { services })]);
    expect(condition(seen, LISTENER, 'Warnings')).toMatchObject({ status: 'True', reason: 'WouldBeRefused' });
    expect(condition(seen, MULTI, 'Warnings')?.message).toContain('and 1 more of its routing keys');
    expect(condition(seen, MULTI, 'Configured')?.message).toBe('OK');
    expect(multiKeyListenerEntities(seen)).toHaveLength(4);
  });

  it('says it of a Link when no host is left, and not when that depends on which site is there', () => {
    const endpoints = ['east.example.com', 'other.example.org'].map((host) => ({
      name: 'inter-router',
      host,
      port: '55671',
    }));
    const link = resource('Link', 'to-east', { endpoints, tlsCredentials: 'to-east' });
    const allowing = (from: object) => {
      const rules = [{ action: 'Allow', operations: ['Link'], from: [from] }];
      const credentials = new Map([['to-east', credential('to-east')]]);
      return observed([site(), link, policy('try', 'Link', { rules })], { credentials });
    };
    const none = allowing({ direction: 'Outgoing', hosts: ['nowhere'] });
    expect(linkEntities(none)).toHaveLength(1);
    expect(condition(none, link, 'Warnings')?.reason).toBe('WouldBeRefused');
    for (const from of [{ direction: 'Outgoing', hosts: ['*.example.com'] }, { sites: ['east'] }]) {
      expect(condition(allowing(from), link, 'Warnings')).toBeUndefined();
    }
  });

  it('says nothing of what another policy refuses, or where there is no site', () => {
    const enforced = policy('really', 'Expose', { dryRun: false });
    expect(rehearsals(observed([site(), CONNECTOR, enforced, policy('try', 'Expose')])).size).toBe(0);
    expect(rehearsals(observed([CONNECTOR, policy('try', 'Expose')])).size).toBe(0);
  });

  it('says that it is over when it is gone', () => {
    const before = statusOf(observed([site(), CONNECTOR, policy('try', 'Expose')]), CONNECTOR);
    const told = { ...CONNECTOR, status: before } as Resource;
    expect(condition(observed([site(), told]), told, 'Warnings')).toMatchObject({
      status: 'False',
      reason: 'NoWarnings',
    });
  });
});

describe('the book of what would be refused', () => {
  it('logs each change once, and counts what is so now', () => {
    const lines: Record<string, unknown>[] = [];
    const write = (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>);
    const book = new RehearsalBook(createLogger({ name: 'test', destination: { write } }));
    const look = (...policies: Resource[]) => {
      lines.length = 0;
      book.look(observed([site(), CONNECTOR, LISTENER, ...policies]));
      return lines.map(({ level, kind, name, operation, policy: by, rule, msg }) => {
        return [level, kind, name, operation, by, rule, msg];
      });
    };
    const told = 'would be refused by a policy in dry run';
    expect(look(policy('try', 'Expose'))).toEqual([
      ['warn', 'Connector', 'db', 'Expose', 'AccessPolicy/ns-west/try', 0, told],
    ]);
    expect(look(policy('try', 'Expose'))).toEqual([]);
    expect(look(policy('try', 'Expose'), policy('use', 'Import'))).toEqual([
      ['warn', 'Listener', 'web', 'Import', 'AccessPolicy/ns-west/use', 0, told],
    ]);
    expect(book.counts()).toEqual({ Expose: 1, Import: 1, Link: 0 });
    expect(look(policy('use', 'Import')).map(([level, kind]) => [level, kind])).toEqual([['info', 'Connector']]);
    expect(book.counts()).toEqual({ Expose: 0, Import: 1, Link: 0 });
    book.forget('ns-west');
    expect(book.counts()).toEqual({ Expose: 0, Import: 0, Link: 0 });
  });
});
