/**
 * Versions of a service that one export shares its connections among: annotation `EXPORT_ANNOTATION.versions` names Services of the same
 * namespace, each with its share (`web-v1=90,web-v2=10`). A version is those of the service's own endpoints that its Service has too;
 * endpoints of no version are for when all versions fail. Pure.
 *
 * The shares hold for connections that come over the mesh; pods of this cluster reach the endpoints of their own directly, evenly.
 */
import { SERVICE_BOUNDS } from '../../../config/service-bounds.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { isDnsLabel } from '../../../lib/text.ts';
import { EXPORT_ANNOTATION } from '../../names.ts';
import { localSlices } from '../endpointslice/local.ts';
import { annotationOf } from '../fields.ts';
import type { Observed } from '../observed.ts';

const VERSIONS_MAX = 16;
const [SHARE_MIN, SHARE_MAX] = SERVICE_BOUNDS.share;

/** Of Services, by name. */
export type Shares = ReadonlyMap<string, number>;

export interface Version {
  /** Undefined: what belongs to none. */
  name: string | undefined;
  share: number;
  targets: string[];
}

/** A text says what is wrong; without the annotation there are none. */
export function parseVersions(text: string): Shares | string {
  const shares = new Map<string, number>();
  for (const part of text.split(',')) {
    const [name = '', share = '', ...more] = part.split('=').map((word) => word.trim());
    const value = /^\d{1,4}$/.test(share) ? Number(share) : Number.NaN;
    if (!isDnsLabel(name) || more.length > 0 || !(value >= SHARE_MIN && value <= SHARE_MAX)) {
      return `"${part.trim().slice(0, 80)}" is not SERVICE=SHARE with a share from ${SHARE_MIN} to ${SHARE_MAX}`;
    }
    if (shares.has(name)) return `"${name}" is there twice`;
    shares.set(name, value);
  }
  return shares.size > VERSIONS_MAX ? `has ${shares.size} versions, at most ${VERSIONS_MAX}` : shares;
}

/** Names of the Services that an export's connections are shared among. */
export function versionNames(made: KubeObject | undefined): string[] {
  return [...(sharesOf(made)?.keys() ?? [])];
}

/** @param targets `address:port` of each ready endpoint. @returns undefined where the export knows no versions */
export function versionsOf(observed: Observed, targets: readonly string[]): Version[] | undefined {
  const shares = sharesOf(observed.export);
  if (shares === undefined) return undefined;
  const left = new Set(targets);
  const versions = [...shares].map(([name, share]): Version => {
    const addresses = addressesOf(observed.versions?.get(name) ?? []);
    // One that two versions have is the first's.
    const own = targets.filter((target) => left.has(target) && addresses.has(hostOf(target)));
    for (const target of own) left.delete(target);
    return { name, share, targets: own };
  });
  return [...versions, { name: undefined, share: 0, targets: [...left] }];
}

function sharesOf(made: KubeObject | undefined): Shares | undefined {
  const text = made && annotationOf(made, EXPORT_ANNOTATION.versions);
  const shares = text === undefined ? undefined : parseVersions(text);
  return typeof shares === 'object' ? shares : undefined;
}

function addressesOf(slices: readonly KubeObject[]): ReadonlySet<string> {
  return new Set(localSlices(slices).flatMap(({ endpoints }) => endpoints.flatMap(({ addresses }) => addresses)));
}

function hostOf(target: string): string {
  return target.slice(0, target.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}
