/** Requests and limits of the containers, from ConfigMaps of the controller's namespace. Control-plane reference 4.3. Pure. */
import type { Site } from '../../../config/api/site.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { Observed } from '../observed.ts';
import { settingOf } from './identity.ts';

const SIZING_LABEL = 'skupper.io/site-sizing';
const DEFAULT_ANNOTATION = 'skupper.io/default-site-sizing';
const SIZE_SETTING = 'size';
const KEY = /^(router|adaptor)-(cpu|memory)-(request|limit)$/;
/** A quantity of Kubernetes. */
const QUANTITY = /^[+]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/;

export interface ContainerResources {
  requests?: Record<string, string>;
  limits?: Record<string, string>;
}

export interface SiteSizing {
  router: ContainerResources;
  adaptor: ContainerResources;
}

/** No sizes at all when neither the named nor a default one is there. */
export function siteSizing(observed: Observed, site: Site): { value: SiteSizing; faults: string[] } {
  const sizings = observed.cluster?.sizings ?? [];
  const size = settingOf(site, SIZE_SETTING);
  const named = sizings.find(({ metadata }) => metadata.labels?.[SIZING_LABEL] === size);
  const chosen = (size === undefined ? undefined : named) ?? sizings.find(isDefault);
  const { value, faults } = chosen === undefined ? { value: { router: {}, adaptor: {} }, faults: [] } : parse(chosen);
  if (size === undefined || named !== undefined) return { value, faults };
  const known = sizings.map(({ metadata }) => metadata.labels?.[SIZING_LABEL]).sort();
  return { value, faults: [`Unknown size "${size}"; known: ${known.join(', ') || 'none'}`, ...faults] };
}

function isDefault({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[DEFAULT_ANNOTATION] !== undefined;
}

function parse({ metadata, data }: KubeObject): { value: SiteSizing; faults: string[] } {
  const value: SiteSizing = { router: {}, adaptor: {} };
  const faults: string[] = [];
  for (const [key, text] of Object.entries((data ?? {}) as Record<string, string>)) {
    const place = `sizing ConfigMap ${metadata.name}: ${key}`;
    const [, container, quantity, bound] = KEY.exec(key) ?? [];
    if (bound === undefined) {
      faults.push(`${place} is not a known key`);
    } else if (!QUANTITY.test(text)) {
      faults.push(`${place} must be a quantity like 250m or 64Mi, not "${text}"`);
    } else {
      const resources = value[container as keyof SiteSizing];
      const member = bound === 'request' ? 'requests' : 'limits';
      resources[member] = { ...resources[member], [quantity!]: text };
    }
  }
  return { value, faults };
}
