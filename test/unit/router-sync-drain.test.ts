/** The adaptor tells its router to leave the network, and to come back: an UPDATE of the router entity, when it is not so already. */
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../lib/log.ts';
import type { Attributes } from '../../site-controller/adaptor/entity-types.ts';
import { RouterSync, type SyncResult } from '../../site-controller/adaptor/router-sync.ts';

const log = createLogger({ name: 'test', level: 'silent' });

/** A router that has nothing but itself. */
class FakeRouter {
  readonly isUp = true;
  readonly updates: unknown[][] = [];
  readonly router: Attributes;

  constructor(router: Attributes) {
    this.router = router;
  }

  query(type: string): Promise<Attributes[]> {
    return Promise.resolve(type === 'router' ? [this.router] : []);
  }

  update(type: string, identity: string, attributes: Attributes): Promise<Attributes> {
    this.updates.push([type, identity, attributes]);
    Object.assign(this.router, attributes);
    return Promise.resolve(this.router);
  }

  create(): Promise<never> {
    return Promise.reject(new Error('nothing is to be made'));
  }

  delete(): Promise<never> {
    return Promise.reject(new Error('nothing is to be deleted'));
  }
}

function round(router: FakeRouter, adminStatus?: string): Promise<SyncResult> {
  const sync = new RouterSync({ client: router as never, log });
  return sync.round(() => ({ entities: [], frozen: new Set<string>(), adminStatus }));
}

describe('a router whose site drains', () => {
  it('is told so once, and once that it serves again', async () => {
    const router = new FakeRouter({ identity: 'router/a', adminStatus: 'enabled' });
    for (const adminStatus of ['enabled', 'draining', 'draining', 'enabled', 'enabled'])
      await round(router, adminStatus);
    expect(router.updates).toEqual([
      ['router', 'router/a', { adminStatus: 'draining' }],
      ['router', 'router/a', { adminStatus: 'enabled' }],
    ]);
  });

  it('is left as it is when nothing is said of that, or when it cannot drain', async () => {
    const ours = new FakeRouter({ identity: 'router/a', adminStatus: 'draining' });
    await round(ours);
    const original = new FakeRouter({ identity: 'router/b' });
    await round(original, 'draining');
    expect([ours.updates, original.updates]).toEqual([[], []]);
  });
});
