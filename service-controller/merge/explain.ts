/**
 * Why traffic to a service goes from one cluster where it goes: who exports it, who won each conflict, what each cluster offers, and the
 * choice among them. A model of texts and numbers for `skuprt service explain`, as JSON and as lines. Pure; it looks at nothing itself,
 * and tests no connection.
 */

import { compareText } from '../../lib/text.ts';
import type { Choice } from '../choose/choose.ts';
import type { PortRecord, ServiceRecord } from '../records.ts';
import type { Conflict, Merged, MergedPort } from './merge.ts';

/** A port of the service in one cluster, as routers of this cluster have it. */
export interface PortFact {
  cluster: string;
  protocol: PortRecord['protocol'];
  port: number;
  /** On which routers of this cluster listen for it; `undefined` when there is no listener. */
  routerPort: number | undefined;
  /** Of the site that carries the services here: those that are ready, and of them those that listen: its cluster is in reach. */
  readyRouterCount: number;
  listeningRouterCount: number;
}

export interface ExplainInput {
  namespace: string;
  name: string;
  /** The cluster from which one looks. */
  self: string;
  exporters: readonly { cluster: string; record: ServiceRecord; state: 'own' | 'live' | 'lost' }[];
  /** Of the same exporters. */
  merged: Merged | undefined;
  choices: readonly { port: MergedPort; choice: Choice }[];
  facts: readonly PortFact[];
  /** Of the own cluster's export, where it has any. */
  versions?: readonly ExplainedVersion[];
}

/** What this cluster's own endpoints get of the connections that come from other clusters. */
export interface ExplainedVersion {
  /** The Service that it is; undefined: endpoints of none. */
  service: string | undefined;
  share: number;
  /** Endpoints of one port. */
  ready: number;
}

export interface ExplainedExporter {
  cluster: string;
  state: 'own' | 'live' | 'lost';
  isOldest: boolean;
  /** RFC 3339. */
  since: string;
  type: ServiceRecord['type'];
  ports: string[];
  ready: number;
  /** Its endpoints take part; a text why not. */
  serves: true | string;
}

export interface ExplainedEndpoints {
  cluster: string;
  ready: number;
  ports: { port: string; routerPort: number | undefined; isInReach: boolean; text: string }[];
}

export interface ExplainedChoice {
  port: string;
  isLocalDirect: boolean;
  /** Clusters that new connections reach now: those of the first tier of which one is in reach. */
  goesTo: string[];
  tiers: { cluster: string; weight: number }[][];
  reasons: { cluster: string; reason: string }[];
}

export interface Explanation {
  service: string;
  cluster: string;
  summary: string;
  exporters: ExplainedExporter[];
  conflicts: Conflict[];
  endpoints: ExplainedEndpoints[];
  choices: ExplainedChoice[];
  /** An older controller says nothing of them. */
  versions?: ExplainedVersion[];
}

export function explain(input: ExplainInput): Explanation {
  const { namespace, name, self, merged } = input;
  const choices = merged ? input.choices.map((one) => explainedChoice(input, one)) : [];
  return {
    service: `${namespace}/${name}`,
    cluster: self,
    summary: summaryOf(input, choices),
    exporters: explainedExporters(input),
    conflicts: merged?.conflicts ?? [],
    endpoints: merged ? explainedEndpoints(input, merged) : [],
    choices,
    versions: [...(input.versions ?? [])],
  };
}

/** `http 80/TCP`. */
export function portText({ name, port, protocol }: PortRecord): string {
  return `${name === '' ? '' : `${name} `}${port}/${protocol}`;
}

function explainedExporters({ exporters, merged }: ExplainInput): ExplainedExporter[] {
  return [...exporters]
    .sort((a, b) => a.record.since - b.record.since || compareText(a.cluster, b.cluster))
    .map(({ cluster, record, state }) => ({
      cluster,
      state,
      isOldest: merged?.oldest === cluster,
      since: new Date(record.since).toISOString(),
      type: record.type,
      ports: record.ports.map(portText),
      ready: record.ready,
      serves: servesOf(record, state, merged),
    }));
}

function servesOf(record: ServiceRecord, state: 'own' | 'live' | 'lost', merged: Merged | undefined): true | string {
  if (merged && record.type !== merged.type) return `it is ${record.type}, the service is ${merged.type}`;
  if (state === 'lost') return 'its cluster fell silent';
  return record.ready > 0 ? true : 'none of its endpoints is ready';
}

function explainedEndpoints(input: ExplainInput, merged: Merged): ExplainedEndpoints[] {
  return merged.clusters.flatMap((cluster) => {
    const exporter = input.exporters.find((one) => one.cluster === cluster);
    if (!exporter) return [];
    const served = merged.ports.filter(({ clusters }) => clusters.includes(cluster));
    return [
      { cluster, ready: exporter.record.ready, ports: served.map((port) => explainedPort(input, cluster, port)) },
    ];
  });
}

function explainedPort(input: ExplainInput, cluster: string, port: MergedPort): ExplainedEndpoints['ports'][number] {
  const fact = factOf(input, cluster, port);
  const made = (text: string) => ({
    port: portText(port),
    routerPort: fact?.routerPort,
    isInReach: isInReach(input, cluster, port),
    text,
  });
  if (cluster === input.self) return made('in this cluster');
  if (port.protocol !== 'TCP') return made(`${port.protocol} is not carried between clusters`);
  // Facts are of clusters, and not of pods.
  if (input.merged?.type === 'Headless') return made('one router port for each pod');
  if (fact?.routerPort === undefined) return made('this cluster has no listener for it');
  if (fact.readyRouterCount === 0) return made('no router of this cluster is ready');
  if (fact.listeningRouterCount === 0) return made('routers of this cluster see no endpoint of it');
  return made(`${fact.listeningRouterCount} of ${fact.readyRouterCount} routers listen on port ${fact.routerPort}`);
}

/** Endpoints of the own cluster need no router. */
function isInReach(input: ExplainInput, cluster: string, port: MergedPort): boolean {
  if (cluster === input.self) return input.exporters.some((one) => one.cluster === cluster && one.record.ready > 0);
  const fact = factOf(input, cluster, port);
  return fact?.routerPort !== undefined && fact.listeningRouterCount > 0;
}

function factOf({ facts }: ExplainInput, cluster: string, { protocol, port }: MergedPort): PortFact | undefined {
  return facts.find((fact) => fact.cluster === cluster && fact.protocol === protocol && fact.port === port);
}

function explainedChoice(input: ExplainInput, { port, choice }: ExplainInput['choices'][number]): ExplainedChoice {
  const inReach = (tier: Choice['tiers'][number]) =>
    tier.map(({ cluster }) => cluster).filter((cluster) => isInReach(input, cluster, port));
  return {
    port: portText(port),
    isLocalDirect: choice.isLocalDirect,
    goesTo: choice.tiers.map(inReach).find((clusters) => clusters.length > 0) ?? [],
    tiers: choice.tiers.map((tier) => tier.map((one) => ({ ...one }))),
    reasons: [...choice.reasons].map(([cluster, reason]) => ({ cluster, reason })),
  };
}

function summaryOf({ namespace, name, self, merged }: ExplainInput, choices: readonly ExplainedChoice[]): string {
  const service = `${namespace}/${name}`;
  if (!merged) return `No cluster exports ${service}.`;
  if (merged.type === 'Headless') {
    return `${service} is headless: whoever asks in cluster ${self} gets the addresses of all its pods and chooses.`;
  }
  const texts = choices.map(({ port, goesTo }) => ({ port, text: targetText(self, goesTo) }));
  const isUniform = texts.every(({ text }) => text === texts[0]?.text);
  if (texts.length === 0) return `${service} has no ports.`;
  if (isUniform) return `Traffic from cluster ${self} to ${service} ${texts[0]!.text}.`;
  return `Traffic from cluster ${self} to ${service}: ${texts.map(({ port, text }) => `port ${port} ${text}`).join('; ')}.`;
}

function targetText(self: string, goesTo: readonly string[]): string {
  if (goesTo.length === 0) return 'goes nowhere: no cluster that serves it is in reach';
  if (goesTo.length === 1 && goesTo[0] === self) return 'stays there';
  return `goes to ${goesTo.join(', ')}`;
}

/** For people. Sections that have nothing to say are left out. */
export function explanationLines(explanation: Explanation): string[] {
  const { summary, exporters, conflicts, endpoints, choices, versions = [] } = explanation;
  return [
    summary,
    ...section('Exported by', exporters.map(exporterLine)),
    ...section(
      'Conflicts',
      conflicts.map(({ reason, message }) => `${reason}: ${message}`),
    ),
    ...section(
      'Endpoints',
      endpoints.flatMap(({ cluster, ready, ports }) => [
        `${cluster}: ${ready} ready`,
        ...ports.map(({ port, text }) => `  ${port}: ${text}`),
      ]),
    ),
    ...section('Choice', choices.flatMap(choiceLines)),
    ...section('Versions here, of connections from other clusters', versions.flatMap(versionLine)),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

function versionLine({ service, share, ready }: ExplainedVersion): string[] {
  if (service !== undefined) return [`${service}: share ${share}, ${ready} ready`];
  return ready === 0 ? [] : [`none of them: ${ready} ready, used when the versions fail`];
}

function exporterLine({ cluster, state, isOldest, since, type, ports, serves }: ExplainedExporter): string {
  const marks = [...(isOldest ? ['the oldest'] : []), ...(state === 'own' ? ['this cluster'] : [])].join(', ');
  const unused = serves === true ? '' : `; not used: ${serves}`;
  return `${cluster}${marks === '' ? '' : ` (${marks})`}: ${type} ${ports.join(', ')}, since ${since}${unused}`;
}

function choiceLines({ port, tiers, reasons }: ExplainedChoice): string[] {
  const reason = new Map(reasons.map((one) => [one.cluster, one.reason]));
  return [
    port,
    ...tiers.flatMap((tier, index) =>
      tier.map(({ cluster, weight }) =>
        `  tier ${index + 1}, weight ${weight}: ${cluster}. ${reason.get(cluster) ?? ''}`.trimEnd(),
      ),
    ),
  ];
}
