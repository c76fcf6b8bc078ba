/** The way of a link up, as a span. */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../lib/random.ts';
import type { SpanRecord } from '../../lib/trace/span.ts';
import { LinkSpans } from '../../router/telemetry/trace/link-spans.ts';

function linkSpans(ratio = 1) {
  const spans: SpanRecord[] = [];
  const random = new SeededRandom(1);
  const time = { now: 0 };
  const links = new LinkSpans({
    ratio,
    random: () => random.next(),
    now: () => time.now,
    wall: (ms) => 1000 + ms,
    emit: (span) => spans.push(span),
  });
  return { links, spans, time };
}

describe('the span of a link', () => {
  it('is as long as the way up, with the tries that failed, and says where it led', () => {
    const { links, spans, time } = linkSpans();
    const link = links.begin('east')!;
    time.now = 100;
    link.failed('connect ECONNREFUSED');
    time.now = 250;
    link.up({ host: 'east.example', port: '55671', peer: 'east-router', cost: 2 });
    expect(spans).toMatchObject([
      {
        name: 'link',
        kind: 'client',
        startedAt: 1000,
        endedAt: 1250,
        error: undefined,
        attributes: {
          'skuprt.link': 'east',
          'server.address': 'east.example',
          'server.port': 55671,
          'skuprt.peer': 'east-router',
          'skuprt.cost': 2,
          'skuprt.failed_tries': 1,
        },
        events: [{ name: 'connect ECONNREFUSED', at: 1100 }],
      },
    ]);
  });

  it('says the last reason when it never came up, and only the first tries', () => {
    const { links, spans } = linkSpans();
    const link = links.begin('east')!;
    for (let i = 0; i < 1000; i++) link.failed(`no ${i}`);
    link.givenUp();
    expect(spans[0]).toMatchObject({ error: 'no 999', attributes: { 'skuprt.failed_tries': 1000 } });
    expect(spans[0]!.events).toHaveLength(16);
  });

  it('is none when nothing is to be traced', () => {
    expect(linkSpans(0).links.begin('east')).toBeUndefined();
  });
});
