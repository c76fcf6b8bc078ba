/** The exchange of services between clusters: who learns what, when, by which messages, and how losses are repaired. */
import { describe, expect, it } from 'vitest';
import type { ServiceRecord } from '../../service-controller/records.ts';
import { CALM, join, known, network, numbered, sentDuring } from '../support/services-exchange.ts';
import { contentOf, type Process, serviceRecord } from '../support/sim/services-network.ts';

describe('who learns what', () => {
  it('clusters that are there know each other within 200 ms, services and all', () => {
    const net = network();
    const a = join(net, 'a', 3);
    const b = join(net, 'b', 2);
    net.run(200);
    expect(known(a)).toEqual(['b:live:2']);
    expect(known(b)).toEqual(['a:live:3']);
    expect([...b.exchange.views()[0]!.services.values()]).toEqual(numbered(3));
    expect(b.exchange.views()[0]).toMatchObject({
      siteId: 'site-a',
      info: { properties: { 'region.example.com': 'north' }, version: '0.1.0' },
    });
  });

  it('a newcomer is answered by unicast, each that is there once', () => {
    const net = network();
    for (const id of ['a', 'b', 'c']) join(net, id, 4);
    net.run(3000);
    let late!: Process;
    const sent = sentDuring(net, () => {
      late = join(net, 'd');
      net.run(300);
    });
    expect(known(late)).toEqual(['a:live:4', 'b:live:4', 'c:live:4']);
    const { inbox } = late.exchange;
    expect(sent.filter((one) => one.includes('update')).sort()).toEqual(
      ['a', 'b', 'c'].map((id) => `${id}:update>${inbox}`),
    );
  });

  it('a change goes out once, to everyone, with what changed and nothing else', () => {
    const net = network();
    const a = join(net, 'a', 300);
    const b = join(net, 'b');
    net.run(4000);
    net.sent.bytes = 0;
    const sent = sentDuring(net, () => {
      net.setOwn(a, contentOf([...numbered(299), serviceRecord('web-299', { ports: [] })]));
      net.run(100);
    });
    expect(sent).toEqual(['a:update']);
    expect(net.sent.bytes).toBeLessThan(700);
    expect(b.exchange.views()[0]!.services.get('team/web-299')!.ports).toEqual([]);
  });

  it('says nothing when what it is given did not change', () => {
    const net = network();
    const a = join(net, 'a', 5);
    join(net, 'b');
    net.run(4000);
    net.setOwn(a, contentOf(numbered(5)));
    expect(sentDuring(net, () => net.run(200))).toEqual([]);
  });

  it('thousands of services arrive in parts, whatever becomes of a part', () => {
    const net = network();
    const noise = (index: number) =>
      Array.from({ length: 40 }, (_, at) => ((index * 7919 + at * 104_729) % 997).toString(36)).join('');
    const services = Array.from({ length: 3000 }, (_, index) =>
      serviceRecord(`web-${index}`, { annotations: { note: noise(index) } }),
    );
    const a = join(net, 'a', services);
    net.run(2000);
    net.faults = { loss: 0.3, duplication: 0.2, delayMs: [1, 60] };
    const b = join(net, 'b', []);
    net.run(30_000);
    expect(known(b)).toEqual(['a:live:3000']);
    expect(known(a)).toEqual(['b:live:0']);
  });

  it('what only listens hears everyone and is heard by nobody', () => {
    const net = network();
    const a = join(net, 'a', 2);
    net.run(2000);
    const listener = net.start('b');
    net.run(300);
    expect(known(listener)).toEqual(['a:live:2']);
    expect(known(a)).toEqual([]);
  });

  it('ingresses and what is said of the cluster travel as services do', () => {
    const net = network();
    const a = net.start('a');
    const b = join(net, 'b');
    const ingress = {
      namespace: 'team',
      name: 'shop',
      hosts: ['shop.example.com', '*.shop.example.com'],
      addresses: [{ ip: '192.0.2.7' }, { hostname: 'lb.example.com' }],
      isHealthy: true,
    };
    net.setOwn(a, contentOf([], { ingresses: new Map([['team/shop', ingress]]) }));
    net.run(300);
    expect([...b.exchange.views()[0]!.ingresses]).toEqual([['team/shop', ingress]]);
    net.setOwn(a, contentOf([], { info: { properties: {}, version: '0.2.0' } }));
    net.run(300);
    expect(b.exchange.views()[0]).toMatchObject({ info: { version: '0.2.0' }, ingresses: new Map() });
  });
});

describe('when changes go out', () => {
  /** How long until `b` sees the service as `a` has it now. */
  function lag(before: Partial<ServiceRecord>, after: Partial<ServiceRecord>): number {
    const net = network();
    const a = join(net, 'a', [serviceRecord('web', before)]);
    const b = join(net, 'b');
    net.run(4000);
    const start = net.now;
    net.setOwn(a, contentOf([serviceRecord('web', after)]));
    const seen = () => JSON.stringify(b.exchange.views()[0]!.services.get('team/web'));
    while (seen() !== JSON.stringify(serviceRecord('web', after)) && net.now < start + 5000) net.run(1);
    return net.now - start;
  }

  it('the first and the last ready endpoint at once', () => {
    expect(lag({ ready: 0 }, { ready: 3 })).toBeLessThan(5);
    expect(lag({ ready: 3 }, { ready: 0 })).toBeLessThan(5);
  });

  it('other numbers of endpoints within a second, not at once', () => {
    expect(lag({ ready: 2 }, { ready: 3 })).toBeGreaterThan(500);
    expect(lag({ ready: 2 }, { ready: 3 })).toBeLessThan(1050);
  });

  it('everything else at once too', () => {
    expect(lag({}, { type: 'Headless' })).toBeLessThan(5);
    expect(
      lag({ pods: [{ hostname: 'web-0', ready: true }] }, { pods: [{ hostname: 'web-0', ready: false }] }),
    ).toBeLessThan(5);
  });

  it('those right behind one another: the first at once, the others together', () => {
    const net = network();
    const a = join(net, 'a', 1);
    const b = join(net, 'b');
    net.run(4000);
    const sent = sentDuring(net, () => {
      for (let count = 2; count <= 20; count += 1) {
        net.setOwn(a, contentOf(numbered(count)));
        net.run(1);
      }
      net.run(30);
    });
    expect(sent).toEqual(['a:update', 'a:update']);
    expect(known(b)).toEqual(['a:live:20']);
  });

  it('a number that changes all the time goes out once a second', () => {
    const net = network();
    const a = join(net, 'a', [serviceRecord('web')]);
    join(net, 'b');
    net.run(4000);
    const sent = sentDuring(net, () => {
      for (let step = 1; step <= 100; step += 1) {
        net.setOwn(a, contentOf([serviceRecord('web', { ready: 1 + (step % 50) })]));
        net.run(100);
      }
    });
    expect(sent.filter((one) => one === 'a:update').length).toBeLessThanOrEqual(10);
    expect(sent.filter((one) => one === 'a:update').length).toBeGreaterThanOrEqual(9);
  });
});

describe('repairs', () => {
  it('a lost change is asked for when the digest after it comes, and answered by the change alone', () => {
    const net = network();
    const a = join(net, 'a', 100);
    const b = join(net, 'b');
    net.run(4000);
    net.isCut = () => true;
    net.setOwn(a, contentOf(numbered(101)));
    net.run(100);
    net.isCut = () => false;
    expect(known(b)).toEqual(['a:live:100']);
    net.sent.bytes = 0;
    const sent = sentDuring(net, () => net.run(350));
    expect(known(b)).toEqual(['a:live:101']);
    expect(sent).toEqual(['a:digest', `b:request>${a.exchange.inbox}`, `a:update>${b.exchange.inbox}`]);
    expect(net.sent.bytes).toBeLessThan(1200);
  });

  it('changes that overtake each other end as the last', () => {
    const net = network();
    const a = join(net, 'a', 3);
    const b = join(net, 'b');
    net.run(4000);
    net.faults = { loss: 0, duplication: 0.5, delayMs: [1, 400] };
    for (let step = 0; step < 20; step += 1) {
      net.setOwn(a, contentOf(numbered((step * 5) % 7)));
      net.run(60);
    }
    net.run(3000);
    expect(known(b)).toEqual(['a:live:4']);
    expect(b.exchange.stats.mismatched).toBe(0);
  });

  it('many who ask for the same get it once', () => {
    const net = network();
    const a = join(net, 'a', 50);
    const others = ['b', 'c', 'd', 'e', 'f'].map((id) => join(net, id));
    net.run(4000);
    net.isCut = (from) => from === 'a';
    net.setOwn(a, contentOf(numbered(51)));
    net.run(100);
    net.isCut = () => false;
    const sent = sentDuring(net, () => net.run(400));
    for (const other of others) expect(known(other)[0]).toBe('a:live:51');
    const updates = sent.filter((one) => one.startsWith('a:update'));
    expect(updates.length).toBeLessThan(5);
    expect(a.exchange.stats.answersMulticast).toBeGreaterThan(0);
  });

  /** Process `a` says that its set is another than `b` has. */
  function worldWithDigest(over: object) {
    const net = network();
    const a = join(net, 'a', 3);
    const b = join(net, 'b');
    net.run(4000);
    const head = { v: 1, set: 'set', cluster: 'a', site: 'site-a' };
    const box = Number(a.exchange.inbox.split('/').at(-1));
    const digest = { ...head, instance: box, box, type: 'digest', seq: 1, count: 1, hash: 'f'.repeat(32) };
    return { net, a, b, text: JSON.stringify({ ...digest, ...over }), box };
  }

  it('a set that is another than the digest of the same number says is asked for as a whole', () => {
    const { net, b, text } = worldWithDigest({});
    const sent = sentDuring(net, () => {
      net.inject(text, 'router-a');
      net.run(200);
    });
    expect(sent.map((one) => one.split('>')[0])).toEqual(['b:request', 'a:update']);
    expect(known(b)).toEqual(['a:live:3']);
  });

  it('a digest that comes late does not hide that something is missing', () => {
    const { net, a, b, text } = worldWithDigest({ seq: 5 });
    let late = '';
    const next = a.exchange.nextMessage.bind(a.exchange);
    a.exchange.nextMessage = () => {
      const message = next();
      late = message?.text ?? late;
      return message;
    };
    net.run(6000);
    expect(JSON.parse(late)).toMatchObject({ type: 'digest', seq: 1 });
    const sent = sentDuring(net, () => {
      net.inject(text, 'router-a');
      net.inject(late, 'router-a');
      net.run(200);
    });
    expect(sent).toContain(`b:request>${a.exchange.inbox}`);
    expect(known(b)).toEqual(['a:live:3']);
  });

  it('an update that does not lead where it says changes nothing, and the whole set is asked for', () => {
    const changes = { services: [serviceRecord('wrong')], ingresses: [], removed: ['s/team/web-0'] };
    const { net, b, text } = worldWithDigest({ type: 'update', from: 1, to: 2, part: 0, parts: 1, changes });
    const requests: unknown[] = [];
    net.inject(text, 'router-a');
    expect(known(b)).toEqual(['a:live:3']);
    expect(b.exchange.stats.mismatched).toBe(1);
    const next = b.exchange.nextMessage.bind(b.exchange);
    b.exchange.nextMessage = () => {
      const message = next();
      if (message !== undefined) requests.push(JSON.parse(message.text).seq);
      return message;
    };
    net.run(60);
    expect(requests).toEqual([-1]);
  });

  it('requests to one who does not answer become rare', () => {
    const net = network();
    const a = join(net, 'a', 1);
    const b = join(net, 'b');
    net.run(4000);
    net.isCut = (from) => from === 'b';
    net.setOwn(a, contentOf(numbered(2)));
    net.faults = { ...CALM, loss: 0 };
    net.isCut = (from, to) => from === 'b' || (to === 'b' && net.now < 4100);
    const sent = sentDuring(net, () => net.run(60_000));
    const requests = sent.filter((one) => one.startsWith('b:request'));
    expect(requests.length).toBeGreaterThan(5);
    expect(requests.length).toBeLessThan(25);
    expect(requests.some((one) => one === 'b:request')).toBe(true);
    expect(known(b)).toEqual(['a:live:1']);
  });
});

describe('what cannot be told', () => {
  it('is said, and does not keep the rest from the others', () => {
    const net = network();
    const a = join(net, 'a', [serviceRecord('good'), serviceRecord('Bad_Name'), serviceRecord('worse', { ready: -1 })]);
    const b = join(net, 'b');
    net.run(300);
    expect([...b.exchange.views()[0]!.services.keys()]).toEqual(['team/good']);
    expect([...a.exchange.untold().keys()].sort()).toEqual(['s/team/Bad_Name', 's/team/worse']);
  });

  it('properties of a cluster that others would refuse are left out', () => {
    const net = network();
    const a = net.start('a');
    const b = join(net, 'b');
    const properties = { 'zone.example.com': 'z1', 'long.example.com': 'x'.repeat(5000), 'not a key': 'v' };
    net.setOwn(a, contentOf([], { info: { properties, version: '1' } }));
    net.run(300);
    expect(b.exchange.views()[0]!.info.properties).toEqual({ 'zone.example.com': 'z1' });
  });
});
