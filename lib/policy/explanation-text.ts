/** An explanation for people: the answer, what each end says, and what could not be seen. Pure. */
import { type Check, type Explanation, endKey } from './explain.ts';
import { limitsText, listText, ruleText } from './reason.ts';
import type { Question } from './seen.ts';

export function explanationLines(question: Question, explanation: Explanation): string[] {
  const { checks, unseen } = explanation;
  return [
    `${answerText(explanation)}: ${whoText(question)} -> ${question.service}`,
    ...checks.flatMap(checkLines),
    ...(unseen.length > 0 ? ['', 'Beyond this:'] : []),
    ...unseen.map((text) => `  ${text}`),
  ];
}

function answerText({ allowed, complete }: Explanation): string {
  if (!allowed) return 'Refused';
  return complete ? 'Allowed' : 'Allowed, as far as can be seen from here';
}

export function whoText({ site, client }: Question): string {
  const { namespace, pod, workload } = client;
  return [
    `site ${site}`,
    namespace && `namespace ${namespace}`,
    workload && `workload ${workload}`,
    pod && `pod ${pod}`,
  ]
    .filter((part) => part !== undefined && part !== '')
    .join(', ');
}

function checkLines(check: Check, index: number, all: readonly Check[]): string[] {
  const { operation, client, decision } = check;
  const before = all[index - 1];
  const isSame = before !== undefined && endKey(before) === endKey(check);
  const { limits, dryRun } = decision;
  return [
    ...(isSame ? [] : endLines(check)),
    `  ${operation}: ${decision.allowed ? 'allowed' : 'refused'}; ${decision.by === undefined ? 'no policy selects it' : decision.reason}`,
    ...limits.map(({ by, limits: bounds }) => `    ${ruleText(by)}, limits it: ${limitsText(bounds)}`),
    ...(dryRun
      ? [`    with the policies that only tell it would be ${dryRun.allowed ? 'allowed' : 'refused'}: ${dryRun.reason}`]
      : []),
    ...(operation === 'Connect' && client.verification !== 'local' ? [`    ${knownText(check)}`] : []),
  ];
}

function endLines({ site, kind, name, routingKey, traffic, answeredBy }: Check): string[] {
  const routers = answeredBy && `${answeredBy.length > 1 ? 'routers' : 'router'} ${listText(answeredBy)}`;
  const whose = routers === undefined ? '' : `, answered by ${routers} of site ${site}`;
  return [
    '',
    `At site ${site}, ${kind} ${name} (routing key ${routingKey})${whose}`,
    ...traffic.map((line) => `  ${line}`),
  ];
}

function knownText({ client: { verification, via, doubt }, answeredBy }: Check): string {
  if (verification === 'link') return 'the client is known by the link to its site';
  if (verification === 'none') return `the client is not known${doubt === undefined ? '' : `: ${doubt}`}`;
  if (answeredBy === undefined)
    return 'the client is known by the routers in between, unless one of them is of another make';
  return `the client is known by the routers in between${via === undefined ? '' : ` (by the word of site ${listText(via)})`}`;
}
