/** A Connector whose endpoints are given: each is dialled for itself, whatever becomes of the others. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONNECTOR_ENDPOINTS_MAX } from '../../config/api/connector.ts';
import type { Resource } from '../../config/api/index.ts';
import { withPort } from '../../lib/address.ts';
import { planOperations } from '../../site-controller/adaptor/router-diff.ts';
import { parseEndpoints } from '../../site-controller/reconcile/connector/endpoints.ts';
import { connectorEntities, planConnectors } from '../../site-controller/reconcile/connector/plan.ts';
import { connectorRecords } from '../../site-controller/reconcile/connector/records.ts';
import type { Observed, RouterEntity } from '../../site-controller/reconcile/observed.ts';
import { credential, observed, resource, routerState, SITE_UID, site } from '../support/observed.ts';
import { onKubernetes, pod } from '../support/observed-cluster.ts';

const connector = (endpoints: string, spec: object = {}): Resource =>
  resource('Connector', 'web', {
    routingKey: 'web',
    port: 80,
    host: 'web.shop.svc',
    settings: { 'skuprt.io/endpoints': endpoints },
    ...spec,
  });
const targets = (seen: Observed) => connectorEntities(seen).map(([, { name, host, port }]) => [name, host, port]);

function configured(seen: Observed): string {
  const { status, reason, message } = planConnectors(seen)[0]!.findings[0]!;
  return status === 'True' ? message : `${reason}: ${message}`;
}

describe.each([
  ['on Kubernetes', (resources: Resource[]) => onKubernetes(resources, { pods: [pod('a', '10.9.9.9')] })],
  ['on platform local', (resources: Resource[]) => observed(resources)],
])('a Connector with endpoints %s', (_place, seeing) => {
  it('has a tcpConnector for each of them, and none for its host', () => {
    const seen = seeing([site(), connector('10.0.0.1:8080,[fd00::1]:8080, 10.0.0.1:9090 ,10.0.0.1:8080')]);
    const around = { address: 'web', siteId: SITE_UID };
    expect(connectorEntities(seen)).toEqual([
      ['tcpConnector', { name: 'connector/web@10.0.0.1:8080', host: '10.0.0.1', port: 8080, ...around }],
      ['tcpConnector', { name: 'connector/web@[fd00::1]:8080', host: 'fd00::1', port: 8080, ...around }],
      ['tcpConnector', { name: 'connector/web@10.0.0.1:9090', host: '10.0.0.1', port: 9090, ...around }],
    ]);
    expect(configured(seen)).toBe('OK');
    expect(connectorRecords(seen)).toEqual([{ name: 'web', routingKey: 'web', host: '', port: 80 }]);
  });

  it('dials nothing while there are none, and says so', () => {
    const seen = seeing([site(), connector('')]);
    expect(connectorEntities(seen)).toEqual([]);
    expect(configured(seen)).toBe('No endpoint is ready');
    expect(connectorRecords(seen)).toEqual([]);
  });

  it('needs neither host nor pods: they come instead of a selector too', () => {
    const seen = seeing([site(), connector('10.0.0.1:80', { host: undefined, selector: 'app=web' })]);
    expect(targets(seen)).toEqual([['connector/web@10.0.0.1:80', '10.0.0.1', 80]]);
    expect(configured(seen)).toBe('OK');
  });
});

describe('endpoints', () => {
  it.each([
    ['10.0.0.1', 'endpoint 1, "10.0.0.1", is not host:port or [address]:port'],
    ['a:1,,b:2', 'endpoint 2, "", is not host:port'],
    ['a:1,', 'endpoint 2, "", is not host:port'],
    ['a:0', 'endpoint 1, "a:0", has no port from 1 to 65535'],
    ['a:1,b:65536', 'endpoint 2, "b:65536", has no port from 1 to 65535'],
    ['fd00::1:80', 'is not host:port'],
    ['[10.0.0.1]:80', 'has no IPv6 address in brackets'],
    ['[fd00::g]:80', 'has no IPv6 address in brackets'],
    ['a b:80', 'has no host name or address'],
    [':80', 'has no host name or address'],
    [`${'a'.repeat(254)}:80`, 'has no host name or address'],
    ['a:http', 'is not host:port'],
    [
      Array.from({ length: CONNECTOR_ENDPOINTS_MAX + 1 }, () => 'a:1').join(','),
      `has ${CONNECTOR_ENDPOINTS_MAX + 1} endpoints, at most ${CONNECTOR_ENDPOINTS_MAX} are possible`,
    ],
  ])('%.40s is refused by what is wrong, and where', (text, fault) => {
    const seen = onKubernetes([site(), connector(text)]);
    expect(configured(seen)).toContain('Error: settings.skuprt.io/endpoints: ');
    expect(configured(seen)).toContain(fault);
    expect(connectorEntities(seen)).toEqual([]);
  });

  it('are read as they were written, and never throw', () => {
    const hosts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    const lists = fc.array(fc.tuple(hosts, fc.integer({ min: 1, max: 65535 })), { maxLength: 20 });
    const options = { seed: 20261121, numRuns: 300 };
    fc.assert(
      fc.property(lists, (list) => {
        const texts = list.map(([host, port]) => withPort(host, port));
        const parsed = parseEndpoints(texts.join(','));
        const read = 'endpoints' in parsed ? parsed.endpoints.map(({ host, port }) => withPort(host, port)) : parsed;
        expect(read).toEqual([...new Set(texts)]);
      }),
      options,
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ':', '[', ']', ',', '8', '.', ' ', '\n') }), (text) => {
        const parsed = parseEndpoints(text);
        if ('fault' in parsed) expect(parsed.fault).toMatch(/^settings\.skuprt\.io\/endpoints: endpoint \d+, "/);
      }),
      options,
    );
  });

  it('come and go without touching the others', () => {
    const of = (endpoints: string) => connectorEntities(onKubernetes([site(), connector(endpoints)]));
    const wanted = (entities: readonly RouterEntity[]) =>
      entities.map(([, attributes]) => ({ type: 'tcpConnector' as const, name: String(attributes.name), attributes }));
    const shown = of('10.0.0.1:80,10.0.0.2:80,10.0.0.3:80').map(([, found]) => ({ ...found, identity: found.name }));
    const operations = planOperations(wanted(of('10.0.0.4:80,10.0.0.3:80,10.0.0.1:80')), { tcpConnector: shown });
    expect(operations).toMatchObject([
      { op: 'delete', name: 'connector/web@10.0.0.2:80' },
      { op: 'create', entity: { name: 'connector/web@10.0.0.4:80' } },
    ]);
  });

  it('that cannot be reached, none of them, keep the Connector from being configured', () => {
    const down = { operStatus: 'down', message: 'ECONNREFUSED', port: 80 };
    const up = { operStatus: 'up', message: '', port: 80 };
    const seeing = (second: typeof up) =>
      observed([site(), connector('10.0.0.1:81,10.0.0.2:81')], {
        router: routerState({
          tcpConnectors: new Map([
            ['connector/web@10.0.0.1:81', down],
            ['connector/web@10.0.0.2:81', second],
          ]),
        }),
      });
    expect(configured(seeing(down))).toBe('Error: workload at 10.0.0.1:81 cannot be reached: ECONNREFUSED');
    expect(configured(seeing(up))).toBe('OK');
  });

  it('are dialled by address: no certificate names them, unless somebody says that it does', () => {
    const verify = (spec: object) => {
      const seen = onKubernetes([site(), connector('10.0.0.1:81', { tlsCredentials: 'tls', ...spec })]);
      seen.credentials = new Map([['tls', credential('tls')]]);
      return connectorEntities(seen)[0]![1].verifyHostname;
    };
    expect(verify({})).toBe(false);
    expect(verify({ verifyHostname: true })).toBe(true);
  });
});
