import { describe, expect, it } from 'vitest';
import { amqp, type Typed } from '../../router/amqp/codec/value.ts';
import { encodeValue, Writer } from '../../router/amqp/codec/writer.ts';
import { composeMessage } from '../../router/amqp/message/compose.ts';
import { MessageError } from '../../router/amqp/message/errors.ts';
import { parseHead } from '../../router/amqp/message/head.ts';
import {
  annotationsDescriptor,
  encodeRouterAnnotations,
  FLAG_DISABLE_Q2,
  FLAG_STREAMING,
} from '../../router/amqp/message/router-annotations.ts';

const annotations = { flags: FLAG_STREAMING | FLAG_DISABLE_Q2, ingress: '0/RA', trace: ['0/RA'] };

/** The head of a TCP stream, and its first octets. */
const stream = Buffer.concat([
  composeMessage({
    annotations,
    properties: { to: 'echo', replyTo: 'amqp:/_topo/0/RA/temp.x', contentType: 'application/octet-stream' },
    applicationProperties: new Map([['V', amqp.uint(1)]]),
    body: amqp.null(),
  }),
  Buffer.from('GET / HTTP/1.1'),
]);

function section(fields: Typed): Buffer {
  const writer = new Writer();
  writer.bytes(annotationsDescriptor);
  encodeValue(writer, fields);
  return writer.take();
}

describe('router annotations', () => {
  it('have the octets of skupper-router', () => {
    expect(encodeRouterAnnotations(annotations).toString('hex')).toBe(
      '0080534b50522d2d5241d00000001c00000004520540a104302f5241d00000000a00000001a104302f5241',
    );
  });

  it('of an edge router name its mesh', () => {
    const edge = { flags: 5, trace: [], ingressMesh: 'cwfsSShSJfTTNgs' };
    expect(parseHead(encodeRouterAnnotations(edge), 'annotations')?.annotations).toEqual(edge);
  });

  const uint = amqp.uint(0);
  const none = amqp.null();
  const trace = amqp.list([]);
  const malformed: [string, Typed][] = [
    ['a list of none', amqp.list([])],
    ['three fields', amqp.list([uint, none, none])],
    ['flags that are an int', amqp.list([amqp.int(0), none, none, trace])],
    ['a trace that is null', amqp.list([uint, none, none, none])],
    ['a trace of symbols', amqp.list([uint, none, none, amqp.list([amqp.symbol('0/RA')])])],
    ['an ingress that is a symbol', amqp.list([uint, none, amqp.symbol('0/RA'), trace])],
    ['a mesh that is null', amqp.list([uint, none, none, trace, none])],
    ['a map', amqp.map([])],
  ];
  for (const [title, fields] of malformed) {
    it(`with ${title} are malformed`, () => {
      expect(() => parseHead(section(fields), 'annotations', true)).toThrow(MessageError);
    });
  }

  it('may carry fields that are not known', () => {
    const octets = section(amqp.list([uint, none, none, trace, amqp.string('x'), amqp.int(1)]));
    expect(parseHead(octets, 'annotations')?.annotations?.ingressMesh).toBe('x');
  });
});

describe('parseHead', () => {
  it('reads the head of a stream, and stops at its octets', () => {
    const head = parseHead(stream, 'body');
    expect(head?.annotations).toEqual(annotations);
    expect(head?.properties).toMatchObject({ to: 'echo', contentType: 'application/octet-stream' });
    expect(head?.applicationProperties?.get('V')).toEqual(amqp.uint(1));
    expect(stream.toString('latin1', head?.bodyEndOffset)).toBe('GET / HTTP/1.1');
  });

  it('wants more until the sections asked for are whole', () => {
    const end = parseHead(stream, 'body')?.bodyEndOffset ?? 0;
    for (let size = 0; size < end; size++) expect(parseHead(stream.subarray(0, size), 'body')).toBeUndefined();
    expect(parseHead(stream.subarray(0, end), 'body')).toBeDefined();
  });

  it('answers as soon as the depth is reached', () => {
    const annotationsEnd = encodeRouterAnnotations(annotations).length;
    expect(parseHead(stream.subarray(0, annotationsEnd), 'annotations')?.annotationsEndOffset).toBe(annotationsEnd);
    const propertiesEnd = stream.indexOf(Buffer.from('005374', 'hex'));
    expect(parseHead(stream.subarray(0, propertiesEnd), 'properties')?.properties?.to).toBe('echo');
  });

  it('reads a message without router annotations', () => {
    const head = parseHead(composeMessage({ header: { durable: true }, properties: { to: 'a' } }), 'properties');
    expect(head).toMatchObject({ annotationsEndOffset: 0, header: { durable: true }, properties: { to: 'a' } });
  });

  it('reads a complete message without body', () => {
    const octets = composeMessage({ applicationProperties: amqp.map([[amqp.symbol('k'), amqp.int(1)]]) });
    expect(parseHead(octets, 'body')).toBeUndefined();
    expect(parseHead(octets, 'body', true)?.applicationProperties?.get('k')).toEqual(amqp.int(1));
  });

  it('reads sections whose descriptor has the long form', () => {
    const octets = Buffer.from('0080000000000000007345', 'hex');
    expect(parseHead(octets, 'properties')?.properties).toBeDefined();
  });

  const malformed: [string, Buffer][] = [
    ['a complete message that ends within a section', stream.subarray(0, 60)],
    ['sections out of order', Buffer.from('00537345005370 45'.replace(' ', ''), 'hex')],
    ['a section that is no described value', Buffer.from('hello')],
    ['an unknown section', Buffer.from('00536045', 'hex')],
    ['a section that claims a gigabyte', Buffer.from('005373d03fffffff00000001', 'hex')],
    ['application properties that are a list', Buffer.from('00537445', 'hex')],
    ['a property of a wrong type', Buffer.from('005373c0040340405401', 'hex')],
  ];
  for (const [title, octets] of malformed) {
    it(`refuses ${title}`, () => {
      expect(() => parseHead(octets, 'body', true)).toThrow(MessageError);
    });
  }
});
