/** `POST sign-in`, `POST sign-out`, and how one signs in here. */
import type { FastifyInstance } from 'fastify';
import { LIMITS } from './limits.ts';
import { type SignIn, sessionCookie } from './sign-in.ts';
import type { Access } from './uses.ts';

const BODY = {
  type: 'object',
  additionalProperties: false,
  required: ['token'],
  properties: { token: { type: 'string', minLength: 1, maxLength: LIMITS.tokenCharsMax } },
};

export function sessionRoutes(app: FastifyInstance, { signIn, access }: { signIn: SignIn; access: Access }): void {
  app.get('/sign-in', async () => ({ kind: access.kind }));

  app.post<{ Body: { token: string } }>('/sign-in', { schema: { body: BODY } }, async (request, reply) => {
    const { id, user } = await signIn.enter(request.body.token, request.ip);
    // The browser forgets the one before, so nobody could end it any more.
    signIn.leave(request);
    reply.header('set-cookie', sessionCookie(request, id));
    return { user: user.name };
  });

  app.post('/sign-out', async (request, reply) => {
    signIn.leave(request);
    reply.header('set-cookie', sessionCookie(request, undefined));
    return {};
  });
}
