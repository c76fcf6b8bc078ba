/** Where flows come in, as policies see it: who asks at a tcpListener, and at a tcpConnector. */
import { labelsIn } from '../../lib/label-text.ts';
import type { PolicyClient, PolicyService, RuleReference } from '../../lib/policy/types.ts';
import type { Clients } from '../identity/client.ts';
import type { Checkpoint } from '../policy/checkpoint.ts';
import { isSameRule } from '../policy/keys.ts';
import type { Door, Ticket } from '../policy/ticket.ts';
import type { WaitedInVain } from '../policy/waited-in-vain.ts';

/** What a service is called in policies; of an entity that says nothing, or no longer does, its own name. */
export interface ServiceNames {
  readonly policyService?: string;
  readonly policyNamespace?: string;
  /** `k=v,k=v` */
  readonly policyLabels?: string;
}

export function serviceOf(entity: string, names: ServiceNames, routingKey: string): PolicyService {
  const { policyService, policyNamespace = '', policyLabels = '' } = names;
  return { name: policyService || entity, namespace: policyNamespace, routingKey, labels: labelsIn(policyLabels) };
}

/** What all doors share. */
export interface DoorParts {
  readonly clients: Clients;
  readonly inVain: WaitedInVain;
}

export class ListenerDoor implements Door {
  readonly place: string;
  readonly checkpoints: readonly Checkpoint[];
  private readonly host: string | undefined;
  private readonly parts: DoorParts;

  /** @param host the client's address, where it is known */
  constructor(place: string, checkpoints: readonly Checkpoint[], host: string | undefined, parts: DoorParts) {
    this.place = place;
    this.checkpoints = checkpoints;
    this.host = host;
    this.parts = parts;
  }

  get entity(): 'listener' {
    return 'listener';
  }

  client(): PolicyClient {
    return this.parts.clients.accepted(this.host, this.place);
  }

  /** Its pod may have been started a moment ago. */
  mayBecomeKnown(_client: PolicyClient, now: number): boolean {
    const { host, checkpoints } = this;
    const { clients, inVain } = this.parts;
    if (host === undefined || !checkpoints.some(asksForWorkload)) return false;
    return clients.tellsWorkloads && !clients.knows(host) && !inVain.has(host, now);
  }

  waitedInVain(now: number): void {
    const { clients, inVain } = this.parts;
    if (this.host !== undefined && !clients.knows(this.host)) inVain.add(this.host, now);
  }

  isWithin(): boolean {
    return false;
  }

  hasRefused(): boolean {
    return false;
  }
}

function asksForWorkload(checkpoint: Checkpoint): boolean {
  return checkpoint.asksForWorkload;
}

/** A flow that has come to a tcpConnector. */
export interface ComingFlow {
  readonly policyClient: PolicyClient;
  /** Of `Clients`: whom somebody may vouch for in a moment. */
  readonly unvouched: string | undefined;
  /** By these rules at other ways into the service. */
  readonly refusedBy: readonly RuleReference[];
  /** When that is at this router too. */
  readonly otherEnd: { readonly ticket: Ticket | undefined } | undefined;
}

export class ConnectorDoor implements Door {
  readonly place: string;
  readonly checkpoints: readonly [Checkpoint];
  private readonly flow: ComingFlow;
  private readonly parts: DoorParts;

  constructor(place: string, { alone }: Checkpoint, flow: ComingFlow, parts: DoorParts) {
    this.place = place;
    this.checkpoints = alone;
    this.flow = flow;
    this.parts = parts;
  }

  get entity(): 'connector' {
    return 'connector';
  }

  client(): PolicyClient {
    return this.flow.policyClient;
  }

  /** The link to its router may have come up a moment ago. Who is let in as it is need not be known better. */
  mayBecomeKnown(client: PolicyClient, now: number): boolean {
    // Somebody vouches for who is verified.
    if (client.verification !== 'none' || this.checkpoints[0].decide(client).allowed) return false;
    const { unvouched } = this.flow;
    return unvouched !== undefined && !this.parts.inVain.has(unvouched, now);
  }

  waitedInVain(now: number): void {
    const { unvouched } = this.flow;
    if (unvouched !== undefined) this.parts.inVain.add(unvouched, now);
  }

  isWithin(by: RuleReference): boolean {
    return this.flow.otherEnd?.ticket?.holds(by) === true;
  }

  hasRefused(by: RuleReference): boolean {
    return this.flow.refusedBy.some((one) => isSameRule(one, by));
  }
}
