/** A controller's client at its router: what it hears, and from where. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../lib/log.ts';
import { RouterClient } from '../../lib/router-client/client.ts';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork } from '../support/live-network.ts';

const ADDRESS = 'mc/skuprt.test';
const network = new LiveNetwork();
const stop = new AbortController();
const heard = new Map<string, string[]>();
const clients = new Map<string, RouterClient>();

function note(at: string, text: string): void {
  heard.set(at, [...(heard.get(at) ?? []), text]);
}

beforeAll(async () => {
  const [west, east] = [await network.router('west'), await network.router('east')];
  await network.link(west, east);
  for (const router of [west, east]) {
    const { id } = router;
    router.entities.push(['address', { name: 'mc', prefix: 'mc', distribution: 'multicast' }]);
    const port = await network.amqp(router);
    const client = new RouterClient({
      containerId: `client-${id}`,
      endpoint: async () => ({ host: '127.0.0.1', port }),
      multicastAddress: ADDRESS,
      onUp: () => {},
      onDown: () => {},
      onMessage: (text, ingress) => note(id, `${text} from ${ingress}`),
      onHeard: ({ body }, address, ingress) => note(id, `${body} to ${address} from ${ingress}`),
      log: createLogger({ name: 'test', level: 'silent' }),
    });
    client.listen(new Set([`inbox/${id}`]));
    clients.set(id, client);
    void client.run(stop.signal);
  }
  await network.start();
});
afterAll(async () => {
  stop.abort();
  await network.stop();
});

test('it hears each message with the router where it entered the network', async () => {
  const expected = ['here from west', 'note to inbox/east from west', 'there from east'];
  await eventually('the client at east has heard all', async () => {
    clients.get('west')!.send('here');
    clients.get('east')!.send('there');
    clients.get('west')!.sendTo({ to: 'inbox/east', body: 'note' });
    return expected.every((line) => heard.get('east')?.includes(line));
  });
  expect([...new Set(heard.get('east'))].sort()).toEqual(expected);
});
