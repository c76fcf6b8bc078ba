/**
 * Whether a client may connect to a service, by the policies of the places that can be seen and by what routers of others answer: at the
 * listener, where the client's connection enters the network, and at each connector, where it would leave it. Pure.
 */
import { type AnsweredEnd, type RouterAnswer, type RouterQuestion, unseenSites } from './asked.ts';
import { compilePolicies, decide } from './decide.ts';
import { listText } from './reason.ts';
import { hasKey, isSite, type Question, routingKeysOf, type SeenEnd, type SeenPlace, type SeenSite } from './seen.ts';
import { type Traffic, trafficLines } from './traffic.ts';
import type { Decision, Operation, PolicyClient } from './types.ts';

export interface Check {
  readonly site: string;
  readonly kind: SeenEnd['kind'];
  readonly name: string;
  readonly namespace: string;
  readonly routingKey: string;
  readonly operation: Operation;
  readonly client: PolicyClient;
  readonly decision: Decision;
  readonly traffic: readonly string[];
  /** Ids of the routers of that site whose answer it is; absent where its resources were read. */
  readonly answeredBy?: readonly string[];
}

export interface Explanation {
  /** By all that could be seen; with several connectors, by one of them. */
  readonly allowed: boolean;
  /** Both ends of some way were seen. */
  readonly complete: boolean;
  readonly checks: readonly Check[];
  /** What could not be seen, for people. */
  readonly unseen: readonly string[];
}

/** Undefined where no place knows the service. */
export function explain(
  question: Question,
  places: readonly SeenPlace[],
  answers: readonly RouterAnswer[] = [],
): Explanation | undefined {
  const keys = routingKeysOf(question, places);
  const checks = [...places.flatMap((place) => distinct(checksOf(question, place, keys))), ...answeredChecks(answers)];
  const isServed = places.some(({ others }) =>
    others.some(({ connectorKeys, listenerKeys }) =>
      [...connectorKeys, ...listenerKeys].some((key) => hasKey(keys, key)),
    ),
  );
  if (checks.length === 0 && !isServed) return undefined;
  const at = (kind: SeenEnd['kind']) => endsOf(checks.filter((check) => check.kind === kind));
  const [listeners, connectors] = [at('Listener'), at('Connector')];
  const isRefused = (ends: readonly boolean[]) => ends.length > 0 && !ends.includes(true);
  const unseen = unseenOf(question, places, keys, answers);
  return {
    allowed: !isRefused(listeners) && !(isRefused(connectors) && !unseen.some(({ isConnector }) => isConnector)),
    complete: listeners.length > 0 && connectors.length > 0 && unseen.length === 0,
    checks,
    unseen: unseen.map(({ text }) => text),
  };
}

/** For each end, whether all that is asked of it is allowed. */
function endsOf(checks: readonly Check[]): boolean[] {
  const ends = new Map<string, boolean>();
  for (const check of checks) {
    const key = endKey(check);
    ends.set(key, (ends.get(key) ?? true) && check.decision.allowed);
  }
  return [...ends.values()];
}

/** Checks of one end have the same. */
export function endKey({ site, kind, name, namespace, routingKey, answeredBy = [] }: Check): string {
  return JSON.stringify([site, kind, name, namespace, routingKey, answeredBy]);
}

function checksOf(question: Question, place: SeenPlace, keys: ReadonlySet<string>): Check[] {
  const set = compilePolicies(place.documents);
  const { site } = place;
  const isHere = isSite(site, question.site);
  return place.ends
    .filter(({ kind, service }) => hasKey(keys, service.routingKey) && (kind === 'Connector' || isHere))
    .flatMap(({ kind, service, traffic = [] }) => {
      const own: PolicyClient = {
        siteId: site.id,
        siteName: site.name,
        namespace: service.namespace,
        verification: 'local',
      };
      const client = clientAt(question, place, kind === 'Listener' ? service.name : undefined);
      const asked: readonly [Operation, PolicyClient][] = [
        [kind === 'Listener' ? 'Import' : 'Expose', own],
        ['Connect', client],
      ];
      return asked.map(([operation, who]) => ({
        site: site.name,
        kind,
        name: service.name,
        namespace: service.namespace,
        routingKey: service.routingKey,
        operation,
        client: who,
        decision: decide(set, { operation, client: who, service }),
        traffic,
      }));
    });
}

/** One service may have several Listeners of one routing key, such as one for each address: what is said of them is said once. */
function distinct(checks: readonly Check[]): Check[] {
  return [...new Map(checks.map((check) => [JSON.stringify(check), check])).values()];
}

/** Routers of a site that answer the same are told together. */
function answeredChecks(answers: readonly RouterAnswer[]): Check[] {
  const found = new Map<string, { answer: RouterAnswer; end: AnsweredEnd; routers: string[] }>();
  for (const answer of answers) {
    const { site, kind, routingKey, router } = answer.question;
    for (const end of answer.ends ?? []) {
      const key = JSON.stringify([site.id, kind, routingKey, end]);
      const same = found.get(key);
      if (same === undefined) found.set(key, { answer, end, routers: [router] });
      else same.routers.push(router);
    }
  }
  return [...found.values()].flatMap(({ answer: { question }, end: { name, namespace, checks, traffic }, routers }) => {
    const { site, kind, routingKey } = question;
    const told = answeredTraffic(question, traffic);
    const of = { site: site.name, kind, name, namespace, routingKey, traffic: told, answeredBy: routers };
    return checks.map((check) => ({ ...of, ...check }));
  });
}

function answeredTraffic({ site, kind, routingKey }: RouterQuestion, traffic: Traffic | undefined): string[] {
  if (traffic !== undefined) return trafficLines(kind, traffic, routingKey);
  return [`its shares and limits are not told by this router, which is older: ask at site ${site.name}`];
}

/** The client as this place would know it. */
function clientAt({ site, client }: Question, place: SeenPlace, listener: string | undefined): PolicyClient {
  const named = { ...client, ...(listener !== undefined && { listener }) };
  if (isSite(place.site, site))
    return { ...named, siteId: place.site.id, siteName: place.site.name, verification: 'local' };
  const other = place.others.find((one) => isSite(one, site));
  if (other === undefined) {
    const doubt = `site ${place.site.name} does not know a site ${site}`;
    return { ...named, siteName: site, verification: 'none', doubt };
  }
  const known = { ...named, siteId: other.id, siteName: other.name };
  return { ...known, verification: other.isNeighbour ? 'link' : 'path' };
}

interface Unseen {
  text: string;
  isConnector: boolean;
}

function unseenOf(
  question: Question,
  places: readonly SeenPlace[],
  keys: ReadonlySet<string>,
  answers: readonly RouterAnswer[],
): Unseen[] {
  const found: Unseen[] = [];
  const say = (text: string) => found.push({ text, isConnector: false });
  for (const { site, ends } of places.filter((place) => isSite(place.site, question.site))) {
    if (!ends.some(({ kind, service }) => kind === 'Listener' && hasKey(keys, service.routingKey)))
      say(noListener(site));
  }
  const { pod, workload } = question.client;
  for (const { site } of unseenSites(places).values()) {
    if (isSite(site, question.site)) {
      if (site.listenerKeys.some((key) => hasKey(keys, key))) found.push(...unanswered(site, 'Listener', answers));
      else say(noListener(site));
      if (pod !== undefined && workload === undefined)
        say(`site ${site.name}, where the client is: what pod ${pod} is cannot be seen from here`);
    }
    if (site.connectorKeys.some((key) => hasKey(keys, key))) found.push(...unanswered(site, 'Connector', answers));
  }
  return found;
}

function noListener({ name }: { readonly name: string }): string {
  return `site ${name} has no Listener for it, so its clients do not get there`;
}

/** What of a site stays unknown: nothing when its routers have answered. They have the same policies, so one answer counts for the site. */
function unanswered({ id, name }: SeenSite, kind: SeenEnd['kind'], answers: readonly RouterAnswer[]): Unseen[] {
  const asked = answers.filter(({ question }) => question.site.id === id && question.kind === kind);
  const problems = new Map<string, Set<string>>();
  for (const { problem, question } of asked)
    if (problem !== undefined) problems.set(problem, (problems.get(problem) ?? new Set()).add(question.router));
  const unasked = asked.flatMap((answer) => answer.unasked ?? []);
  const told = [
    ...new Set(unasked),
    ...[...problems].map(([problem, routers]) => `${problem} (router ${listText([...routers])})`),
  ];
  if (asked.some(({ ends = [] }) => ends.length > 0))
    return told.map((problem) => ({
      text: `site ${name}, of which another router has answered: ${problem}`,
      isConnector: false,
    }));
  if (asked.length > 0 && told.length === 0) told.push(`none of its routers has a ${kind} for it now`);
  const what = kind === 'Listener' ? 'where the client is: its own policies' : 'which has a connector: its policies';
  const reason = told.length === 0 ? '' : `: ${told.join('; ')}`;
  return [{ text: `site ${name}, ${what} cannot be seen from here${reason}`, isConnector: kind === 'Connector' }];
}
