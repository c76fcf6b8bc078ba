/** `flows`: connections through the network, those of now or as they open and end. */
import type { Collector } from '../../../console/collector/collector.ts';
import type { FlowFilter } from '../../../console/model/flow-filter.ts';
import type { FlowView } from '../../../console/model/view.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import { NotFoundError } from '../../errors.ts';
import { FlowLines, flowTable, siteNames } from '../../output/live.ts';
import { documentOf, formatObject } from '../../output/resources.ts';
import { screenWidth } from '../../output/screen.ts';
import { listenFor, stopped, withLiveNetwork } from '../../places/live-network.ts';
import { type FollowFlags, requireLines } from './follow.ts';

export interface FlowFlags extends FollowFlags {
  service?: string;
  from?: string;
  to?: string;
  state?: FlowView['state'];
}

/** Until routers have told which are open. */
const TOLD_MS = 2000;

export async function showFlows(context: Context, flags: FlowFlags): Promise<void> {
  const { service: address, from, to, state } = flags;
  requireLines(flags);
  const filter: FlowFilter = { address, from, to, state };
  await withLiveNetwork(context, {}, async (collector, signal) => {
    tellUnknown(context, collector, flags);
    if (flags.follow === true) await follow(context, collector, filter, flags.output === 'json', signal);
    else await once(context, collector, filter, flags.output);
  });
}

/** What is misspelt has no connections. With -f a site may come that is not there yet. @throws NotFoundError */
function tellUnknown(context: Context, collector: Collector, { follow, service, from, to }: FlowFlags): void {
  const { sites, services } = collector.view();
  const isKnown = (wanted: string) => sites.some(({ id, name }) => id === wanted || name === wanted);
  const unknown = [from, to].find((site) => site !== undefined && !isKnown(site));
  if (unknown !== undefined) {
    const names = [...new Set(sites.map(({ name }) => name))].sort().join(', ');
    if (follow !== true)
      throw new NotFoundError(`No site "${unknown}" is known here`, {
        next: `These are: ${names}; see ${commandLine(context, 'network status')}`,
      });
    say(context, `Note: no site "${unknown}" is known here now; these are: ${names}`);
  }
  if (service === undefined || services.some(({ address }) => address === service)) return;
  say(context, `Note: no service "${service}" is known here now; top shows those that are, by their routing keys`);
}

async function once(
  context: Context,
  collector: Collector,
  filter: FlowFilter,
  output: FlowFlags['output'],
): Promise<void> {
  const unsubscribe = collector.subscribeFlows(filter, () => undefined);
  await listenFor(context, TOLD_MS);
  const items = collector.flows(filter);
  unsubscribe();
  if (output !== undefined) {
    print(context, formatObject(documentOf('FlowList', { items }), output));
  } else if (items.length > 0) print(context, flowTable(items, namesOf(collector), screenWidth(context)));
  else say(context, 'There is no such connection now; -f shows them as they open and end.');
}

/** Each is told when it is first seen, and when it has ended. */
async function follow(
  context: Context,
  collector: Collector,
  filter: FlowFilter,
  isJson: boolean,
  signal: AbortSignal,
): Promise<void> {
  const open = new Set<string>();
  const lines = new FlowLines(screenWidth(context));
  if (!isJson) print(context, lines.heads);
  // Of the state it is decided here: one that is asked for only when refused was never open.
  const { state, ...others } = filter;
  const unsubscribe = collector.subscribeFlows(others, (flows) => {
    const nameOf = namesOf(collector);
    for (const flow of flows) {
      if (flow.state === 'open' && open.has(flow.id)) continue;
      // Where it goes is told by its other end, a moment later.
      if (flow.state === 'open' && flow.toSite === '') continue;
      if (flow.state === 'open') open.add(flow.id);
      else open.delete(flow.id);
      if (state !== undefined && flow.state !== state) continue;
      const { fromSite, toSite } = flow;
      const named = { ...flow, fromSiteName: nameOf(fromSite), toSiteName: nameOf(toSite) };
      print(context, isJson ? JSON.stringify(documentOf('Flow', named)) : lines.line(flow, nameOf));
    }
  });
  await stopped(signal);
  unsubscribe();
}

function namesOf(collector: Collector): (site: string) => string {
  const names = siteNames(collector.view());
  return (site) => names.get(site) ?? site;
}
