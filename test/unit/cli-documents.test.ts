/** Every command that prints JSON or YAML prints documents that say what they are: apiVersion and kind, whatever the command. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { newSite } from '../../cli/commands/site/resource.ts';
import type { Surroundings } from '../../cli/context.ts';
import { buildProgram } from '../../cli/program.ts';
import { SKUPPER_API_VERSION } from '../../config/api/schema.ts';
import { networkStatusOf } from '../../site-controller/exchange/network-status.ts';
import { sitePaths } from '../../site-controller/platform/local/paths.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { argumentsOf, runHere } from '../support/cli.ts';
import { FakeCluster } from '../support/cli-cluster.ts';
import { COREFILES } from '../support/corefiles.ts';

/** What is shown of them needs routers: test/integration/cli-live.test.ts looks at it. */
const LIVE: ReadonlySet<string> = new Set(['top', 'flows', 'events']);
/** How each of the others is made to print something, by the command. */
const LINES: Readonly<Record<string, string>> = {
  'site create': 'east --dry-run',
  'site status': '',
  'site generate': 'east',
  init: 'east --dry-run',
  status: '',
  'token status': '',
  'link status': '',
  'link generate': '--no-generate-credential --tls-credentials own',
  expose: 'host/127.0.0.1 --port 80 --address web --dry-run',
  'listener create': 'b 8080 --dry-run',
  'listener generate': 'b 8080',
  'listener status': '',
  'connector create': 'b 8080 --dry-run',
  'connector generate': 'b 8080',
  'connector status': 'backend',
  'service status': '',
  'service export': 'web --dry-run',
  'service explain': 'web --no-test',
  'policy create': 'a --dry-run',
  'policy generate': 'a',
  'policy apply': 'FILE --dry-run',
  'policy status': '',
  'policy explain': '--from default --to backend',
  'policy convert': 'V1-FILE',
  'network status': '',
  check: '',
  install: '--dry-run',
  'dns status': '',
};
const IN_CLUSTER: ReadonlySet<string> = new Set(['service explain', 'install', 'dns status']);

let home: string;
const cluster = new FakeCluster();
const controller = createServer((_, response) => {
  response.end(JSON.stringify({ explanation: { service: 'default/web' }, tests: [] }));
});

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'skuprt-documents-'));
  const store = new LocalStore(sitePaths(home, 'default'));
  await store.apply(newSite('default', { linkAccess: true }));
  await store.patchStatus('Site', 'default', {
    endpoints: [{ name: 'inter-router', host: '127.0.0.1', port: '55671', group: 'skupper-router' }],
  });
  const metadata = { name: 'backend' };
  const spec = { routingKey: 'backend', host: '127.0.0.1', port: 8080 };
  await store.apply({ apiVersion: SKUPPER_API_VERSION, kind: 'Connector', metadata, spec });
  mkdirSync(sitePaths(home, 'default').runtimeResources, { recursive: true });
  writeFileSync(sitePaths(home, 'default').networkStatus, JSON.stringify(networkStatusOf([])));
  cluster.put('configmaps', {
    metadata: { name: 'coredns', namespace: 'kube-system' },
    data: { Corefile: COREFILES.kubeadm! },
  });
  cluster.put('pods', {
    metadata: { name: 'p', namespace: 'skupper', labels: { 'app.kubernetes.io/name': 'skuprt-service-controller' } },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  });
  controller.listen(0, '127.0.0.1');
  await once(controller, 'listening');
  cluster.podPorts.set('p:9000', (controller.address() as AddressInfo).port);
});

afterAll(() => {
  controller.close();
  rmSync(home, { recursive: true, force: true });
});

const below = (command: Command, names: readonly string[]): [string, Command][] =>
  command.commands.length === 0
    ? [[names.join(' '), command]]
    : command.commands.flatMap((each) => below(each, [...names, each.name()]));
const formatsOf = (command: Command) => command.options.find(({ long }) => long === '--output')?.argChoices ?? [];
const commands = below(buildProgram({} as Surroundings), [])
  .filter(([, command]) => formatsOf(command).includes('json'))
  .map(([name]) => name);

/** @returns its path, as a line has it */
function file(name: string, text: string): string {
  writeFileSync(join(home, name), text);
  return `'${join(home, name)}'`;
}

async function printed(name: string, format: string): Promise<unknown[]> {
  const policy = 'apiVersion: skuprt.io/v1alpha1\nkind: AccessPolicy\nmetadata: { name: a }\n';
  const v1 = 'kind: SkupperClusterPolicy\nmetadata: { name: a }\nspec: { namespaces: [a], allowIncomingLinks: true }\n';
  const line = LINES[name]!.replace('V1-FILE', file('v1.yaml', v1)).replace(
    'FILE',
    file('policy.yaml', `${policy}spec: { rules: [{ action: Allow }] }\n`),
  );
  const platform = IN_CLUSTER.has(name) ? 'kubernetes' : 'local';
  const args = argumentsOf(`-p ${platform} ${name} ${line} -o ${format}`);
  const env = { XDG_DATA_HOME: home };
  const { out, err } = await runHere(args, { env, connect: async () => cluster });
  expect(out, err).not.toBe('');
  return format === 'json' ? [JSON.parse(out)] : parseAllDocuments(out).map((document) => document.toJS());
}

describe('structured output', () => {
  it('is known of every command that has it', () => {
    expect(commands.filter((name) => !LIVE.has(name)).sort()).toEqual(Object.keys(LINES).sort());
  });

  it.each(Object.keys(LINES))('of "%s" says what it is, in both forms', async (name) => {
    const json = await printed(name, 'json');
    for (const document of [...json, ...(await printed(name, 'yaml'))]) {
      expect(document).toEqual(expect.objectContaining({ apiVersion: expect.any(String), kind: expect.any(String) }));
      const { apiVersion, kind } = document as { apiVersion: string; kind: string };
      expect(apiVersion).toMatch(/^([a-z0-9.-]+\/)?v\d+((alpha|beta)\d+)?$/);
      expect(kind).toMatch(/^[A-Z]\w+$/);
    }
  });
});
