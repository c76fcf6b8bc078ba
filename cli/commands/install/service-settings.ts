/**
 * How the processes of services of a cluster set are set up: what the flags of `install` say, and what an earlier installation said, as
 * their arguments. Pure.
 */

import { DNS_NAME, SERVICE_CONTROLLER_NAME } from '../../../config/rbac/service-rules.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { isDnsLabel, isDnsName } from '../../../lib/text.ts';
import { UsageError } from '../../errors.ts';

export interface ServiceFlags {
  clusterId?: string;
  clusterSet?: string;
  dnsZones?: string;
  dnsDomain?: string;
}

interface ServiceFlag {
  key: keyof ServiceFlags;
  /** As typed at `install`. */
  flag: string;
  /** Who takes it, and under which name. The first is asked what it was. */
  takers: readonly (readonly [deployment: string, argument: string])[];
  /** Whether a value can be used, and what it must be. */
  isValid: (value: string) => boolean;
  mustBe: string;
}

const SET_LENGTH_MAX = 128;
const ZONES_MAX = 16;
/** Names of services go in front. */
const ZONE_LENGTH_MAX = 190;

const isZone = (value: string) => value.length <= ZONE_LENGTH_MAX && isDnsName(value);

const FLAGS: readonly ServiceFlag[] = [
  {
    key: 'clusterId',
    flag: '--cluster-id',
    takers: [[SERVICE_CONTROLLER_NAME, '--cluster-id']],
    isValid: isDnsLabel,
    mustBe: 'one DNS label: at most 63 lower-case letters, digits and hyphens',
  },
  {
    key: 'clusterSet',
    flag: '--cluster-set',
    takers: [[SERVICE_CONTROLLER_NAME, '--cluster-set']],
    isValid: (value) => value.length <= SET_LENGTH_MAX && isDnsName(value),
    mustBe: `a name of lower-case letters, digits, hyphens and dots, at most ${SET_LENGTH_MAX} characters`,
  },
  {
    key: 'dnsZones',
    flag: '--dns-zones',
    takers: [[DNS_NAME, '--zones']],
    isValid: (value) => value.split(',').length <= ZONES_MAX && value.split(',').every(isZone),
    mustBe: `DNS names of at most ${ZONE_LENGTH_MAX} characters, comma separated, at most ${ZONES_MAX}`,
  },
  {
    key: 'dnsDomain',
    flag: '--dns-domain',
    takers: [
      [SERVICE_CONTROLLER_NAME, '--external-domain'],
      [DNS_NAME, '--domain'],
    ],
    isValid: (value) => isDnsName(value) && value.includes('.'),
    mustBe: 'a DNS name such as example.com',
  },
];

/** By name of the Deployment. What is not given stays as `present` has it; an empty value takes it away. @throws UsageError */
export function serviceArgumentsFor(
  flags: ServiceFlags,
  present: ReadonlyMap<string, KubeObject>,
): Record<string, string[]> {
  const wanted: Record<string, string[]> = { [SERVICE_CONTROLLER_NAME]: [], [DNS_NAME]: [] };
  const faults: string[] = [];
  for (const { key, flag, takers, isValid, mustBe } of FLAGS) {
    const given = flags[key]?.trim();
    if (given !== undefined && given !== '' && !isValid(given)) faults.push(`${flag}: "${given}" must be ${mustBe}`);
    const [deployment, argument] = takers[0]!;
    const value = given ?? argumentOf(present.get(deployment), argument);
    if (value === undefined || value === '') continue;
    for (const [taker, name] of takers) wanted[taker]!.push(`${name}=${value}`);
  }
  if (faults.length > 0) throw new UsageError(faults.join('\n'), { next: 'Correct it; nothing was changed' });
  return wanted;
}

/** Names of the flags that were given, which only the processes of services take. */
export function serviceFlagsGiven(flags: ServiceFlags): string[] {
  return FLAGS.filter(({ key }) => flags[key] !== undefined).map(({ flag }) => flag);
}

/** The Deployment with these arguments after its own. */
export function withArguments(deployment: KubeObject, more: readonly string[]): KubeObject {
  const copy = structuredClone(deployment);
  containerOf(copy)?.args?.push(...more);
  return copy;
}

function argumentOf(deployment: KubeObject | undefined, argument: string): string | undefined {
  const found = containerOf(deployment)?.args?.findLast((text) => text.startsWith(`${argument}=`));
  return found?.slice(argument.length + 1);
}

function containerOf(deployment: KubeObject | undefined): { args?: string[] } | undefined {
  const spec = deployment?.spec as { template?: { spec?: { containers?: { args?: string[] }[] } } } | undefined;
  return spec?.template?.spec?.containers?.[0];
}
