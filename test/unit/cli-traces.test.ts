/** Commands as spans: what they wait for and ask are part of them, what they write carries their trace on, and nothing that was typed is told. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newSite } from '../../cli/commands/site/resource.ts';
import type { Surroundings } from '../../cli/context.ts';
import { API } from '../../cli/places/cluster-client.ts';
import { runCommandLine } from '../../cli/program.ts';
import { asSpan } from '../../cli/tracing.ts';
import { CONTROLLED_LABEL, DELETION_TRACE_ANNOTATION, TRACE_ANNOTATION } from '../../config/names.ts';
import { traceNews } from '../../config/trace-annotation.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { traceparentOf } from '../../lib/trace/context.ts';
import { ServiceFiles } from '../../service-controller/platform/local/service-files.ts';
import { sitePaths } from '../../site-controller/platform/local/paths.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { surroundings } from '../support/cli.ts';
import { FakeCluster, settleAll, withController } from '../support/cli-cluster.ts';
import { resource } from '../support/observed.ts';
import { MadeSpans } from '../support/spans.ts';

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const SECRET = 'correct-horse-battery-staple';

let home: string;
let env: NodeJS.ProcessEnv;
let cluster: FakeCluster;
let spans: MadeSpans;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'skuprt-cli-traces-'));
  const kubeconfig = join(home, 'config');
  const contexts = [{ name: 'west', context: { namespace: 'shop' } }];
  writeFileSync(kubeconfig, JSON.stringify({ 'current-context': 'west', contexts }));
  env = { XDG_DATA_HOME: home, KUBECONFIG: kubeconfig };
  cluster = new FakeCluster();
  withController(cluster);
  cluster.put('sites', { metadata: { name: 'west', namespace: 'shop' }, spec: {} });
  cluster.act = settleAll;
  spans = new MadeSpans();
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

/** @param words of the command, which the arguments begin with unless given */
function run(line: string, given: Partial<Surroundings> = {}, words = line.split(' ').slice(0, 2)): Promise<number> {
  const around = surroundings({ env, connect: () => Promise.resolve(cluster), ...given });
  return asSpan(words, around, spans.tracer, (seen) => runCommandLine(line.split(' '), seen));
}

const traceOf = (name: string) => cluster.find('listeners', name, 'shop')?.metadata.annotations?.[TRACE_ANNOTATION];

describe('a command on a cluster', () => {
  it('is a span with its calls and waits, and its trace goes on in what it writes', async () => {
    expect(await run('listener create web 8080', { env: { ...env, TRACEPARENT: PARENT } })).toBe(0);
    const command = spans.one('skuprt listener create');
    expect(command).toMatchObject({ traceId: PARENT.split('-')[1], parentSpanId: PARENT.split('-')[2] });
    expect(command.attributes).toEqual({
      'skuprt.command': 'listener create',
      'skuprt.flags': '',
      'skuprt.platform': 'kubernetes',
      'skuprt.namespace': 'shop',
      'process.exit.code': 0,
    });
    expect(new Set(spans.all.map(({ traceId }) => traceId)).size).toBe(1);
    const made = spans.one('create Listener');
    expect(made).toMatchObject({ kind: 'client', parentSpanId: command.spanId });
    expect(traceOf('web')).toBe(traceparentOf({ ...made, sampled: true }));
    const wait = spans.one('wait');
    expect(wait).toMatchObject({ parentSpanId: command.spanId });
    expect(wait.attributes).toEqual({ 'skuprt.for': 'listener "web" to be configured' });
    expect(spans.all.some(({ name, parentSpanId }) => name === 'get Listener' && parentSpanId === wait.spanId)).toBe(
      true,
    );
  });

  it('writes nothing for the sake of a trace', async () => {
    await run('listener create web 8080');
    const first = traceOf('web');
    cluster.writes.length = 0;
    await run('listener update web --port 8080');
    expect([cluster.writes, traceOf('web')]).toEqual([[], first]);
    await run('listener update web --port 8081');
    expect(cluster.writes).toHaveLength(1);
    expect(traceOf('web')).not.toBe(first);
  });

  it('says no trace where none is kept, and in nothing that is not for controllers', async () => {
    spans = new MadeSpans(1, 0);
    await run('listener create web 8080');
    expect(traceOf('web')).toBeUndefined();
    spans = new MadeSpans();
    await run('-n new site create far', {}, ['site', 'create']);
    expect(cluster.find('sites', 'far', 'new')!.metadata.annotations).toHaveProperty([TRACE_ANNOTATION]);
    expect(
      [...cluster.objects.values()].find(({ kind }) => kind === 'Namespace')!.metadata.annotations,
    ).toBeUndefined();
  });

  it('that deletes leaves its last word on what goes, so that who takes away what was made goes on with it', async () => {
    await run('listener create web 8080');
    const made = traceOf('web');
    let last: KubeObject | undefined;
    const { delete: remove } = cluster;
    cluster.delete = async (api, name, namespace) => {
      if (api.plural === 'listeners') last = structuredClone(cluster.find(api.plural, name, namespace ?? ''));
      await remove.call(cluster, api, name, namespace);
    };
    spans = new MadeSpans();
    expect(await run('listener delete web --yes')).toBe(0);
    const command = spans.one('skuprt listener delete');
    const said = spans.one('delete Listener');
    expect(said).toMatchObject({ traceId: command.traceId, parentSpanId: command.spanId });
    const { annotations } = last!.metadata;
    expect(annotations?.[TRACE_ANNOTATION]).toBe(made);
    expect(annotations?.[DELETION_TRACE_ANNOTATION]).toBe(traceparentOf({ ...said, sampled: true }));
    expect(traceNews(last, undefined)).toBe(annotations?.[DELETION_TRACE_ANNOTATION]);
  });

  it('that deletes what may not be changed deletes it all the same', async () => {
    await run('listener create web 8080');
    cluster.patch = () => Promise.reject(new Error('forbidden'));
    expect(await run('listener delete web --yes')).toBe(0);
    expect(cluster.find('listeners', 'web', 'shop')).toBeUndefined();
  });

  it('that fails says how', async () => {
    expect(await run('link status nope')).toBe(3);
    expect(spans.one('skuprt link status')).toMatchObject({
      error: 'There is no link "nope" in namespace "shop"',
      attributes: { 'process.exit.code': 3, 'error.type': 'SKUPRT_CLI_NOT_FOUND' },
    });
    cluster.act = () => {};
    expect(await run('listener create web 8080 --timeout 1s')).toBe(4);
    expect(spans.one('wait').error).toMatch(/^Timed out/);
  });

  it('that looks again and again does not tell of each look', async () => {
    const around = surroundings({ env, connect: () => Promise.resolve(cluster) });
    await asSpan(['wait'], around, spans.tracer, async (seen) => {
      const client = await seen.connect({ kubeconfig: undefined, context: undefined }, env);
      for (let count = 0; count < 100; count += 1) await client.get(API.pods, 'web', 'shop');
      await client.list(API.pods);
      return 0;
    });
    const count = (name: string) => spans.names.filter((each) => each === name).length;
    expect([count('get Pod'), count('list Pod')]).toEqual([20, 1]);
  });
});

describe('what was typed', () => {
  it.each([
    ['link', `link create ${SECRET} --nothing`],
    ['link', `link ${SECRET}`],
    ['link status', `link status --output ${SECRET}`],
    ['listener create', `listener create web 80 --host x --routing-key ${SECRET} --wait none --name=${SECRET}`],
  ])('is not told of %s, right or wrong', async (words, line) => {
    await run(line, {}, words.split(' '));
    expect(spans.all.length).toBeGreaterThan(0);
    expect(JSON.stringify(spans.all)).not.toContain(SECRET);
  });

  it('is told by the names of its flags', async () => {
    await run(`-n shop listener create web 80 --routing-key ${SECRET} -o name --wait none`, {}, ['listener', 'create']);
    expect(spans.one('skuprt listener create').attributes['skuprt.flags']).toBe(
      '--routing-key --wait --output --namespace',
    );
  });

  it('is nothing to tell when it asks for help', async () => {
    expect(await run('link create --help')).toBe(0);
    expect(spans.all).toEqual([]);
  });
});

describe('a command on a local site', () => {
  it('leaves its trace in the file that it writes, for the next pass alone', async () => {
    const paths = sitePaths(home, 'default');
    mkdirSync(paths.inputResources, { recursive: true });
    await new LocalStore(paths).apply(newSite('west', { linkAccess: false }));
    const passes = new MadeSpans(2);
    const site = new LocalStore(paths, { tracer: passes.tracer });
    const pass = () => passes.tracer.span('pass', {}, () => site.admit());
    const local = { env: { ...env, SKUPRT_PLATFORM: 'local' } };
    await pass();
    expect(passes.one('pass').parentSpanId).toBeUndefined();
    await run('listener create web 8080 --wait none', local);
    const command = spans.one('skuprt listener create');
    const said = traceparentOf({ ...command, sampled: true });
    expect(spans.one('write Listener').attributes).toEqual({ 'skuprt.name': 'web' });
    await pass();
    expect(passes.one('pass')).toMatchObject({ traceId: command.traceId, parentSpanId: command.spanId });
    await pass();
    expect(passes.one('pass').parentSpanId).toBeUndefined();
    const file = () => readFileSync(join(paths.inputResources, 'Listener-web.yaml'), 'utf8');
    expect(file()).toContain(said);
    await run('listener update web --port 8081 --wait none', local);
    const changed = file();
    expect(changed).not.toContain(said);
    await run('listener update web --port 8081 --wait none', local);
    expect(file()).toBe(changed);
    // Who exports nothing leaves none.
    const plain = surroundings(local);
    expect(await runCommandLine('listener update web --port 8082 --wait none'.split(' '), plain)).toBe(0);
    expect(file()).not.toContain(TRACE_ANNOTATION);
    expect(readdirSync(paths.inputResources)).toHaveLength(2);
  });

  it('that exports a service, or takes it back, leaves its trace for who sees to that', async () => {
    const paths = sitePaths(home, 'default');
    mkdirSync(paths.inputResources, { recursive: true });
    const store = new LocalStore(paths);
    await store.apply(newSite('west', { linkAccess: false }));
    await store.apply(resource('Connector', 'web', { port: 8080, host: '127.0.0.1', routingKey: 'web' }));
    const traces: (string | undefined)[] = [];
    const onExport = (...changes: Parameters<typeof traceNews>) => traces.push(traceNews(...changes));
    const files = new ServiceFiles({
      directory: paths.runtimeResources,
      namespace: 'default',
      onNoSpace: () => {},
      onExport,
    });
    const local = { env: { ...env, SKUPRT_PLATFORM: 'local' } };
    await run('service export web --wait none', local);
    await files.admit(await store.exports(), 1);
    const said = [traceparentOf({ ...spans.one('skuprt service export'), sampled: true })];
    expect(traces).toEqual(said);
    expect(await run('service unexport web --yes --no-wait', local)).toBe(0);
    await files.admit(await store.exports(), 2);
    said.push(traceparentOf({ ...spans.one('skuprt service unexport'), sampled: true }));
    expect(traces).toEqual(said);
  });

  it('is followed by the pass that sees what was written for it, and by no other', async () => {
    const paths = sitePaths(home, 'default');
    mkdirSync(paths.inputResources, { recursive: true });
    const { tracer } = spans;
    const site = new LocalStore(paths, { tracer });
    const listener = resource('Listener', 'web', { port: 8080, host: '127.0.0.1', routingKey: 'web' });
    const made = { ...listener, metadata: { ...listener.metadata, labels: { [CONTROLLED_LABEL]: 'true' } } };
    const pass = () => tracer.span('pass', {}, () => site.admit());
    const parentOfPass = async () => {
      await pass();
      return spans.one('pass').parentSpanId;
    };
    expect(await parentOfPass()).toBeUndefined();
    await tracer.span('reconcile', {}, () => site.apply(made));
    expect(await parentOfPass()).toBe(spans.one('reconcile').spanId);
    expect(await parentOfPass()).toBeUndefined();
    await tracer.span('reconcile', {}, () => site.apply(made));
    expect(await parentOfPass()).toBeUndefined();
    await tracer.span('reconcile', {}, () => site.delete('Listener', 'web'));
    expect(await parentOfPass()).toBe(spans.one('reconcile').spanId);
    expect(await parentOfPass()).toBeUndefined();
  });

  it('that deletes leaves its trace for the pass that takes away what was made, and no file', async () => {
    const paths = sitePaths(home, 'default');
    mkdirSync(paths.inputResources, { recursive: true });
    await new LocalStore(paths).apply(newSite('west', { linkAccess: false }));
    const passes = new MadeSpans(2);
    const site = new LocalStore(paths, { tracer: passes.tracer });
    const pass = () => passes.tracer.span('pass', {}, () => site.admit());
    const local = { env: { ...env, SKUPRT_PLATFORM: 'local' } };
    await run('listener create web 8080 --wait none', local);
    await pass();
    spans = new MadeSpans();
    expect(await run('listener delete web --yes --no-wait', local)).toBe(0);
    const command = spans.one('skuprt listener delete');
    expect(await new LocalStore(paths).get('Listener', 'web')).toBeUndefined();
    expect((await pass()).has('Listener/web')).toBe(false);
    expect(passes.one('pass')).toMatchObject({ traceId: command.traceId, parentSpanId: command.spanId });
    await pass();
    expect(passes.one('pass').parentSpanId).toBeUndefined();
    expect(await site.get('Listener', 'web')).toBeUndefined();
    expect(readdirSync(paths.runtimeResources).filter((file) => file.includes('web'))).toEqual([]);
  });
});
