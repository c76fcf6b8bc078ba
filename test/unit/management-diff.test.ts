import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../router/management/config.ts';
import { diffConfig } from '../../router/management/diff.ts';

const ROUTER = ['router', { id: 'A', mode: 'interior' }];
const PROFILE = ['sslProfile', { name: 'tls', certFile: '/a' }];
const LINK = ['connector', { name: 'link1', role: 'inter-router', sslProfile: 'tls', port: 1 }];

function changes(before: unknown[], after: unknown[]): string[] {
  const config = (sections: unknown[]) => parseConfig(JSON.stringify([ROUTER, ...sections]), 'test');
  return diffConfig(config(before), config(after)).map(({ op, type, name }) => `${op} ${type} ${name}`);
}

describe('the difference of two configurations', () => {
  it('is nothing when they say the same in other words', () => {
    expect(
      changes([['listener', { port: '5672', cost: 1 }]], [['listener', { port: 5672, authenticatePeer: 'no' }]]),
    ).toEqual([]);
  });

  it('creates a profile before what uses it, and deletes it after', () => {
    expect(changes([], [LINK, PROFILE])).toEqual(['create sslProfile tls', 'create connector link1']);
    expect(changes([PROFILE, LINK], [])).toEqual(['delete connector link1', 'delete sslProfile tls']);
  });

  it('deletes before it creates, so that a port can pass from one to another', () => {
    const first = ['tcpListener', { name: 'a', port: 1, address: 'x' }];
    const second = ['tcpListener', { name: 'b', port: 1, address: 'x' }];
    expect(changes([first], [second])).toEqual(['delete tcpListener a', 'create tcpListener b']);
  });

  it('updates a profile in place, and leaves its users alone', () => {
    const renewed = ['sslProfile', { name: 'tls', certFile: '/b', ordinal: 2 }];
    expect(changes([PROFILE, LINK], [renewed, LINK])).toEqual(['update sslProfile tls']);
  });

  it('makes an entity anew when an attribute changed that is bound to its sockets', () => {
    const elsewhere = ['connector', { name: 'link1', role: 'inter-router', sslProfile: 'tls', port: 2 }];
    expect(changes([PROFILE, LINK], [PROFILE, elsewhere])).toEqual([
      'delete connector link1',
      'create connector link1',
    ]);
  });

  it('changes the cost of a link in place', () => {
    const dearer = ['connector', { name: 'link1', role: 'inter-router', sslProfile: 'tls', port: 1, cost: 2 }];
    expect(changes([PROFILE, LINK], [PROFILE, dearer])).toEqual(['update connector link1']);
  });

  it('updates a tcpListener when only its observer changed', () => {
    const listener = (observer: string) => ['tcpListener', { name: 'a', port: 1, address: 'x', observer }];
    expect(changes([listener('auto')], [listener('none')])).toEqual(['update tcpListener a']);
  });

  it('changes session affinity, and tier and weight of an address, in place', () => {
    const listener = (more: object) => [
      'tcpListener',
      { name: 'a', port: 1, multiAddressStrategy: 'priority', ...more },
    ];
    const address = (rank: object) => ['listenerAddress', { name: 'x', listener: 'a', address: 'b', ...rank }];
    expect(
      changes(
        [listener({}), address({ value: 1 })],
        [listener({ sessionAffinity: 'clientIP' }), address({ value: 2, weight: 3 })],
      ),
    ).toEqual(['update tcpListener a', 'update listenerAddress x']);
  });

  it('makes the addresses of a listener anew with it', () => {
    const listener = (port: number) => ['tcpListener', { name: 'a', port, multiAddressStrategy: 'priority' }];
    const address = ['listenerAddress', { name: 'x', listener: 'a', address: 'b', value: 1 }];
    expect(changes([listener(1), address], [listener(2), address])).toEqual([
      'delete listenerAddress x',
      'delete tcpListener a',
      'create tcpListener a',
      'create listenerAddress x',
    ]);
  });

  it('changes a log level in place, also back to the default', () => {
    const log = ['log', { module: 'HTTP', enable: 'debug+' }];
    expect(changes([], [log])).toEqual(['update log log/HTTP']);
    expect(changes([log], [])).toEqual(['update log log/HTTP']);
  });

  it('from nothing is all creation, in order', () => {
    const after = parseConfig(JSON.stringify([ROUTER, LINK, PROFILE]), 'test');
    const all = diffConfig(undefined, after);
    expect(new Set(all.map(({ op }) => op))).toEqual(new Set(['create']));
    const types = [...new Set(all.map(({ type }) => type))];
    expect(types).toEqual(['log', 'router', 'network', 'policy', 'sslProfile', 'connector']);
  });

  it('says which attributes of the router need a restart', () => {
    const before = parseConfig('[["router",{"id":"A","mode":"interior"}]]', 'test');
    const after = parseConfig('[["router",{"id":"B","mode":"interior"}]]', 'test');
    expect(diffConfig(before, after)).toMatchObject([{ op: 'update', type: 'router', restart: ['id'] }]);
  });
});
