/** What the command line prints is a contract: scripts read `-o json`, people know the tables. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { linkTable } from '../../cli/commands/link/status.ts';
import { siteText } from '../../cli/commands/site/status.ts';
import { type Context, print, say } from '../../cli/context.ts';
import { networkPicture, networkTree, servicesOf, serviceTable } from '../../cli/output/network.ts';
import { type NetworkStatus, viewOf } from '../../cli/output/network-status.ts';
import { formatList, formatManifest, formatObject, formatResource } from '../../cli/output/resources.ts';
import { table } from '../../cli/output/table.ts';
import type { ResourceOf } from '../../config/api/index.ts';
import { runHere, surroundings } from '../support/cli.ts';

const TIME = '2026-01-02T03:04:05Z';
const condition = (type: string, status: 'True' | 'False', reason: string, message: string) => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: TIME,
  observedGeneration: 1,
});

const site: ResourceOf<'Site'> = {
  apiVersion: 'skupper.io/v2alpha1',
  kind: 'Site',
  metadata: { name: 'west', uid: 'w-1', generation: 1 },
  spec: { linkAccess: 'default' },
  status: {
    status: 'Ready',
    message: 'OK',
    conditions: [condition('Ready', 'True', 'Ready', 'OK')],
    sitesInNetwork: 2,
    endpoints: [{ name: 'inter-router', host: '127.0.0.1', port: '55672' }],
  },
};

const link: ResourceOf<'Link'> = {
  apiVersion: 'skupper.io/v2alpha1',
  kind: 'Link',
  metadata: { name: 'east', generation: 1 },
  spec: { endpoints: [{ name: 'inter-router', host: '127.0.0.1', port: '55671' }], tlsCredentials: 'east', cost: 3 },
  status: { status: 'Error', message: 'Not operational', remoteSiteName: 'east' },
};

function siteStatus(
  name: string,
  own: Partial<NetworkStatus['siteStatus'][0]['routerStatus'][0]>,
): NetworkStatus['siteStatus'][0] {
  return {
    site: { identity: `${name[0]}-1`, name, namespace: name, platform: 'local', siteVersion: '0.1.0', services: [] },
    routerStatus: [{ router: { name: `${name}-r` }, links: [], listeners: [], connectors: [], ...own }],
  };
}

const linkStatus = (direction: 'outgoing' | 'incoming', remote: string, status: 'up' | 'down', message = 'OK') => ({
  name: 'east',
  linkCost: 1,
  status,
  role: 'inter-router',
  peer: `${remote}-r`,
  direction,
  remoteSiteId: `${remote[0]}-1`,
  remoteSiteName: remote,
  message,
});

const pair: NetworkStatus = {
  siteStatus: [
    siteStatus('west', {
      links: [linkStatus('outgoing', 'east', 'up')],
      listeners: [{ name: 'backend', destHost: '0.0.0.0', destPort: '8080', address: 'backend' }],
    }),
    siteStatus('east', {
      links: [linkStatus('incoming', 'west', 'up')],
      connectors: [{ name: 'backend', destHost: '127.0.0.1', destPort: '9000', address: 'backend' }],
    }),
  ],
};

describe('-o json|yaml|name', () => {
  it('writes what stands there twice twice, which every reader of YAML understands', () => {
    const none = [1];
    expect(formatObject({ a: none, b: none }, 'yaml')).toBe('a:\n  - 1\nb:\n  - 1\n');
  });

  it('prints one object as it is', () => {
    expect(JSON.parse(formatResource(site, 'json'))).toEqual(site);
    expect(formatResource(link, 'yaml')).toMatchInlineSnapshot(`
      "apiVersion: skupper.io/v2alpha1
      kind: Link
      metadata:
        name: east
        generation: 1
      spec:
        endpoints:
          - name: inter-router
            host: 127.0.0.1
            port: "55671"
        tlsCredentials: east
        cost: 3
      status:
        status: Error
        message: Not operational
        remoteSiteName: east
      "
    `);
  });

  it('prints several objects as one List', () => {
    expect(formatList([link, site], 'json')).toMatchInlineSnapshot(`
      "{
        "apiVersion": "v1",
        "kind": "List",
        "items": [
          {
            "apiVersion": "skupper.io/v2alpha1",
            "kind": "Link",
            "metadata": {
              "name": "east",
              "generation": 1
            },
            "spec": {
              "endpoints": [
                {
                  "name": "inter-router",
                  "host": "127.0.0.1",
                  "port": "55671"
                }
              ],
              "tlsCredentials": "east",
              "cost": 3
            },
            "status": {
              "status": "Error",
              "message": "Not operational",
              "remoteSiteName": "east"
            }
          },
          {
            "apiVersion": "skupper.io/v2alpha1",
            "kind": "Site",
            "metadata": {
              "name": "west",
              "uid": "w-1",
              "generation": 1
            },
            "spec": {
              "linkAccess": "default"
            },
            "status": {
              "status": "Ready",
              "message": "OK",
              "conditions": [
                {
                  "type": "Ready",
                  "status": "True",
                  "reason": "Ready",
                  "message": "OK",
                  "lastTransitionTime": "2026-01-02T03:04:05Z",
                  "observedGeneration": 1
                }
              ],
              "sitesInNetwork": 2,
              "endpoints": [
                {
                  "name": "inter-router",
                  "host": "127.0.0.1",
                  "port": "55672"
                }
              ]
            }
          }
        ]
      }
      "
    `);
  });

  it('prints an empty List where there is nothing', () => {
    expect(JSON.parse(formatList([], 'json'))).toEqual({ apiVersion: 'v1', kind: 'List', items: [] });
  });

  it('prints names as kind/name', () => {
    expect(formatList([link, site], 'name')).toBe('link/east\nsite/west\n');
  });

  it('prints generated resources as YAML documents', () => {
    expect(formatManifest([link, site], 'yaml').match(/^---$/gm)).toHaveLength(2);
    expect(formatManifest([link], 'yaml')).not.toContain('---');
  });
});

describe('tables', () => {
  it('aligns columns and leaves no blanks at the ends of lines', () => {
    expect(
      table(
        ['NAME', 'PORT', 'MESSAGE'],
        [
          ['a', 1, ''],
          ['long-name', 65535, undefined],
        ],
      ),
    ).toBe('NAME        PORT    MESSAGE\na           1\nlong-name   65535\n');
  });

  it('shows a stopped site as stopped, whatever its last status said', () => {
    expect(siteText(site, true, false)).toMatchInlineSnapshot(`
      "NAME   STATUS   SITES   MESSAGE
      west   Ready    2       OK
      "
    `);
    expect(siteText(site, false, false)).toContain('Stopped');
    expect(siteText(site, true, true)).toMatchInlineSnapshot(`
      "Name:             west
      Status:           Ready
      Message:          OK
      Id:               w-1
      Sites in network: 2
      Link access:      default
      Endpoints:        127.0.0.1:55672 (inter-router)
      "
    `);
  });

  it('shows which routers are drained, so that nobody wonders why nothing comes', () => {
    const drained = (value: string, more: object = {}) =>
      siteText({ ...site, spec: { ...site.spec, ...more, settings: { 'skuprt.io/drain': value } } }, true, false);
    expect(drained('all')).toContain('OK; drained, until undrain');
    expect(drained('skupper-router-2', { ha: true })).toContain('OK; skupper-router-2 drained, until undrain');
    expect(drained('skupper-router-2')).not.toContain('drained');
  });

  it('does not show the status of an earlier generation as that of this one', () => {
    expect(siteText({ ...site, metadata: { ...site.metadata, generation: 2 } }, true, false)).toContain('Pending');
  });

  it('shows links with cost, state and the reason', () => {
    expect(linkTable([link], true)).toMatchInlineSnapshot(`
      "NAME   STATUS   COST   REMOTE-SITE   MESSAGE           ENDPOINTS
      east   Error    3      east          Not operational   127.0.0.1:55671 (inter-router)
      "
    `);
  });
});

describe('what other sites say', () => {
  const evil = 'ea\x1b]0;owned\x07st\n└─ fake\x9b2J\u202e';
  const told = viewOf({ siteStatus: [siteStatus(evil, { links: [linkStatus('outgoing', evil, 'down', evil)] })] }, '');
  const two = [siteStatus(evil, { links: [linkStatus('outgoing', 'east', 'up', '')] }), siteStatus('east', {})];

  it.each([
    ['tables', table(['NAME'], [[evil]]), 2],
    ['links', linkTable([{ ...link, status: { remoteSiteName: evil, message: evil } }], false), 2],
    ['trees', networkTree(told), 5],
    ['pictures', networkPicture(told), 1],
    ['pictures of a pair', networkPicture(viewOf({ siteStatus: two }, '')), 3],
  ])('adds no lines to %s, and nothing that a terminal acts on', (_what, text, lineCount) => {
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Bidi_Control}]/u);
    expect(text.split('\n')).toHaveLength(lineCount + 1);
  });

  it('is not acted on by a terminal in sentences and errors either', async () => {
    const { err } = await runHere([`x\x1b[2Jy`]);
    expect(err).toMatch(/^Error: unknown command 'x \[2Jy'\n/);
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    say(surroundings({ stdout, stderr }) as Context, 'a\x1b[31mb');
    print(surroundings({ stdout, stderr }) as Context, 'a\x9bc\n\td');
    expect([String(stderr.read()), String(stdout.read())]).toEqual(['a [31mb\n', 'a c\n\td\n']);
  });
});

describe('the network', () => {
  const view = viewOf(pair, 'w-1');

  it('is drawn as two boxes and an arrow from the site that dials', () => {
    expect(networkPicture(view)).toMatchInlineSnapshot(`
      "┌─────────────────────────────────┐               ┌─────────────────────────────────┐
      │ site west                       │ ── cost 1 ──▶ │ site east                       │
      │ client → 127.0.0.1:8080 backend │               │ backend → server 127.0.0.1:9000 │
      └─────────────────────────────────┘               └─────────────────────────────────┘
      "
    `);
  });

  it('is drawn as an arrow alone where the boxes are wider than the screen', () => {
    expect(networkPicture(view, 85)).toContain('┌');
    expect(networkPicture(view, 84)).toBe('west ── cost 1 ──▶ east\n');
  });

  it('is told as a tree of sites with links and of services with their ends', () => {
    expect(networkTree(view)).toMatchInlineSnapshot(`
      "Sites
      ├─ east  namespace east, local, version 0.1.0
      │  └─ link from west  cost 1, up
      └─ west (this site)  namespace west, local, version 0.1.0
         └─ link to east  east, cost 1, up
      Services
      └─ backend
         ├─ listener  0.0.0.0:8080  at west
         └─ connector  127.0.0.1:9000  at east
      "
    `);
  });

  it('gives for each service where clients of this site connect, which is nowhere elsewhere', () => {
    expect(serviceTable(servicesOf(view), true)).toMatchInlineSnapshot(`
      "ADDRESS   CONNECT-HERE     CONNECTORS              SITES        LISTENERS
      backend   127.0.0.1:8080   127.0.0.1:9000 (east)   west, east   0.0.0.0:8080 (west)
      "
    `);
    expect(servicesOf(viewOf(pair, 'e-1'))[0]!.here).toEqual([]);
  });

  it('names pods where a connector picks them, and writes IPv6 addresses so that they can be used', () => {
    const sites = view.sites.map((site) => ({
      ...site,
      listeners: site.listeners.map((listener) => ({ ...listener, host: 'fd00::1' })),
      connectors: site.connectors.map((connector) => ({ ...connector, host: '' })),
    }));
    expect(serviceTable(servicesOf({ ...view, sites }), false)).toMatch(/\[fd00::1\]:8080 +pods:9000 \(east\)/);
  });

  it('is drawn as one arrow per link when there are more than two sites, and says which is down', () => {
    const third = siteStatus('north', { links: [linkStatus('outgoing', 'east', 'down', 'certificate expired')] });
    const larger = viewOf({ siteStatus: [...pair.siteStatus, third] }, 'w-1');
    expect(networkPicture(larger)).toMatchInlineSnapshot(`
      "north ╌╌ cost 1, down ╌╌▶ east
      west ── cost 1 ──▶ east
      "
    `);
    expect(networkTree(larger)).toContain('down: certificate expired');
  });

  it('is told when there is nothing but this site', () => {
    const alone = viewOf({ siteStatus: [siteStatus('west', {})] }, 'w-1');
    expect(networkPicture(alone)).toBe('');
    expect(networkTree(alone)).toMatchInlineSnapshot(`
      "Sites
      └─ west (this site)  namespace west, local, version 0.1.0
      Services
      └─ none
      "
    `);
  });
});
