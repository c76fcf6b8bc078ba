/** SASL PLAIN (RFC 4616) before AMQP (5.3), both roles: who gets in, as whom, and what a client chooses. */
import { describe, expect, it } from 'vitest';
import { encodeSaslInit } from '../../router/amqp/codec/encode-performative.ts';
import type { SaslMechanism, SaslOptions } from '../../router/amqp/engine/options.ts';
import { Pair } from '../support/amqp-pair.ts';
import { frame, RawPeer, saslHeader } from '../support/amqp-raw.ts';

const verify = (username: string, password: string): boolean => username === 'alice' && password === 'wönder';

function login(initiator: Partial<SaslOptions>, acceptor: Partial<SaslOptions> = {}): Pair {
  const mechanisms: SaslMechanism[] = ['PLAIN', 'ANONYMOUS'];
  const pair = new Pair({
    initiator: { sasl: { mechanisms, required: true, ...initiator } },
    acceptor: { sasl: { mechanisms: ['PLAIN'], required: true, verify, ...acceptor } },
    chunkSizeBytes: 3,
  });
  pair.a.connection.open();
  pair.b.connection.open();
  pair.run();
  return pair;
}

describe('5.3 SASL PLAIN', () => {
  it('lets in who knows the password, and tells who it is', () => {
    const { a, b } = login({ username: 'alice', password: 'wönder' });
    expect([a.connection.state, b.connection.state]).toEqual(['open', 'open']);
    expect([b.connection.saslMechanism, b.connection.saslUser]).toEqual(['PLAIN', 'alice']);
  });

  it.each([
    ['a wrong password', { username: 'alice', password: 'wonder' }],
    ['no password', { username: 'alice' }],
    ['another name', { username: 'bob', password: 'wönder' }],
  ])('refuses %s with outcome auth', (_, credentials) => {
    const { a, b } = login(credentials);
    expect(a.take('closed').error).toMatchObject({ condition: 'amqp:unauthorized-access' });
    expect(b.take('closed').error).toMatchObject({ condition: 'amqp:unauthorized-access' });
    expect(b.connection.saslUser).toBeUndefined();
  });

  it('is not chosen without a name', () => {
    const { b } = login({}, { mechanisms: ['PLAIN', 'ANONYMOUS'] });
    expect(b.connection.saslMechanism).toBe('ANONYMOUS');
  });

  it('lets nobody in where no passwords are known', () => {
    const { b } = login({ username: 'alice', password: 'wönder' }, { verify: undefined });
    expect(b.take('closed').by).toBe('protocol');
  });

  it.each([
    ['acts for another', 'bob\0alice\0wönder'],
    ['has no separators', 'alice'],
    ['has too many', '\0alice\0wönder\0'],
    ['has no name', '\0\0wönder'],
    ['is too long', `\0alice\0wönder${'x'.repeat(4000)}`],
    ['is missing', undefined],
  ])('refuses a response that %s', (_, response) => {
    const peer = new RawPeer({ sasl: { mechanisms: ['PLAIN'], required: true, verify } });
    const initialResponse = response === undefined ? undefined : Buffer.from(response);
    const init = frame((writer) => encodeSaslInit(writer, { mechanism: 'PLAIN', initialResponse }));
    expect(peer.send(saslHeader, init).at(-1)).toMatchObject({ name: 'outcome', body: { code: 1 } });
    expect(peer.take('closed').by).toBe('protocol');
  });
});
