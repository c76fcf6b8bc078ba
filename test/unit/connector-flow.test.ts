/** The connector's end of a flow, when the flow is over before its backend is dialled. */
import { describe, expect, it } from 'vitest';
import { DurationHistogram } from '../../lib/histogram.ts';
import { ConnectorFlow } from '../../router/bridge/connector-flow.ts';
import { FlowBudget } from '../../router/bridge/flow-budget.ts';
import { newCounters } from '../../router/bridge/flow-counters.ts';
import type { Dispatcher } from '../../router/bridge/listener-flow.ts';
import { BridgePolicies } from '../../router/bridge/policies.ts';
import { newRefusals } from '../../router/bridge/refusals.ts';
import { ReportQueue } from '../../router/bridge/report-queue.ts';
import { BridgeSurvivals } from '../../router/bridge/resume/shared.ts';
import { composeStreamHead } from '../../router/bridge/stream-head.ts';
import { newDeliveryCounters } from '../../router/core/delivery-counters.ts';
import { withDoubt } from '../../router/core/doubt.ts';
import { Effects } from '../../router/core/effects.ts';
import { type Outlet, Transit } from '../../router/core/transit.ts';
import { Clients } from '../../router/identity/client.ts';
import { WorkloadTable } from '../../router/identity/workloads.ts';

const nobody = { update: () => {}, hold: () => {}, resume: () => {} };
const nowhere = { forward: () => false, redirect: () => false, reroute: () => false };

function flowOf(dispatcher: Dispatcher = nowhere, flowPauseLimitMs = 10_000) {
  const effects = new Effects();
  let overCount = 0;
  const owner = {
    now: 0,
    effects,
    deliveries: newDeliveryCounters(),
    budget: new FlowBudget(),
    reports: new ReportQueue(),
    flowOver: () => {
      overCount++;
    },
    observerGaveUp: () => {},
    survivals: new BridgeSurvivals(
      { now: 0 },
      { routerId: 'C', home: 'amqp:/_topo/0/C/', dispatcher, random: () => 0, flowPauseLimitMs },
    ),
    policies: new BridgePolicies({
      now: 0,
      effects,
      refusals: newRefusals(),
      clients: new Clients({ site: () => ({}), workloads: new WorkloadTable() }),
      flows: new Map(),
    }),
    connectTimes: new DurationHistogram([]),
    tracer: undefined,
    nameFlow: () => 'name',
    renameReply: () => 'name',
  };
  const counters = newCounters();
  const flow = new ConnectorFlow(
    1,
    owner,
    { counters, flows: new Set() },
    {
      connector: 'backend',
      routerId: 'C',
      dispatcher,
      stream: new Transit(nobody, nowhere, 1, false),
      now: 0,
      recorder: undefined,
      clients: new Clients({ site: () => ({}), workloads: new WorkloadTable() }),
    },
  );
  return { flow, done: () => ({ overCount, effects: effects.take().map(({ type }) => type) }) };
}

const head = composeStreamHead('service', 'amqp:/_topo/0/A/temp.1');

describe('the backend of a flow', () => {
  it('is dialled when the head of its stream is whole', () => {
    const { flow, done } = flowOf();
    flow.write(head.subarray(0, 20));
    expect(done()).toEqual({ overCount: 0, effects: [] });
    flow.write(head.subarray(20));
    expect(done()).toEqual({ overCount: 0, effects: ['flow-connect'] });
  });

  it('is not dialled when the flow was broken off before: nobody would ever end that connection', () => {
    const { flow, done } = flowOf();
    flow.write(head.subarray(0, 20));
    flow.abort();
    flow.write(head.subarray(20));
    expect(done()).toEqual({ overCount: 1, effects: ['flow-reset'] });
  });
});

describe('a flow that was sent twice, to an end that outlives no way', () => {
  it('gives nothing to its backend, and breaks off the answer that was taken for another', () => {
    const ends: string[] = [];
    const answer: Outlet = {
      write: () => {},
      end: () => ends.push('end'),
      abort: () => ends.push('abort'),
      senderUpdate: () => {},
      queuedBytes: 0,
    };
    const somewhere = {
      ...nowhere,
      forward: (transit: Transit, bytes: Buffer) => {
        transit.attach(undefined, answer, bytes);
        return true;
      },
    };
    const { flow, done } = flowOf(somewhere, 0);
    const terms = { offerKib: 0, token: 7, limitMs: 1000 };
    const replyTo = 'amqp:/_topo/0/A/temp.1';
    flow.write(withDoubt(composeStreamHead('service', replyTo, undefined, undefined, undefined, undefined, terms)));
    flow.connected();
    flow.write(Buffer.from('request'));
    expect([done(), ends]).toEqual([
      { overCount: 1, effects: ['flow-connect', 'flow-resume', 'flow-reset'] },
      ['abort'],
    ]);
  });
});
