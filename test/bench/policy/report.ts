/** What `npm run bench -- policy` says. Pure. */
import type { Random } from '../../../lib/random.ts';
import { spread } from '../net/statistics.ts';
import { CASE_NAMES, CASES, type Case } from './cases.ts';
import { type Change, changeOf, type Turn } from './estimate.ts';
import type { PolicyOptions } from './options.ts';

/** What policies may cost at most, percent of the rate of connections. */
const COST_PERCENT_MAX = 3;
/** With fewer, what one process has by luck is in no interval. */
const GENERATIONS_MIN = 3;
/** With fewer, what a router does by itself is most of what it takes. */
const CONNECTIONS_MIN = 100;

/** What an interval stands on. */
export interface Basis {
  readonly generations: number;
  /** Of the median turn. */
  readonly connectionsOfTurn: number;
}

export function render(options: PolicyOptions, turns: readonly Turn[], random: Random): string {
  const { generations, rounds, milliseconds, policies } = options;
  const costs = new Map<Case, { readonly rate: Change; readonly cpu: Change }>(
    CASE_NAMES.filter((name) => name !== 'none').map((name) => [
      name,
      {
        rate: changeOf(turns, { name, value: ({ perSecond }) => perSecond }, random),
        cpu: changeOf(turns, { name, value: ({ cpuMs }) => cpuMs }, random),
      },
    ]),
  );
  const connectionsOfTurn = (spread(turns.map(({ perSecond }) => perSecond)).median * milliseconds) / 1000;
  const basis = { generations, connectionsOfTurn };
  const rows = CASE_NAMES.map((name) => {
    const own = turns.filter((turn) => turn.name === name);
    const rate = spread(own.map(({ perSecond }) => perSecond)).median.toFixed(0);
    const cpu = spread(own.map(({ cpuMs }) => cpuMs)).median.toFixed(3);
    const cost = costs.get(name);
    const changes = cost === undefined ? '| |' : `${text(cost.cpu)} | ${text(cost.rate)} |`;
    return `| ${name === 'none' ? '' : `${policies} `}${CASES[name]} | ${cpu} | ${rate} | ${changes}`;
  });
  return [
    `## Access policies: a new connection for each request, turns of ${milliseconds} ms, ${rounds * CASE_NAMES.length} for each case in each of ${generations} generations of routers`,
    '',
    'Medians; of changes against no policy, estimate (95 % interval).',
    '',
    '| | processor of both routers, ms per connection | connections/s | processor, % | rate, % |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    `The processor time decides: where routers are what is busy, the rate falls by no more than it grows, and what else the machine does`,
    `changes it less than the rate. Under ${COST_PERCENT_MAX} %:`,
    '',
    ...[...costs].map(([name, { cpu }]) => `- ${policies} ${CASES[name]}: ${verdict(cpu, basis)}`),
    '',
  ].join('\n');
}

function text({ percent, low, high }: Change): string {
  return `${percent.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`;
}

/** Only an interval that lies on one side says something, and only of enough processes and connections does it hold what it promises. */
export function verdict({ low, high }: Change, { generations, connectionsOfTurn }: Basis): string {
  if (generations < GENERATIONS_MIN) return `not known: ${GENERATIONS_MIN} generations or more can tell`;
  if (connectionsOfTurn < CONNECTIONS_MIN)
    return `not known: a turn has ${connectionsOfTurn.toFixed(0)} connections, fewer than ${CONNECTIONS_MIN}; longer turns or a quieter machine can tell`;
  if (high < COST_PERCENT_MAX) return 'yes';
  return low >= COST_PERCENT_MAX
    ? 'no'
    : 'not known: the interval is too wide; more generations or a quieter machine can tell';
}
