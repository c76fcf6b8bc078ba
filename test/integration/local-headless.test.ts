/**
 * Pods of a headless service, by name, at a local site. The cluster that has them is played: at the router of another site it speaks for
 * the cluster in the exchange, and offers each pod under its key, as a service-controller does on Kubernetes.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { RouterClient } from '../../lib/router-client/client.ts';
import { ServiceExchangeDriver } from '../../service-controller/exchange/driver.ts';
import { ServiceExchange } from '../../service-controller/exchange/exchange.ts';
import { SERVICES_ADDRESS } from '../../service-controller/exchange/messages.ts';
import { SiteRouters } from '../../service-controller/exchange/site-routers.ts';
import { CLUSTER_SET_DEFAULT, routingKey } from '../../service-controller/names.ts';
import { ask, type DnsAddress } from '../support/dns-client.ts';
import { eventually } from '../support/eventually.ts';
import { freePort, LocalMachine, said } from '../support/local-machine.ts';
import { serviceRecord } from '../support/service-records.ts';
import { contentOf } from '../support/sim/services-network.ts';

const SERVICE = { namespace: 'backend', name: 'db' };
const HOSTNAMES = ['db-0', 'db-1'];
const east = new LocalMachine('east', 'east');
const west = new LocalMachine('west', 'west');
const servers: Server[] = [];
const stop = new AbortController();
let driver: ServiceExchangeDriver | undefined;
let dns: DnsAddress;
let port: number;

const nameOf = (hostname: string) => `${hostname}.west.db.backend.svc.supercluster.local`;

/** A pod of west, as its cluster offers it. */
async function addPod(hostname: string): Promise<void> {
  const server = createServer((socket) => socket.on('error', () => undefined).end(`hello from ${hostname}`));
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  await west.apply('Connector', hostname, {
    routingKey: routingKey(SERVICE, 'west', port, hostname),
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
  });
}

function say(...hostnames: string[]): void {
  const pods = hostnames.map((hostname) => ({ hostname, ready: true }));
  const ports = [{ name: 'sql', protocol: 'TCP' as const, port }];
  driver!.setOwn(contentOf([serviceRecord({ ...SERVICE, type: 'Headless', ports, pods, ready: pods.length })]));
}

async function speakForWest(): Promise<void> {
  const identity = { clusterId: 'west', clusterSet: CLUSTER_SET_DEFAULT, siteId: await west.siteId() };
  const exchange = new ServiceExchange({ ...identity, instance: Math.round(systemClock.wall() * 1000) });
  const client: RouterClient = new RouterClient({
    containerId: 'services-west',
    endpoint: async () => west.routerEndpoint(),
    multicastAddress: SERVICES_ADDRESS,
    onUp: () => driver?.connected(),
    onDown: () => driver?.disconnected(),
    onMessage: (text, ingress) => driver?.onMessage(text, ingress),
    onHeard: (message, address, ingress) => driver?.onHeard(message, address, ingress),
    log: createLogger({ name: 'test', level: 'silent' }),
  });
  const parts = { exchange, client, routers: new SiteRouters(), clock: systemClock, onChange: () => {} };
  driver = new ServiceExchangeDriver(parts);
  void client.run(stop.signal);
}

async function addressOf(hostname: string): Promise<string | undefined> {
  const { answers } = await ask(dns, nameOf(hostname));
  return answers.length === 1 ? answers[0]!.split(' ').at(-1) : undefined;
}

async function saidBy(hostname: string): Promise<string | undefined> {
  const host = await addressOf(hostname);
  return host === undefined ? undefined : await said(host, port);
}

beforeAll(async () => {
  port = await freePort();
  await east.begin();
  await west.begin();
  await west.link(east);
  dns = await east.serveDns();
  for (const hostname of HOSTNAMES) await addPod(hostname);
  await speakForWest();
  say(...HOSTNAMES);
});

afterAll(async () => {
  driver?.stop();
  stop.abort();
  await east.end();
  await west.end();
  for (const server of servers) server.close();
});

test('each pod has a name and an address, which leads to that pod', async () => {
  for (const hostname of HOSTNAMES)
    await eventually(
      () => `${hostname} answers: ${east.output}`,
      async () => (await saidBy(hostname)) === `hello from ${hostname}`,
      30_000,
    );
  const { answers } = await ask(dns, 'db.backend.svc.supercluster.local');
  const addresses = await Promise.all(HOSTNAMES.map(addressOf));
  expect(answers.map((answer) => answer.split(' ').at(-1)).sort()).toEqual(addresses.sort());
  expect(new Set(addresses).size).toBe(HOSTNAMES.length);
});

test('a pod that is gone has no name, the other goes on; back, it has its address again', async () => {
  const before = await addressOf('db-1');
  say('db-0');
  await eventually('its name is gone', async () => (await ask(dns, nameOf('db-1'))).answers.length === 0, 20_000);
  expect(await saidBy('db-0')).toBe('hello from db-0');
  say(...HOSTNAMES);
  await eventually('it is back', async () => (await saidBy('db-1')) === 'hello from db-1', 20_000);
  expect(await addressOf('db-1')).toBe(before);
});

test('a service whose cluster takes it back has no names', async () => {
  driver!.setOwn(contentOf([]));
  await eventually('no names', async () => (await ask(dns, nameOf('db-0'))).rcode === 'NXDOMAIN', 20_000);
  await eventually('no files', () => east.madeFiles().length === 0, 20_000);
});
