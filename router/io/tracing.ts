/** Spans of a running router: made by `telemetry/trace`, exported when the environment names a collector. */
import type { Logger } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import { traceSettings } from '../../lib/trace/settings.ts';
import { startTracing, type Tracing } from '../../lib/trace/start.ts';
import type { Router } from '../core/router.ts';
import { SpanMaker } from '../telemetry/trace/flow-tracer.ts';
import { LinkSpans } from '../telemetry/trace/link-spans.ts';
import { siteIdOf } from './events.ts';

export interface RouterTracingParts {
  router: Router;
  log: Logger;
  random: Random;
  /** Milliseconds since 1970 of a time on the router's clock. */
  wall: (ms: number) => number;
  /** On the router's clock, ms. */
  now: () => number;
  env: Readonly<Record<string, string | undefined>>;
  entity: { readonly metadata?: string };
}

/** Connections of clients are many: none is traced unless the environment says which share of them. */
const RATIO = 0;
/** Links seldom come up: each is told of, unless the environment says otherwise. */
const LINK_RATIO = 1;

export interface RouterTracing extends Tracing {
  readonly links: LinkSpans;
}

/** @returns undefined when nothing is exported @throws TraceSettingsError */
export async function traceRouter({
  router,
  log,
  random,
  wall,
  now,
  env,
  entity: { metadata },
}: RouterTracingParts): Promise<RouterTracing | undefined> {
  const siteId = env.SKUPPER_SITE_ID || siteIdOf(metadata);
  const attributes = {
    'service.instance.id': router.id,
    ...(siteId && { 'skuprt.site.id': siteId }),
  };
  const onFailure = (err: Error): void => log.warn({ err }, 'spans could not be exported');
  const tracing = await startTracing({ service: 'skuprt-router', attributes, env, ratio: RATIO, onFailure });
  if (tracing === undefined) return undefined;
  const { ratio, emit } = tracing;
  const parts = { random: () => random.next(), wall, emit };
  router.bridge.tracer = new SpanMaker({ ...parts, ratio, now: () => router.bridge.now });
  log.info({ ratio }, 'spans of connections are exported');
  const { ratio: linkRatio } = traceSettings(env, LINK_RATIO)!;
  return { ...tracing, links: new LinkSpans({ ...parts, ratio: linkRatio, now }) };
}
