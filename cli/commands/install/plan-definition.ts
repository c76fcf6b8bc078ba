/**
 * Whether installing touches a kind that is there: a pure function. Kinds of services are other projects', so those that somebody else
 * installed stay, and a newer official release is never replaced.
 */
import { EXTERNAL_DNS_GROUP } from '../../../config/api/dns-endpoint.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import { PART_OF } from '../../../config/crd/definition.ts';
import type { StructuralSchema } from '../../../config/crd/loosen.ts';
import { RELEASE_LABEL, REVISION_LABEL } from '../../../config/crd/service-kinds.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { compareVersions, versionOf } from './version.ts';

/** On a kind that somebody else installed and that was replaced by force: it is not ours to remove. */
export const TAKEN_OVER_ANNOTATION = 'skuprt.io/taken-over';

export interface DefinitionRules {
  /** Of this program. */
  release: string;
  isForced: boolean;
}

/** Why it is left as it is, for the user; undefined when it is brought to what is wanted. */
export function whyKept(wanted: KubeObject, present: KubeObject, rules: DefinitionRules): string | undefined {
  if (isOfSkupper(wanted)) return whyKeptOfSkupper(wanted, present, rules.release);
  const why = whyKeptOfOthers(wanted, present, rules);
  if (why === undefined) return undefined;
  const missing = versionsMissing(wanted, present);
  if (missing.length > 0) return `${why}; ${adviceFor(wanted, missing)}`;
  const lacking = membersLost(schemaOf(wanted), schemaOf(present), '');
  return lacking.length === 0 ? why : `${why}; it does not have ${lacking.join(', ')}`;
}

/** Made here, and by nobody else before. */
export function isMadeHere({ metadata }: KubeObject): boolean {
  return metadata.labels?.['app.kubernetes.io/part-of'] === PART_OF && !isTakenOver({ metadata });
}

/** What is written in place of `present`: it goes on telling whose it was. */
export function inPlaceOf(wanted: KubeObject, present: KubeObject): KubeObject {
  if (isOfSkupper(wanted) || isMadeHere(present)) return wanted;
  const annotations = { ...wanted.metadata.annotations, [TAKEN_OVER_ANNOTATION]: 'true' };
  return { ...wanted, metadata: { ...wanted.metadata, annotations } };
}

function isTakenOver({ metadata }: Pick<KubeObject, 'metadata'>): boolean {
  return metadata.annotations?.[TAKEN_OVER_ANNOTATION] !== undefined;
}

export function isOfSkupper({ metadata }: KubeObject): boolean {
  return metadata.name.endsWith(`.${SKUPPER_API_VERSION.split('/')[0]}`);
}

function whyKeptOfSkupper(wanted: KubeObject, present: KubeObject, release: string): string | undefined {
  const newer = newerOfOurs(present, release);
  if (versionOf(present) !== undefined) return newer;
  // Somebody else's: replaced when nothing gets lost, as with Skupper's of the same age or older.
  return lossText(wanted, present);
}

function whyKeptOfOthers(
  wanted: KubeObject,
  present: KubeObject,
  { release, isForced }: DefinitionRules,
): string | undefined {
  const official = officialText(present);
  if (compareOfficial(present, wanted) > 0) return `it is of the newer release ${official}`;
  if (isMadeHere(present) || (versionOf(present) !== undefined && isTakenOver(present))) {
    return newerOfOurs(present, release);
  }
  if (wanted.metadata.name.endsWith(`.${EXTERNAL_DNS_GROUP}`)) return 'it belongs to external-dns';
  const whose = `somebody else installed it${official === undefined ? '' : `, of release ${official}`}`;
  return isForced ? lossText(wanted, present) : `${whose}; --force replaces it`;
}

function newerOfOurs(present: KubeObject, release: string): string | undefined {
  const version = versionOf(present);
  return version !== undefined && compareVersions(version, release) > 0
    ? `it is of the newer version ${version}`
    : undefined;
}

function lossText(wanted: KubeObject, present: KubeObject): string | undefined {
  const lost = membersLost(schemaOf(present), schemaOf(wanted), '');
  return lost.length === 0 ? undefined : `it has members that this version does not know: ${lost.join(', ')}`;
}

/** By the labels that installers of the official kinds go by; below zero when `a` is the older one. Without labels it is old. */
function compareOfficial(a: KubeObject, b: KubeObject): number {
  const [releaseA, releaseB] = [a, b].map(({ metadata }) => metadata.labels?.[RELEASE_LABEL]?.replace(/^v/, ''));
  if (releaseA === undefined || releaseB === undefined)
    return Number(releaseA !== undefined) - Number(releaseB !== undefined);
  const [revisionA, revisionB] = [a, b].map(({ metadata }) => Number(metadata.labels?.[REVISION_LABEL] ?? 0) || 0);
  return compareVersions(releaseA, releaseB) || revisionA! - revisionB!;
}

function officialText({ metadata }: KubeObject): string | undefined {
  const release = metadata.labels?.[RELEASE_LABEL];
  const revision = metadata.labels?.[REVISION_LABEL];
  return release === undefined || revision === undefined || revision === '0'
    ? release
    : `${release}, revision ${revision}`;
}

interface Version {
  name: string;
  served?: boolean;
  storage?: boolean;
  schema?: { openAPIV3Schema?: StructuralSchema };
}

function versionsOf({ spec }: KubeObject): Version[] {
  return (spec as { versions?: Version[] } | undefined)?.versions ?? [];
}

function versionsMissing(wanted: KubeObject, present: KubeObject): string[] {
  const served = new Set(versionsOf(present).flatMap(({ name, served: is }) => (is === false ? [] : [name])));
  return versionsOf(wanted).flatMap(({ name }) => (served.has(name) ? [] : [name]));
}

/** The first version of ours is the one that is spoken; others are for clients that have not moved on. */
function adviceFor(wanted: KubeObject, missing: readonly string[]): string {
  const [spoken] = versionsOf(wanted);
  if (!missing.includes(spoken!.name)) return `it does not serve ${missing.join(', ')}, which older clients speak`;
  const release = wanted.metadata.labels?.[RELEASE_LABEL];
  const other = release === undefined ? 'one that serves it' : `the official release ${release} or later`;
  return `it does not serve ${spoken!.name}, without which services of the cluster set do not work: install ${other}`;
}

function schemaOf(definition: KubeObject): StructuralSchema {
  return versionsOf(definition).find(({ storage }) => storage)?.schema?.openAPIV3Schema ?? {};
}

/** Paths that `before` has and `after` has not. */
function membersLost(before: StructuralSchema, after: StructuralSchema, path: string): string[] {
  if (before.items) return membersLost(before.items, after.items ?? {}, `${path}[]`);
  return Object.entries(before.properties ?? {}).flatMap(([name, member]) => {
    const inner = path === '' ? name : `${path}.${name}`;
    const counterpart = after.properties?.[name];
    return counterpart === undefined ? [inner] : membersLost(member, counterpart, inner);
  });
}
