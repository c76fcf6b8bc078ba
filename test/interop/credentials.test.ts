/** Credentials of another authority under a higher ordinal on a link with the original, whoever dials: flows go on until theirs are too old. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { ManagementClient } from '../support/management-client.ts';
import { originalRouter } from '../support/original-router.ts';
import {
  type Kind,
  linkEntities,
  RouterProcesses,
  routerConfig,
  tcpConnectorEntity,
  tcpListenerEntity,
} from '../support/router-process.ts';
import { connect, echoServer, ending, type Listening, unusedPort } from '../support/tcp.ts';

const NEW_CONNECTION_MS = 4000;
const ORDERS: readonly { dials: Kind; accepts: Kind; algorithm: 'ecdsa' | 'rsa' }[] = [
  { dials: 'ours', accepts: 'original', algorithm: 'ecdsa' },
  { dials: 'ours', accepts: 'original', algorithm: 'rsa' },
  { dials: 'original', accepts: 'ours', algorithm: 'ecdsa' },
  { dials: 'original', accepts: 'ours', algorithm: 'rsa' },
];

describe.runIf(originalRouter).each(ORDERS)('$dials dials $accepts by $algorithm', ({ dials, accepts, algorithm }) => {
  const routers = new RouterProcesses();
  const directory = mkdtempSync(join(tmpdir(), 'skuprt-credentials-'));
  let backend: Listening;
  let entry = 0;
  let management: ManagementClient;
  let profile = '';
  let renewed: Certificates;

  beforeAll(async () => {
    const certificates = makeCertificates(directory, algorithm);
    mkdirSync(join(directory, 'renewed'));
    renewed = makeCertificates(join(directory, 'renewed'), algorithm);
    const trusted = join(directory, 'trusted.crt');
    writeFileSync(trusted, [certificates, renewed].map(({ caFile }) => readFileSync(caFile, 'utf8')).join(''));
    const [port, amqpPort] = [await unusedPort(), await unusedPort()];
    backend = await echoServer();
    entry = await unusedPort();
    const dial = linkEntities({ role: 'dial', port, certificates });
    profile = String(dial[0]![1].name);
    const clients = { name: 'clients', host: '127.0.0.1', port: amqpPort, saslMechanisms: 'ANONYMOUS' };
    routers.start(dials, 'west', [...dial, ['listener', clients], tcpListenerEntity('service', entry)]);
    const accept = linkEntities({ role: 'accept', port, certificates: { ...certificates, caFile: trusted } });
    routers.startWith(accepts, 'east', routerConfig('east', [...accept, tcpConnectorEntity('service', backend.port)]));
    for (const awaited of [amqpPort, entry]) {
      const accepting = async () => (await connect(awaited).catch(() => undefined))?.destroy() !== undefined;
      await eventually(`port ${awaited} accepts`, accepting, 15_000);
    }
    management = await ManagementClient.connect(amqpPort);
  });
  afterAll(async () => {
    management?.close();
    await routers.stop();
    await backend.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function flow() {
    const socket = await connect(entry);
    socket.on('error', () => {});
    const says = async (text: string): Promise<void> => {
      socket.write(text);
      expect(String((await once(socket, 'data'))[0])).toBe(text);
    };
    await says('hello');
    return { socket, says };
  }

  test('a flow outlives the renewal, and not the validity of its credentials', async () => {
    const old = await flow();
    const files = { certFile: renewed.certFile, privateKeyFile: renewed.keyFile };
    expect(await management.update('sslProfile', profile, { ...files, ordinal: 1 })).toMatchObject({ status: 200 });
    await old.says('still here');
    // The original shows the new connection nowhere that could be waited for.
    await sleep(NEW_CONNECTION_MS);
    const young = await flow();
    await old.says('and still');
    const ended = ending(old.socket);
    expect(await management.update('sslProfile', profile, { oldestValidOrdinal: 1 })).toMatchObject({ status: 200 });
    await ended;
    await young.says('not me');
    young.socket.destroy();
  });
});
