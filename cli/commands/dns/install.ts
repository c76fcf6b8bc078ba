/** `dns install` and `dns uninstall`: our blocks come into the Corefile of a cluster's CoreDNS, and go. Nothing else in it is touched. */
import { Resolver } from 'node:dns/promises';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import type { DnsInstallFlags, DnsUninstallFlags } from '../../definitions/dns.ts';
import { FailedError, NotFoundError } from '../../errors.ts';
import { API, type ClusterClient } from '../../places/cluster-client.ts';
import { waitFor } from '../../wait.ts';
import { type Corefile, CorefileError, clusterBlock, objectionsTo, parseCorefile } from './corefile.ts';
import { blocksOf, differenceOf, withoutRegion, withRegion } from './region.ts';

type Named = DnsInstallFlags['configmap'];

/** Where distributions put what users add; its files are keys of one ConfigMap. */
const CUSTOM_IMPORT = /^(\/etc\/coredns\/)?custom\/\*\.(server|override)$/;
const CUSTOM: Named = { namespace: 'kube-system', name: 'coredns-custom' };
const MAIN: Named = { namespace: 'kube-system', name: 'coredns' };
const MAIN_KEY = 'Corefile';
const ASK_TIMEOUT_MS = 1000;
/** No answer at all for that long: CoreDNS cannot be asked from here. */
const SILENCE_MS = 3000;

/** @throws NotFoundError, FailedError, CorefileError, TimedOutError */
export async function installDns(context: Context, flags: DnsInstallFlags): Promise<void> {
  const client = await context.connect(context.cluster, context.env);
  const address = await serverAddress(context, client, flags.service);
  const { object, text } = await readText(context, client, flags);
  const { port, bind } = await checked(client, flags, withoutRegion(text));
  const after = withRegion(text, blocksOf({ zones: flags.zones, address, port, bind }));
  const zones = flags.zones.join(' and ');
  if (flags.dryRun) return print(context, differenceOf(text, after));
  if (after === text) say(context, `CoreDNS already hands ${zones} to ${address}.`);
  else await write(client, flags, object, after);
  if (after !== text) say(context, `CoreDNS hands ${zones} to ${address} once it has read its Corefile again.`);
  if (flags.wait) await waitForAnswer(context, client, flags);
}

/** @throws NotFoundError, CorefileError */
export async function uninstallDns(context: Context, flags: DnsUninstallFlags): Promise<void> {
  const client = await context.connect(context.cluster, context.env);
  const { object, text } = await readText(context, client, flags);
  const after = withoutRegion(text);
  if (flags.dryRun) return print(context, differenceOf(text, after));
  if (after === text) return say(context, 'There is nothing of skuprt in the Corefile.');
  await write(client, flags, object, after);
  say(context, 'The Corefile is what it was before.');
}

async function serverAddress(context: Context, client: ClusterClient, { namespace, name }: Named): Promise<string> {
  const service = await client.get(API.services, name, namespace);
  const address = (service?.spec as { clusterIP?: string } | undefined)?.clusterIP;
  if (address !== undefined && address !== '' && address !== 'None') return address;
  throw new NotFoundError(
    service === undefined
      ? `There is no Service "${name}" in namespace "${namespace}": our DNS server is not installed`
      : `Service "${name}" in namespace "${namespace}" has no cluster IP`,
    { next: `Install it: ${commandLine(context, 'install')}, or name another one with --service` },
  );
}

async function readText(
  context: Context,
  client: ClusterClient,
  { configmap, key }: Pick<DnsInstallFlags, 'configmap' | 'key'>,
): Promise<{ object: KubeObject | undefined; text: string }> {
  const object = await client.get(API.configMaps, configmap.name, configmap.namespace);
  const text = (object?.data as Record<string, string> | undefined)?.[key];
  // A file of one's own beside the Corefile need not be there yet.
  if (text === undefined && key === MAIN_KEY) {
    throw new NotFoundError(
      object === undefined
        ? `There is no ConfigMap "${configmap.name}" in namespace "${configmap.namespace}"`
        : `ConfigMap "${configmap.name}" in namespace "${configmap.namespace}" has no key "${key}"`,
      { next: `Name that of CoreDNS with --configmap: see ${commandLine(context, 'dns install --help')}` },
    );
  }
  return { object, text: text ?? '' };
}

/** Where CoreDNS listens. @throws CorefileError */
async function checked(
  client: ClusterClient,
  flags: DnsInstallFlags,
  text: string,
): Promise<{ port: string; bind: string[] }> {
  const corefile = parseCorefile(text);
  const all: Corefile[] = [corefile];
  if (flags.key !== MAIN_KEY) all.push(await parsedOf(client, MAIN, MAIN_KEY));
  const imports = all.flatMap((one) => one.imports);
  const unknown = imports.filter((path) => !CUSTOM_IMPORT.test(path));
  const objections = unknown.map((path) => `it imports ${path}, which cannot be seen from here`);
  if (imports.length > unknown.length) all.push(...(await customFiles(client, flags)));
  objections.push(...all.flatMap((one) => objectionsTo(one, flags.zones)));
  if (objections.length === 0) return clusterBlock(all.find(({ blocks }) => blocks.length > 0) ?? corefile);
  throw new CorefileError(`Nothing was changed in the Corefile: ${[...new Set(objections)].join('; ')}`, {
    next: 'Take that out, choose other zones with --zones, or add the blocks by hand: see docs/guide/dns.md',
  });
}

async function parsedOf(client: ClusterClient, { namespace, name }: Named, key: string): Promise<Corefile> {
  const data = (await client.get(API.configMaps, name, namespace))?.data as Record<string, string> | undefined;
  return parseCorefile(withoutRegion(data?.[key] ?? ''));
}

/** The servers among what users of this distribution add. */
async function customFiles(client: ClusterClient, flags: DnsInstallFlags): Promise<Corefile[]> {
  const object = await client.get(API.configMaps, CUSTOM.name, CUSTOM.namespace);
  const isCustom = flags.configmap.name === CUSTOM.name && flags.configmap.namespace === CUSTOM.namespace;
  return Object.entries((object?.data as Record<string, string> | undefined) ?? {})
    .filter(([key]) => key.endsWith('.server') && !(isCustom && key === flags.key))
    .map(([, text]) => parseCorefile(text));
}

/** Only if nobody else wrote meanwhile. */
async function write(
  client: ClusterClient,
  { configmap, key }: Pick<DnsInstallFlags, 'configmap' | 'key'>,
  object: KubeObject | undefined,
  text: string,
): Promise<void> {
  const { namespace, name } = configmap;
  const { apiVersion, kind } = API.configMaps;
  if (object === undefined) {
    await client.create(API.configMaps, { apiVersion, kind, metadata: { namespace, name }, data: { [key]: text } });
    return;
  }
  // A file that was ours alone goes.
  const value = text === '' && key !== MAIN_KEY ? null : text;
  const { resourceVersion } = object.metadata;
  await client.patch(API.configMaps, name, namespace, { metadata: { resourceVersion }, data: { [key]: value } });
}

/** As far as CoreDNS can be asked from here. */
async function waitForAnswer(
  context: Context,
  client: ClusterClient,
  { zones, timeout }: DnsInstallFlags,
): Promise<void> {
  const name = `dns-version.${zones[0]}`;
  const look = `kubectl run --rm -it --image=busybox dns-test -- nslookup -type=txt ${name}`;
  const services =
    (await client.list(API.services, { namespace: 'kube-system', labelSelector: 'k8s-app=kube-dns' })) ?? [];
  const address = services
    .map(({ spec }) => (spec as { clusterIP?: string }).clusterIP)
    .find((ip) => ip && ip !== 'None');
  const silentAt = performance.now() + SILENCE_MS;
  let hasSpoken = false;
  const options = {
    what: `${name} in CoreDNS`,
    timeoutMs: timeout,
    afterwards: `It stays in the Corefile. See ${look}, and the log of CoreDNS`,
  };
  const isSeen = await waitFor<boolean>(context, options, async () => {
    const state = address === undefined ? 'silent' : await ask(address, name);
    if (state === 'answered') return { done: true };
    hasSpoken ||= state === 'refused';
    if (!hasSpoken && (address === undefined || performance.now() > silentAt)) return { done: false };
    return { pending: hasSpoken ? 'it does not know the name yet' : 'it has not answered yet' };
  });
  say(context, isSeen ? `${name} answers.` : `CoreDNS cannot be asked from here. To see whether it answers: ${look}`);
}

async function ask(address: string, name: string): Promise<'answered' | 'refused' | 'silent'> {
  const resolver = new Resolver({ timeout: ASK_TIMEOUT_MS, tries: 1 });
  try {
    resolver.setServers([address]);
    return (await resolver.resolveTxt(name)).length > 0 ? 'answered' : 'refused';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOTFOUND' || code === 'ENODATA' || code === 'ESERVFAIL' || code === 'EREFUSED'
      ? 'refused'
      : 'silent';
  }
}

/** For status: what stands there, without a change. @throws FailedError when it cannot be read */
export async function readCorefile(
  client: ClusterClient,
  flags: Pick<DnsInstallFlags, 'configmap' | 'key'>,
): Promise<string> {
  const object = await client.get(API.configMaps, flags.configmap.name, flags.configmap.namespace);
  const text = (object?.data as Record<string, string> | undefined)?.[flags.key];
  if (text !== undefined) return text;
  throw new FailedError(`There is no Corefile in ConfigMap "${flags.configmap.namespace}/${flags.configmap.name}"`, {
    next: 'Name that of CoreDNS with --configmap',
  });
}
