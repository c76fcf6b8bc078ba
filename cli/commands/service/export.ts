/** `service export`: a ServiceExport, which offers a Service to the cluster set; `service unexport` takes it back. */
import type { Condition } from '../../../config/api/schema.ts';
import { usableConnectorSettings } from '../../../config/service-settings.ts';
import { type KubeObject, withoutManagedFields } from '../../../lib/kube/object.ts';
import { EXPORT_ANNOTATION } from '../../../service-controller/names.ts';
import { parseVersions } from '../../../service-controller/reconcile/connector/versions.ts';
import { confirmDeletion } from '../../ask.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import type { ExportFlags, UnexportFlags } from '../../definitions/cluster-set.ts';
import { FailedError, NotFoundError, UsageError } from '../../errors.ts';
import { placesOf, setServices } from '../../output/cluster-set.ts';
import { formatObject } from '../../output/resources.ts';
import { openClusterSet } from '../../places/choose.ts';
import { type ClusterSetPlace, MCS_API } from '../../places/cluster-set.ts';
import { type Probe, waitFor } from '../../wait.ts';
import { settingsOf } from './settings.ts';

export async function exportService(context: Context, name: string, flags: ExportFlags): Promise<void> {
  const versions = parseVersions(flags.versions ?? '');
  if (flags.versions && typeof versions === 'string')
    throw new UsageError(`--versions: ${versions}`, { next: 'See the example in service export --help' });
  if (flags.dryRun) {
    const wanted = exportObject(name, flags, undefined);
    const format = flags.output === 'json' ? 'json' : 'yaml';
    print(context, flags.output === 'name' ? `serviceexport/${name}\n` : formatObject(wanted, format));
    return;
  }
  const place = await openClusterSet(context);
  const missing = await place.missing(name);
  if (missing !== undefined) throw new NotFoundError(`There is ${missing.what}`, { next: missing.next });
  const present = await place.export(name);
  await place.applyExport(exportObject(name, flags, present));
  await waitUntilExported(context, place, name, flags);
  if (flags.output !== undefined) await printExport(context, place, name, flags.output);
  const done = flags.wait === 'none' ? 'is to be exported' : 'is exported';
  say(context, `Service "${name}" ${done} as ${name}.${context.namespace}.supercluster.local`);
  if (context.platform === 'local') await sayWhere(context, place, name);
}

/** Who has no DNS server asked connects by address. */
async function sayWhere(context: Context, place: ClusterSetPlace, name: string): Promise<void> {
  const imported = await place.import(name);
  const places = imported === undefined ? [] : setServices([imported], []).flatMap(placesOf);
  if (places.length > 0)
    say(context, `Here it is reached at ${places.join(' and ')}; skuprt dns serve answers for the name`);
}

export async function unexportService(context: Context, name: string, flags: UnexportFlags): Promise<void> {
  const place = await openClusterSet(context);
  if ((await place.export(name)) === undefined) {
    throw new NotFoundError(`Service "${name}" is not exported from namespace "${context.namespace}"`, {
      next: `See ${commandLine(context, 'service status')}`,
    });
  }
  await confirmDeletion(context, `the export of service "${name}"`, flags.yes);
  await place.deleteExport(name);
  const idle = await place.idle();
  if (idle !== undefined) say(context, `Warning: ${idle.reason}`);
  else if (flags.wait) await waitUntilUnexported(context, place, name, flags.timeout);
  say(context, `Service "${name}" is no longer exported from here.`);
}

/** What is not said by a flag stays as `present` has it. Pure. */
export function exportObject(name: string, flags: ExportFlags, present: KubeObject | undefined): KubeObject {
  const before = (present?.spec ?? {}) as { exportedLabels?: object; exportedAnnotations?: object };
  const spec = {
    ...((flags.label ?? before.exportedLabels) && { exportedLabels: flags.label ?? before.exportedLabels }),
    ...((flags.annotation ?? before.exportedAnnotations) && {
      exportedAnnotations: flags.annotation ?? before.exportedAnnotations,
    }),
  };
  const said = {
    [EXPORT_ANNOTATION.priority]: flags.priority,
    [EXPORT_ANNOTATION.weight]: flags.weight,
    [EXPORT_ANNOTATION.locality]: flags.locality,
    [EXPORT_ANNOTATION.localMinimum]: flags.localMinimum,
    [EXPORT_ANNOTATION.versions]: flags.versions,
  };
  const annotations = usableConnectorSettings(present?.metadata.annotations);
  for (const [key, value] of Object.entries(said)) {
    const text = value === undefined ? present?.metadata.annotations?.[key] : String(value);
    if (text !== undefined) annotations[key] = text;
  }
  Object.assign(annotations, settingsOf(flags));
  const { apiVersion, kind } = MCS_API.exports;
  const metadata = { name, ...(Object.keys(annotations).length > 0 && { annotations }) };
  return { apiVersion, kind, metadata, ...(Object.keys(spec).length > 0 && { spec }) };
}

async function waitUntilExported(context: Context, place: ClusterSetPlace, name: string, flags: ExportFlags) {
  if (flags.wait === 'none') return;
  const type = flags.wait === 'configured' ? 'Valid' : 'Ready';
  const look = `See ${commandLine(context, `service status ${name}`)}`;
  const warned = await waitFor(
    context,
    { what: `service "${name}" to be exported`, timeoutMs: flags.timeout, afterwards: `It goes on. ${look}` },
    async (): Promise<Probe<Condition | undefined>> => {
      const conditions = conditionsOf(await place.export(name));
      const valid = conditions.find((condition) => condition.type === 'Valid');
      if (valid?.status === 'False') throw notExported(name, valid, look);
      const wanted = conditions.find((condition) => condition.type === type);
      if (wanted?.status === 'True') return { done: conditions.find((condition) => condition.type === 'Conflict') };
      if (wanted?.status === 'False' && wanted.reason === 'Failed') throw notExported(name, wanted, look);
      const idle = wanted === undefined ? await place.idle() : undefined;
      if (idle !== undefined) {
        throw new FailedError(`The export of service "${name}" is written, but nothing acts on it: ${idle.reason}`, {
          next: idle.next,
        });
      }
      return { pending: wanted?.message || 'nobody has acted on it yet' };
    },
  );
  if (warned?.status === 'True') say(context, `Warning: ${warned.message}`);
}

function notExported(name: string, { reason, message }: Condition, look: string): FailedError {
  return new FailedError(`Service "${name}" cannot be exported: ${message || reason}`, {
    next: `The export stays and is tried again. ${look}`,
  });
}

/** Where this cluster was the last that exported it, its import goes; else this cluster leaves the import. */
async function waitUntilUnexported(context: Context, place: ClusterSetPlace, name: string, timeoutMs: number) {
  const afterwards = 'It is deleted, and leaves the other clusters in the background';
  const id = await place.clusterId();
  await waitFor(
    context,
    { what: `the export of service "${name}" to end`, timeoutMs, afterwards },
    async (): Promise<Probe<true>> => {
      if ((await place.export(name)) !== undefined) return { pending: 'the ServiceExport is still there' };
      const { clusters = [] } = ((await place.import(name))?.status ?? {}) as { clusters?: { cluster: string }[] };
      const isListed = clusters.some(({ cluster }) => cluster === id);
      return isListed ? { pending: `the ServiceImport still lists cluster ${id}` } : { done: true };
    },
  );
}

/** What was said of an earlier spec does not count. */
function conditionsOf(object: KubeObject | undefined): Condition[] {
  const { conditions = [] } = (object?.status ?? {}) as { conditions?: Condition[] };
  const generation = object?.metadata.generation ?? 0;
  return conditions.filter(({ observedGeneration = generation }) => observedGeneration >= generation);
}

async function printExport(context: Context, place: ClusterSetPlace, name: string, format: string): Promise<void> {
  if (format === 'name') return print(context, `serviceexport/${name}\n`);
  const made = await place.export(name);
  if (made !== undefined) print(context, formatObject(withoutManagedFields(made), format as 'json' | 'yaml'));
}
