/** Versions of what is installed, as the annotation says them. Pure. */
import { VERSION_ANNOTATION } from '../../../config/crd/definition.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';

/** Undefined for what skuprt did not make. */
export function versionOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[VERSION_ANNOTATION];
}

/** Below zero when `a` comes before `b`, by the rules of semantic versions; what is no version comes first. */
export function compareVersions(a: string, b: string): number {
  const [coreA, preA] = split(a);
  const [coreB, preB] = split(b);
  for (let index = 0; index < 3; index += 1) {
    const difference = (coreA[index] ?? 0) - (coreB[index] ?? 0);
    if (difference !== 0) return difference;
  }
  if (preA === preB) return 0;
  // A pre-release comes before its release.
  if (preA === '') return 1;
  if (preB === '') return -1;
  return preA.localeCompare(preB, 'en', { numeric: true });
}

function split(version: string): [core: number[], preRelease: string] {
  const [core = '', ...rest] = version.split('+')[0]!.split('-');
  const numbers = core.split('.').map(Number);
  return [numbers.some(Number.isNaN) ? [-1] : numbers, rest.join('-')];
}

/**
 * The image of an upgrade when none is named: a mirror of the release that runs gives the new release from the same place; an image
 * of one's own making stays.
 */
export function nextImage(present: string, presentVersion: string, offered: string, release: string): string {
  const [repository, tag] = splitImage(present);
  const [offeredRepository] = splitImage(offered);
  if (repository === offeredRepository) return offered;
  return tag === presentVersion ? `${repository}:${release}` : present;
}

function splitImage(image: string): [repository: string, tag: string] {
  const colon = image.lastIndexOf(':');
  // A colon before a slash is that of the registry's port.
  return colon > image.lastIndexOf('/') ? [image.slice(0, colon), image.slice(colon + 1)] : [image, ''];
}
