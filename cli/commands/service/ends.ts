/** `listener VERB` and `connector VERB`: the two ends of a service, alike but for their defaults. */
import type { ResourceOf } from '../../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import { CONTROLLED_LABEL, IMPORTED_FROM_ANNOTATION } from '../../../config/names.ts';
import { confirmDeletion } from '../../ask.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import type { DeleteFlags, EndFlags, EndKind } from '../../definitions/services.ts';
import { FailedError, UsageError } from '../../errors.ts';
import { formatList, formatManifest, formatResource, isResourceFormat } from '../../output/resources.ts';
import { type Cell, fields, table } from '../../output/table.ts';
import { openPlace } from '../../places/choose.ts';
import {
  isGenerated,
  noteIdle,
  requireResource,
  requireSite,
  type SettleOptions,
  statusOf,
  waitUntilSettled,
} from '../../resources.ts';
import { waitUntilGone } from '../gone.ts';
import { settingFields, settingsOf } from './settings.ts';

export interface SettleFlags extends SettleOptions {
  dryRun?: boolean;
  output?: string;
}

export type End = ResourceOf<EndKind>;

export async function createEnd(context: Context, kind: EndKind, name: string, flags: EndFlags): Promise<void> {
  await createResource(context, await newEnd(context, kind, name, flags), flags);
}

/** Writes a resource that must be new, and waits as asked; `expose` does the same with its own connector. */
export async function createResource(context: Context, end: End, flags: SettleFlags): Promise<void> {
  const { kind, metadata } = end;
  if (flags.dryRun) {
    print(context, formatManifest([end], flags.output));
    return;
  }
  const place = await openPlace(context);
  await requireSite(context, place);
  const present = await place.resources.get(kind, metadata.name);
  // A listener that the site made for an imported service gives way to the user's own.
  if (present !== undefined && !isGenerated(present)) {
    const word = kind.toLowerCase();
    throw new FailedError(`${kind} "${metadata.name}" exists already in namespace "${context.namespace}"`, {
      next: `Change it with ${commandLine(context, `${word} update`)}, or choose another name`,
    });
  }
  await place.resources.apply(end);
  await waitUntilSettled(context, place, kind, metadata.name, flags);
  say(context, `${kind} "${metadata.name}" is ${flags.wait === 'none' ? 'made' : flags.wait}.`);
  if (flags.output !== undefined) {
    const made = await requireResource(context, place, kind, metadata.name);
    print(context, formatManifest([made], flags.output));
  }
}

export async function updateEnd(context: Context, kind: EndKind, name: string, flags: EndFlags): Promise<void> {
  const place = await openPlace(context);
  const end = await changedEnd(context, await requireResource(context, place, kind, name), flags);
  if (flags.dryRun) {
    print(context, formatManifest([end], 'yaml'));
    return;
  }
  await place.resources.apply(end);
  await waitUntilSettled(context, place, kind, name, flags);
  say(context, `${kind} "${name}" is updated.`);
}

export async function deleteEnd(context: Context, kind: EndKind, name: string, flags: DeleteFlags): Promise<void> {
  const place = await openPlace(context);
  const end = await requireResource(context, place, kind, name);
  if (isGenerated(end)) {
    throw new FailedError(`${kind} "${name}" comes from a service that another site exposes, and would come back`, {
      next: 'Unexpose the service there, or end all imports with skuprt site update --no-import',
    });
  }
  await confirmDeletion(context, `${kind.toLowerCase()} "${name}"`, flags.yes);
  await place.resources.delete(kind, name);
  await waitUntilGone(context, place, `${kind.toLowerCase()}/${name}`, flags);
  say(context, `${kind} "${name}" is deleted.`);
}

export async function generateEnd(context: Context, kind: EndKind, name: string, flags: EndFlags): Promise<void> {
  print(context, formatManifest([await newEnd(context, kind, name, flags)], flags.output));
}

export async function showEnds(
  context: Context,
  kind: EndKind,
  name: string | undefined,
  flags: { output?: string },
): Promise<void> {
  const place = await openPlace(context);
  await noteIdle(context, place);
  if (name !== undefined) {
    const end = await requireResource(context, place, kind, name);
    print(context, isResourceFormat(flags.output) ? formatResource(end, flags.output) : endFields(end));
    return;
  }
  const ends: End[] = await place.resources.list(kind);
  if (isResourceFormat(flags.output)) print(context, formatList(ends, flags.output));
  else if (ends.length === 0) say(context, `There are no ${kind.toLowerCase()}s in namespace "${context.namespace}".`);
  else print(context, endTable(kind, ends, flags.output === 'wide'));
}

/** The resource that flags describe; only a workload must be looked up for it. @throws UsageError, NotFoundError */
export async function newEnd(context: Context, kind: EndKind, name: string, flags: EndFlags): Promise<End> {
  requireFlagsFor(context, flags);
  const metadata = { name };
  const { port = 0, tlsCredentials, type, routingKey = name, exposePodsByName } = flags;
  const settings = settingsOf(flags);
  const shared = {
    routingKey,
    port,
    ...(tlsCredentials && { tlsCredentials }),
    ...(type && { type }),
    ...(exposePodsByName && { exposePodsByName }),
    ...(Object.keys(settings).length > 0 && { settings }),
  };
  const isLocal = context.platform === 'local';
  if (kind === 'Listener') {
    const host = flags.host ?? (isLocal ? '0.0.0.0' : name);
    return { apiVersion: SKUPPER_API_VERSION, kind, metadata, spec: { ...shared, host } };
  }
  const found = await reach(context, flags);
  const { host, selector } = found ?? (isLocal ? { host: 'localhost' } : { selector: `app=${name}` });
  const spec = {
    ...shared,
    ...(selector === undefined ? { host } : { selector }),
    ...(flags.includeNotReady && { includeNotReadyPods: true }),
  };
  return { apiVersion: SKUPPER_API_VERSION, kind, metadata, spec };
}

/** A changed generated resource is the user's from then on. */
async function changedEnd(context: Context, end: End, flags: EndFlags): Promise<End> {
  requireFlagsFor(context, flags);
  const found = end.kind === 'Connector' ? await reach(context, flags) : { host: flags.host, selector: undefined };
  const settings = settingsOf(flags);
  const given = Object.entries({
    settings: Object.keys(settings).length > 0 ? { ...end.spec.settings, ...settings } : undefined,
    routingKey: flags.routingKey,
    host: found?.host,
    selector: found?.selector,
    port: flags.port,
    tlsCredentials: flags.tlsCredentials,
    type: flags.type,
    includeNotReadyPods: flags.includeNotReady,
    exposePodsByName: flags.exposePodsByName,
  }).filter(([, value]) => value !== undefined);
  if (given.length === 0) throw new UsageError('Nothing to change was given', { next: 'See the flags with --help' });
  const { [CONTROLLED_LABEL]: _controlled, ...labels } = end.metadata.labels ?? {};
  const { [IMPORTED_FROM_ANNOTATION]: _from, ...annotations } = end.metadata.annotations ?? {};
  const metadata = { ...end.metadata, labels, annotations };
  const spec: Record<string, unknown> = { ...end.spec, ...Object.fromEntries(given) };
  // A connector reaches a host or pods, never both.
  if (found?.host !== undefined) delete spec.selector;
  else if (found?.selector !== undefined) delete spec.host;
  return { ...end, metadata, spec } as End;
}

/** What the flags say that a connector reaches; undefined when they say nothing. */
async function reach(context: Context, flags: EndFlags): Promise<{ host?: string; selector?: string } | undefined> {
  if (flags.workload !== undefined) return await (await openPlace(context)).target(flags.workload);
  if (flags.selector !== undefined) return { selector: flags.selector };
  return flags.host === undefined ? undefined : { host: flags.host };
}

function requireFlagsFor({ platform }: Context, flags: EndFlags): void {
  const forPods = [flags.selector, flags.workload, flags.includeNotReady, flags.exposePodsByName];
  if (platform === 'kubernetes' || forPods.every((value) => value === undefined)) return;
  throw new UsageError('Pods can only be selected on platform kubernetes; a local site connects to a host', {
    next: 'Give --host, such as --host 127.0.0.1',
  });
}

function endTable(kind: EndKind, ends: readonly End[], wide: boolean): string {
  const match = kind === 'Listener' ? 'MATCHING-CONNECTOR' : 'MATCHING-LISTENER';
  // Only where there are selectors: a local site has none.
  const withSelector = ends.some(({ spec }) => 'selector' in spec);
  const heads = [
    ...['NAME', 'STATUS', 'ROUTING-KEY', ...(withSelector ? ['SELECTOR'] : []), 'HOST', 'PORT', match, 'MESSAGE'],
    ...(wide ? ['IMPORTED-FROM'] : []),
  ];
  const rows = ends.map((end) => {
    const { status = 'Pending', message } = statusOf(end);
    const { routingKey, host, port } = end.spec;
    const from = end.metadata.annotations?.[IMPORTED_FROM_ANNOTATION];
    const selector = withSelector ? [selectorOf(end)] : [];
    const reached = [...selector, host, port, hasMatch(end), message];
    return [end.metadata.name, status, routingKey, ...reached, ...(wide ? [from] : [])];
  });
  return table(heads, rows);
}

function endFields(end: End): string {
  const { status = 'Pending', message } = statusOf(end);
  const pairs: [string, Cell][] = [
    ['Name', end.metadata.name],
    ['Status', status],
    ['Routing key', end.spec.routingKey],
    ...((selectorOf(end) === undefined
      ? [['Host', end.spec.host]]
      : [
          ['Selector', selectorOf(end)],
          ['Pods', podsOf(end)],
        ]) as [string, Cell][]),
    ['Port', end.spec.port],
    [end.kind === 'Listener' ? 'Has matching connector' : 'Has matching listener', hasMatch(end)],
    ...settingFields(end.spec.settings),
    ['Message', message],
  ];
  return fields(pairs);
}

function selectorOf(end: End): string | undefined {
  return end.kind === 'Connector' ? end.spec.selector : undefined;
}

function podsOf(end: End): string {
  const pods = end.kind === 'Connector' ? (end.status?.selectedPods ?? []) : [];
  return pods.map(({ name }) => name).join(', ') || 'none';
}

function hasMatch(end: End): boolean {
  return (end.kind === 'Listener' ? end.status?.hasMatchingConnector : end.status?.hasMatchingListener) === true;
}
