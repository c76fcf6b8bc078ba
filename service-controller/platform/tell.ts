/** What a service-controller answers at `/explain/NAMESPACE/NAME[?test=true]`: why the service is what it is, and whether connections hold. */
import type { Explanation } from '../merge/explain.ts';
import type { ExplainedService } from '../reconcile/explain.ts';
import { type TestResult, testConnection } from './probe.ts';

export interface Told {
  explanation: Explanation;
  /** One for each cluster and port that can be reached; none when nothing was tried. */
  tests: TestResult[];
}

const PATH = /^\/explain\/([a-z0-9-]{1,63})\/([a-z0-9-]{1,63})$/;
/** Connections that one question may make. */
const TESTS_MAX = 64;

/** Undefined: nothing is known of what was asked for. */
export async function tellOf(
  path: string,
  query: URLSearchParams,
  explain: (key: string) => ExplainedService | undefined,
): Promise<Told | undefined> {
  const match = PATH.exec(path);
  const explained = match === null ? undefined : explain(`${match[1]}/${match[2]}`);
  if (explained === undefined) return undefined;
  const { explanation, targets } = explained;
  const wanted = query.get('test') === 'true' ? targets.slice(0, TESTS_MAX) : [];
  return { explanation, tests: await Promise.all(wanted.map(testConnection)) };
}
