/** A console's server on a network, a place and users made up by a test. */

import type { TokenOrder } from '../../console/model/api.ts';
import { NOTHING } from '../../console/model/changes.ts';
import type { FlowFilter } from '../../console/model/flow-filter.ts';
import type { FlowView, NetworkView, SectionChange } from '../../console/model/view.ts';
import type { PageFiles } from '../../console/server/page-files.ts';
import { ConsoleServer, type ConsoleServerOptions, type ConsoleServerParts } from '../../console/server/server.ts';
import type { Access, ConsoleModel, ConsolePlace, SignedIn } from '../../console/server/uses.ts';
import type { Clock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';

export class FakeModel implements ConsoleModel {
  network: NetworkView = NOTHING;
  flowList: FlowView[] = [];
  readonly listeners = new Set<(changes: readonly SectionChange[]) => void>();
  readonly flowListeners = new Set<(flows: readonly FlowView[]) => void>();
  readonly filters: FlowFilter[] = [];

  view(): NetworkView {
    return this.network;
  }

  flows(filter: FlowFilter): readonly FlowView[] {
    this.filters.push(filter);
    return this.flowList.filter(
      ({ address, state }) =>
        (filter.address === undefined || filter.address === address) &&
        (filter.state === undefined || filter.state === state),
    );
  }

  refusedByPolicies: ConsoleModel['refusedByPolicies'] = async () => undefined;

  subscribe(listener: (changes: readonly SectionChange[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  subscribeFlows(_filter: FlowFilter, listener: (flows: readonly FlowView[]) => void): () => void {
    this.flowListeners.add(listener);
    return () => this.flowListeners.delete(listener);
  }

  change(changes: readonly SectionChange[]): void {
    for (const listener of this.listeners) listener(changes);
  }
}

export class FakePlace implements ConsolePlace {
  readonly orders: { order: TokenOrder; user: SignedIn | undefined }[] = [];
  /** Who asked last. */
  user: SignedIn | undefined;

  tokens = async () => [];
  policies: ConsolePlace['policies'] = async () => [];
  linkCertificate = async () => undefined;
  linkEndpoints = async (): Promise<readonly string[] | undefined> => undefined;
  explain = async () => ({ policies: ['AccessPolicy/shop/backend'], explain: ['only site west may connect'] });

  async issueToken(order: TokenOrder) {
    this.orders.push({ order, user: this.user });
    return { name: order.name ?? 'east-1', token: 'kind: AccessToken\n', command: 'skuprt token redeem east-1.token' };
  }
}

export class FakeAccess implements Access {
  kind: Access['kind'] = 'console-token';
  readonly users = new Map([
    ['good', { name: 'ada', mayIssue: true }],
    ['looker', { name: 'bob', mayIssue: false }],
  ]);
  checks = 0;

  async check(token: string) {
    this.checks += 1;
    return this.users.get(token);
  }
}

export class ManualClock implements Clock {
  at = 1_000_000;
  now = () => this.at;
  wall = () => this.at;
}

export interface FakeConsole {
  server: ConsoleServer;
  model: FakeModel;
  place: FakePlace;
  access: FakeAccess;
  clock: ManualClock;
}

export function fakeConsole(
  options: Partial<ConsoleServerOptions> = {},
  parts: Partial<ConsoleServerParts> = {},
): FakeConsole {
  const made = { model: new FakeModel(), place: new FakePlace(), access: new FakeAccess(), clock: new ManualClock() };
  const placeOf = async (user: SignedIn) => {
    made.place.user = user;
    return made.place;
  };
  const page: PageFiles = new Map();
  const log = createLogger({ name: 'console', level: 'silent' });
  const server = new ConsoleServer(
    { ...made, placeOf, page, log, ...parts },
    { isReadOnly: false, isLoopbackOnly: true, ...options },
  );
  return { server, ...made };
}

export const site = (id: string, self = false) => ({
  id,
  name: id,
  namespace: id,
  platform: 'local',
  version: '0.1.0',
  startedAt: 1,
  self,
});
