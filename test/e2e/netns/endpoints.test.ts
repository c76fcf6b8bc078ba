/** A link whose other end can be reached at two places. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { Listening } from '../../support/tcp.ts';
import { Network, type Site } from './network.ts';
import type { Wire } from './space.ts';
import { echoes, tryOnce, type Where } from './traffic.ts';

/** Silence is noticed in two seconds, and a place that does not answer is given up in some more. */
const SILENT_WITHIN_MS = 15_000;
const REFUSED_WITHIN_MS = 5000;
const KNOWN = [{ known: 'configured as endpoints of the connector' }, { known: 'offered by the other end' }] as const;

describe.each(KNOWN)('a link over two wires, the second one $known', ({ known }) => {
  let network: Network;
  let west: Site;
  let wires: Wire[];
  let where: Where;
  let echo: Listening;

  afterEach(async () => {
    await network.stop();
    await echo.close();
  });

  async function joined(): Promise<void> {
    network = new Network();
    west = network.site('west');
    const east = network.site('east');
    echo = await echoes();
    wires = [await network.link(west, east), await network.wire(west, east)];
    if (known === KNOWN[0].known) network.addEndpoint(west, wires[1]!);
    else network.offerOther(east, wires[1]!);
    where = network.publish(west, 'echo');
    network.offer(east, 'echo', echo.port);
    await network.start();
    await eventually('the service answers', async () => (await tryOnce(where, 2000)) === undefined, 30_000);
  }

  const served = async () => (await tryOnce(where, 1000)) === undefined;

  it.each([
    { how: 'falls silent', withinMs: SILENT_WITHIN_MS },
    { how: 'refuses', withinMs: REFUSED_WITHIN_MS },
  ])('comes back over the second wire when the first one $how', async ({ how, withinMs }) => {
    await joined();
    if (how === 'refuses') wires[0]!.reject();
    else wires[0]!.silence();
    await eventually('the link is lost', () => network.lostLinks(west).length > 0, 5000);
    await eventually(() => `served again\n${network.evidence()}`, served, withinMs);
  });

  it('stays with what works when the first wire is whole again', async () => {
    await joined();
    wires[0]!.reject();
    await eventually('the link is lost', () => network.lostLinks(west).length > 0, 5000);
    await eventually(() => `served again\n${network.evidence()}`, served, REFUSED_WITHIN_MS);
    wires[0]!.mend();
    const lost = network.lostLinks(west).length;
    await sleep(5000);
    expect(network.lostLinks(west)).toHaveLength(lost);
    expect(await tryOnce(where, 1000)).toBeUndefined();
  });
});
