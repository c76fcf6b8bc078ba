/** The command line of `npm run bench -- dns`. */
import { parseArgs } from 'node:util';
import { count, parsed } from '../../support/arguments.ts';

export interface DnsOptions {
  readonly services: number;
  /** Queries a second where latency is measured. */
  readonly rate: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Server and client go before everything else on this machine. */
  readonly realtime: boolean;
}

export const dnsUsage = `Usage: npm run bench -- dns [options]

The DNS server on one core, asked by dnsperf: queries a second at saturation, and latency at a fixed rate. The names are mixed: 70 %
clusterset IPs, 10 % SRV, 10 % without data of the type, 10 % that do not exist. Needs dnsperf.

  --services N   default 500
  --rate N       queries a second where latency is measured, default 20000
  --seconds N    of each measurement, default 10
  --rounds N     default 3
  --realtime     run both with chrt -f, so that others on this machine are not measured too; needs root
`;

/** Answers 'help' when that is asked for. @throws UsageError */
export function parseDnsOptions(args: readonly string[]): DnsOptions | 'help' {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = { services: text, rate: text, seconds: text, rounds: text, realtime: flag, help: flag } as const;
  const { values } = parsed(() => parseArgs({ args: [...args], options }));
  if (values.help) return 'help';
  return {
    services: count('--services', values.services ?? '500', { min: 1, max: 10_000 }),
    rate: count('--rate', values.rate ?? '20000', { min: 1, max: 1_000_000 }),
    seconds: count('--seconds', values.seconds ?? '10', { min: 1, max: 600 }),
    rounds: count('--rounds', values.rounds ?? '3', { min: 1, max: 100 }),
    realtime: values.realtime === true,
  };
}
