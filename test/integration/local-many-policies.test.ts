/** A local site with a thousand policies in one file: a change of one of them is in force soon, whatever there is still to say about all. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LocalMachine } from '../support/local-machine.ts';

const COUNT = 1000;
/** Of a machine that does much else; by itself it takes a second. */
const IN_FORCE_MS = 20_000;
/** The first time a copy of each is written. */
const WARNED_MS = 150_000;

const east = new LocalMachine('east', 'east');

const policy = (at: number, site: string) => ({
  apiVersion: 'skuprt.io/v1alpha1',
  kind: 'AccessPolicy',
  metadata: { name: `policy-${at}` },
  spec: { services: [{ names: [`service-${at}`] }], rules: [{ action: 'Allow', from: [{ sites: [site] }] }] },
});

/** As careful programs write: at once. */
function write(siteOfChanged: string): void {
  const all = Array.from({ length: COUNT }, (_, at) => policy(at, at === 100 ? siteOfChanged : 'west'));
  const file = join(east.paths.inputResources, 'policies.yaml');
  writeFileSync(`${file}.new`, all.map((one) => JSON.stringify(one)).join('\n---\n'));
  renameSync(`${file}.new`, file);
}

const configured = () => readFileSync(east.paths.routerConfig, 'utf8');

beforeAll(async () => {
  await east.begin();
  write('before');
  await eventually(
    () => `all policies are in force\n${east.output}`,
    async () => configured().includes('before'),
    WARNED_MS,
  );
});

afterAll(() => east.end());

it('goes by a change of one policy among a thousand, and then says what it thinks of it', async () => {
  write('after');
  await eventually(
    () => `the changed policy is in force\n${east.output}`,
    async () => configured().includes('after'),
    IN_FORCE_MS,
  );
  await eventually(
    () => `it is warned of\n${east.output}`,
    async () => {
      const found = await east.store.get('AccessPolicy', 'policy-100');
      const warnings = found?.status?.conditions?.find(({ type }) => type === 'Warnings');
      return found?.metadata.generation === 2 && warnings?.reason === 'SelectsNothing';
    },
    WARNED_MS,
  );
});
