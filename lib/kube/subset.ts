/**
 * Whether a live object holds all that is wanted of it, beside what the server and others added. Pure.
 *
 * Tolerated: members that are not wanted; empty values (`''`, 0, false, null, [], {}) for absent ones, since servers drop them; other
 * spellings of quantities. Lists that servers merge are matched by their key (`name`, `mountPath`, port), others by place and length.
 */

/** @param member the name of what is compared, by which lists are known */
export function isSubset(wanted: unknown, live: unknown, member = ''): boolean {
  if (Object.is(wanted, live)) return true;
  if (isEmpty(wanted)) return isEmpty(live);
  if (Array.isArray(wanted)) return Array.isArray(live) && isListSubset(wanted, live, member);
  if (isMap(wanted)) {
    return isMap(live) && Object.entries(wanted).every(([name, value]) => isSubset(value, live[name], name));
  }
  return isSameQuantity(wanted, live);
}

/** Alike in all, but for the order of members and those that are undefined. */
export function isDeepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => isDeepEqual(item, b[index]));
  }
  if (!isMap(a) || !isMap(b)) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => isDeepEqual(a[name], b[name]));
}

/** The merge patch that turns `before` into `after`; undefined when nothing differs. */
export function mergePatch(before: unknown, after: object): Record<string, unknown> | undefined {
  const old = isMap(before) ? before : {};
  const now = after as Record<string, unknown>;
  const patch: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(old), ...Object.keys(now)])) {
    const [was, is] = [old[name], now[name]];
    if (isDeepEqual(was, is) || (was === null && is === undefined)) continue;
    patch[name] = is === undefined ? null : isMap(was) && isMap(is) ? mergePatch(was, is) : is;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

type MapValue = Record<string, unknown>;

function isMap(value: unknown): value is MapValue {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isMap(value) && Object.values(value).every(isEmpty);
}

/**
 * Lists that server-side apply merges, by the members that tell their items apart: others may add to them, and theirs are left alone.
 * All other lists are one value.
 */
const MERGED: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  volumes: ['name'],
  env: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  imagePullSecrets: ['name'],
  secrets: ['name'],
  ownerReferences: ['uid'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  hostAliases: ['ip'],
  listeners: ['name'],
  conditions: ['type'],
  finalizers: [],
};
const PORTS = [
  ['containerPort', 'protocol'],
  ['port', 'protocol'],
];

function isListSubset(wanted: readonly unknown[], live: readonly unknown[], member: string): boolean {
  for (const keys of member === 'ports' ? PORTS : [MERGED[member]]) {
    const byKey = keys && indexed(live, keys);
    const own = keys && byKey && indexed(wanted, keys);
    if (own !== undefined) return [...own].every(([key, item]) => byKey?.has(key) && isSubset(item, byKey.get(key)));
  }
  return wanted.length === live.length && wanted.every((item, index) => isSubset(item, live[index]));
}

const DEFAULTS: Readonly<Record<string, string>> = { protocol: 'TCP' };

/** Undefined when `members` do not tell the items apart; without members the items themselves are the keys. */
function indexed(items: readonly unknown[], members: readonly string[]): Map<string, unknown> | undefined {
  const found = new Map<string, unknown>();
  const [first] = members;
  for (const item of items) {
    if (first === undefined) found.set(JSON.stringify(item), item);
    else if (!isMap(item) || item[first] === undefined) return undefined;
    else found.set(JSON.stringify(members.map((name) => item[name] ?? DEFAULTS[name])), item);
  }
  return found.size === items.length ? found : undefined;
}

const QUANTITY = /^([+-]?[0-9.]+)(m|k|[KMGTPE]i?|[eE][+-]?[0-9]+)?$/;
const FACTORS: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** `1000m` and `1`, `1024Mi` and `1Gi`, `"2"` and 2; but not two ways to write a plain text like a version. */
function isSameQuantity(wanted: unknown, live: unknown): boolean {
  const [a, b] = [quantityOf(wanted), quantityOf(live)];
  return a !== undefined && b !== undefined && Math.abs(a - b) <= Math.abs(a) * 1e-12;
}

function quantityOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  const match = typeof value === 'string' ? QUANTITY.exec(value) : null;
  if (match === null) return undefined;
  const [, digits, unit = ''] = match;
  const number = Number(digits) * (/^[eE][+-]?\d/.test(unit) ? Number(`1${unit}`) : (FACTORS[unit] ?? 1));
  return Number.isFinite(number) ? number : undefined;
}
