/** EXPLAIN is for everybody in the network: a router answers so many questions at once, and says when there were too many. */
import { expect, it } from 'vitest';
import { Router } from '../../router/core/router.ts';
import { explainer } from '../../router/io/explain.ts';

const QUESTION = { operation: 'Link', client: {} } as const;
const AT_ONCE = 200;

it('who asks more often than a router answers is told so by the status, and answered again a moment later', () => {
  const options = {
    id: 'west',
    instance: 1,
    version: '0',
    defaultDistribution: 'balanced',
    random: () => 0.5,
  } as const;
  let now = 0;
  const explain = explainer(new Router(options, now), () => now);
  for (let count = 0; count < AT_ONCE; count++) expect(explain(QUESTION)).toMatchObject({ allowed: true });
  expect(() => explain(QUESTION)).toThrow(expect.objectContaining({ status: 429 }));
  now += 1000;
  expect(explain(QUESTION)).toMatchObject({ allowed: true });
});
