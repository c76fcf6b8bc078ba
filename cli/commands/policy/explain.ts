/**
 * `policy explain`: whether a client may connect to a service, by the policies that the places have, without trying. Routers of sites that are
 * none of the places are asked over the network; what cannot be had is told.
 */

import type { KubeObject } from '../../../lib/kube/object.ts';
import { labelsIn } from '../../../lib/label-text.ts';
import { routerQuestions } from '../../../lib/policy/asked.ts';
import { type Explanation, explain } from '../../../lib/policy/explain.ts';
import { explanationLines, whoText } from '../../../lib/policy/explanation-text.ts';
import { isSite, knownSites, knowsSite, type Question, type SeenPlace } from '../../../lib/policy/seen.ts';
import { workloadOf } from '../../../site-controller/reconcile/policy/workloads.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import type { PolicyExplainFlags } from '../../definitions/policies.ts';
import { NotFoundError, RefusedError, UsageError } from '../../errors.ts';
import { documentOf, formatObject } from '../../output/resources.ts';
import { openPlace } from '../../places/choose.ts';
import { API } from '../../places/cluster-client.ts';
import { KubernetesPlace } from '../../places/kubernetes.ts';
import type { Place } from '../../places/place.ts';
import { askRouters } from './ask.ts';
import { lookAround } from './world.ts';

type Client = Question['client'];

interface Side {
  context: Context;
  place: Place;
  seen: SeenPlace;
}

/** @throws RefusedError when policies refuse it, after everything was told */
export async function explainPolicies(contexts: readonly Context[], flags: PolicyExplainFlags): Promise<void> {
  const [context] = contexts as [Context];
  const sides = await Promise.all(contexts.map(sideOf));
  const places = sides.map(({ seen }) => seen);
  const question = await questionOf(context, flags, sides);
  if (!knowsSite(places, question.site)) {
    throw new NotFoundError(`No site "${question.site}" is known here`, {
      next: `These are: ${knownSites(places).join(', ')}; see ${commandLine(context, 'network status')}`,
    });
  }
  const answers = await askRouters(sides, routerQuestions(question, places));
  const explanation = explain(question, places, answers);
  if (explanation === undefined) {
    throw new NotFoundError(`No service "${flags.to}" is known here`, {
      next: `See ${commandLine(context, 'service status')}`,
    });
  }
  show(context, flags.output, question, explanation);
  if (!explanation.allowed) {
    const { checks } = explanation;
    const by = checks.find(({ decision }) => !decision.allowed)?.decision.by?.policy ?? 'a policy';
    throw new RefusedError(`${by} refuses ${whoText(question)} to use ${question.service}`, {
      next: `See ${commandLine(context, 'policy status')} where that policy is`,
    });
  }
}

async function sideOf(context: Context): Promise<Side> {
  const place = await openPlace(context);
  const { seen } = await lookAround(context, place);
  if (seen !== undefined) return { context, place, seen };
  throw new NotFoundError(`There is no site in namespace "${context.namespace}"`, {
    next: `Make one: ${commandLine(context, 'init')}`,
  });
}

function show(context: Context, output: string | undefined, question: Question, explanation: Explanation): void {
  if (output === 'json' || output === 'yaml')
    print(context, formatObject(documentOf('PolicyExplanation', { question, ...explanation }), output));
  else print(context, explanationLines(question, explanation).join('\n'));
}

async function questionOf(
  context: Context,
  { from, to, workload, serviceAccount, labels }: PolicyExplainFlags,
  sides: readonly Side[],
): Promise<Question> {
  const [site = '', namespace, pod, ...rest] = from.split('/');
  if (site === '' || rest.length > 0) {
    throw new UsageError(`"${from}" is not a client`, { next: 'Give SITE, SITE/NAMESPACE or SITE/NAMESPACE/POD' });
  }
  const [service, serviceNamespace] = to.includes('/')
    ? [to.slice(to.indexOf('/') + 1), to.slice(0, to.indexOf('/'))]
    : [to, undefined];
  const side = sides.find(({ seen }) => isSite(seen.site, site));
  const found = namespace && pod ? await podClient(context, side?.place, namespace, pod, workload !== undefined) : {};
  const said = {
    ...(namespace && { namespace }),
    ...(pod && { pod }),
    ...(workload && { workload }),
    ...(serviceAccount && { serviceAccount }),
    ...(labels && { labels }),
  };
  return { site, client: { ...found, ...said }, service, ...(serviceNamespace && { serviceNamespace }) };
}

/** What the cluster of the client knows of its pod. */
async function podClient(
  context: Context,
  place: Place | undefined,
  namespace: string,
  name: string,
  isSaid: boolean,
): Promise<Client> {
  if (!(place instanceof KubernetesPlace)) {
    if (!isSaid)
      say(
        context,
        `Note: what pod "${name}" is cannot be seen from here; say it with --workload, --service-account and --labels`,
      );
    return {};
  }
  const pod = (await place.client.get(API.pods, name, namespace)) ?? (await ofWorkload(place, namespace, name));
  if (pod === undefined) {
    throw new NotFoundError(
      `There is no pod "${name}" in namespace "${namespace}", and none of a workload of that name`,
      {
        next: `See kubectl get pods -n ${namespace}`,
      },
    );
  }
  const { labels, ...client } = workloadOf(pod);
  return { ...client, labels: labelsIn(labels) };
}

/** People know the names of workloads. */
async function ofWorkload(place: KubernetesPlace, namespace: string, name: string): Promise<KubeObject | undefined> {
  const pods = (await place.client.list(API.pods, { namespace })) ?? [];
  return pods.find((pod) => workloadOf(pod).workload === name);
}
