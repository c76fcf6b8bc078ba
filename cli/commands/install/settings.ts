/** How an installed controller is set up: what the flags of `install` say, and what an earlier installation said, as its variables. */
import type { KubeObject } from '../../../lib/kube/object.ts';
import {
  CONTROLLER_FLAGS,
  type ControllerFlag,
  controllerSettings,
  SettingsError,
} from '../../../site-controller/platform/kubernetes/settings-parse.ts';
import { UsageError } from '../../errors.ts';

export interface SettingFlags {
  enabledAccessTypes?: string;
  defaultAccessType?: string;
  clusterHost?: string;
}

interface Variable {
  name: string;
  value?: string;
}

const FLAGS: readonly (readonly [keyof SettingFlags, ControllerFlag])[] = [
  ['enabledAccessTypes', 'enabled-access-types'],
  ['defaultAccessType', 'default-access-type'],
  ['clusterHost', 'cluster-host'],
];

/** By name of the variable. What is not given stays as `present` has it. @throws UsageError */
export function settingsFor(flags: SettingFlags, present: KubeObject | undefined): Record<string, string> {
  const before = new Map(variablesOf(present).map(({ name, value = '' }) => [name, value]));
  const chosen = FLAGS.map(([key, flag]) => {
    const { env } = CONTROLLER_FLAGS[flag];
    return [env, flags[key] ?? before.get(env) ?? ''] as const;
  });
  const settings = Object.fromEntries(chosen.filter(([, value]) => value !== ''));
  if (FLAGS.some(([key]) => flags[key] !== undefined)) check(settings);
  return settings;
}

/** The Deployment of a controller with these variables beside its own. */
export function withSettings(deployment: KubeObject, settings: Readonly<Record<string, string>>): KubeObject {
  const copy = structuredClone(deployment);
  for (const [name, value] of Object.entries(settings)) variablesOf(copy).push({ name, value });
  return copy;
}

/** As the controller will: one that does not start is found too late. */
function check(settings: Record<string, string>): void {
  try {
    controllerSettings({ namespace: 'skupper', 'router-image': 'any' }, settings);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    throw new UsageError(error.faults.map(asTyped).join('\n'), { next: 'Correct it; nothing was changed' });
  }
}

/** The name of a variable at the start of a fault becomes that of the flag. */
function asTyped(fault: string): string {
  const found = FLAGS.find(([, flag]) => fault.startsWith(`${CONTROLLER_FLAGS[flag].env}: `));
  return found === undefined ? fault : `--${found[1]}${fault.slice(CONTROLLER_FLAGS[found[1]].env.length)}`;
}

function variablesOf(deployment: KubeObject | undefined): Variable[] {
  const spec = deployment?.spec as { template?: { spec?: { containers?: { env?: Variable[] }[] } } } | undefined;
  return spec?.template?.spec?.containers?.[0]?.env ?? [];
}
