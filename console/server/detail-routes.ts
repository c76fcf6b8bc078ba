/** `GET services/ADDRESS`, `links/ID`, `policies`: one thing with all that is known of it. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { LinkDetail, PolicyView, ServiceDetail } from '../model/api.ts';
import type { LinkView } from '../model/view.ts';
import { notFound } from './errors.ts';
import { LIMITS } from './limits.ts';
import { pathsOf } from './paths.ts';
import type { Session } from './sessions.ts';
import type { ConsoleModel, ConsolePlace, PlaceOf } from './uses.ts';

export interface DetailRoutesParts {
  model: ConsoleModel;
  placeOf: PlaceOf;
  sessionOf: (request: FastifyRequest) => Session;
}

interface Seen {
  model: ConsoleModel;
  place: ConsolePlace;
}

export function detailRoutes(app: FastifyInstance, { model, placeOf, sessionOf }: DetailRoutesParts): void {
  const seenBy = async (request: FastifyRequest): Promise<Seen> => ({
    model,
    place: await placeOf(sessionOf(request).user),
  });
  app.get('/services/:address', async (request) => {
    const { address } = request.params as { address: string };
    return serviceDetail(await seenBy(request), address);
  });
  app.get('/links/:id', async (request) => {
    const { id } = request.params as { id: string };
    return linkDetail(await seenBy(request), id);
  });
  app.get('/policies', async (request) => policyViews(await seenBy(request)));
}

async function policyViews({ model, place }: Seen): Promise<PolicyView[]> {
  const [policies, counts] = await Promise.all([place.policies(), model.refusedByPolicies()]);
  return policies.map((policy) => {
    const refused = counts?.get(policy.reference);
    return refused === undefined ? policy : { ...policy, refused };
  });
}

async function serviceDetail({ model, place }: Seen, address: string): Promise<ServiceDetail> {
  const explained = await place.explain(address);
  const view = model.view();
  const service = view.services.find((one) => one.address === address);
  if (service === undefined) throw notFound(`there is no service "${address}" in the network`);
  const ends = view.endpoints.filter((one) => one.address === address);
  const listeners = ends.filter(({ kind }) => kind === 'listener');
  const connectors = ends.filter(({ kind }) => kind === 'connector');
  const failed = (['refused', 'reset'] as const).flatMap((state) =>
    model.flows({ address, state, limit: LIMITS.refusedFlowCount }),
  );
  const refused = failed.sort((a, b) => b.startedAt - a.startedAt).slice(0, LIMITS.refusedFlowCount);
  return { service, listeners, connectors, paths: pathsOf(view, listeners, connectors), refused, ...explained };
}

async function linkDetail({ model, place }: Seen, id: string): Promise<LinkDetail> {
  const link = model.view().links.find((one) => one.id === id);
  if (link === undefined) throw notFound(`there is no link "${id}" in the network`);
  const [certificate, known] = await Promise.all([place.linkCertificate(link.name), place.linkEndpoints(link.name)]);
  const events = model
    .view()
    .events.filter(({ object, site }) => object === `link/${link.name}` && site === link.fromSite);
  return { link, endpoints: endpointsOf(link, known), certificate, events: events.toReversed() };
}

/** Where nothing but the record of the router is known, what it dials now is all. */
function endpointsOf({ endpoint, status, statusSince, message }: LinkView, known: readonly string[] = []) {
  const all = endpoint === '' || known.includes(endpoint) ? known : [endpoint, ...known];
  return all.map((one) =>
    one === endpoint
      ? { endpoint: one, inUse: status === 'up', triedAt: statusSince, ...(message !== '' && { message }) }
      : { endpoint: one, inUse: false },
  );
}
