/** The command line of `npm run bench -- kube`. */
import { parseArgs } from 'node:util';
import { count, parsed } from '../../support/arguments.ts';

export interface KubeOptions {
  readonly sites: number;
  /** Of each site. */
  readonly listeners: number;
  readonly connectors: number;
  /** How long nothing may be written once everything is there. */
  readonly idleMinutes: number;
}

export const kubeUsage = `Usage: npm run bench -- kube [options]

Sites with listeners and connectors on a real API server, and a controller that is started cold: how long until all is there, what it
costs, and whether it then rests. Needs KUBEBUILDER_ASSETS.

  --sites N        default 200
  --listeners N    of each site, default 5
  --connectors N   of each site, default 5
  --idle MINUTES   default 5
`;

/** Answers 'help' when that is asked for. @throws UsageError */
export function parseKubeOptions(args: readonly string[]): KubeOptions | 'help' {
  const text = { type: 'string' } as const;
  const options = {
    sites: text,
    listeners: text,
    connectors: text,
    idle: text,
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parsed(() => parseArgs({ args: [...args], options }));
  if (values.help) return 'help';
  return {
    sites: count('--sites', values.sites ?? '200', { min: 0, max: 10_000 }),
    listeners: count('--listeners', values.listeners ?? '5', { min: 0, max: 1000 }),
    connectors: count('--connectors', values.connectors ?? '5', { min: 0, max: 1000 }),
    idleMinutes: count('--idle', values.idle ?? '5', { min: 0, max: 600 }),
  };
}
