/** How long a dial may take while there is another way: said with the stream, within bounds, beside what else is said. */
import { describe, expect, it } from 'vitest';
import { amqp, type Typed } from '../../router/amqp/codec/value.ts';
import { parseHead } from '../../router/amqp/message/head.ts';
import { composeStreamHead } from '../../router/bridge/stream-head.ts';
import { affinityOf, clientHash } from '../../router/core/affinity.ts';
import { patienceLeft, patienceOf, withPatience } from '../../router/core/patience.ts';

function annotationsIn(head: Buffer): Typed | undefined {
  return parseHead(head, 'properties')?.deliveryAnnotations;
}

function said(value: Typed): number | undefined {
  return patienceOf(amqp.map([[amqp.symbol('x-opt-skuprt-patience'), value]]));
}

describe('the time a dial has', () => {
  it('travels in the head of its stream, which is otherwise the same, and can be changed and taken out', () => {
    const head = composeStreamHead('to', 'reply');
    const hurried = withPatience(head, 900);
    expect(patienceOf(annotationsIn(head))).toBeUndefined();
    expect(patienceOf(annotationsIn(hurried))).toBe(900);
    expect(patienceOf(annotationsIn(withPatience(hurried, 300)))).toBe(300);
    expect(withPatience(withPatience(head, 1000), undefined).equals(head)).toBe(true);
    expect(withPatience(head, 1000).equals(withPatience(hurried, 1000))).toBe(true);
    expect(withPatience(hurried, undefined).equals(head)).toBe(true);
    expect(parseHead(hurried, 'properties')?.properties).toMatchObject({ to: 'to', replyTo: 'reply' });
  });

  it('leaves the client of a stream that is bound', () => {
    const client = clientHash('10.0.0.1');
    const annotations = annotationsIn(withPatience(composeStreamHead('to', 'reply', client), 700));
    expect([affinityOf(annotations), patienceOf(annotations)]).toEqual([client, 700]);
  });

  it('is within bounds whatever another router says, and nothing else is a time', () => {
    expect([0, 1, 500, 2 ** 32 - 1].map((ms) => said(amqp.uint(ms)))).toEqual([100, 100, 500, 1000]);
    expect([amqp.string('500'), amqp.boolean(true), amqp.list([])].map(said)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(patienceOf(amqp.list([]))).toBeUndefined();
  });

  it('is less by what the stream has waited, but never too little for a backend in sound health', () => {
    expect(patienceLeft(undefined, 0)).toBe(1000);
    expect(patienceLeft(1000, 250.4)).toBe(750);
    expect(patienceLeft(300, 0)).toBe(300);
    expect(patienceLeft(300, 1000)).toBe(100);
  });
});
