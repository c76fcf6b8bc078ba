/** Settings of a Site that its routers read from their environment, when they start. Pure. docs/guide/router.md, "Memory for connections"; docs/guide/observability.md. */
import type { Site } from '../../config/api/site.ts';
import { SETTING } from '../../config/names.ts';
import { settingOf } from './site/identity.ts';

export interface RouterEnvironment {
  variables: Record<string, string>;
  /** Of settings that cannot be used: a router would not start with them, and does without. */
  faults: string[];
}

interface Variable {
  name: string;
  key: string;
  isValid: (text: string) => boolean;
  /** What it must be. */
  words: string;
}

const PAUSE_SECONDS_MAX = 600;
export const TRACE_ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';

const VARIABLES: readonly Variable[] = [
  {
    name: 'SKUPRT_FLOW_PAUSE_SECONDS',
    key: SETTING.flowPauseSeconds,
    isValid: (text) => /^\d{1,3}(\.\d{1,3})?$/.test(text) && Number(text) <= PAUSE_SECONDS_MAX,
    words: `a number of seconds from 0 to ${PAUSE_SECONDS_MAX}`,
  },
  {
    name: 'SKUPRT_FLOW_MEMORY',
    key: SETTING.flowMemory,
    isValid: (text) => /^\d{1,15}(Ki|Mi|Gi)?$/.test(text),
    words: 'a number of octets, or one like 256Mi',
  },
  {
    name: TRACE_ENDPOINT,
    key: SETTING.traceEndpoint,
    isValid: (text) => /^https?:\/\//.test(text) && URL.canParse(text),
    words: 'a URL like http://collector:4318',
  },
  {
    name: 'OTEL_TRACES_SAMPLER_ARG',
    key: SETTING.traceRatio,
    isValid: (text) => /^(0(\.\d{1,9})?|1(\.0{1,9})?)$/.test(text),
    words: 'a number from 0 to 1',
  },
];

export function routerEnvironment(site: Site | undefined): RouterEnvironment {
  const variables: Record<string, string> = {};
  const faults: string[] = [];
  for (const { name, key, isValid, words } of VARIABLES) {
    const text = settingOf(site, key)?.trim();
    if (!text) continue;
    if (isValid(text)) variables[name] = text;
    else faults.push(`settings.${key}: "${text}" is not ${words}`);
  }
  return { variables, faults };
}
