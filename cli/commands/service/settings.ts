/** Flags of Connectors and Listeners as their settings, and those settings in words. Pure. */
import { SETTING } from '../../../config/names.ts';
import type { BackendFlags } from '../../definitions/backends.ts';
import type { Cell } from '../../output/table.ts';

/** By key, of the flags that were given. */
export function settingsOf(flags: BackendFlags): Record<string, string> {
  const given: Record<string, string | number | undefined> = {
    [SETTING.healthCheck]: flags.healthCheck,
    [SETTING.healthCheckIntervalSeconds]: flags.healthCheckInterval,
    [SETTING.healthCheckTimeoutSeconds]: flags.healthCheckTimeout,
    [SETTING.unhealthyThreshold]: flags.unhealthyThreshold,
    [SETTING.healthyThreshold]: flags.healthyThreshold,
    [SETTING.connectTimeoutSeconds]: flags.connectTimeout,
    [SETTING.maxConnections]: flags.maxConnections,
    [SETTING.maxQueuedConnections]: flags.maxQueuedConnections,
    [SETTING.proxyProtocol]: flags.proxyProtocol,
    [SETTING.share]: flags.share,
  };
  return Object.fromEntries(
    Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
  );
}

/** What people read of them; nothing of those that are not set. */
export function settingFields(settings: Readonly<Record<string, string>> = {}): [name: string, value: Cell][] {
  const value = (key: string, unit = ''): string | undefined => settings[key] && `${settings[key]}${unit}`;
  const pairs: [string, Cell][] = [
    ['Health check', healthCheck(settings)],
    ['Connect timeout', value(SETTING.connectTimeoutSeconds, ' s')],
    ['Max connections', value(SETTING.maxConnections)],
    ['Max queued connections', value(SETTING.maxQueuedConnections)],
    ['PROXY protocol', value(SETTING.proxyProtocol)],
    ['Share', value(SETTING.share)],
  ];
  return pairs.filter(([, text]) => text !== undefined);
}

/** `http:/healthz every 1 s, unhealthy after 2`. */
function healthCheck(settings: Readonly<Record<string, string>>): string | undefined {
  const way = settings[SETTING.healthCheck];
  if (!way) return undefined;
  const more: [word: string, key: string, unit: string][] = [
    ['every', SETTING.healthCheckIntervalSeconds, ' s'],
    ['within', SETTING.healthCheckTimeoutSeconds, ' s'],
    ['unhealthy after', SETTING.unhealthyThreshold, ''],
    ['healthy after', SETTING.healthyThreshold, ''],
  ];
  const told = more.flatMap(([word, key, unit]) => (settings[key] ? [`${word} ${settings[key]}${unit}`] : []));
  return [way, ...told].join(', ');
}
