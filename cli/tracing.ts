/**
 * A command as a span, where the environment names a collector: what it waits for and asks of an API server are spans of it, and what it
 * writes says the trace, so that the controllers that act on it go on with it. Loaded only there.
 *
 * What is typed may hold secrets: of it the names of flags are told, and of resources as messages have them.
 */
import { deletionAnnotation, traceAnnotation } from '../config/trace-annotation.ts';
import { systemClock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { KubeObject } from '../lib/kube/object.ts';
import { systemRandom } from '../lib/random.ts';
import { startTracer } from '../lib/trace/start.ts';
import type { Tracer } from '../lib/trace/tracer.ts';
import { type Surroundings, say } from './context.ts';
import { EXIT } from './errors.ts';
import type { ApiKind, ClusterClient } from './places/cluster-client.ts';

/** They export spans of their own, or are no work of a person. */
const UNTRACED: ReadonlySet<string> = new Set([
  'router',
  'site run',
  'site-controller',
  'service-controller',
  'kube-adaptor',
  'dns serve',
  'console',
  'demo-backend',
  'probe',
  'completion',
]);

/** Groups of what controllers of ours act on. */
const ACTED_ON = /^(skupper\.io|skuprt\.io|multicluster\.x-k8s\.io)\//;
/** Of one verb and kind: who waits asks again and again. */
const SPANS_MAX = 20;

/** @param words of the command; none when no command is meant @param run gives its exit code */
export async function traced(
  words: readonly string[],
  surroundings: Surroundings,
  run: (surroundings: Surroundings) => Promise<number>,
): Promise<number> {
  const tracing = UNTRACED.has(words.join(' ')) ? undefined : await begin(surroundings);
  if (tracing === undefined) return await run(surroundings);
  const code = await asSpan(words, surroundings, tracing.tracer, run);
  await tracing.stop();
  return code;
}

/** The same into a tracer that is there. */
export async function asSpan(
  words: readonly string[],
  surroundings: Surroundings,
  tracer: Tracer,
  run: (surroundings: Surroundings) => Promise<number>,
): Promise<number> {
  const { connect, env } = surroundings;
  const seen: Surroundings = {
    ...surroundings,
    tracer,
    connect: async (...way) => tracedClient(await connect(...way), tracer),
  };
  const options = { attributes: { 'skuprt.command': words.join(' ') }, traceparent: env.TRACEPARENT };
  return await tracer.span(['skuprt', ...words].join(' '), options, async () => {
    const code = await run(seen);
    tracer.set({ 'process.exit.code': code });
    // What was typed is in what is told of it.
    if (code === EXIT.usage) tracer.fail('wrong usage');
    return code;
  });
}

/** Undefined when nothing is exported, or cannot be: that is told, and keeps nobody from working. */
async function begin(surroundings: Surroundings): Promise<Awaited<ReturnType<typeof startTracer>> | undefined> {
  const onFailure = (error: Error) => say(surroundings, `Warning: no trace was sent: ${messageOf(error)}`);
  try {
    return await startTracer({
      service: 'skuprt-cli',
      env: surroundings.env,
      clock: systemClock,
      random: systemRandom,
      isBrief: true,
      onFailure,
    });
  } catch (error) {
    onFailure(error as Error);
    return undefined;
  }
}

/** Calls are spans, and what is written says their trace. */
function tracedClient(client: ClusterClient, tracer: Tracer): ClusterClient {
  const counts = new Map<string, number>();
  const call = <T>(verb: string, api: ApiKind, run: () => Promise<T>): Promise<T> => {
    const kind = api.kind ?? api.plural;
    const name = `${verb} ${kind}`;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    if (count > SPANS_MAX) return run();
    return tracer.span(name, { kind: 'client', attributes: { 'k8s.verb': verb, 'k8s.kind': kind } }, run);
  };
  const told = <T extends object>(api: ApiKind, change: T): T => {
    const annotation = ACTED_ON.test(api.apiVersion) ? traceAnnotation(tracer) : undefined;
    if (annotation === undefined) return change;
    const { metadata } = change as { metadata?: Partial<KubeObject['metadata']> };
    return { ...change, metadata: { ...metadata, annotations: { ...metadata?.annotations, ...annotation } } };
  };
  // A last word that cannot be said keeps nothing from being deleted.
  const leaveTrace = async (api: ApiKind, name: string, namespace: string | undefined): Promise<void> => {
    const annotations = ACTED_ON.test(api.apiVersion) ? deletionAnnotation(tracer) : undefined;
    if (annotations === undefined) return;
    await client.patch(api, name, namespace ?? '', { metadata: { annotations } }).catch(() => undefined);
  };
  return {
    get: (api, ...rest) => call('get', api, () => client.get(api, ...rest)),
    list: (api, ...rest) => call('list', api, () => client.list(api, ...rest)),
    create: (api, object) => call('create', api, () => client.create(api, told(api, object))),
    apply: (api, object) => call('apply', api, () => client.apply(api, told(api, object))),
    patch: (api, name, namespace, change) =>
      call('patch', api, () => client.patch(api, name, namespace, told(api, change))),
    delete: (api, name, namespace) =>
      call('delete', api, async () => {
        await leaveTrace(api, name, namespace);
        await client.delete(api, name, namespace);
      }),
    json: (path) => client.json(path),
    forwardPort: (at, onError) => client.forwardPort(at, onError),
    logs: (namespace, pod, query) => client.logs(namespace, pod, query),
  };
}
