/** What a policy is seen beside when it is applied, and what of it the policy is about. Pure. */
import { serviceMatch } from './match.ts';
import type { Operation, PolicyDocument, PolicyRequest, PolicyService } from './types.ts';

export const WARNING_REASONS = [
  'SelectsNothing',
  'RefusesAll',
  'NeverMatches',
  'NoEffect',
  'Contradicts',
  'UnknownSite',
  'AmbiguousSite',
  'CutsLinks',
  'CutsConsole',
] as const;
export type WarningReason = (typeof WARNING_REASONS)[number];

export interface PolicyWarning {
  readonly reason: WarningReason;
  /** A sentence without a final stop. */
  readonly message: string;
}

/** What a policy is seen beside. */
export interface PolicyWorld {
  /** All policies; the one that is looked at may be among them. */
  readonly documents: readonly PolicyDocument[];
  readonly services: readonly { readonly kind: 'Listener' | 'Connector'; readonly service: PolicyService }[];
  /** Of the network, this one included; empty when not known. */
  readonly sites: readonly { readonly id: string; readonly name: string }[];
  /** The site here, where there is one. */
  readonly site?: { readonly id: string; readonly name: string; readonly namespace: string };
  /** Requests that each stand for a link of this site that is up. */
  readonly links: readonly PolicyRequest[];
  /** Requests that each have to be allowed for people to come to a console through the network. */
  readonly consoles?: readonly PolicyRequest[];
}

const SERVICE_OPERATIONS: readonly Operation[] = ['Connect', 'Expose', 'Import'];

/** How many of each it governs. */
export function selectedBy(document: PolicyDocument, world: Pick<PolicyWorld, 'services' | 'site'>) {
  const isAbout = (operations: readonly Operation[]) =>
    document.spec.rules.some((rule) => (rule.operations ?? ['Connect']).some((one) => operations.includes(one)));
  const services = isAbout(SERVICE_OPERATIONS) ? selectedServices(document, world) : [];
  const { site } = world;
  const link: PolicyRequest = { operation: 'Link', client: { verification: 'none' }, namespace: site?.namespace };
  const isOfSite = document.kind === 'ClusterAccessPolicy' || document.namespace === site?.namespace;
  const hasLinks = site !== undefined && isOfSite && isAbout(['Link']) && serviceMatch(document.spec.services)(link);
  return {
    listeners: services.filter(({ kind }) => kind === 'Listener').length,
    connectors: services.filter(({ kind }) => kind === 'Connector').length,
    sites: hasLinks ? 1 : 0,
  };
}

type Services = PolicyWorld['services'];

/** Each warning about a policy asks it anew, and neither list nor document ever changes. */
const selected = new WeakMap<PolicyDocument, { readonly services: Services; readonly found: Services }>();

export function selectedServices(document: PolicyDocument, { services }: Pick<PolicyWorld, 'services'>): Services {
  const known = selected.get(document);
  if (known?.services === services) return known.found;
  const selects = serviceMatch(document.spec.services);
  const found = services.filter(
    ({ service }) =>
      (document.kind === 'ClusterAccessPolicy' || document.namespace === service.namespace) &&
      selects(requestOf('Connect', service)),
  );
  selected.set(document, { services, found });
  return found;
}

export function requestOf(operation: Operation, service: PolicyService): PolicyRequest {
  return { operation, client: { verification: 'none' }, service };
}

/** What of that operation it governs. */
export function requestsOf(operation: Operation, document: PolicyDocument, world: PolicyWorld): PolicyRequest[] {
  if (operation !== 'Link')
    return selectedServices(document, world).map(({ service }) => requestOf(operation, service));
  return [{ operation, client: { verification: 'none' }, namespace: world.site?.namespace ?? document.namespace }];
}
