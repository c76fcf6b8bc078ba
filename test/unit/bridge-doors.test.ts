/** What policies know a listener or connector by. */
import { expect, it } from 'vitest';
import { serviceOf } from '../../router/bridge/doors.ts';

it('is what its entity says', () => {
  const names = { policyService: 'web', policyNamespace: 'shop', policyLabels: 'tier=front,app=web' };
  expect(serviceOf('listener/web', names, 'key')).toEqual({
    name: 'web',
    namespace: 'shop',
    routingKey: 'key',
    labels: { tier: 'front', app: 'web' },
  });
});

// An attribute that is taken from an entity while the router runs is empty.
it.each([
  ['says nothing', {}],
  ['no longer says anything', { policyService: '', policyNamespace: '', policyLabels: '' }],
])('is its own name where its entity %s', (_, names) => {
  expect(serviceOf('listener/web', names, 'key')).toEqual({
    name: 'listener/web',
    namespace: '',
    routingKey: 'key',
    labels: {},
  });
});
