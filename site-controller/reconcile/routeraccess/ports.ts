/** The ports of a RouterAccess: what it says, else on platform local what was given out, else those that a pod has to itself. Pure. */
import { createHash } from 'node:crypto';
import type { RouterAccess } from '../../../config/api/router-access.ts';
import { inOrderOfAge, type Observed, ofKind, type PortWant } from '../observed.ts';

export const ROLE_PORTS = { 'inter-router': 55671, edge: 45671 };
export type Role = RouterAccess['spec']['roles'][number];

const PURPOSE_PREFIX = 'routeraccess/';
/** Ports that something else in a router pod listens on. */
const POD_PORTS = new Map([
  [5671, 'AMQP'],
  [5672, 'AMQP'],
  [9000, 'metrics'],
  [9090, 'health and metrics'],
  [9191, 'health'],
]);

/** Below those that the system gives to outgoing connections. */
const HOST_PORTS = { first: 20_000, count: 12_768 };

/** Of platform local. */
export function accessPorts(observed: Observed): PortWant[] {
  return ofKind(observed, 'RouterAccess').flatMap((access) =>
    access.spec.roles
      .filter((role) => role.port === undefined)
      .map((role) => ({
        purpose: purposeOf(access, role),
        from: ROLE_PORTS[role.name],
        host: access.spec.bindHost ?? '',
      })),
  );
}

/** Undefined until one was given out. */
export function portOf(
  observed: Pick<Observed, 'cluster' | 'ports'>,
  access: RouterAccess,
  role: Role,
): number | undefined {
  return (
    role.port ?? (observed.cluster === undefined ? observed.ports.get(purposeOf(access, role)) : ROLE_PORTS[role.name])
  );
}

/** For a router that is a process of a host among those of other sites: always the same for a site, and rarely that of another. */
export function hostPort(siteId: string, role: string): number {
  const number = createHash('sha256').update(`${siteId}/${role}`).digest().readUInt32BE();
  return HOST_PORTS.first + (number % HOST_PORTS.count);
}

/** Whether a port was given out for links: other sites dial it. */
export function isAccessPurpose(purpose: string): boolean {
  return purpose.startsWith(PURPOSE_PREFIX);
}

/** Why a port cannot be had on Kubernetes. Who came first keeps one that two want. */
export function portClash(observed: Observed, access: RouterAccess): string | undefined {
  const own = access.spec.roles.map((role) => portOf(observed, access, role)!);
  const doubled = own.find((port, index) => own.indexOf(port) !== index);
  if (doubled !== undefined) return `port ${doubled} is given to two roles`;
  const hasPod = observed.cluster?.settings.routers === 'deployment';
  const taken = hasPod ? own.find((port) => POD_PORTS.has(port)) : undefined;
  if (taken !== undefined) return `port ${taken} is the router's own, for ${POD_PORTS.get(taken)}`;
  for (const other of inOrderOfAge(ofKind(observed, 'RouterAccess'))) {
    if (other.metadata.name === access.metadata.name) return undefined;
    const ports = other.spec.roles.map((role) => portOf(observed, other, role)!);
    const port = ports.find((candidate) => own.includes(candidate));
    if (port !== undefined) return `port ${port} is already that of RouterAccess ${other.metadata.name}`;
  }
  return undefined;
}

function purposeOf({ metadata }: RouterAccess, role: Role): string {
  return `${PURPOSE_PREFIX}${metadata.name}/${role.name}`;
}
