/** `listener VERB` and `connector VERB`: the two ends of a service, alike but for their defaults. */
import type { ResourceOf } from '../../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import { CONTROLLED_LABEL, IMPORTED_FROM_ANNOTATION } from '../../../site-controller/names.ts';
import { confirmDeletion } from '../../ask.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import type { DeleteFlags, EndFlags, EndKind } from '../../definitions/services.ts';
import { FailedError, UsageError } from '../../errors.ts';
import { formatList, formatManifest, formatResource, isResourceFormat } from '../../output/resources.ts';
import { type Cell, fields, table } from '../../output/table.ts';
import { openPlace } from '../../places/choose.ts';
import { isGenerated, noteIdle, requireResource, requireSite, statusOf, waitUntilSettled } from '../../resources.ts';
import { waitUntilGone } from '../gone.ts';

export type End = ResourceOf<EndKind>;

export async function createEnd(context: Context, kind: EndKind, name: string, flags: EndFlags): Promise<void> {
  await createResource(context, newEnd(kind, name, flags), flags);
}

/** Writes a resource that must be new, and waits as asked; `expose` does the same with its own connector. */
export async function createResource(context: Context, end: End, flags: EndFlags): Promise<void> {
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
  const end = changedEnd(await requireResource(context, place, kind, name), flags);
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
  print(context, formatManifest([newEnd(kind, name, flags)], flags.output));
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

export function newEnd(kind: EndKind, name: string, flags: EndFlags): End {
  requireHostOnly(flags);
  const metadata = { name };
  const { port = 0, tlsCredentials, type, routingKey = name } = flags;
  const shared = { routingKey, port, ...(tlsCredentials && { tlsCredentials }), ...(type && { type }) };
  return kind === 'Listener'
    ? { apiVersion: SKUPPER_API_VERSION, kind, metadata, spec: { ...shared, host: flags.host ?? '0.0.0.0' } }
    : { apiVersion: SKUPPER_API_VERSION, kind, metadata, spec: { ...shared, host: flags.host ?? 'localhost' } };
}

/** A changed generated resource is the user's from then on. */
function changedEnd(end: End, flags: EndFlags): End {
  requireHostOnly(flags);
  const given = Object.entries({
    routingKey: flags.routingKey,
    host: flags.host,
    port: flags.port,
    tlsCredentials: flags.tlsCredentials,
    type: flags.type,
  }).filter(([, value]) => value !== undefined);
  if (given.length === 0) throw new UsageError('Nothing to change was given', { next: 'See the flags with --help' });
  const { [CONTROLLED_LABEL]: _controlled, ...labels } = end.metadata.labels ?? {};
  const { [IMPORTED_FROM_ANNOTATION]: _from, ...annotations } = end.metadata.annotations ?? {};
  const metadata = { ...end.metadata, labels, annotations };
  return { ...end, metadata, spec: { ...end.spec, ...Object.fromEntries(given) } } as End;
}

function requireHostOnly(flags: EndFlags): void {
  if (flags.selector === undefined && flags.workload === undefined) return;
  throw new UsageError('Pods can only be selected on platform kubernetes; a local site connects to a host', {
    next: 'Give --host, such as --host 127.0.0.1',
  });
}

function endTable(kind: EndKind, ends: readonly End[], wide: boolean): string {
  const match = kind === 'Listener' ? 'MATCHING-CONNECTOR' : 'MATCHING-LISTENER';
  const heads = ['NAME', 'STATUS', 'ROUTING-KEY', 'HOST', 'PORT', match, 'MESSAGE', ...(wide ? ['IMPORTED-FROM'] : [])];
  const rows = ends.map((end) => {
    const { status = 'Pending', message } = statusOf(end);
    const { routingKey, host, port } = end.spec;
    const from = end.metadata.annotations?.[IMPORTED_FROM_ANNOTATION];
    return [end.metadata.name, status, routingKey, host, port, hasMatch(end), message, ...(wide ? [from] : [])];
  });
  return table(heads, rows);
}

function endFields(end: End): string {
  const { status = 'Pending', message } = statusOf(end);
  const pairs: [string, Cell][] = [
    ['Name', end.metadata.name],
    ['Status', status],
    ['Routing key', end.spec.routingKey],
    ['Host', end.spec.host],
    ['Port', end.spec.port],
    [end.kind === 'Listener' ? 'Has matching connector' : 'Has matching listener', hasMatch(end)],
    ['Message', message],
  ];
  return fields(pairs);
}

function hasMatch(end: End): boolean {
  return (end.kind === 'Listener' ? end.status?.hasMatchingConnector : end.status?.hasMatchingListener) === true;
}
