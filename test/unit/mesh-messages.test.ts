import { describe, expect, it } from 'vitest';
import { amqp, type Typed } from '../../router/amqp/codec/value.ts';
import { parseHead } from '../../router/amqp/message/head.ts';
import { encodeRouterAnnotations } from '../../router/amqp/message/router-annotations.ts';
import { parseDestination } from '../../router/mesh/destinations.ts';
import { decodeControl, encodeControl, MalformedControlError } from '../../router/mesh/messages.ts';
import { capturedControls } from '../support/control-vectors.ts';

function stringMap(fields: Record<string, Typed>): Typed {
  return amqp.map(Object.entries(fields).map(([key, value]) => [amqp.string(key), value]));
}

describe('control messages', () => {
  it.each(['pair.jsonl', 'chain.jsonl'])('are written octet by octet as captured in %s', (file) => {
    const opcodes = new Map<string, number>();
    for (const { message } of capturedControls(file)) {
      const head = parseHead(message, 'body', true);
      const decoded = decodeControl(head?.applicationProperties?.get('opcode')?.value, head?.body);
      if (head?.annotations === undefined || decoded === undefined) throw new Error(message.toString('hex'));
      const encoded = [encodeRouterAnnotations(head.annotations), encodeControl(decoded, head.properties?.to ?? '')];
      expect(Buffer.concat(encoded).toString('hex')).toBe(message.toString('hex'));
      opcodes.set(decoded.opcode, (opcodes.get(decoded.opcode) ?? 0) + 1);
    }
    expect([...opcodes.keys()].sort()).toEqual(['HELLO', 'LSR', 'LSU', 'MAR', 'MAU', 'RA']);
  });

  it('writes a differential MAU with the key alone for what is deleted', () => {
    const add = [{ key: 'Mmc/sfe.all', treatment: 1 }];
    const update = { opcode: 'MAU', id: 'RB', version: 2, mobileSeq: 2, add, del: ['Mdyn'] } as const;
    const head = parseHead(encodeControl(update, '_topo/0/all/qdrouter.ma'), 'body', true);
    expect(head?.body?.type === 'map' && head.body.value.slice(-2)).toEqual([
      [amqp.symbol('add'), amqp.list([amqp.list([amqp.string('Mmc/sfe.all'), amqp.int(1), amqp.int(0)])])],
      [amqp.symbol('del'), amqp.list([amqp.list([amqp.string('Mdyn')])])],
    ]);
  });

  it('reads symbol keys and any width of integer, and takes a missing version as 0', () => {
    const body = amqp.map([
      [amqp.symbol('id'), amqp.string('X')],
      [amqp.symbol('ls_seq'), amqp.ulong(3)],
      [amqp.symbol('mobile_seq'), amqp.ubyte(4)],
    ]);
    expect(decodeControl('RA', body)).toEqual({ opcode: 'RA', id: 'X', version: 0, lsSeq: 3, mobileSeq: 4 });
  });

  it('reads an address without treatment and passes over one of a class that is not mobile', () => {
    const entry = (...fields: Typed[]): Typed => amqp.list(fields);
    const exist = amqp.list([
      entry(amqp.string('Mplain')),
      entry(amqp.string('Ltemp'), amqp.int(3), amqp.int(0)),
      entry(amqp.string('Hedge'), amqp.int(2), amqp.int(0), amqp.null(), amqp.string('cwfsSShSJfTTNgs')),
    ]);
    const body = stringMap({ id: amqp.string('X'), mobile_seq: amqp.int(1), exist });
    expect(decodeControl('MAU', body)).toMatchObject({ exist: [{ key: 'Mplain' }, { key: 'Hedge', treatment: 2 }] });
  });

  const id = amqp.string('X');
  const one = amqp.int(1);
  it.each<[string, string, Typed]>([
    ['HELLO without seen', 'HELLO', stringMap({ id })],
    ['RA with a string for a sequence', 'RA', stringMap({ id, ls_seq: id, mobile_seq: one })],
    ['RA with a negative sequence', 'RA', stringMap({ id, ls_seq: amqp.int(-1), mobile_seq: one })],
    ['LSR without id', 'LSR', stringMap({})],
    ['LSU with a cost of 0', 'LSU', linkStateUpdate({ Y: amqp.int(0) }, 'X')],
    ['LSU with the link state of another', 'LSU', linkStateUpdate({ Y: one }, 'Z')],
    ['MAU with neither exist nor add and del', 'MAU', stringMap({ id, mobile_seq: one, add: amqp.list([]) })],
    [
      'MAU both absolute and differential',
      'MAU',
      stringMap({ id, mobile_seq: one, exist: amqp.list([]), del: amqp.list([]) }),
    ],
    ['MAU whose entry is no list', 'MAU', stringMap({ id, mobile_seq: one, exist: amqp.list([id]) })],
    ['a body that is no map', 'LSR', id],
  ])('refuses %s', (_, opcode, body) => {
    expect(() => decodeControl(opcode, body)).toThrow(MalformedControlError);
  });

  function linkStateUpdate(peers: Record<string, Typed>, inner: string): Typed {
    const ls = stringMap({ id: amqp.string(inner), ls_seq: one, peers: stringMap(peers) });
    return stringMap({ id, ls_seq: one, ls });
  }

  it('knows nothing of other opcodes', () => {
    expect(decodeControl('PING', stringMap({ id }))).toBeUndefined();
    expect(decodeControl('__proto__', stringMap({ id }))).toBeUndefined();
  });
});

describe('addresses of control messages', () => {
  it.each([
    ['amqp:/_local/qdhello', { scope: 'here' }],
    ['amqp:/_topo/0/RA/qdrouter', { scope: 'here' }],
    ['amqp:/_topo/0/RB/qdrouter.ma', { scope: 'router', routerId: 'RB' }],
    ['amqp:/_topo/0/all/qdrouter', { scope: 'all', once: false }],
    ['_topo/0/all/qdrouter.ma', { scope: 'all', once: true }],
    ['/_topo/0/all/qdrouter.ma', { scope: 'all', once: true }],
    ['amqp://host:5672/_topo/0/RB/qdrouter', { scope: 'router', routerId: 'RB' }],
    ['_topo/1/RB/qdrouter', undefined],
    ['service', undefined],
  ])('%s', (address, expected) => {
    expect(parseDestination(address, 'RA')).toEqual(expected);
  });
});
