/** What listeners and connectors read from their attributes and from a peer: places to turn to, users, versions of TLS. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { amqp, symbolMap, type Typed } from '../../router/amqp/codec/value.ts';
import { Failover } from '../../router/io/failover.ts';
import { failoverServers } from '../../router/io/failover-urls.ts';
import { UID_FORMAT } from '../../router/io/peer-name.ts';
import { Quota } from '../../router/io/quota.ts';
import { demandsCertificate, offered } from '../../router/io/sasl-choice.ts';
import { isUser, mechanismList } from '../../router/io/sasl-users.ts';
import { secretText } from '../../router/io/secret-text.ts';
import { saslUsers } from '../support/sasl-database.ts';

const directory = mkdtempSync(join(tmpdir(), 'skuprt-parts-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function offers(...servers: { host: string; port?: string }[]): Typed {
  const items = servers.map(({ host, port }) =>
    symbolMap({ 'network-host': amqp.string(host), ...(port === undefined ? {} : { port: amqp.string(port) }) }),
  );
  return symbolMap({ product: amqp.string('x'), 'failover-server-list': amqp.list(items) });
}

describe('failoverUrls', () => {
  it('are hosts with or without scheme and port', () => {
    expect(failoverServers('amqps://one:1, two,[::1]:3,')).toEqual([
      { scheme: 'amqps', host: 'one', port: '1' },
      { host: 'two', port: '5672' },
      { host: '::1', port: '3' },
    ]);
    expect(failoverServers(undefined)).toBeUndefined();
    expect(failoverServers(' ')).toBeUndefined();
  });

  it('name a host each', () => {
    expect(() => failoverServers('amqp://:1')).toThrow(/names no host/);
    expect(() => failoverServers('one,,two')).toThrow(/names no host/);
  });
});

describe('a connector that knows several places', () => {
  it('stays with one place until another is offered', () => {
    const failover = new Failover('here', '1');
    failover.failed(false);
    failover.failed(false);
    expect(failover.places).toEqual(['amqp://here:1']);
    failover.learn(symbolMap({ product: amqp.string('x') }));
    expect(failover.places).toEqual(['amqp://here:1']);
  });

  it('tries the next one when one has failed twice, and goes round', () => {
    const failover = new Failover('here', '1');
    failover.learn(offers({ host: 'there', port: '2' }, { host: 'here', port: '1' }, { host: 'yonder' }));
    expect(failover.places).toEqual(['amqp://here:1', 'amqp://there:2', 'amqp://yonder:5672']);
    failover.failed(true);
    expect(failover.current.host).toBe('here');
    const tried = Array.from({ length: 6 }, () => {
      failover.failed(false);
      return failover.current.host;
    });
    expect(tried).toEqual(['there', 'there', 'yonder', 'yonder', 'here', 'here']);
  });

  it('keeps the first place and the one in use when another list is offered there', () => {
    const failover = new Failover('here', '1');
    failover.learn(offers({ host: 'there', port: '2' }, { host: 'yonder', port: '3' }));
    failover.failed(true);
    failover.failed(false);
    failover.learn(offers({ host: 'far', port: '4' }));
    expect(failover.places).toEqual(['amqp://there:2', 'amqp://far:4', 'amqp://here:1']);
    failover.learn(offers());
    expect(failover.places).toEqual(['amqp://there:2', 'amqp://here:1']);
  });

  it('of its configuration tries the next one as soon as one has failed, and one that has worked once more before', () => {
    const endpoints = failoverServers('there:2,yonder:3,here:1', 'endpoints');
    const failover = new Failover('here', '1', endpoints);
    expect(failover.places).toEqual(['amqp://here:1', 'amqp://there:2', 'amqp://yonder:3']);
    failover.failed(false);
    expect(failover.current.host).toBe('there');
    failover.failed(true);
    expect(failover.current.host).toBe('there');
    const tried = Array.from({ length: 3 }, () => {
      failover.failed(false);
      return failover.current.host;
    });
    expect(tried).toEqual(['yonder', 'here', 'there']);
  });

  it('of its configuration keeps them all when the other end offers more', () => {
    const failover = new Failover('here', '1', failoverServers('there:2'));
    failover.learn(offers({ host: 'yonder', port: '3' }));
    expect(failover.places).toEqual(['amqp://here:1', 'amqp://there:2', 'amqp://yonder:3']);
    expect(failover.hasOthers).toBe(true);
    expect(new Failover('here', '1', failoverServers('here:1')).hasOthers).toBe(false);
  });

  it('takes no endless list', () => {
    const failover = new Failover('here', '1');
    failover.learn(offers(...Array.from({ length: 1000 }, (_, index) => ({ host: `h${index}` }))));
    expect(failover.places.length).toBeLessThanOrEqual(17);
  });
});

describe('users of SASL PLAIN', () => {
  const config = {
    ...saslUsers(join(directory, 'sasl'), 'alice', 'example.com', 'wonder'),
    saslConfigName: 'skrouterd',
  };

  it('are those of the database, with their realm', () => {
    expect(isUser(config, 'alice@example.com', 'wonder')).toBe(true);
    for (const [name, password] of [
      ['alice@example.com', 'wonde'],
      ['alice@example.com', ''],
      ['alice', 'wonder'],
      ['alice@elsewhere', 'wonder'],
      ['bob@example.com', ''],
    ] as const) {
      expect(isUser(config, name, password)).toBe(false);
    }
  });

  it('are none in a file of another kind, of whatever octets', () => {
    const broken = join(directory, 'broken.sasldb');
    writeFileSync(join(directory, 'other.conf'), `sasldb_path: ${broken}\n`);
    const other = { saslConfigDir: directory, saslConfigName: 'other' };
    expect(() => isUser(other, 'a', 'b')).toThrow(/cannot be read/);
    writeFileSync(broken, 'not a database');
    expect(() => isUser(other, 'a', 'b')).toThrow(/is not a Berkeley DB hash/);
    const page = Buffer.alloc(1024, 0xff);
    page.writeUInt32LE(0x061561, 12);
    page.writeUInt32LE(512, 20);
    page.writeUInt8(13, 512 + 25);
    writeFileSync(broken, page);
    expect(isUser(other, 'a', 'b')).toBe(false);
  });

  it('have the mechanisms that the configuration lists', () => {
    expect(mechanismList(config)).toEqual(['ANONYMOUS', 'PLAIN', 'EXTERNAL']);
    expect(mechanismList({ saslConfigName: 'skrouterd' })).toBeUndefined();
  });
});

describe('what a listener offers', () => {
  const none = { saslConfigName: 'skrouterd' };
  const offer = (saslMechanisms: string | undefined, authenticatePeer: boolean, isVerified: boolean) =>
    offered({ saslMechanisms, authenticatePeer }, isVerified, none, () => {}).mechanisms;

  it('is what it names, ANONYMOUS only to who need not authenticate, EXTERNAL only to a verified certificate', () => {
    expect(offer('ANONYMOUS PLAIN EXTERNAL', false, true)).toEqual(['EXTERNAL', 'PLAIN', 'ANONYMOUS']);
    expect(offer('ANONYMOUS PLAIN EXTERNAL', true, false)).toEqual(['PLAIN']);
    expect(offer(undefined, false, false)).toEqual(['ANONYMOUS']);
    expect(offer(undefined, true, true)).toEqual(['EXTERNAL']);
    expect(offer('SCRAM-SHA-256', false, true)).toEqual([]);
  });

  it('demands a certificate where EXTERNAL is the way in', () => {
    const demands = (saslMechanisms: string | undefined, authenticatePeer: boolean, saslConfigDir?: string) =>
      demandsCertificate({ saslMechanisms, authenticatePeer }, { saslConfigDir, saslConfigName: 'skrouterd' });
    expect(demands('EXTERNAL', false)).toBe(true);
    expect(demands('PLAIN', true)).toBe(false);
    expect(demands(undefined, true)).toBe(true);
    expect(demands(undefined, true, '/etc/sasl2')).toBe(false);
    expect(demands(undefined, false)).toBe(false);
  });
});

it.each([
  ['n', true],
  ['oun2', true],
  ['csloun1', true],
  ['12', false],
  ['n11', false],
  ['x', false],
  ['cslouncs', false],
])('uidFormat %s is one: %s', (format, isOne) => {
  expect(UID_FORMAT.test(format)).toBe(isOne);
});

it('a quota is given back, and counts what it denied', () => {
  const quota = new Quota(2);
  expect([quota.take(), quota.take(), quota.take()]).toEqual([true, true, false]);
  quota.give();
  expect(quota.take()).toBe(true);
  expect(quota).toMatchObject({ current: 2, processed: 4, denied: 1 });
});

it('a secret is the first line of a file, an environment variable, or the text', () => {
  const file = join(directory, 'secret');
  writeFileSync(file, 'first\nsecond\n');
  process.env.SKUPRT_TEST_SECRET = 'hidden';
  expect(secretText(`file:${file}`)).toBe('first');
  expect(secretText('env: SKUPRT_TEST_SECRET')).toBe('hidden');
  expect(secretText('pass:x:y')).toBe('x:y');
  expect(secretText('literal:x')).toBe('x');
  expect(secretText('literal:x', ['literal'])).toBe('literal:x');
  expect(secretText('plain')).toBe('plain');
  delete process.env.SKUPRT_TEST_SECRET;
});
