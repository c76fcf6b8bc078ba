/** Two routers with a mutual TLS link, a listener at one and a connector at the other, whose policies change while they run. */
import { writeFileSync } from 'node:fs';
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
import { type Ground, Pair } from '../net/pair.ts';
import { ADDRESS } from './cases.ts';

export class GovernedPair {
  readonly pair: Pair;
  private readonly managers: readonly ManagementClient[];
  private policyCount = 0;

  private constructor(pair: Pair, managers: readonly ManagementClient[]) {
    this.pair = pair;
    this.managers = managers;
  }

  static async start(ground: Ground): Promise<GovernedPair> {
    const { directory, certificates, processes, backendPort } = ground;
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
    for (let at = 0; at < this.policyCount; at++) await told(manager, 'DELETE', at, {});
    for (const [at, spec] of specs.entries()) await told(manager, 'CREATE', at, { spec: JSON.stringify(spec) });
  }
}

async function told(manager: ManagementClient, operation: string, at: number, body: object): Promise<void> {
  const name = `ClusterAccessPolicy/policy-${at}`;
  const { status, description } = await manager.ask(operation, { type: 'accessPolicy', name }, body);
  if (status >= 300) throw new Error(`${operation} of ${name}: ${status} ${description}`);
}
