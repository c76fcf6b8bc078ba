/** What else decides where connections go and how many there may be, beside policies: shares, tiers and limits of an end, in words. Pure. */
import { plainAddress } from '../routing-address.ts';

/** As resources say it, or a router of it. */
export interface Traffic {
  /** 0 is no limit; those of a connector are for each server. */
  readonly maxConnections?: number;
  readonly maxQueuedConnections?: number;
  /** Of a connector among those of its routing key at its site. */
  readonly share?: number;
  readonly shareSum?: number;
  /** Of a listener with several routing keys. */
  readonly choice?: 'priority' | 'weighted';
  readonly addresses?: readonly RankedAddress[];
}

export interface RankedAddress {
  readonly address: string;
  /** The higher tier is used first; with `weighted` the share. */
  readonly value: number;
  /** Within the tier; 1 when absent. */
  readonly weight?: number;
}

export function trafficLines(kind: 'Listener' | 'Connector', traffic: Traffic, routingKey: string): string[] {
  return [...choiceOf(traffic, routingKey), ...shareOf(traffic), ...boundsOf(kind, traffic)];
}

function choiceOf({ choice, addresses = [] }: Traffic, routingKey: string): string[] {
  const plain = plainAddress(routingKey);
  const own = addresses.find(({ address }) => plainAddress(address) === plain);
  if (own === undefined || choice === undefined) return [];
  const isWeighted = choice === 'weighted';
  const ranks = [...new Set(addresses.map(({ value }) => value))].sort((a, b) => b - a);
  const beside = isWeighted ? addresses : addresses.filter(({ value }) => value === own.value);
  const weightOf = ({ value, weight = 1 }: RankedAddress) => (isWeighted ? value : weight);
  const total = beside.reduce((sum, each) => sum + weightOf(each), 0);
  const tier = isWeighted || ranks.length < 2 ? '' : `tier ${ranks.indexOf(own.value) + 1} of ${ranks.length}`;
  const share = beside.length < 2 ? '' : `weight ${weightOf(own)} of ${total}`;
  const told = [tier, share].filter(Boolean).join(', ');
  return told === '' ? [] : [`chosen by ${told}`];
}

function shareOf({ share, shareSum }: Traffic): string[] {
  if (share === undefined || shareSum === undefined) return [];
  return [`share ${share} of ${shareSum} of the connections that the site gets`];
}

function boundsOf(kind: 'Listener' | 'Connector', { maxConnections = 0, maxQueuedConnections = 0 }: Traffic): string[] {
  if (!(maxConnections > 0)) return [];
  const wait = maxQueuedConnections > 0 ? `; ${maxQueuedConnections} more wait` : '';
  const where = kind === 'Connector' ? ' to each server' : '';
  return [`at most ${maxConnections} connections at a time${where}, for each router${wait}`];
}
