import { amqpConformance, type PairFactory } from '../support/amqp-conformance.ts';
import { Pair, type PairOptions } from '../support/amqp-pair.ts';

const sasl = { mechanisms: ['ANONYMOUS'], required: true } as const;

function factory(common: PairOptions): PairFactory {
  return (options = {}) =>
    Object.assign(
      new Pair({
        ...common,
        ...options,
        initiator: { ...common.initiator, ...options.initiator },
        acceptor: { ...common.acceptor, ...options.acceptor },
      }).opened(),
      { stop: () => undefined },
    );
}

amqpConformance('pure pair', factory({}));
amqpConformance(
  'pure pair with SASL, in pieces of 11 octets',
  factory({ initiator: { sasl }, acceptor: { sasl }, chunkSizeBytes: 11 }),
);
