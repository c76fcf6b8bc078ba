/** Two routers with a mutual TLS link, a listener at one and a connector at the other, whose policies change while they run. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PolicySpec } from '../../../lib/policy/types.ts';
import { ManagementClient } from '../../support/management-client.ts';
import {
  type Entity,
  linkEntities,
  routerCommand,
  routerConfig,
  tcpConnectorEntity,
  tcpListenerEntity,
} from '../../support/router-process.ts';
import { unusedPort } from '../../support/tcp.ts';
import { runningSeconds } from '../net/machine.ts';
import { type Ground, Pair } from '../net/pair.ts';
import { ADDRESS } from './cases.ts';

/** Questions to a router at a time: one after the other they would take longer than what is measured. */
const ASKED_AT_ONCE = 50;

export class GovernedPair {
  private readonly pair: Pair;
  private readonly managers: readonly ManagementClient[];
  private policyCount = 0;

  private constructor(pair: Pair, managers: readonly ManagementClient[]) {
    this.pair = pair;
    this.managers = managers;
  }

  static async start(ground: Ground): Promise<GovernedPair> {
    const { certificates, processes, backendPort } = ground;
    const directory = mkdtempSync(join(ground.directory, 'pair-'));
    const [entryPort, linkPort, ...amqpPorts] = await Promise.all(Array.from({ length: 4 }, unusedPort));
    const start = (id: string, amqpPort: number, entities: readonly Entity[]) => {
      const listener = { name: 'amqp', host: '127.0.0.1', port: amqpPort, saslMechanisms: 'ANONYMOUS' };
      const config = join(directory, `${id}.json`);
      writeFileSync(config, routerConfig(id, [...entities, ['listener', listener]]));
      return processes.start({ ...routerCommand('ours', config), logFile: join(directory, `${id}.log`) });
    };
    const accepting = start('accepting', amqpPorts[0]!, [
      ...linkEntities({ role: 'accept', port: linkPort!, certificates }),
      tcpConnectorEntity(ADDRESS, backendPort),
    ]);
    const dialling = start('dialling', amqpPorts[1]!, [
      ...linkEntities({ role: 'dial', port: linkPort!, certificates }),
      tcpListenerEntity(ADDRESS, entryPort!),
    ]);
    const pair = new Pair(ground, entryPort!, [accepting, dialling]);
    await pair.firstByte();
    return new GovernedPair(pair, await Promise.all(amqpPorts.map((port) => ManagementClient.connect(port))));
  }

  get entryPort(): number {
    return this.pair.entryPort;
  }

  /** Resolves when something comes through. */
  firstByte(): Promise<void> {
    return this.pair.firstByte();
  }

  /** Processor time that both routers have taken so far, to the nanosecond. */
  get runningSeconds(): number {
    return this.pair.pids.reduce((sum, pid) => sum + runningSeconds(pid), 0);
  }

  /** Both routers have these policies and no others when it resolves. */
  async govern(specs: readonly PolicySpec[]): Promise<void> {
    await Promise.all(this.managers.map((manager) => this.replace(manager, specs)));
    this.policyCount = specs.length;
  }

  async stop(): Promise<void> {
    for (const manager of this.managers) manager.close();
    await this.pair.stop();
  }

  private async replace(manager: ManagementClient, specs: readonly PolicySpec[]): Promise<void> {
    await tellAll(manager, 'DELETE', this.policyCount, () => ({}));
    await tellAll(manager, 'CREATE', specs.length, (at) => ({ spec: JSON.stringify(specs[at]) }));
  }
}

/** Answers come in the order of the questions: any that is not good fails all. */
async function tellAll(
  manager: ManagementClient,
  operation: string,
  count: number,
  bodyOf: (at: number) => object,
): Promise<void> {
  for (let first = 0; first < count; first += ASKED_AT_ONCE) {
    const several = Array.from({ length: Math.min(ASKED_AT_ONCE, count - first) }, (_, at) => first + at);
    await Promise.all(several.map((at) => tell(manager, operation, at, bodyOf(at))));
  }
}

async function tell(manager: ManagementClient, operation: string, at: number, body: object): Promise<void> {
  const name = `ClusterAccessPolicy/policy-${at}`;
  const { status, description } = await manager.ask(operation, { type: 'accessPolicy', name }, body);
  if (status >= 300) throw new Error(`${operation} of ${name}: ${status} ${description}`);
}
