/** `dns status`: our server, and what CoreDNS does with our zones. */
import { type Context, commandLine, print } from '../../context.ts';
import type { DnsStatusFlags } from '../../definitions/dns.ts';
import { documentOf, formatObject } from '../../output/resources.ts';
import { fields } from '../../output/table.ts';
import { API, type ClusterClient } from '../../places/cluster-client.ts';
import { parseCorefile, zoneOf } from './corefile.ts';
import { readCorefile } from './install.ts';
import { regionOf } from './region.ts';

export interface DnsStatus {
  server: { service: string; address: string | null; readyReplicas: number };
  coreDns: { configMap: string; zones: { zone: string; address: string; isCurrent: boolean }[] };
}

/** @throws FailedError, CorefileError */
export async function showDns(context: Context, flags: DnsStatusFlags): Promise<void> {
  const client = await context.connect(context.cluster, context.env);
  const status = await dnsStatus(client, flags);
  if (flags.output === 'json' || flags.output === 'yaml')
    return print(context, formatObject(documentOf('DnsStatus', status), flags.output));
  const { server, coreDns } = status;
  const wired = coreDns.zones.map(
    ({ zone, address, isCurrent }) => `${zone} to ${address}${isCurrent ? '' : ' (not our server)'}`,
  );
  const isStale = coreDns.zones.some(({ isCurrent }) => !isCurrent);
  const advice = wired.length === 0 || isStale ? commandLine(context, 'dns install') : '';
  print(
    context,
    fields([
      ['Server', server.address === null ? `no Service ${server.service}` : `${server.service} at ${server.address}`],
      ['Ready', server.readyReplicas],
      ['CoreDNS', `ConfigMap ${coreDns.configMap}`],
      ['Zones', wired.length === 0 ? 'none' : wired.join(', ')],
      ...(advice === '' ? [] : [['Next', advice] as const]),
    ]),
  );
}

async function dnsStatus(client: ClusterClient, { configmap, key, service }: DnsStatusFlags): Promise<DnsStatus> {
  const object = await client.get(API.services, service.name, service.namespace);
  const deployment = await client.get(API.deployments, service.name, service.namespace);
  const address = (object?.spec as { clusterIP?: string } | undefined)?.clusterIP ?? null;
  const text = await readCorefile(client, { configmap, key });
  const zones = parseCorefile(regionOf(text) ?? '').blocks.map(({ keys, directives }) => {
    const forward = directives.find(({ name }) => name === 'forward')?.args[1] ?? '';
    return { zone: zoneOf(keys[0]!).zone, address: forward, isCurrent: forward === address };
  });
  return {
    server: {
      service: `${service.namespace}/${service.name}`,
      address,
      readyReplicas: (deployment?.status as { readyReplicas?: number } | undefined)?.readyReplicas ?? 0,
    },
    coreDns: { configMap: `${configmap.namespace}/${configmap.name}`, zones },
  };
}
