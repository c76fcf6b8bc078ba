/** `GET network`, `changes`, `flows`, `flows/changes`: what the collector has, as it is and as it changes. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { FlowFilter } from '../model/flow-filter.ts';
import type { FlowView } from '../model/view.ts';
import { type EventStream, eventText } from './event-stream.ts';
import { LIMITS } from './limits.ts';
import { changesText, type NetworkFeed } from './network-feed.ts';
import type { Change } from './pending-changes.ts';
import type { Session } from './sessions.ts';
import type { Streams } from './streams.ts';
import type { ConsoleModel } from './uses.ts';

export interface NetworkRoutesParts {
  model: ConsoleModel;
  feed: NetworkFeed;
  streams: Streams;
  sessionOf: (request: FastifyRequest) => Session;
}

const TEXT = { type: 'string', maxLength: LIMITS.pathCharsMax };
const FLOWS_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    address: TEXT,
    from: TEXT,
    to: TEXT,
    site: TEXT,
    state: { enum: ['open', 'closed', 'reset', 'refused'] },
    limit: { type: 'integer', minimum: 1, maximum: LIMITS.flowCountMax, default: LIMITS.flowCountDefault },
  },
};
/** A HEAD of a stream would open one. */
const STREAM = { exposeHeadRoute: false };

export function networkRoutes(app: FastifyInstance, parts: NetworkRoutesParts): void {
  const { model, feed, sessionOf } = parts;

  app.get('/network', async (request) => feed.answer(sessionOf(request)));

  app.get('/changes', STREAM, (request, reply) => {
    const session = sessionOf(request);
    const stream = openStream(parts, { session, reply, changesText, onEnd: () => feed.remove(stream) });
    feed.add(stream, session);
  });

  app.get<{ Querystring: FlowFilter }>('/flows', { schema: { querystring: FLOWS_QUERY } }, async ({ query }) =>
    model.flows(query),
  );

  app.get<{ Querystring: FlowFilter }>(
    '/flows/changes',
    { ...STREAM, schema: { querystring: FLOWS_QUERY } },
    (request, reply) => {
      const { query } = request;
      let unsubscribe = () => {};
      const session = sessionOf(request);
      const stream = openStream(parts, { session, reply, changesText: flowsText, onEnd: () => unsubscribe() });
      unsubscribe = model.subscribeFlows(query, (flows) => {
        const changes = [{ section: 'flows', set: flows, gone: [] }];
        stream.changed(flowsText(changes), changes);
      });
      stream.write(eventText('flows', JSON.stringify(model.flows(query))));
    },
  );
}

interface StreamParts {
  session: Session;
  reply: FastifyReply;
  changesText: (changes: readonly Change[]) => string;
  onEnd: () => void;
}

/** @throws ConsoleRequestError */
function openStream({ streams }: NetworkRoutesParts, { session, reply, ...parts }: StreamParts): EventStream {
  streams.requirePlace(session.id);
  const headers = reply.getHeaders() as Record<string, string>;
  reply.hijack();
  return streams.open({ ...parts, owner: session.id, response: reply.raw, headers });
}

function flowsText(changes: readonly Change[]): string {
  return eventText('changes', JSON.stringify(changes.flatMap(({ set }) => set as readonly FlowView[])));
}
