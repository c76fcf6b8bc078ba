/** How a controller is set up: Skupper's names, and every mistake told at once. */
import { describe, expect, it } from 'vitest';
import { CONTROLLER_FLAG_TEXTS } from '../../cli/definitions/site-controller.ts';
import {
  CONTROLLER_FLAGS,
  controllerSettings,
  SettingsError,
} from '../../site-controller/platform/kubernetes/settings-parse.ts';
import { runHere } from '../support/cli.ts';

const BASE = { NAMESPACE: 'skupper', SKUPPER_ROUTER_IMAGE: 'skuprt:1' };
const faultsOf = (env: NodeJS.ProcessEnv, flags = {}): readonly string[] => {
  try {
    controllerSettings(flags, env);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
};

describe('the command site-controller', () => {
  it('has a flag for every setting, with its variable', () => {
    const texts = Object.fromEntries(CONTROLLER_FLAG_TEXTS.map(([flag, , env]) => [flag, env]));
    const { namespace: _namespace, ...settings } = CONTROLLER_FLAGS;
    expect(texts).toEqual(Object.fromEntries(Object.entries(settings).map(([flag, { env }]) => [flag, env])));
  });

  it.each([
    '-namespace skupper -watch-namespace A -gateway-port=0 -enable-grants',
    '--namespace skupper --watch-namespace A --gateway-port 0 --enable-grants=true',
  ])('takes "%s" and tells every fault at once', async (line) => {
    const { code, err } = await runHere(['site-controller', ...line.split(' ')], { env: {} });
    expect(code).toBe(2);
    expect(err.match(/^ {4}\S+:/gm)).toEqual([
      '    -watch-namespace:',
      '    -gateway-port:',
      '    SKUPPER_ROUTER_IMAGE:',
    ]);
  });
});

describe('settings of a controller', () => {
  it('have defaults for everything but its namespace and its image', () => {
    expect(controllerSettings({}, BASE)).toMatchObject({
      name: 'skupper/skupper-controller',
      namespace: 'skupper',
      watchNamespace: undefined,
      requireExplicitControl: false,
      routers: 'deployment',
      routerImage: 'skuprt:1',
      adaptorImage: 'skuprt:1',
      enabledAccessTypes: ['local', 'loadbalancer', 'route'],
      defaultAccessType: '',
      gatewayPort: 8443,
      enableGrants: false,
      grantServer: { autoconfigure: false, baseUrl: '', port: 9090, tlsCredentials: 'skupper-grant-server' },
    });
    expect(faultsOf({})).toEqual([
      expect.stringMatching(/^NAMESPACE: /),
      expect.stringMatching(/^SKUPPER_ROUTER_IMAGE: /),
    ]);
  });

  it('come from flags before the environment', () => {
    const flags = { namespace: 'a', 'require-explicit-control': true, 'enabled-access-types': 'local' };
    const env = { ...BASE, REQUIRE_EXPLICIT_CONTROL: 'false', SKUPPER_ENABLED_ACCESS_TYPES: 'route' };
    expect(controllerSettings(flags, env)).toMatchObject({
      namespace: 'a',
      requireExplicitControl: true,
      enabledAccessTypes: ['local'],
    });
  });

  it.each([
    ['skupper-controller-6d5f4b8c9d-x2x7k', 'skupper/skupper-controller'],
    ['my-host', 'skupper/my-host'],
  ])('take the name from the pod %s', (hostname, name) => {
    expect(controllerSettings({}, { ...BASE, HOSTNAME: hostname }).name).toBe(name);
  });

  it('take the namespace of the pod where nothing says another', () => {
    expect(controllerSettings({}, { SKUPPER_ROUTER_IMAGE: 'x' }, 'pod-ns').namespace).toBe('pod-ns');
  });

  it.each([
    ['an unknown access type', { SKUPPER_ENABLED_ACCESS_TYPES: 'local, nodport' }, /"nodport".*mean 'nodeport'/],
    ['a default that is not enabled', { SKUPPER_DEFAULT_ACCESS_TYPE: 'gateway' }, /"gateway" is not among.*local/],
    ['nodeport without a host', { SKUPPER_ENABLED_ACCESS_TYPES: 'nodeport' }, /SKUPPER_CLUSTER_HOST: /],
    ['gateway without a class', { SKUPPER_ENABLED_ACCESS_TYPES: 'gateway' }, /SKUPPER_GATEWAY_CLASS: /],
    ['a boolean that is none', { SKUPPER_ENABLE_GRANTS: 'yes!' }, /SKUPPER_ENABLE_GRANTS: "yes!"/],
    ['a port that is none', { SKUPPER_GRANT_SERVER_PORT: '99999' }, /SKUPPER_GRANT_SERVER_PORT: "99999"/],
    ['a URL that is not https', { SKUPPER_GRANT_SERVER_BASE_URL: 'http://a' }, /SKUPPER_GRANT_SERVER_BASE_URL: /],
    ['a namespace that cannot be one', { WATCH_NAMESPACE: 'A_b' }, /WATCH_NAMESPACE: "A_b"/],
    ['a pull policy', { SKUPPER_ROUTER_IMAGE_PULL_POLICY: 'Sometimes' }, /one of Always, IfNotPresent, Never/],
  ])('name %s', (_what, env, message) => {
    expect(faultsOf({ ...BASE, ...env })).toEqual([expect.stringMatching(message)]);
  });

  it('list every fault at once, by where it was given', () => {
    const env = { ...BASE, SKUPPER_GATEWAY_PORT: '0', SKUPPER_ENABLED_ACCESS_TYPES: 'moon,nodeport' };
    const faults = faultsOf(env, { 'watch-namespace': 'A' });
    expect(faults.map((fault) => fault.split(':', 1)[0])).toEqual([
      '-watch-namespace',
      'SKUPPER_GATEWAY_PORT',
      'SKUPPER_ENABLED_ACCESS_TYPES',
      'SKUPPER_CLUSTER_HOST',
    ]);
  });

  it('accept what Skupper accepts as base URL', () => {
    const env = { ...BASE, SKUPPER_GRANT_SERVER_BASE_URL: 'grants.example:443' };
    expect(controllerSettings({}, env).grantServer.baseUrl).toBe('https://grants.example:443');
  });
});
