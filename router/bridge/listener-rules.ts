/** To which addresses of a tcpListener one connection may be sent, within which limits: its listener may be given others while it waits. Pure. */
import type { Decision, PolicyClient } from '../../lib/policy/types.ts';
import type { Ticket } from '../policy/ticket.ts';
import type { AddressRules, ListenerAddress } from './listener-address.ts';
import type { TcpListener } from './tcp-listener.ts';

/** `BridgePolicies`. */
export interface AddressJudge {
  /** As it is known now. */
  clientAt(listener: TcpListener, host: string | undefined): PolicyClient;
  decideAt(listener: TcpListener, address: ListenerAddress, client: PolicyClient): Decision;
  /** By a limit of the address that it was to be sent to. */
  noPlaceThere(ticket: Ticket): void;
}

export class ListenerRules implements AddressRules {
  private readonly judge: AddressJudge;
  private readonly listener: TcpListener;
  private readonly host: string | undefined;
  private readonly ticket: Ticket | undefined;
  /** The ticket is about that one alone. */
  private readonly only: ListenerAddress | undefined;

  /** @param ticket undefined: no policy has selected any of the addresses when it came */
  constructor(judge: AddressJudge, listener: TcpListener, host: string | undefined, ticket: Ticket | undefined) {
    this.judge = judge;
    this.listener = listener;
    this.host = host;
    this.ticket = ticket;
    this.only = listener.addresses.length === 1 ? listener.addresses[0] : undefined;
  }

  permits(address: ListenerAddress): boolean {
    return address === this.only || this.decide(address, this.client()).allowed;
  }

  takes(address: ListenerAddress): boolean {
    const { ticket } = this;
    if (address === this.only || ticket === undefined) return true;
    const client = this.client();
    if (ticket.sentTo(this.decide(address, client).limits, client)) return true;
    this.judge.noPlaceThere(ticket);
    return false;
  }

  /** Asked for each try: it may be known better by then. */
  private client(): PolicyClient {
    return this.judge.clientAt(this.listener, this.host);
  }

  private decide(address: ListenerAddress, client: PolicyClient): Decision {
    return this.judge.decideAt(this.listener, address, client);
  }
}
