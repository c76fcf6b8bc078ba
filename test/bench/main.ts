/** `npm run bench -- SUITE [options]`. Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted. */

import { UsageError } from '../support/arguments.ts';
import { runConsole } from './console/console.ts';
import { consoleUsage } from './console/options.ts';
import { runDns } from './dns/dns.ts';
import { dnsUsage } from './dns/options.ts';
import { runKube } from './kube/kube.ts';
import { kubeUsage } from './kube/options.ts';
import { runNet } from './net/net.ts';
import { usage as netUsage } from './net/options.ts';
import { policyUsage } from './policy/options.ts';
import { runPolicy } from './policy/policy.ts';
import { servicesUsage } from './services/options.ts';
import { runServices } from './services/services.ts';
import { runServicesKube, servicesKubeUsage } from './services-kube/services-kube.ts';
import { vanflowUsage } from './vanflow/options.ts';
import { runVanflow } from './vanflow/vanflow.ts';

interface Suite {
  run(args: readonly string[], signal: AbortSignal): Promise<void>;
  usage: string;
}

const SUITES: Readonly<Record<string, Suite>> = {
  net: { run: runNet, usage: netUsage },
  kube: { run: runKube, usage: kubeUsage },
  dns: { run: runDns, usage: dnsUsage },
  vanflow: { run: runVanflow, usage: vanflowUsage },
  console: { run: runConsole, usage: consoleUsage },
  policy: { run: runPolicy, usage: policyUsage },
  services: { run: runServices, usage: servicesUsage },
  'services-kube': { run: runServicesKube, usage: servicesKubeUsage },
};

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

const [name = '', ...args] = process.argv.slice(2);
const suite = SUITES[name];
try {
  if (suite === undefined) throw new UsageError(`which suite? There is: ${Object.keys(SUITES).join(', ')}`);
  await suite.run(args, interrupted.signal);
} catch (error) {
  if (interrupted.signal.aborted) {
    process.exitCode = 130;
  } else if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${suite?.usage ?? netUsage}`);
    process.exitCode = 2;
  } else {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}
