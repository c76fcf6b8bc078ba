/** What the settings of a Listener or a MultiKeyListener say about how it is offered. Pure. */
import { CLIENT_IP, NO_SERVICE, SETTING } from '../../../config/names.ts';
import { listenerSettings, type ServiceAttributes, settingFault } from '../../../config/service-settings.ts';
import type { Observed } from '../observed.ts';
import { settingOf } from '../site/identity.ts';

type Settled = { spec: { settings?: Record<string, string> } };

/** Values of settings; a value that nobody knows would be followed by nobody. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  [SETTING.service]: [NO_SERVICE],
  [SETTING.sessionAffinity]: [CLIENT_IP, 'None'],
};

export function optionFault(listener: Settled): string | undefined {
  for (const [key, values] of Object.entries(CHOICES)) {
    const value = settingOf(listener, key);
    if (value === undefined || values.includes(value)) continue;
    return `settings.${key}: "${value}" is not possible, only ${values.map((known) => `"${known}"`).join(' or ')}`;
  }
  return settingFault(listenerSettings(listener.spec.settings));
}

/** Whether clients find it at its host and port. On Kubernetes it may do with a port of the routers, which others know how to find. */
export function hasPlace({ cluster }: Pick<Observed, 'cluster'>, listener: Settled): boolean {
  return cluster === undefined || settingOf(listener, SETTING.service) !== NO_SERVICE;
}

/** Attributes of its tcpListener. */
export function listenerAttributes(listener: Settled): ServiceAttributes {
  return {
    ...(settingOf(listener, SETTING.sessionAffinity) === CLIENT_IP && { sessionAffinity: 'clientIP' }),
    ...listenerSettings(listener.spec.settings).attributes,
  };
}
