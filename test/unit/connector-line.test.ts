/** Why a connector's connection is over, as status and logs tell it. */
import { expect, it } from 'vitest';
import { reasonOf } from '../../router/io/connector-line.ts';

const ENDED = new Error('This socket has been ended by the other party');
const REFUSED = { condition: 'amqp:unauthorized-access', description: 'not you' };

it.each([
  [
    'what the other end said, however the socket ended after that',
    ENDED,
    1,
    REFUSED,
    /^amqp:unauthorized-access: not you$/,
  ],
  ['what the other end said', undefined, undefined, REFUSED, /^amqp:unauthorized-access: not you$/],
  ['how the socket ended, where nothing was said', ENDED, 1, undefined, /ended by the other party/],
  ['that it never opened', undefined, undefined, undefined, /before it was open/],
])('is %s', (_, error, openedAt, closeError, reason) => {
  expect(reasonOf(error, { openedAt, closeError })).toMatch(reason);
});
