/** By what a controller's process is seen: its log, whose level changes while it runs, and the spans of what it does. Made first in its main, stopped last. */
import { systemClock } from './clock.ts';
import { createLogger, type Logger, type LogLevel } from './log.ts';
import { LogLevelSwitch } from './log-level.ts';
import { systemRandom } from './random.ts';
import type { SpanAttributes } from './trace/span.ts';
import { startTracer } from './trace/start.ts';
import type { Tracer } from './trace/tracer.ts';

export interface SeenProcess {
  log: Logger;
  levels: LogLevelSwitch;
  tracer: Tracer;
  stop(): Promise<void>;
}

/**
 * @param name `site-controller`, `kube-adaptor`, ...
 * @param attributes what tells it from others of the name
 * @throws TraceSettingsError
 */
export async function seenProcess(
  name: string,
  level: LogLevel,
  attributes: SpanAttributes = {},
): Promise<SeenProcess> {
  const log: Logger = createLogger({ name, level, trace: () => tracing?.tracer.context });
  const onFailure = (err: Error): void => log.warn({ err }, 'spans could not be exported');
  const service = `skuprt-${name}`;
  let tracing: Awaited<ReturnType<typeof startTracer>> | undefined;
  tracing = await startTracer({
    service,
    attributes,
    env: process.env,
    clock: systemClock,
    random: systemRandom,
    onFailure,
  });
  const levels = new LogLevelSwitch(log, level);
  const unlisten = levels.listen();
  const { tracer, stop } = tracing;
  return {
    log,
    levels,
    tracer,
    stop: () => {
      unlisten();
      return stop();
    },
  };
}
