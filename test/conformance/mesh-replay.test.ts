/** A mesh in the place of one captured router: it hears what the other said, when it said it, and must say the like. */
import { describe, expect, it } from 'vitest';
import { parseHead } from '../../router/amqp/message/head.ts';
import { Mesh, type MeshEvent } from '../../router/mesh/mesh.ts';
import { type ControlMessage, decodeControl } from '../../router/mesh/messages.ts';
import { type CapturedControl, capturedControls } from '../support/control-vectors.ts';

interface Heard {
  readonly at: number;
  readonly message: ControlMessage;
  readonly bytes: Buffer;
}

/** Drives a mesh named `routerId` through the capture, as the end that is not `speaker`; returns what it said and was told. */
function replay(file: string, speaker: CapturedControl['from'], routerId: string, cost: number) {
  const controls = capturedControls(file);
  const startMs = (controls[0]?.at ?? 0) * 1000 - 400;
  const instance = instanceOf(controls, routerId);
  const mesh = new Mesh({ routerId, instance }, undefined, startMs);
  const said: Heard[] = [];
  const told: Exclude<MeshEvent, { type: 'send' }>[] = [];
  const drain = (at: number): void => {
    for (let event = mesh.nextEvent(); event !== undefined; event = mesh.nextEvent()) {
      if (event.type !== 'send') told.push(event);
      else said.push({ at, message: decode(event.message), bytes: event.message });
    }
  };
  mesh.setLocalAddress('Mecho', 3);
  mesh.linkUp(1, { cost }, startMs);
  drain(startMs);
  for (const { at, from, message } of controls) {
    if (from !== speaker) continue;
    for (let due = mesh.deadline(); due <= at * 1000; due = mesh.deadline()) {
      mesh.tick(due);
      drain(due);
    }
    mesh.receive(1, message, at * 1000);
    drain(at * 1000);
  }
  return { mesh, said, told, captured: controls.filter(({ from }) => from !== speaker).map(({ message }) => message) };
}

function decode(bytes: Buffer): ControlMessage {
  const head = parseHead(bytes, 'body', true);
  const message = decodeControl(head?.applicationProperties?.get('opcode')?.value, head?.body);
  if (message === undefined) throw new Error('not a control message');
  return message;
}

function instanceOf(controls: readonly CapturedControl[], id: string): number {
  for (const control of controls) {
    const message = decode(control.message);
    if (message.opcode === 'HELLO' && message.id === id) return message.instance ?? 0;
  }
  throw new Error(`no HELLO of ${id}`);
}

function opcodes(messages: readonly ControlMessage[]): string[] {
  return [...new Set(messages.map(({ opcode }) => opcode))].sort();
}

describe.each([
  ['listener', 'RB', 'RA'],
  ['connector', 'RA', 'RB'],
] as const)('in a pair, hearing the %s, as %s', (speaker, self, other) => {
  const { mesh, said, told, captured } = replay('pair.jsonl', speaker, self, 1);

  it('says every kind of message that the captured router said', () => {
    expect(opcodes(said.map(({ message }) => message))).toEqual(opcodes(captured.map(decode)));
  });

  it('says HELLO, LSR, LSU, RA and MAR octet by octet as the captured router', () => {
    const captures = new Set(captured.map((message) => message.toString('hex')));
    for (const opcode of ['HELLO', 'LSR', 'LSU', 'RA', 'MAR']) {
      const same = said.filter(
        ({ message, bytes }) => message.opcode === opcode && captures.has(bytes.toString('hex')),
      );
      expect(same.length, opcode).toBeGreaterThan(0);
    }
  });

  it('knows the way to it and its addresses', () => {
    expect(mesh.path(other)).toMatchObject({ siteLink: 1, cost: 1 });
    const keys = told.flatMap((event) => (event.type === 'address' && event.present ? [event.key] : []));
    expect(keys).toContain(other === 'RA' ? 'Mrev' : 'Mecho');
  });

  it('is content: what it asks once it does not ask again', () => {
    const asked = said.filter(({ message }) => message.opcode === 'MAR' || message.opcode === 'LSR');
    expect(asked.length).toBeLessThanOrEqual(8);
    expect(mesh.stats.malformed + mesh.stats.undeliverable + mesh.stats.looped).toBe(0);
  });
});

describe('at the end of a chain of three, as RC behind RB', () => {
  const { mesh, said, told } = replay('chain.jsonl', 'listener', 'RC', 1);

  it('reaches RA by way of RB at the cost of both links', () => {
    expect(mesh.path('RA')).toMatchObject({ siteLink: 1, cost: 6 });
    expect(mesh.radius).toBe(2);
  });

  it('asks RA for what it knows, answers it, and learns its addresses', () => {
    const toRa = said.filter(({ bytes }) => bytes.includes('_topo/0/RA/'));
    expect(opcodes(toRa.map(({ message }) => message))).toEqual(['LSR', 'LSU', 'MAR', 'MAU']);
    expect(told).toContainEqual({ type: 'address', key: 'Mrev', routerId: 'RA', present: true, treatment: 3 });
  });
});
