/** From a listener or connector entity to what the router is told of a connection made by it. */

import type { SaslOptions } from '../amqp/engine/options.ts';
import type { TransportOptions } from '../core/open.ts';
import type { FailoverServer, PeerOptions } from '../core/peer.ts';
import type { ConnectorEntity, ListenerEntity } from '../management/schema.ts';

/** What is known of one connection beside its entity. */
export interface ConnectionFacts {
  dir: 'in' | 'out';
  host: string;
  hostname?: string;
  encrypted: boolean;
  user?: string;
  /** That the other router's certificate names. */
  site?: string;
  tls?: { protocol: string; cipher: string };
  sasl: SaslOptions;
  data: boolean;
  groupCorrelator?: string;
  /** Of the sslProfile at the time of the handshake. */
  ordinal?: number;
  /** What a listener tells whoever connects. */
  failover?: readonly FailoverServer[];
}

export function openOptions(
  entity: ListenerEntity | ConnectorEntity,
  facts: ConnectionFacts,
): { peer: PeerOptions; transport: TransportOptions } {
  const { dir, host, encrypted, user, site, tls, data, groupCorrelator, ordinal } = facts;
  const { role } = entity;
  return {
    peer: {
      entity: entity.name,
      role: role === 'inter-router' || role === 'edge' || role === 'inter-edge' ? role : 'normal',
      dir,
      cost: entity.cost,
      host,
      encrypted,
      user,
      site,
      tls,
      data,
      groupCorrelator,
      groupOrdinal: dir === 'out' ? ordinal : undefined,
      sslProfile: entity.sslProfile,
      tlsOrdinal: ordinal,
      stripAnnotations: entity.stripAnnotations,
      linkCapacity: entity.linkCapacity,
      policyVhost: entity.policyVhost,
      openProperties: entity.openProperties,
      failover: facts.failover,
    },
    transport: {
      hostname: facts.hostname,
      maxFrameSizeBytes: entity.maxFrameSize,
      sessionFramesMax: entity.maxSessionFrames || undefined,
      channelMax: entity.maxSessions - 1,
      idleTimeoutMs: entity.idleTimeoutSeconds * 1000,
      sasl: facts.sasl,
    },
  };
}
