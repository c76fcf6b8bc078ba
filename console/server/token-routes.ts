/** `GET tokens`, `POST tokens`: what lets other sites link to this one. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { TokenOrder } from '../model/api.ts';
import { ConsoleRequestError } from './errors.ts';
import { LIMITS } from './limits.ts';
import type { Session } from './sessions.ts';
import type { PlaceOf } from './uses.ts';

export interface TokenRoutesParts {
  placeOf: PlaceOf;
  isReadOnly: boolean;
  sessionOf: (request: FastifyRequest) => Session;
}

const BODY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' },
    redemptions: { type: 'integer', minimum: 1, maximum: LIMITS.tokenRedemptionsMax },
    expiry: { type: 'string', maxLength: 20, pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$' },
  },
};

export function tokenRoutes(app: FastifyInstance, { placeOf, isReadOnly, sessionOf }: TokenRoutesParts): void {
  app.get('/tokens', async (request) => (await placeOf(sessionOf(request).user)).tokens());

  app.post<{ Body: TokenOrder }>('/tokens', { schema: { body: BODY } }, async (request, reply) => {
    const { user } = sessionOf(request);
    if (isReadOnly) throw new ConsoleRequestError(403, 'read-only', 'this console only shows');
    if (!user.mayIssue) throw new ConsoleRequestError(403, 'forbidden', `${user.name} may not make tokens here`);
    const place = await placeOf(user);
    const made = await place.issueToken(request.body);
    return reply.code(201).send(made);
  });
}
