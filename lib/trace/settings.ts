/**
 * Whether spans are exported, and of which share of what begins here, by OpenTelemetry's own variables of the environment:
 * `OTEL_EXPORTER_OTLP_ENDPOINT` (or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`), `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
 * Without an endpoint nothing is made, kept or loaded. What the exporter itself needs (headers, certificates, time-outs) it reads itself.
 */
import { SkuprtError } from '../errors.ts';

export interface TraceSettings {
  /** Of what begins here: 0 to 1. Of what was begun elsewhere, who began it decides. */
  readonly ratio: number;
}

export class TraceSettingsError extends SkuprtError {
  readonly code = 'SKUPRT_TRACE_SETTINGS';
  readonly fault = 'caller';
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @param ratio unless the environment says another
 * @returns undefined when nothing is exported
 * @throws TraceSettingsError
 */
export function traceSettings(env: Environment, ratio: number): TraceSettings | undefined {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint || env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || env.OTEL_TRACES_EXPORTER === 'none') {
    return undefined;
  }
  if (!URL.canParse(endpoint)) {
    throw new TraceSettingsError('OTEL_EXPORTER_OTLP_ENDPOINT is no URL', {
      next: 'Give one like http://collector:4318, or none',
    });
  }
  return { ratio: samplerRatio(env) ?? ratio };
}

function samplerRatio({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: argument }: Environment) {
  switch (sampler?.replace(/^parentbased_/, '') ?? '') {
    case '':
      return argument === undefined ? undefined : ratioOf(argument);
    case 'always_on':
      return 1;
    case 'always_off':
      return 0;
    case 'traceidratio':
      return ratioOf(argument ?? '1');
    default:
      throw new TraceSettingsError(`OTEL_TRACES_SAMPLER: "${sampler}" is not known here`, {
        next: 'Give always_on, always_off or traceidratio, each also with parentbased_ before it',
      });
  }
}

function ratioOf(text: string): number {
  const ratio = text.trim() === '' ? Number.NaN : Number(text);
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw new TraceSettingsError(`OTEL_TRACES_SAMPLER_ARG: "${text}" is no number from 0 to 1`);
}
