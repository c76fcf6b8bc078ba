/** `service explain`: asks the service-controller why a service is here what it is, and to try a connection through each cluster. */
import { type Explanation, explanationLines } from '../../../service-controller/merge/explain.ts';
import type { TestResult } from '../../../service-controller/platform/probe.ts';
import type { Told } from '../../../service-controller/platform/tell.ts';
import { type Context, commandLine, print } from '../../context.ts';
import type { ExplainFlags } from '../../definitions/cluster-set.ts';
import { FailedError, NotFoundError } from '../../errors.ts';
import { documentOf, formatObject } from '../../output/resources.ts';
import { splitServiceName } from '../../parse.ts';
import { openClusterSet } from '../../places/choose.ts';

/** `given`: `NAME` or `NAME.NAMESPACE`. */
export async function explainService(context: Context, given: string, flags: ExplainFlags): Promise<void> {
  const place = await openClusterSet(context);
  const { name, namespace } = splitServiceName(given, context.namespace);
  const told = await place.explain(given, flags.test);
  if (told === undefined) {
    throw new NotFoundError(`No cluster exports a service "${name}" of namespace "${namespace}"`, {
      next: `Export it where its Service is: ${commandLine(context, `service export ${name}`)}`,
    });
  }
  if (flags.output === 'json' || flags.output === 'yaml')
    print(context, formatObject(documentOf('ServiceExplanation', told), flags.output));
  else print(context, textOf(told));
  const failed = told.tests.filter(({ isOk }) => !isOk);
  if (failed.length > 0 && flags.output === undefined) {
    const clusters = [...new Set(failed.map(({ cluster }) => cluster))].join(', ');
    throw new FailedError(`A connection to service "${name}" fails through ${clusters}`, {
      next: `See ${commandLine(context, 'check')} there, and skuprt link status here`,
    });
  }
}

function textOf({ explanation, tests }: Told): string {
  return [...explanationLines(explanation), ...testLines(explanation, tests)].map((line) => `${line}\n`).join('');
}

function testLines({ exporters }: Explanation, tests: readonly TestResult[]): string[] {
  if (tests.length === 0) return [];
  const untried = exporters.map(({ cluster }) => cluster).filter((id) => tests.every(({ cluster }) => cluster !== id));
  return [
    '',
    'Connections tried',
    ...tests.map(
      ({ cluster, port, isOk, message }) => `  ${cluster}, port ${port}: ${isOk ? 'ok' : 'failed'}, ${message}`,
    ),
    ...untried.map((cluster) => `  ${cluster}: not tried, no router here listens for it`),
  ];
}
