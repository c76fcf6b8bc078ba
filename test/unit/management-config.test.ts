import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ConfigError, type ConfigFault, entitiesOf, parseConfig } from '../../router/management/config.ts';

const INTERIOR = ['router', { id: 'A', mode: 'interior' }];
const json = (...sections: unknown[]) => JSON.stringify(sections);

function faultsOf(text: string): readonly ConfigFault[] {
  try {
    parseConfig(text, 'test');
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

const pathsOf = (text: string) => faultsOf(text).map(({ path }) => path);

describe('a configuration file', () => {
  it('gives a standalone router with all defaults when it is empty', () => {
    const { router, warnings } = parseConfig('', 'test');
    expect(router).toMatchObject({ id: 'Standalone', mode: 'standalone', helloMaxAgeSeconds: 3 });
    expect(warnings).toEqual([]);
  });

  it('takes numbers, booleans and words as strings, as Skupper writes them', () => {
    const config = parseConfig(
      json(INTERIOR, [
        'listener',
        { name: 'l', port: '55671', maxFrameSize: '16384', authenticatePeer: 'no', http: 'YES' },
      ]),
      'test',
    );
    const listener = entitiesOf(config, 'listener').get('l');
    expect(listener).toMatchObject({ port: 55671, maxFrameSize: 16384, authenticatePeer: false, http: true, cost: 1 });
  });

  it('names nameless entities by what makes them unique', () => {
    const config = parseConfig(
      json(['listener', {}], ['address', { prefix: 'mc', distribution: 'multicast' }]),
      'test',
    );
    expect([...entitiesOf(config, 'listener').keys()]).toEqual(['listener/:amqp']);
    expect([...entitiesOf(config, 'address').keys()]).toEqual(['address/mc']);
  });

  it('reads the sample pair without a warning', async () => {
    for (const [file, id] of [
      ['c0.json', 'c0'],
      ['c1.json', 'c1'],
    ] as const) {
      const config = parseConfig(await readFile(`config/samples/${file}`, 'utf8'), file);
      expect(config.router.id).toBe(id);
      expect(config.warnings).toEqual([]);
    }
  });

  it('cannot be changed once parsed', () => {
    const { router } = parseConfig('', 'test');
    expect(() => Object.assign(router, { id: 'B' })).toThrow(TypeError);
  });
});

describe('the text form', () => {
  const conf = `
# a comment
router {
    mode: interior
    id: QDR.A          # cut
}
ssl-profile {
    name: p
    ca-cert-file: /etc/ca.crt
}
listener {
    port: amqps
    sslProfile: p
    requireSsl: yes
    openProperties: {
        # a comment in JSON
        "owner": "me # not a comment",
        "deep": {"a": [1, 2]}
    }
}
address {
    pattern: */orders/#
    distribution: closest
}
`;

  it('is the same configuration as its JSON', () => {
    const same = json(
      ['router', { mode: 'interior', id: 'QDR.A' }],
      ['sslProfile', { name: 'p', caCertFile: '/etc/ca.crt' }],
      [
        'listener',
        {
          port: 'amqps',
          sslProfile: 'p',
          requireSsl: true,
          openProperties: { owner: 'me # not a comment', deep: { a: [1, 2] } },
        },
      ],
      ['address', { pattern: '*/orders/#', distribution: 'closest' }],
    );
    expect(parseConfig(conf, 'test').entities).toEqual(parseConfig(same, 'test').entities);
  });

  it('names the line of a mistake', () => {
    const faults = faultsOf('router {\n  mode: interior\n  id: A\n}\n\nlistener {\n  port: 5672\n  cost: none\n}\n');
    expect(faults).toEqual([{ path: '[1].listener.cost', message: "expected an integer, got 'none'", line: 8 }]);
  });

  it('refuses an opening brace that is not the last thing on its line', () => {
    expect(faultsOf('listener { host: x }')[0]).toMatchObject({ path: '[0]', line: 1 });
  });

  it('says which section is not closed', () => {
    expect(faultsOf('router {\n mode: interior\n id: x\n')).toMatchObject([{ path: '[0].router', line: 1 }]);
  });

  it('refuses a map where the attribute is not one', () => {
    expect(faultsOf('listener {\n host: {\n "a": 1\n }\n}\n')).toMatchObject([{ path: '[0].listener.host', line: 2 }]);
  });
});

describe('mistakes', () => {
  it('are listed all at once, in the order of the file', () => {
    const text = json(
      INTERIOR,
      ['listner', {}],
      ['listener', { port: 70000, prot: 1, cost: 0, host: 'a b' }],
      ['sslProfile', { name: 'p', ordinal: -1 }],
      ['tcpConnector', { port: 80, address: 'x', sslProfile: 'p' }],
      ['tcpConnector', { name: 'y', address: 'x' }],
    );
    expect(pathsOf(text)).toEqual([
      '[1].listner',
      '[2].listener.port',
      '[2].listener.prot',
      '[2].listener.cost',
      '[2].listener.host',
      '[3].sslProfile.ordinal',
      '[5].tcpConnector.port',
    ]);
  });

  it('offer the near match', () => {
    const [entity, attribute, value] = faultsOf(json(['listner', {}], ['listener', { prot: 1, role: 'egde' }]));
    expect(entity?.message).toContain("did you mean 'listener'?");
    expect(attribute?.message).toContain("did you mean 'port'?");
    expect(value?.message).toContain("did you mean 'edge'?");
  });

  it.each([
    ['two routers', [INTERIOR, INTERIOR], '[1].router'],
    ['an id with white space', [['router', { id: 'a b' }]], '[0].router.id'],
    ['an interior router without an id', [['router', { mode: 'interior' }]], '[0].router.id'],
    ['an inter-router listener on a standalone router', [['listener', { role: 'inter-router' }]], '[0].listener.role'],
    [
      'an edge listener on an edge router',
      [
        ['router', { id: 'e', mode: 'edge' }],
        ['listener', { role: 'edge' }],
      ],
      '[1].listener.role',
    ],
    [
      'a name used twice',
      [
        ['sslProfile', { name: 'p' }],
        ['sslProfile', { name: 'p' }],
      ],
      '[1].sslProfile.name',
    ],
    [
      'a log module used twice',
      [
        ['log', { module: 'HTTP' }],
        ['log', { module: 'HTTP', name: 'h' }],
      ],
      '[1].log.name',
    ],
    ['an sslProfile that is not there', [['connector', { sslProfile: 'p' }]], '[0].connector.sslProfile'],
    [
      'a listenerAddress without its listener',
      [['listenerAddress', { address: 'a', value: 1, listener: 'l' }]],
      '[0].listenerAddress.listener',
    ],
    ['a tcpListener without an address', [['tcpListener', { port: 1 }]], '[0].tcpListener.address'],
    [
      'a session affinity that is none',
      [['tcpListener', { port: 1, address: 'a', sessionAffinity: 'ClientIP' }]],
      '[0].tcpListener.sessionAffinity',
    ],
    [
      'a listenerAddress of weight 0',
      [
        ['tcpListener', { name: 'l', port: 1, multiAddressStrategy: 'priority' }],
        ['listenerAddress', { address: 'a', value: 1, weight: 0, listener: 'l' }],
      ],
      '[1].listenerAddress.weight',
    ],
    [
      'a tcpListener with two kinds of address',
      [['tcpListener', { port: 1, address: 'a', multiAddressStrategy: 'priority' }]],
      '[0].tcpListener.address',
    ],
    ['an address with prefix and pattern', [['address', { prefix: 'a', pattern: 'b' }]], '[0].address.prefix'],
    ['a reserved open property', [['listener', { openProperties: { 'qd.x': 1 } }]], '[0].listener.openProperties.qd.x'],
    [
      'open properties between routers',
      [INTERIOR, ['listener', { role: 'inter-router', openProperties: { a: 1 } }]],
      '[1].listener.openProperties',
    ],
    ['HTTP between routers', [INTERIOR, ['listener', { role: 'inter-router', http: true }]], '[1].listener.http'],
    [
      'encryption required without a profile',
      [['listener', { requireEncryption: true }]],
      '[0].listener.requireEncryption',
    ],
    ['a session of one frame', [['connector', { maxSessionFrames: 1 }]], '[0].connector.maxSessionFrames'],
    ['TLS required without a profile', [['listener', { requireSsl: true }]], '[0].listener.requireSsl'],
    ['a policy that would not be enforced', [['policy', { enableVhostPolicy: true }]], '[0].policy.enableVhostPolicy'],
    ['an unknown log level', [['log', { module: 'HTTP', enable: 'loud' }]], '[0].log.enable'],
    ['a section that is no pair', [['listener']], '[0]'],
    [
      'a map that is too deep',
      [['listener', { openProperties: JSON.parse(`${'{"a":'.repeat(20)}1${'}'.repeat(20)}`) }]],
      '[0].listener.openProperties',
    ],
  ])('%s', (_, sections, path) => {
    expect(pathsOf(JSON.stringify(sections))).toEqual([path]);
  });

  it('in JSON itself are told with the position', () => {
    expect(faultsOf('[["router", {]]')).toMatchObject([
      { path: '$', message: expect.stringContaining('not valid JSON') },
    ]);
  });

  it('make one message that lists each', () => {
    expect(() => parseConfig(json(['x', {}], ['y', {}]), 'skrouterd.json')).toThrow(
      /^skrouterd\.json has 2 mistakes:\n {2}\[0\]\.x: unknown entity.*\n {2}\[1\]\.y: unknown entity/,
    );
  });
});

describe('what a control plane on Kubernetes sets', () => {
  it('has an effect, all of it', () => {
    const link = { idleTimeoutSeconds: 120, maxFrameSize: 16384, maxSessionFrames: 640, socketAddressFamily: 'IPv4' };
    const { warnings } = parseConfig(
      json(
        ['router', { id: 'a', mode: 'edge', metadata: '{}', helloMaxAgeSeconds: 3, dataConnectionCount: '2' }],
        ['sslProfile', { name: 'tls', ordinal: 3, oldestValidOrdinal: 2 }],
        ['proxyProfile', { name: 'proxy', host: 'proxy', port: 3128, username: 'u', password: 'file:/p' }],
        ['listener', { name: 'amqp', ...link }],
        ['connector', { name: 'link', role: 'edge', sslProfile: 'tls', proxyProfile: 'proxy', ...link }],
        ['tcpConnector', { name: 'c', host: 'h', port: 1, address: 'a', processId: 'p', siteId: 's' }],
        ['site', { name: 'site', platform: 'kubernetes', namespace: 'n', version: 'v' }],
        ['log', { module: 'ROUTER_CORE', enable: 'error+' }],
      ),
      'test',
    );
    expect(warnings).toEqual([]);
  });
});

describe('what has no effect', () => {
  it.each([
    [
      'an attribute that is not supported',
      ['listener', { websockets: true, policyVhost: 'v' }],
      '[1].listener.policyVhost',
    ],
    ['a role that is not dialled', ['connector', { role: 'inter-network' }], '[1].connector.role'],
    [
      'a mechanism that is not offered',
      ['listener', { saslMechanisms: 'SCRAM-SHA-256 EXTERNAL' }],
      '[1].listener.saslMechanisms',
    ],
    ['an entity that is not supported', ['autoLink', { direction: 'in', address: 'a' }], '[1].autoLink'],
    [
      'a value that only the router sets',
      ['tcpListener', { port: 1, address: 'a', operStatus: 'up' }],
      '[1].tcpListener.operStatus',
    ],
  ])('is warned about: %s', (_, section, path) => {
    const { warnings } = parseConfig(json(INTERIOR, section), 'test');
    expect(warnings.map((warning) => warning.path)).toEqual([path]);
    expect(warnings[0]?.message).toContain('no effect');
  });

  it('does not show a password in its warning', () => {
    const { warnings } = parseConfig('connector {\n saslPassword: hunter2\n saslPassword: hunter22\n}\n', 'test');
    expect(warnings.length).toBeGreaterThan(0);
    expect(JSON.stringify(warnings)).not.toContain('hunter2');
  });
});
