/**
 * Queries in, answers out: octets to octets. Pure but for `random`, which chooses among alternatives.
 *
 * Answers are kept encoded, by the octets of their question, so that the case of the query comes back and a known question costs a
 * look-up and a copy. What is kept holds as long as the revision that it was made from.
 */
import type { Random } from '../../lib/random.ts';
import { LIMITS } from './limits.ts';
import { type Body, bareAnswer, encodeBody, finish, HEADER_BYTES, labelsOf, type Query, readQuery } from './message.ts';
import { type Answer, CLASS_IN, type DnsRecord, RCODE, type Revision, TYPE, type Zone } from './records.ts';

export type Transport = 'udp' | 'tcp';

export interface ResponderParts {
  zones: readonly Zone[];
  random: Random;
  /** False: nothing is known yet, and that is what every answer says. */
  isReady: () => boolean;
}

export interface Counted {
  /** '' for names of nobody. */
  zone: string;
  type: string;
  rcode: string;
  count: number;
}

/** What was asked, and how it went. */
export class ResponderStats {
  /** Dropped without an answer: shorter than a header, or answers themselves. */
  ignoredCount = 0;
  /** Answered with FORMERR. */
  malformedCount = 0;
  truncatedCount = 0;
  private readonly counts = new Map<string, Counted>();

  /** A counter to add to. Types beyond those that we serve are one. */
  counter(zone: string, type: number, rcode: number): Counted {
    const named = TYPE_NAMES.get(type) ?? 'other';
    const key = `${zone} ${named} ${rcode}`;
    let counted = this.counts.get(key);
    if (counted === undefined) {
      counted = { zone, type: named, rcode: RCODE_NAMES.get(rcode) ?? String(rcode), count: 0 };
      this.counts.set(key, counted);
    }
    return counted;
  }

  queries(): Iterable<Counted> {
    return this.counts.values();
  }
}

const TYPE_NAMES = new Map<number, string>(Object.entries(TYPE).map(([name, code]) => [code, name]));
const RCODE_NAMES = new Map<number, string>(Object.entries(RCODE).map(([name, code]) => [code, name]));

interface Kept {
  revision: Revision;
  revisionCount: number;
  /** One, or one for each alternative. */
  bodies: readonly Body[];
  /** Sums of the weights up to each. */
  shares: readonly number[];
  isRotating: boolean;
  counted: Counted;
}

export class Responder {
  readonly stats = new ResponderStats();
  private readonly parts: ResponderParts;
  private readonly zones: ReadonlyMap<string, Zone>;
  private readonly depthMax: number;
  /** Those asked for lately, and those of the time before, which are forgotten next. */
  private kept = new Map<string, Kept>();
  private keptBefore = new Map<string, Kept>();
  private turn = 0;

  constructor(parts: ResponderParts) {
    this.parts = parts;
    this.zones = new Map(parts.zones.map((zone) => [zone.origin, zone]));
    this.depthMax = Math.max(0, ...parts.zones.map(({ origin }) => origin.split('.').length));
  }

  /** Undefined: nothing is to be said to that. Never throws, whatever comes. */
  respond(bytes: Buffer, transport: Transport): Buffer | undefined {
    const query = readQuery(bytes);
    if (query === undefined) {
      this.stats.ignoredCount += 1;
      return undefined;
    }
    if (!('questionEnd' in query)) {
      if (query.rcode === RCODE.FORMERR) this.stats.malformedCount += 1;
      this.stats.counter('', 0, query.rcode).count += 1;
      return bareAnswer(bytes, query, query.rcode);
    }
    const sizeMax = sizeFor(query, transport);
    if (query.edns !== undefined && query.edns.version !== 0) return this.refuse(bytes, query, RCODE.BADVERS);
    if (query.class !== CLASS_IN || query.type === TYPE.AXFR || query.type === TYPE.IXFR) {
      return this.refuse(bytes, query, RCODE.REFUSED);
    }
    const kept = this.look(bytes, query);
    if (typeof kept === 'number') return this.refuse(bytes, query, kept);
    kept.counted.count += 1;
    const body = kept.bodies.length === 1 ? kept.bodies[0]! : this.choose(kept);
    this.turn = (this.turn + 1) & 0xffff;
    const answer = finish(body, query, sizeMax, kept.isRotating ? this.turn : 0);
    if ((answer[2]! & 2) !== 0) this.stats.truncatedCount += 1;
    return answer;
  }

  private refuse(bytes: Buffer, query: Query, rcode: number): Buffer {
    this.stats.counter('', query.type, rcode).count += 1;
    return bareAnswer(bytes, query, rcode);
  }

  private look(bytes: Buffer, query: Query): Kept | number {
    const key = bytes.toString('latin1', HEADER_BYTES, query.questionEnd);
    const known = this.kept.get(key);
    if (known !== undefined && known.revision.count === known.revisionCount) return known;
    const older = this.keptBefore.get(key);
    if (older !== undefined && older.revision.count === older.revisionCount) return this.keep(key, older);
    const labels = labelsOf(bytes);
    const zone = this.zoneOf(labels);
    if (zone === undefined) return RCODE.REFUSED;
    if (!this.parts.isReady()) return RCODE.SERVFAIL;
    const depth = labels.length - zone.origin.split('.').length;
    const answer = zone.answer(labels.slice(0, depth), query.type);
    return this.keep(key, this.encode(bytes.subarray(0, query.questionEnd), labels, zone, query.type, answer));
  }

  /** The one with the longest origin. */
  private zoneOf(labels: readonly string[]): Zone | undefined {
    for (let start = Math.max(0, labels.length - this.depthMax); start < labels.length; start += 1) {
      const found = this.zones.get(labels.slice(start).join('.'));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private encode(question: Buffer, labels: readonly string[], zone: Zone, type: number, answer: Answer): Kept {
    const { rcode, authorities, additionals, choices, revision, isRotating = false } = answer;
    const alternatives = choices ?? [{ weight: 1, answers: answer.answers }];
    const body = (answers: readonly DnsRecord[]) =>
      encodeBody(question, labels, { rcode, answers, authorities, additionals });
    let sum = 0;
    const isEqual = alternatives.every(({ weight }) => weight === 0);
    const shares = alternatives.map(({ weight }) => (sum += isEqual ? 1 : weight));
    return {
      revision,
      revisionCount: revision.count,
      bodies: alternatives.map(({ answers }) => body(answers)),
      shares,
      // A ring of records of one size.
      isRotating: isRotating && new Set(answer.answers.map(({ type: one }) => one)).size === 1,
      counted: this.stats.counter(zone.origin, type, rcode),
    };
  }

  private choose({ bodies, shares }: Kept): Body {
    const at = this.parts.random.next() * shares.at(-1)!;
    return bodies[
      Math.max(
        0,
        shares.findIndex((share) => at < share),
      )
    ]!;
  }

  private keep(key: string, made: Kept): Kept {
    if (made.bodies.some(({ bytes }) => bytes.length > LIMITS.cachedSizeBytesMax)) return made;
    if (this.kept.size >= LIMITS.cachedAnswersMax / 2) {
      this.keptBefore = this.kept;
      this.kept = new Map();
    }
    this.kept.set(key, made);
    return made;
  }
}

function sizeFor({ edns }: Query, transport: Transport): number {
  if (transport === 'tcp') return LIMITS.tcpSizeBytesMax;
  if (edns === undefined) return LIMITS.udpSizeBytesDefault;
  return Math.min(Math.max(edns.udpSize, LIMITS.udpSizeBytesDefault), LIMITS.udpSizeBytesMax);
}
