/** Rules of a policy that cannot match, that match and do nothing because others say the opposite, or that say what has no effect. Pure. */
import { isSameGoverning, referenceOf } from './decide.ts';
import type { Judge } from './judge.ts';
import { clientMatch } from './match.ts';
import { ruleText } from './reason.ts';
import { clientsOf, sampleClients } from './sample.ts';
import type {
  ClientSelector,
  Decision,
  Operation,
  PolicyDocument,
  PolicyRequest,
  PolicyRule,
  ServiceSelector,
} from './types.ts';
import { type PolicyWarning, type PolicyWorld, requestsOf } from './world.ts';

/** Looked at of what a policy selects: others are mostly alike. Those that the same policies govern are alike, so one of them is. */
const REQUESTS_MAX = 8;

export function ruleWarnings(document: PolicyDocument, judge: Judge, world: PolicyWorld): PolicyWarning[] {
  const samples = sampleClients(document, world.documents);
  return document.spec.rules.flatMap((rule, at) => {
    const told = [...impossible(rule, at, world), ...idle(rule, at, document)];
    if (told.length > 0 || rule.action === 'Deny') return told;
    return (rule.operations ?? ['Connect']).flatMap((operation) => {
      const requests = requestsOf(operation, document, world).slice(0, REQUESTS_MAX);
      return ineffective(document, at, unlike(requests, judge), samples, judge);
    });
  });
}

/** Of requests that are decided alike, the first. */
function unlike(requests: readonly PolicyRequest[], judge: Judge): PolicyRequest[] {
  const isLike = (a: PolicyRequest, b: PolicyRequest) => isSameGoverning(judge.governing(a), judge.governing(b));
  return requests.filter((request, at) => !requests.slice(0, at).some((before) => isLike(before, request)));
}

function impossible(
  { operations = ['Connect'], from = [] }: PolicyRule,
  at: number,
  { site }: PolicyWorld,
): PolicyWarning[] {
  return from.flatMap((selector, index): PolicyWarning[] => {
    const place = `spec.rules[${at}].from[${index}]`;
    const named = podMembers(selector);
    if (named.length > 0 && !operations.includes('Connect')) {
      const message = `${place} names ${named.join(' and ')}, which nobody who asks for ${operations.join(' or ')} has: it never matches`;
      return [{ reason: 'NeverMatches', message }];
    }
    if (isElsewhere(selector, site)) {
      const message = `${place} asks for verification local of clients of other sites, which only this site's own have: it never matches`;
      return [{ reason: 'NeverMatches', message }];
    }
    if (isContradictory(selector)) {
      return [
        {
          reason: 'NeverMatches',
          message: `${place}.selector asks for labels that exclude each other: it never matches`,
        },
      ];
    }
    return [];
  });
}

/** What it says beside others, and what changes nothing there. */
function idle({ action, operations = ['Connect'], from = [] }: PolicyRule, at: number, { spec }: PolicyDocument) {
  const say = (message: string): PolicyWarning => ({ reason: 'NoEffect', message: `spec.rules[${at}]${message}` });
  const verified = action === 'Deny' ? from.flatMap((client, index) => (client.verification ? [index] : [])) : [];
  const isAlsoAboutLinks = operations.includes('Link') && operations.length > 1;
  const isAboutServices = spec.services?.every(namesService) === true;
  return [
    ...verified.map((index) =>
      say(`.from[${index}].verification has no effect: a Deny holds however a client is known`),
    ),
    ...(isAlsoAboutLinks && isAboutServices
      ? [say(' has no effect on links: they are of no service, and spec.services names some')]
      : []),
  ];
}

function namesService({ names, routingKeys, selector }: ServiceSelector): boolean {
  return names !== undefined || routingKeys !== undefined || selector !== undefined;
}

function podMembers({ workloads, serviceAccounts, selector }: ClientSelector): string[] {
  return [workloads && 'workloads', serviceAccounts && 'serviceAccounts', selector && 'labels of pods'].filter(
    (name) => name !== undefined,
  );
}

function isElsewhere({ sites, verification }: ClientSelector, site: PolicyWorld['site']): boolean {
  if (verification !== 'local' || sites === undefined || site === undefined) return false;
  const client = { siteId: site.id, siteName: site.name, verification: 'local' as const };
  return !clientMatch([{ sites, verification }])({ operation: 'Connect', client }, 'strict');
}

/** The client made to its wishes is not what it wants. */
function isContradictory({ selector }: ClientSelector): boolean {
  if (selector === undefined) return false;
  const [client] = clientsOf({ selector });
  return !clientMatch([{ selector }])({ operation: 'Connect', client: client! }, 'unverified');
}

/** A rule that allows nobody whom it means. */
function ineffective(
  document: PolicyDocument,
  at: number,
  requests: readonly PolicyRequest[],
  samples: readonly PolicyRequest['client'][],
  judge: Judge,
): PolicyWarning[] {
  const rule = document.spec.rules[at]!;
  const means = clientMatch(rule.from);
  let refusal: Decision | undefined;
  for (const governed of requests) {
    for (const client of samples) {
      const request = { ...governed, ...linkOf(rule, governed.operation), client };
      if (!means(request, 'strict')) continue;
      const decision = judge.decide(request);
      if (decision.allowed) return [];
      refusal ??= decision;
    }
  }
  if (refusal?.by === undefined) return [];
  const own = refusal.by.policy === referenceOf(document);
  const how = refusal.by.rule === undefined ? 'allows none of them' : 'denies them';
  const message = `spec.rules[${at}] allows nobody: ${ruleText(refusal.by)}, ${how}`;
  return [{ reason: own ? 'NeverMatches' : 'Contradicts', message }];
}

/** The link that a rule speaks of. */
function linkOf({ from = [] }: PolicyRule, operation: Operation): Partial<PolicyRequest> {
  const [first] = from;
  if (operation !== 'Link' || first === undefined) return {};
  const host = first.hosts?.[0];
  return {
    direction: first.direction ?? (host === undefined ? 'Incoming' : 'Outgoing'),
    ...(host !== undefined && { host }),
  };
}
