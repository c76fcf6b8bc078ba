/**
 * Services of the cluster set as a local site has them: what the user exports is in his files, what the site's process makes of it and of
 * the exports of others is in its own. Of the imports those of all namespaces are here: a machine has none of the others'.
 */
import type { Connector } from '../../config/api/connector.ts';
import { parseKind } from '../../config/api/parse.ts';
import type { ServiceExport } from '../../config/api/service-export.ts';
import { SERVICE_KINDS } from '../../config/api/service-kinds.ts';
import { deletionAnnotation } from '../../config/trace-annotation.ts';
import { readIfExists } from '../../lib/files.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { NO_TRACER } from '../../lib/trace/tracer.ts';
import { ClusterName } from '../../service-controller/platform/local/cluster-name.ts';
import { offeredPorts } from '../../service-controller/platform/local/offers.ts';
import { leaveWord, readServiceFiles } from '../../service-controller/platform/local/service-files.ts';
import type { Told } from '../../service-controller/platform/tell.ts';
import { type Context, commandLine } from '../context.ts';
import { FailedError } from '../errors.ts';
import { splitServiceName } from '../parse.ts';
import { requireSite } from '../resources.ts';
import { ask } from './ask-services.ts';
import type { ClusterSetPlace } from './cluster-set.ts';
import { type LocalPlace, openLocal } from './local.ts';
import type { Idle } from './place.ts';

export class LocalClusterSet implements ClusterSetPlace {
  private readonly context: Context;
  private readonly place: LocalPlace;

  constructor(context: Context) {
    this.context = context;
    this.place = openLocal(context);
  }

  async isInstalled(): Promise<boolean> {
    return true;
  }

  idle(): Promise<Idle | undefined> {
    return this.place.idle();
  }

  /** @throws NotFoundError without a site */
  async missing(name: string): Promise<{ what: string; next: string } | undefined> {
    await requireSite(this.context, this.place);
    const connectors: Connector[] = await this.place.resources.list('Connector');
    if (offeredPorts(connectors, name).length > 0) return undefined;
    const expose = commandLine(this.context, `expose host/127.0.0.1 --port PORT --address ${name}`);
    return {
      what: `no connector for "${name}" in namespace "${this.context.namespace}"`,
      next: `Expose it first: ${expose}`,
    };
  }

  async export(name: string): Promise<KubeObject | undefined> {
    return (await this.exports()).find(({ metadata }) => metadata.name === name);
  }

  async exports(): Promise<KubeObject[]> {
    const { namespace } = this.context;
    const { exports } = await this.place.resources.exports();
    const seen = await this.made('ServiceExport');
    return [...exports.values()]
      .map(({ made }): KubeObject => {
        const known = seen.find(({ metadata }) => metadata.name === made.metadata.name);
        // What was said of another spec does not count.
        const isCurrent = JSON.stringify(known?.spec ?? {}) === JSON.stringify(made.spec ?? {});
        const metadata = { ...known?.metadata, ...made.metadata, namespace };
        return { ...made, metadata, ...(isCurrent && known?.status !== undefined && { status: known.status }) };
      })
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  /** What `wanted` does not say stays. @throws ResourceError */
  async applyExport(wanted: KubeObject): Promise<void> {
    const { exports } = await this.place.resources.exports();
    const present = exports.get(wanted.metadata.name)?.made;
    const made = {
      ...wanted,
      metadata: { ...present?.metadata, ...wanted.metadata },
      spec: { ...present?.spec, ...(wanted.spec as object | undefined) },
    };
    const table = { ServiceExport: SERVICE_KINDS.ServiceExport };
    await this.place.resources.applyExport(parseKind(made, 'the export', table) as ServiceExport);
  }

  async deleteExport(name: string): Promise<void> {
    const { namespace, tracer = NO_TRACER } = this.context;
    const trace = deletionAnnotation(tracer);
    const of = { kind: 'ServiceExport', metadata: { name, namespace } };
    if (trace !== undefined) await leaveWord(this.place.paths.runtimeResources, of, trace);
    await this.place.resources.deleteExport(name);
  }

  async import(given: string): Promise<KubeObject | undefined> {
    const { name, namespace } = splitServiceName(given, this.context.namespace);
    const imports = await this.imports();
    return imports.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
  }

  async imports(): Promise<KubeObject[]> {
    return await this.made('ServiceImport');
  }

  async clusterId(): Promise<string | undefined> {
    const site = (await this.place.resources.list('Site'))[0];
    if (site?.metadata.uid === undefined) return undefined;
    const name = new ClusterName(this.place.paths.servicesCluster);
    await name.load();
    return name.idOf({ name: site.metadata.name, id: site.metadata.uid });
  }

  async explain(given: string, test: boolean): Promise<Told | undefined> {
    await requireSite(this.context, this.place);
    const { name, namespace } = splitServiceName(given, this.context.namespace);
    const [address, idle] = await Promise.all([readIfExists(this.place.paths.servicesAddress), this.place.idle()]);
    if (address === undefined || idle !== undefined) {
      const { reason = 'the site of this namespace does not answer yet', next } = idle ?? {};
      throw new FailedError(`Nobody knows why: ${reason}`, {
        next: next ?? `See ${commandLine(this.context, 'site status')}`,
      });
    }
    const next = `See ${commandLine(this.context, 'site status')}, and its log ${this.place.paths.siteLog}`;
    return await ask(address.trim(), `explain/${namespace}/${name}?test=${test}`, next);
  }

  private async made(kind: string): Promise<KubeObject[]> {
    const objects = await readServiceFiles(this.place.paths.runtimeResources);
    const nameOf = ({ metadata }: KubeObject) => `${metadata.name}.${metadata.namespace}`;
    return objects.filter((object) => object.kind === kind).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  }
}
