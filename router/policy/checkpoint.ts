/**
 * Decisions about the clients of one service at one tcpListener or tcpConnector. Each is made once: whoever asks is the same object as long
 * as it is known for the same (`router/identity/client.ts`), and a changed policy forgets them all. Pure.
 */
import { decideBy, type Governing } from '../../lib/policy/decide.ts';
import type { Decision, PolicyClient, PolicyRequest, PolicyService } from '../../lib/policy/types.ts';
import type { PolicyTable } from './policy-table.ts';

export class Checkpoint {
  /** As a door that has no other holds it. */
  readonly alone: readonly [Checkpoint] = [this];
  private current: PolicyService;
  private readonly table: PolicyTable;
  private revision = -1;
  private governing: Governing | undefined;
  private decisions = new WeakMap<PolicyClient, Decision>();
  private asks = false;
  private governs = false;

  constructor(table: PolicyTable, service: PolicyService) {
    this.table = table;
    this.current = service;
  }

  get service(): PolicyService {
    return this.current;
  }

  set service(service: PolicyService) {
    this.current = service;
    this.revision = -1;
  }

  /** Whether some policy has a say, whoever asks. */
  get isGoverned(): boolean {
    return this.policies !== undefined && this.governs;
  }

  /** Whether some policy asks what runs at the client's address. */
  get asksForWorkload(): boolean {
    return this.policies !== undefined && this.asks;
  }

  decide(client: PolicyClient): Decision {
    const { policies } = this;
    const known = this.decisions.get(client);
    if (known !== undefined) return known;
    const decision = decideBy(policies, this.request(client));
    this.decisions.set(client, decision);
    return decision;
  }

  private get policies(): Governing {
    if (this.governing !== undefined && this.revision === this.table.revision) return this.governing;
    this.revision = this.table.revision;
    this.governing = this.table.governing(this.request(NOBODY));
    this.asks = this.table.asksForWorkload(this.governing);
    this.governs = this.governing.cluster.length > 0 || this.governing.namespaced.length > 0;
    this.decisions = new WeakMap();
    return this.governing;
  }

  private request(client: PolicyClient): PolicyRequest {
    return { operation: 'Connect', client, service: this.current };
  }
}

/** Which policies have a say does not depend on who asks. */
const NOBODY: PolicyClient = { verification: 'none' };
