import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { expandVariables, StartConfigError, startText } from '../../router/io/start-config.ts';
import { entitiesOf, parseConfig, type RouterConfig } from '../../router/management/config.ts';

const directory = mkdtempSync(join(tmpdir(), 'skuprt-start-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function started(env: Record<string, string>): RouterConfig {
  const { text, source, form } = startText(env);
  return parseConfig(text, source, form);
}

const SKUPPER = `[["router",{"id":"shop-\${HOSTNAME}","mode":"interior"}],["listener",{"port":55671,"role":"inter-router"}]]`;

describe('the configuration of a container', () => {
  it("is the file that Skupper's pods name, with the pod's name in it", () => {
    const path = file('skrouterd.json', SKUPPER);
    const config = started({ QDROUTERD_CONF: path, QDROUTERD_CONF_TYPE: 'json', HOSTNAME: 'skupper-router-5d9-x7' });
    expect(config.router.id).toBe('shop-skupper-router-5d9-x7');
  });

  it('is the text itself when it holds braces', () => {
    const text = 'router {\n mode: interior\n id: $HOSTNAME-$POD_ID\n}';
    expect(started({ QDROUTERD_CONF: text, HOSTNAME: 'set-3' }).router.id).toBe('set-3-3');
  });

  it('is several files and folders, one behind the other', () => {
    const folder = join(directory, 'more');
    mkdirSync(folder);
    writeFileSync(join(folder, 'b.conf'), 'address {\n prefix: b\n}\n');
    writeFileSync(join(folder, 'a.conf'), 'address {\n prefix: a\n}\n');
    writeFileSync(join(folder, 'c.json'), 'never read');
    const first = file('first.conf', 'router {\n id: A\n}\n');
    const config = started({ QDROUTERD_CONF: `${first},${folder}` });
    expect([...entitiesOf(config, 'address').values()].map(({ prefix }) => prefix)).toEqual(['a', 'b']);
    expect(started({ QDROUTERD_CONF: `${first}:${folder}` }).entities).toEqual(config.entities);
  });

  it('is one file, or one folder, by a name that holds what sets off several', () => {
    const folder = join(directory, 'a, b:c');
    mkdirSync(folder);
    const path = join(folder, 'west, east.conf');
    writeFileSync(path, 'router {\n id: A\n}\n');
    expect(started({ QDROUTERD_CONF: path }).router.id).toBe('A');
    expect(started({ QDROUTERD_CONF: folder }).router.id).toBe('A');
  });

  it('must be there, and of a known form', () => {
    expect(() => startText({ QDROUTERD_CONF: join(directory, 'none.conf') })).toThrow(StartConfigError);
    expect(() => startText({ QDROUTERD_CONF: file('x.yaml', ''), QDROUTERD_CONF_TYPE: 'yaml' })).toThrow(
      /json or conf|yaml/,
    );
    expect(() => startText({})).toThrow(/there is no configuration/);
  });

  it('is refused when it asks for what is not done', () => {
    const env = { QDROUTERD_CONF: file('y.conf', 'router {\n id: A\n}\n') };
    expect(() => startText({ ...env, QDROUTERD_AUTO_CREATE_SASLDB_SOURCE: '/x' })).toThrow(StartConfigError);
    expect(() => startText({ ...env, QDROUTERD_AUTO_MESH_DISCOVERY: 'QUERY' })).toThrow(/only INFER/);
  });
});

describe('the mesh of a stateful set', () => {
  const env = {
    HOSTNAME: 'router-2',
    POD_NAMESPACE: 'shop',
    APPLICATION_NAME: 'mesh',
    QDROUTERD_AUTO_MESH_DISCOVERY: 'INFER',
  };
  const hosts = ['router-0.mesh-headless.shop.svc.cluster.local', 'router-1.mesh-headless.shop.svc.cluster.local'];
  const listener = 'listener {\n role: inter-router\n port: 55671\n sslProfile: p\n}\nsslProfile {\n name: p\n}\n';
  const connectors = (extra: Record<string, string>) => [
    ...entitiesOf(started({ ...env, ...extra }), 'connector').values(),
  ];

  it('dials the pods before it, as its own listener is', () => {
    const made = connectors({ QDROUTERD_CONF: `router {\n mode: interior\n id: A\n}\n${listener}` });
    expect(made.map(({ host }) => host)).toEqual(hosts);
    for (const connector of made)
      expect(connector).toMatchObject({ role: 'inter-router', port: 55671, sslProfile: 'p', verifyHostname: false });
  });

  it('likewise with the JSON form', () => {
    const made = connectors({ QDROUTERD_CONF: SKUPPER, QDROUTERD_CONF_TYPE: 'json' });
    expect(made.map(({ name }) => name)).toEqual(hosts.map((host) => `auto-mesh-connector/${host}:55671`));
  });

  it('dials nobody from the first pod', () => {
    expect(connectors({ QDROUTERD_CONF: SKUPPER, QDROUTERD_CONF_TYPE: 'json', HOSTNAME: 'router-0' })).toEqual([]);
  });
});

describe('variables', () => {
  it('are expanded once, in both spellings, and not in comments', () => {
    const env = { A: 'x$B', B: 'y', 'odd name': 'z' };
    expect(expandVariables(`$A \${B} \${odd name} $C \${C} $$B $\n# $A\n ## $A`, env)).toBe(
      `x$B y z $C \${C} $y $\n# $A\n ## x$B`,
    );
  });
});
