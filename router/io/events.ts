/** The source of events of a running router (`telemetry/vanflow`): its name, its surroundings, and what is configured. */
import type { Random } from '../../lib/random.ts';
import { randomId } from '../../lib/random.ts';
import type { Router } from '../core/router.ts';
import type { Configured, Surroundings } from '../telemetry/vanflow/inventory.ts';
import { Vanflow } from '../telemetry/vanflow/vanflow.ts';
import type { Entities } from './entities.ts';

const SOURCE_LENGTH = 5;
const POD_SUFFIX = /-([a-z0-9]{5})$/;

export interface EventsParts {
  router: Router;
  entities: Entities;
  mode: string;
  /** Of the router entity. */
  metadata: string | undefined;
  random: Random;
  env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since 1970 of a time on the router's clock. */
  wall(ms: number): number;
}

export function makeEvents({ router, entities, mode, metadata, random, env, wall }: EventsParts): Vanflow {
  const source = sourceId(env, random);
  return new Vanflow({
    router,
    mode,
    source,
    configured: configured(entities),
    surroundings: surroundings(env, metadata),
    wall,
  });
}

/** The end of a pod's name, as skupper-router does, since people know it by that; elsewhere two of a host would share it. */
export function sourceId(env: EventsParts['env'], random: Random): string {
  const [, suffix] = (isPod(env) ? POD_SUFFIX.exec(env.HOSTNAME ?? '') : null) ?? [];
  return suffix ?? randomId(random, SOURCE_LENGTH);
}

function isPod(env: EventsParts['env']): boolean {
  return env.KUBERNETES_SERVICE_HOST !== undefined;
}

/** Where the environment says nothing: control planes write the site's id into the router's metadata. */
export function siteIdOf(metadata: string | undefined): string | undefined {
  try {
    const { id } = JSON.parse(metadata ?? '{}') as { id?: unknown };
    return typeof id === 'string' && id !== '' ? id : undefined;
  } catch {
    return undefined;
  }
}

function surroundings(env: EventsParts['env'], metadata: string | undefined): Surroundings {
  return {
    siteId: env.SKUPPER_SITE_ID || siteIdOf(metadata),
    namespace: env.POD_NAMESPACE || undefined,
    imageName: env.APPLICATION_NAME || undefined,
    imageVersion: env.VERSION || undefined,
    hostName: env.HOSTNAME || undefined,
  };
}

function configured(entities: Entities): Configured {
  const all = <T extends 'listener' | 'connector' | 'site'>(type: T) => entities.all(type);
  return {
    listeners: () => all('listener'),
    connectors: () => all('connector'),
    tcpListener: (name) => entities.find('tcpListener', name),
    tcpConnector: (name) => entities.find('tcpConnector', name),
    site: () => {
      for (const site of all('site')) return site;
      return undefined;
    },
    place: (connector) => entities.connectors.get(connector)?.place,
  };
}
