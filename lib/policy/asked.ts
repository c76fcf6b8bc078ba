/**
 * Sites whose resources cannot be read have routers that can be asked (`EXPLAIN`): which of them, about what, and what their answers mean.
 * Pure. An answer is the word of that site: it is read with bounds, and shown as what it is.
 */
import { checkOf, choice, type Static, Type } from '../shape.ts';
import { cleanText } from '../text.ts';
import type { ExplainedEnd } from './explained.ts';
import { hasKey, isSite, type Question, routingKeysOf, type SeenEnd, type SeenPlace, type SeenSite } from './seen.ts';
import type { Traffic } from './traffic.ts';
import { OPERATIONS, type PolicyClient, VERIFICATIONS } from './types.ts';

/** What one router is asked. */
export interface RouterQuestion {
  readonly site: { readonly id: string; readonly name: string };
  readonly router: string;
  readonly kind: SeenEnd['kind'];
  readonly routingKey: string;
  readonly client: Partial<PolicyClient>;
  /** Whose sites know that one: indices. */
  readonly places: readonly number[];
}

export interface RouterAnswer {
  readonly question: RouterQuestion;
  readonly ends?: readonly AnsweredEnd[];
  /** Why there is none, for people: of that router, or because none could be asked. */
  readonly problem?: string;
  readonly unasked?: string;
}

/** As it was told, but for its share. */
export interface AnsweredEnd extends Omit<ExplainedEnd, 'traffic'> {
  /** Undefined of a router that does not tell it: an older one. */
  readonly traffic?: Traffic;
}

/** Of one question of a user; a network has more routers than anybody would read of. */
export const ROUTERS_ASKED_MAX = 64;

/** For each site that is not one of the places: about its connectors, and about its listeners where the client is there. */
export function routerQuestions(question: Question, places: readonly SeenPlace[]): RouterQuestion[] {
  const keys = routingKeysOf(question, places);
  const sites = unseenSites(places);
  const questions = [...sites.values()].flatMap(({ site, known }) => {
    const about = (kind: SeenEnd['kind'], has: readonly string[]) =>
      [...new Set(has)].filter((key) => hasKey(keys, key)).map((routingKey) => ({ kind, routingKey }));
    const isClients = isSite(site, question.site);
    const asked = [
      ...(isClients ? about('Listener', site.listenerKeys) : []),
      ...about('Connector', site.connectorKeys),
    ];
    const client = { ...question.client, ...siteOf(question, places[known[0]!]!) };
    return asked.flatMap((each) => site.routers.map((router) => ({ site, router, ...each, client, places: known })));
  });
  return questions.slice(0, ROUTERS_ASKED_MAX);
}

/** By id, with the places that know it. */
export function unseenSites(places: readonly SeenPlace[]): Map<string, { site: SeenSite; known: number[] }> {
  const seen = new Set(places.map(({ site }) => site.id));
  const found = new Map<string, { site: SeenSite; known: number[] }>();
  for (const [at, { others }] of places.entries()) {
    for (const site of others) {
      if (seen.has(site.id)) continue;
      const before = found.get(site.id);
      if (before === undefined) found.set(site.id, { site, known: [at] });
      else before.known.push(at);
    }
  }
  return found;
}

/** The client's, as a place knows it. */
function siteOf({ site }: Question, place: SeenPlace): Partial<PolicyClient> {
  const found = [place.site, ...place.others].find((each) => isSite(each, site));
  return found === undefined ? { siteName: site } : { siteId: found.id, siteName: found.name };
}

const TEXT_LENGTH_MAX = 4096;
const LIST_MAX = 64;

const Text = Type.String({ maxLength: TEXT_LENGTH_MAX });
const Words = Type.Optional(Text);
const Count = Type.Optional(Type.Integer({ minimum: 0 }));
const By = Type.Object({ policy: Text, rule: Count });
const Queue = Type.Object({ length: Type.Integer({ minimum: 0 }), seconds: Type.Integer({ minimum: 0 }) });
const Ranked = Type.Object({ address: Text, value: Type.Integer({ minimum: 0 }), weight: Count });
const TrafficShape = Type.Object({
  maxConnections: Count,
  maxQueuedConnections: Count,
  weight: Count,
  weightSum: Count,
  choice: Type.Optional(choice(['priority', 'weighted'])),
  addresses: Type.Optional(Type.Array(Ranked, { maxItems: LIST_MAX })),
});
const Answered = Type.Object({
  ends: Type.Array(
    Type.Object({
      name: Text,
      namespace: Text,
      checks: Type.Array(
        Type.Object({
          operation: choice(OPERATIONS),
          client: Type.Object({
            siteId: Words,
            siteName: Words,
            namespace: Words,
            workload: Words,
            pod: Words,
            serviceAccount: Words,
            labels: Type.Optional(Type.Record(Text)),
            listener: Words,
            verification: choice(VERIFICATIONS),
            via: Type.Optional(Type.Array(Text, { maxItems: LIST_MAX })),
            doubt: Words,
          }),
          decision: Type.Object({
            allowed: Type.Boolean(),
            by: Type.Optional(By),
            reason: Text,
            limits: Type.Array(
              Type.Object({
                by: By,
                limits: Type.Object({
                  connectionsPerSecond: Count,
                  connectionsBurst: Count,
                  concurrentConnections: Count,
                  bytesPerSecond: Count,
                  per: Type.Optional(choice(['Rule', 'Site', 'Workload'])),
                  queue: Type.Optional(Queue),
                }),
              }),
              { maxItems: LIST_MAX },
            ),
            enforceExisting: Type.Boolean(),
            dryRun: Type.Optional(Type.Object({ allowed: Type.Boolean(), by: Type.Optional(By), reason: Text })),
          }),
        }),
        { maxItems: LIST_MAX },
      ),
      traffic: Type.Optional(TrafficShape),
    }),
    { maxItems: LIST_MAX },
  ),
});
const check = checkOf(Answered);
type AnsweredTraffic = Static<typeof TrafficShape>;

/**
 * The body of an answer; undefined when it is none that is understood.
 * @param weightOfShare what one unit of a share weighs at routers that controllers configure; others have units of their own
 */
export function answeredEnds(body: unknown, weightOfShare: number): readonly AnsweredEnd[] | undefined {
  const plain = cleaned(body, 0);
  if (!check.Check(plain)) return undefined;
  return plain.ends.map(({ traffic, ...end }) =>
    traffic === undefined ? end : { ...end, traffic: withShare(traffic, weightOfShare) },
  );
}

function withShare({ weight, weightSum, ...traffic }: AnsweredTraffic, weightOfShare: number): Traffic {
  if (weight === undefined || weightSum === undefined) return traffic;
  const unit = weightSum < weightOfShare ? 1 : weightOfShare;
  return { ...traffic, share: Math.round(weight / unit), shareSum: Math.round(weightSum / unit) };
}

/** Null is the same as nothing. */
function cleaned(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return value;
  if (Array.isArray(value)) return value.map((each) => cleaned(each, depth + 1));
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(members.map(([name, member]) => [cleanText(name), cleaned(member, depth + 1)]));
}

/** Of an answer. */
const DEPTH_MAX = 12;
