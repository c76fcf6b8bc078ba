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

export class ListenerDoor implements Door {
  readonly entity = 'listener';
  readonly place: string;
  readonly checkpoints: readonly Checkpoint[];
  readonly host: string | undefined;
  private readonly clients: Clients;
  private readonly inVain: WaitedInVain;

  /** @param host the client's address, where it is known */
  constructor(
    place: string,
    checkpoints: readonly Checkpoint[],
    host: string | undefined,
    { clients, inVain }: { clients: Clients; inVain: WaitedInVain },
  ) {
    this.place = place;
    this.checkpoints = checkpoints;
    this.host = host;
    this.clients = clients;
    this.inVain = inVain;
  }

  client(): PolicyClient {
    return this.clients.accepted(this.host, this.place);
  }

  /** Its pod may have been started a moment ago. */
  mayBecomeKnown(now: number): boolean {
    const { host, clients } = this;
    if (host === undefined || !clients.tellsWorkloads || clients.knows(host) || this.inVain.has(host, now))
      return false;
    return this.checkpoints.some(({ asksForWorkload }) => asksForWorkload);
  }

  waitedInVain(now: number): void {
    if (this.host !== undefined && !this.clients.knows(this.host)) this.inVain.add(this.host, now);
  }

  isWithin(): boolean {
    return false;
  }

  hasRefused(): boolean {
    return false;
  }
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
  readonly entity = 'connector';
  readonly place: string;
  readonly checkpoints: readonly [Checkpoint];
  private readonly flow: ComingFlow;
  private readonly inVain: WaitedInVain;

  constructor(place: string, checkpoint: Checkpoint, flow: ComingFlow, inVain: WaitedInVain) {
    this.place = place;
    this.checkpoints = [checkpoint];
    this.flow = flow;
    this.inVain = inVain;
  }

  client(): PolicyClient {
    return this.flow.policyClient;
  }

  /** The link to its router may have come up a moment ago. Who is let in as it is need not be known better. */
  mayBecomeKnown(now: number): boolean {
    const { unvouched } = this.flow;
    if (unvouched === undefined || this.inVain.has(unvouched, now)) return false;
    return !this.checkpoints[0].decide(this.client()).allowed;
  }

  waitedInVain(now: number): void {
    const { unvouched } = this.flow;
    if (unvouched !== undefined) this.inVain.add(unvouched, now);
  }

  isWithin(by: RuleReference): boolean {
    return this.flow.otherEnd?.ticket?.holds(by) === true;
  }

  hasRefused(by: RuleReference): boolean {
    return this.flow.refusedBy.some((one) => isSameRule(one, by));
  }
}
