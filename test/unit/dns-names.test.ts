/** The names of services: Multicluster DNS 1.0.0, and CoreDNS where it is silent. Reference 2.1 to 2.4. */
import { describe, expect, it } from 'vitest';
import { DnsWorld, NAME_SERVER, NOW, namespace, type Said, serviceImport, slice } from '../support/dns.ts';

const ZONES = ['clusterset.local', 'supercluster.local'];
const SERIAL = NOW / 1000;

function noName(zone: string): Partial<Said> {
  return { rcode: 'NXDOMAIN', answers: [], authorities: [`${zone} SOA ${SERIAL} 5`] };
}
function noData(zone: string): Partial<Said> {
  return { rcode: 'NOERROR', answers: [], authorities: [`${zone} SOA ${SERIAL} 5`] };
}

function world(): DnsWorld {
  return new DnsWorld().put(
    namespace('shop'),
    namespace('empty'),
    serviceImport('web', {
      ips: ['10.96.1.1', 'fd00::1'],
      ports: [
        { name: 'http', port: 80 },
        { name: 'dns', port: 53 },
        { name: 'dns-udp', protocol: 'UDP', port: 53 },
        { port: 99 },
      ],
    }),
    serviceImport('db', { type: 'Headless' }),
    slice('db', 'east', [{ address: '10.1.0.1', hostname: 'db-0' }, '10.1.0.2', { address: '10.1.0.3', ready: false }]),
    slice('db', 'west', [{ address: '10.2.0.1', hostname: 'db-0' }]),
    slice('db', 'west', [{ address: 'fd02::1', hostname: 'db-0' }], { family: 'IPv6' }),
    serviceImport('idle', { type: 'Headless' }),
    slice('idle', 'east', [{ address: '10.1.0.9', ready: false }]),
    serviceImport('pending', { ips: [] }),
  );
}

describe.each(ZONES)('in zone %s', (zone) => {
  it('an import with clusterset IPs has an A and an AAAA record', () => {
    const name = `web.shop.svc.${zone}`;
    expect(world().ask(name, 'A')).toMatchObject({ rcode: 'NOERROR', answers: [`${name} A 10.96.1.1`] });
    expect(world().ask(name, 'AAAA').answers).toEqual([`${name} AAAA fd00::1`]);
  });

  it('an import of one family has no data of the other', () => {
    const given = new DnsWorld().put(serviceImport('v4'));
    expect(given.ask(`v4.shop.svc.${zone}`, 'AAAA')).toMatchObject(noData(zone));
  });

  it('a named port has an SRV record with the service as its target, in the zone asked', () => {
    const name = `_http._tcp.web.shop.svc.${zone}`;
    const said = world().ask(name, 'SRV');
    expect(said.answers).toEqual([`${name} SRV 0 100 80 web.shop.svc.${zone}`]);
    expect(said.additionals).toEqual([`web.shop.svc.${zone} A 10.96.1.1`, `web.shop.svc.${zone} AAAA fd00::1`]);
  });

  it('the bare name has an SRV record for each target and port, sharing a weight of 100', () => {
    const name = `web.shop.svc.${zone}`;
    expect(world().ask(name, 'SRV').answers.sort()).toEqual(
      [53, 80, 99].map((port) => `${name} SRV 0 33 ${port} ${name}`).sort(),
    );
  });

  it('the name of a port has data of type SRV only', () => {
    expect(world().ask(`_http._tcp.web.shop.svc.${zone}`, 'A')).toMatchObject(noData(zone));
  });

  it('unknown ports and protocols do not exist', () => {
    for (const prefix of ['_smtp._tcp', '_http._udp', '_._tcp', '_http._http', 'http._tcp']) {
      expect(world().ask(`${prefix}.web.shop.svc.${zone}`, 'SRV'), prefix).toMatchObject(noName(zone));
    }
  });

  it('a protocol with named ports is an empty name, another does not exist', () => {
    expect(world().ask(`_tcp.web.shop.svc.${zone}`, 'SRV')).toMatchObject(noData(zone));
    expect(world().ask(`_sctp.web.shop.svc.${zone}`, 'SRV')).toMatchObject(noName(zone));
  });

  it('a headless import has the addresses of its ready endpoints, of all clusters', () => {
    const name = `db.shop.svc.${zone}`;
    expect(world().ask(name, 'A').answers.sort()).toEqual(
      ['10.1.0.1', '10.1.0.2', '10.2.0.1'].map((ip) => `${name} A ${ip}`),
    );
    expect(world().ask(name, 'AAAA').answers).toEqual([`${name} AAAA fd02::1`]);
  });

  it('a headless import without ready endpoints does not exist, nor do its ports', () => {
    expect(world().ask(`idle.shop.svc.${zone}`, 'A')).toMatchObject(noName(zone));
    expect(world().ask(`_http._tcp.idle.shop.svc.${zone}`, 'SRV')).toMatchObject(noName(zone));
  });

  it('an endpoint has a name with its cluster: of its host name, or its dashed address', () => {
    for (const [host, address] of [
      ['db-0.east', '10.1.0.1'],
      ['10-1-0-2.east', '10.1.0.2'],
      ['db-0.west', '10.2.0.1'],
    ]) {
      const name = `${host}.db.shop.svc.${zone}`;
      expect(world().ask(name, 'A').answers).toEqual([`${name} A ${address}`]);
    }
    expect(world().ask(`db-0.west.db.shop.svc.${zone}`, 'AAAA').answers).toEqual([
      `db-0.west.db.shop.svc.${zone} AAAA fd02::1`,
    ]);
    expect(world().ask(`db-0.east.db.shop.svc.${zone}`, 'AAAA')).toMatchObject(noData(zone));
  });

  it('unknown host names, those of other clusters and of endpoints that are not ready do not exist', () => {
    for (const host of ['db-1.east', '10-1-0-2.west', '10-1-0-3.east', 'db-0.north']) {
      expect(world().ask(`${host}.db.shop.svc.${zone}`, 'A'), host).toMatchObject(noName(zone));
    }
    expect(world().ask(`db-0.east.web.shop.svc.${zone}`, 'A')).toMatchObject(noName(zone));
  });

  it('the name of a cluster within a service is kept free', () => {
    for (const service of ['db', 'web']) {
      for (const type of ['A', 'AAAA', 'SRV', 'TXT', 'ANY']) {
        expect(world().ask(`east.${service}.shop.svc.${zone}`, type)).toMatchObject(noName(zone));
      }
    }
  });

  it('a headless port has an SRV record for each ready endpoint, with its own name as the target', () => {
    const name = `_http._tcp.db.shop.svc.${zone}`;
    const targets = ['db-0.east', '10-1-0-2.east', 'db-0.west'].map((host) => `${host}.db.shop.svc.${zone}`);
    const said = world().ask(name, 'SRV', { udpSize: 1232 });
    expect(said.answers.sort()).toEqual(targets.map((target) => `${name} SRV 0 33 80 ${target}`).sort());
    expect(said.additionals).toContain(`db-0.west.db.shop.svc.${zone} AAAA fd02::1`);
    expect(world().ask(`db.shop.svc.${zone}`, 'SRV', { udpSize: 1232 }).answers).toHaveLength(3);
  });

  it('the apex has SOA and NS, nothing else', () => {
    expect(world().ask(zone, 'SOA').answers).toEqual([`${zone} SOA ${SERIAL} 5`]);
    const said = world().ask(zone, 'NS');
    expect(said.answers).toEqual([`${zone} NS ns.dns.${zone}`]);
    expect(said.additionals).toEqual([`ns.dns.${zone} A ${NAME_SERVER}`]);
    expect(world().ask(`ns.dns.${zone}`, 'A').answers).toEqual([`ns.dns.${zone} A ${NAME_SERVER}`]);
    expect(world().ask(`ns.dns.${zone}`, 'AAAA')).toMatchObject(noData(zone));
    expect(world().ask(`dns.${zone}`, 'A')).toMatchObject(noData(zone));
    expect(world().ask(zone, 'A')).toMatchObject(noData(zone));
  });

  it('dns-version is that of the specification', () => {
    expect(world().ask(`dns-version.${zone}`, 'TXT').answers).toEqual([`dns-version.${zone} TXT 1.0.0`]);
    expect(world().ask(`dns-version.${zone}`, 'A')).toMatchObject(noData(zone));
  });

  it('names above services have no data, namespaces only when they exist', () => {
    expect(world().ask(`svc.${zone}`, 'A')).toMatchObject(noData(zone));
    expect(world().ask(`empty.svc.${zone}`, 'A')).toMatchObject(noData(zone));
    expect(world().ask(`nowhere.svc.${zone}`, 'A')).toMatchObject(noName(zone));
  });

  it('unknown services, namespaces and too many labels do not exist', () => {
    for (const name of [
      'web.empty.svc',
      'web.nowhere.svc',
      'nothing.shop.svc',
      'a.b.c.db-0.east.db.shop.svc',
      'x.db-0.east.db.shop.svc',
    ]) {
      expect(world().ask(`${name}.${zone}`, 'A'), name).toMatchObject(noName(zone));
    }
  });

  it('an import that has no IP yet has no data', () => {
    for (const type of ['A', 'AAAA', 'SRV', 'TXT', 'MX']) {
      expect(world().ask(`pending.shop.svc.${zone}`, type), type).toMatchObject(noData(zone));
    }
  });

  it('slices without an import say nothing', () => {
    const given = new DnsWorld().put(slice('lone', 'east', ['10.1.0.1']));
    expect(given.ask(`lone.shop.svc.${zone}`, 'A')).toMatchObject(noName(zone));
  });

  it('ANY has one record that says that there is no more to get', () => {
    const name = `web.shop.svc.${zone}`;
    expect(world().ask(name, 'ANY').answers).toEqual([`${name} HINFO {"cpu":"RFC8482","os":""}`]);
  });

  it('every record lives for 5 seconds', () => {
    for (const [name, type] of [
      [`web.shop.svc.${zone}`, 'A'],
      [`db.shop.svc.${zone}`, 'A'],
      [`_http._tcp.web.shop.svc.${zone}`, 'SRV'],
      [`dns-version.${zone}`, 'TXT'],
      [`nothing.${zone}`, 'A'],
    ]) {
      const { answers = [], authorities = [] } = world().ask(name!, type!).packet;
      const ttls = [...answers, ...authorities].map((record) => (record as { ttl?: number }).ttl);
      expect(ttls.length).toBeGreaterThan(0);
      expect(new Set(ttls), name).toEqual(new Set([5]));
    }
  });

  it('names are compared without case, and come back in the case of the query', () => {
    const name = `WeB.sHoP.SVC.${zone.toUpperCase()}`;
    expect(world().ask(name, 'A').answers).toEqual([`${name} A 10.96.1.1`]);
    expect(world().ask(name, 'A').packet.questions?.[0]?.name).toBe(name);
    expect(world().ask(`NoThing.${zone.toUpperCase()}`, 'A').authorities).toEqual([
      `${zone.toUpperCase()} SOA ${SERIAL} 5`,
    ]);
    expect(world().ask(`DB-0.EAST.db.shop.svc.${zone}`, 'A').answers).toEqual([
      `DB-0.EAST.db.shop.svc.${zone} A 10.1.0.1`,
    ]);
  });
});

describe('short names', () => {
  const zone = 'supercluster.local';

  it('of services, ports and endpoints are there in a zone that has them', () => {
    expect(world().ask(`web.shop.${zone}`, 'A').answers).toEqual([`web.shop.${zone} A 10.96.1.1`]);
    expect(world().ask(`_http._tcp.web.shop.${zone}`, 'SRV').answers).toEqual([
      `_http._tcp.web.shop.${zone} SRV 0 100 80 web.shop.${zone}`,
    ]);
    expect(world().ask(`db-0.east.db.shop.${zone}`, 'A').answers).toEqual([`db-0.east.db.shop.${zone} A 10.1.0.1`]);
    expect(world().ask(`east.db.shop.${zone}`, 'A')).toMatchObject(noName(zone));
    expect(world().ask(`shop.${zone}`, 'A')).toMatchObject(noData(zone));
    expect(world().ask(`nowhere.${zone}`, 'A')).toMatchObject(noName(zone));
  });

  it('are not there in the zone of the specification', () => {
    for (const name of ['web.shop', '_http._tcp.web.shop', 'db-0.east.db.shop', 'shop']) {
      expect(world().ask(`${name}.clusterset.local`, 'A'), name).toMatchObject(noName('clusterset.local'));
    }
  });

  it('a namespace called svc hides no standard name and is reached where there is none', () => {
    const given = world().put(namespace('svc'), serviceImport('web', { namespace: 'svc', ips: ['10.96.7.7'] }));
    given.put(serviceImport('shop', { namespace: 'svc', ips: ['10.96.8.8'] }));
    expect(given.ask(`web.shop.svc.${zone}`, 'A').answers).toEqual([`web.shop.svc.${zone} A 10.96.1.1`]);
    expect(given.ask(`web.svc.svc.${zone}`, 'A').answers).toEqual([`web.svc.svc.${zone} A 10.96.7.7`]);
    expect(given.ask(`web.svc.${zone}`, 'A').answers).toEqual([`web.svc.${zone} A 10.96.7.7`]);
    // A namespace with that name exists too, and has no data of its own.
    expect(given.ask(`shop.svc.${zone}`, 'A').answers).toEqual([`shop.svc.${zone} A 10.96.8.8`]);
    expect(given.ask(`empty.svc.${zone}`, 'A')).toMatchObject(noData(zone));
    expect(given.ask(`_http._tcp.web.svc.${zone}`, 'SRV').answers).toEqual([
      `_http._tcp.web.svc.${zone} SRV 0 100 80 web.svc.${zone}`,
    ]);
    expect(given.ask('web.svc.clusterset.local', 'A')).toMatchObject(noName('clusterset.local'));
  });

  it('a service called ns in a namespace called dns comes before our own name', () => {
    const given = world().put(serviceImport('ns', { namespace: 'dns', ips: ['10.96.9.9'] }));
    expect(given.ask(`ns.dns.${zone}`, 'A').answers).toEqual([`ns.dns.${zone} A 10.96.9.9`]);
  });
});

describe('on change', () => {
  const name = 'web.shop.svc.clusterset.local';

  it('a new import is there at once, also for who asked before', () => {
    const given = new DnsWorld();
    expect(given.ask(name, 'A').rcode).toBe('NXDOMAIN');
    given.now += 7000;
    given.put(serviceImport('web'));
    expect(given.ask(name, 'A').answers).toEqual([`${name} A 10.96.1.1`]);
    expect(given.ask('clusterset.local', 'SOA').answers).toEqual([`clusterset.local SOA ${SERIAL + 7} 5`]);
  });

  it('an import that goes takes its name with it, and its namespace when nothing else says that it exists', () => {
    const given = new DnsWorld().put(serviceImport('web'));
    expect(given.ask('shop.svc.clusterset.local', 'A').rcode).toBe('NOERROR');
    expect(given.ask(name, 'A').rcode).toBe('NOERROR');
    given.data.setImport('shop', 'web', undefined, NOW);
    expect(given.ask(name, 'A').rcode).toBe('NXDOMAIN');
    expect(given.ask('shop.svc.clusterset.local', 'A').rcode).toBe('NXDOMAIN');
    expect(given.data.size).toBe(0);
    given.put(serviceImport('web', { ips: ['10.96.1.2'] }));
    expect(given.ask(name, 'A').answers).toEqual([`${name} A 10.96.1.2`]);
  });

  it('a cluster that is lost takes its endpoints with it, the others stay', () => {
    const given = world();
    const headless = 'db.shop.svc.clusterset.local';
    expect(given.ask(headless, 'A').answers).toHaveLength(3);
    given.data.setSlice(slice('db', 'east', []), undefined, NOW);
    expect(given.ask(headless, 'A').answers).toEqual([`${headless} A 10.2.0.1`]);
    expect(given.ask(`db-0.east.${headless}`, 'A').rcode).toBe('NXDOMAIN');
    expect(given.ask(`db-0.west.${headless}`, 'A').rcode).toBe('NOERROR');
  });

  it('endpoints that become ready or not come and go', () => {
    const given = new DnsWorld().put(serviceImport('db', { type: 'Headless' }));
    const states = [false, true, false].map((ready) => slice('db', 'east', [{ address: '10.1.0.1', ready }]));
    const rcodes = states.map((state, index) => {
      given.data.setSlice(states[index - 1], state, NOW);
      return given.ask('db.shop.svc.clusterset.local', 'A').rcode;
    });
    expect(rcodes).toEqual(['NXDOMAIN', 'NOERROR', 'NXDOMAIN']);
  });

  it('a change of one service leaves what is known of the others', () => {
    const given = world();
    const before = given.data.find('shop', 'web')!.revision.count;
    given.put(serviceImport('other'), slice('db', 'north', ['10.3.0.1']));
    expect(given.data.find('shop', 'web')!.revision.count).toBe(before);
  });

  it('endpoints of a clusterset IP change no answer and no serial', () => {
    const given = world();
    given.now += 60_000;
    given.put(slice('web', 'east', ['10.1.0.77']));
    expect(given.ask('clusterset.local', 'SOA').answers).toEqual([`clusterset.local SOA ${SERIAL} 5`]);
  });

  it('a namespace that comes or goes is an empty name or none', () => {
    const given = new DnsWorld().put(namespace('new'));
    expect(given.ask('new.svc.clusterset.local', 'A').rcode).toBe('NOERROR');
    given.data.setNamespace('new', false, NOW);
    expect(given.ask('new.svc.clusterset.local', 'A').rcode).toBe('NXDOMAIN');
  });
});

describe('what makes no sense', () => {
  it('is left out: addresses, ports, clusters', () => {
    const given = new DnsWorld().put(
      serviceImport('odd', {
        ips: ['10.0.0.1', 'none', ''],
        ports: [
          { name: 'a', port: 0 },
          { name: 'b', port: 80 },
        ],
      }),
      serviceImport('db', { type: 'Headless' }),
      slice('db', 'not.one.label', ['10.1.0.1']),
      slice('db', 'east', ['fd00::1', 'x', '10.1.0.2']),
      slice('db', 'west', [{ address: '10.2.0.2', hostname: 'a.b' }]),
    );
    expect(given.ask('odd.shop.svc.clusterset.local', 'A').answers).toEqual([
      'odd.shop.svc.clusterset.local A 10.0.0.1',
    ]);
    expect(given.ask('odd.shop.svc.clusterset.local', 'SRV').answers).toHaveLength(1);
    expect(given.ask('db.shop.svc.clusterset.local', 'A').answers).toEqual(['db.shop.svc.clusterset.local A 10.1.0.2']);
  });

  it('names that are too long for DNS are in no answer', () => {
    const long = (letter: string) => letter.repeat(63);
    const given = new DnsWorld().put(
      serviceImport(long('s'), { type: 'Headless', namespace: long('n') }),
      slice(
        long('s'),
        long('c'),
        [
          { address: '10.1.0.1', hostname: long('h') },
          { address: '10.1.0.2', hostname: 'h' },
        ],
        {
          namespace: long('n'),
        },
      ),
    );
    const said = given.ask(`${long('s')}.${long('n')}.svc.clusterset.local`, 'SRV', { transport: 'tcp' });
    expect(said.answers).toHaveLength(1);
    expect(said.answers[0]).toContain(` h.${long('c')}.`);
  });

  it('an IPv6 address becomes a label that begins and ends with no hyphen', () => {
    const given = new DnsWorld().put(
      serviceImport('db', { type: 'Headless' }),
      slice('db', 'east', ['fd00::', 'fd00::1', '::1', '::'], { family: 'IPv6' }),
    );
    for (const [host, address] of [
      ['fd00--0', 'fd00::'],
      ['fd00--1', 'fd00::1'],
      ['0--1', '::1'],
      ['0--0', '::'],
    ]) {
      const name = `${host}.east.db.shop.svc.clusterset.local`;
      expect(given.ask(name, 'AAAA').answers).toEqual([`${name} AAAA ${address}`]);
    }
  });
});
