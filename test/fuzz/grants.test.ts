/** Garbage at the claim and renewal endpoints: each request is answered with a status of its own, nothing is issued, the server lives on. */
import { request } from 'node:https';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessGrant } from '../../config/api/access-grant.ts';
import { clientsOf } from '../../site-controller/grants/clients.ts';
import type { GrantService } from '../../site-controller/platform/kubernetes/grant-service.ts';
import { redemptionsOf } from '../../site-controller/reconcile/accessgrant/plan.ts';
import { GrantCluster } from '../support/grant-cluster.ts';

const SEED = 20_300_101;
const REFUSALS = [400, 403, 404, 413, 429];

let cluster: GrantCluster;
let service: GrantService;

beforeAll(async () => {
  cluster = new GrantCluster();
  cluster.addIssuer('east', { redemptionsAllowed: 1000 });
  service = await cluster.serve();
});
afterAll(() => service.stop());

function send(path: string, body: string | Buffer, headers: Record<string, string>): Promise<number> {
  const { hostname, port } = new URL(service.urls[0]!);
  return new Promise((resolve, reject) => {
    const target = { host: hostname, port, path, method: 'POST', ca: service.ca, agent: false as const, headers };
    const sent = request(target, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

const fields = fc.record(
  {
    name: fc.oneof(fc.string(), fc.constant('east')),
    certificate: fc.oneof(
      fc.string(),
      fc.string().map((text) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`),
    ),
    trusts: fc.oneof(fc.array(fc.string(), { maxLength: 20 }), fc.string()),
    csr: fc.string(),
    signature: fc.base64String(),
    code: fc.string(),
    subject: fc.string(),
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  fields.map((value) => JSON.stringify(value)),
  fc.json(),
);
const path = fc.oneof(
  fc.constantFrom('/grant-east', '/renew/id-east', '/renew/', '/renew/%ff', '/renew/other', '/', '/a/b'),
  fc.webPath().map((text) => text || '/'),
);
const headers = fc.record(
  {
    'content-type': fc.constantFrom('application/json', 'text/plain', ''),
    name: fc.stringMatching(/^[\x21-\x7e]{0,20}$/),
    subject: fc.stringMatching(/^[\x21-\x7e]{0,20}$/),
  },
  { requiredKeys: [] },
);

describe('the redemption server', () => {
  it('refuses whatever is no claim and no renewal', async () => {
    await fc.assert(
      fc.asyncProperty(path, body, headers, async (place, content, given) => {
        expect(REFUSALS).toContain(await send(place, content, given));
      }),
      { seed: SEED, numRuns: 300 },
    );
    const grant = cluster.get<AccessGrant>('east', 'AccessGrant', 'grant')!;
    expect(redemptionsOf(grant)).toEqual([]);
    const notes = cluster.get('east', 'Secret', 'skupper-site-ca')!.metadata.annotations;
    expect(clientsOf(notes, Date.now())).toEqual([]);
    expect(service.port).toBeDefined();
  });
});
