/**
 * Asks routers of sites whose resources cannot be read what their policies say: over the network, from a router of a site that can be reached.
 * What does not come in time is told with the reason.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { resourceNameOf } from '../../../config/router-config.ts';
import { WEIGHT_OF_SHARE } from '../../../config/service-settings.ts';
import { messageOf } from '../../../lib/errors.ts';
import { createLogger } from '../../../lib/log.ts';
import { answeredEnds, type RouterAnswer, type RouterQuestion } from '../../../lib/policy/asked.ts';
import { RouterClient, RouterRefusedError } from '../../../lib/router-client/client.ts';
import type { Context } from '../../context.ts';
import type { Place } from '../../places/place.ts';
import { openRouter } from '../../places/router.ts';

/** Until a router of the own site is there, and then for the answers. */
const CONNECT_MS = 5000;
const ANSWER_MS = 3000;

/** As HTTP's. */
const TOO_MANY_REQUESTS = 429;
const OTHER_MAKE = 'it answers no questions about policies: it is of another make, or older';

export interface Side {
  readonly context: Context;
  readonly place: Place;
}

/** Asks, or says why it cannot. */
interface Way {
  readonly client?: RouterClient;
  readonly problem?: string;
  close(): Promise<void>;
}

/** One answer for each question, in their order. @param sides what `places` of the questions means */
export async function askRouters(
  sides: readonly Side[],
  questions: readonly RouterQuestion[],
): Promise<RouterAnswer[]> {
  const needed = [...new Set(questions.flatMap(({ places }) => places))];
  const ways = new Map(await Promise.all(needed.map(async (at) => [at, await openWay(sides[at]!)] as const)));
  try {
    return await Promise.all(
      questions.map((question) =>
        answerTo(
          question,
          question.places.map((at) => ways.get(at)!),
        ),
      ),
    );
  } finally {
    await Promise.all([...ways.values()].map((way) => way.close()));
  }
}

async function answerTo(question: RouterQuestion, ways: readonly Way[]): Promise<RouterAnswer> {
  const client = ways.find((way) => way.client !== undefined)?.client;
  if (client === undefined) return { question, unasked: ways[0]!.problem! };
  const { router, kind, routingKey } = question;
  const body = { entityType: `tcp${kind}`, routingKey, client: question.client };
  try {
    const properties = { operation: 'EXPLAIN', type: 'accessPolicy' };
    const ends = answeredEnds(await client.askOther(router, properties, body, ANSWER_MS), WEIGHT_OF_SHARE);
    if (ends === undefined) return { question, problem: OTHER_MAKE };
    return { question, ends: ends.map((end) => ({ ...end, name: resourceNameOf(end.name) })) };
  } catch (error) {
    return { question, problem: problemOf(error) };
  }
}

/** One of another make, or before it could, knows neither the type nor the question. */
function problemOf(error: unknown): string {
  if (!(error instanceof RouterRefusedError)) return messageOf(error);
  return error.status === TOO_MANY_REQUESTS ? error.message : OTHER_MAKE;
}

async function openWay({ context, place }: Side): Promise<Way> {
  // A local site that does not run has no router to wait for.
  const idle = context.platform === 'local' ? await place.idle() : undefined;
  if (idle !== undefined) return refused(idle.reason);
  try {
    return await connectedWay(context);
  } catch (error) {
    return refused(messageOf(error));
  }
}

async function connectedWay(context: Context): Promise<Way> {
  const way = await openRouter(context);
  const up = new AbortController();
  const end = new AbortController();
  const signal = AbortSignal.any([context.signal, end.signal]);
  const client = new RouterClient({
    containerId: `skuprt-cli-${process.pid}`,
    endpoint: () => way.endpoint(),
    onUp: () => up.abort(),
    onDown: () => undefined,
    log: createLogger({ name: 'skuprt', level: context.verbose ? 'debug' : 'silent' }),
  });
  const running = client.run(signal);
  const close = async (): Promise<void> => {
    end.abort();
    await running;
    way.close();
  };
  await sleep(CONNECT_MS, undefined, { signal: AbortSignal.any([up.signal, signal]) }).catch(() => undefined);
  if (client.isUp) return { client, close };
  await close();
  return refused('no router of the own site answers');
}

function refused(problem: string): Way {
  return { problem, close: () => Promise.resolve() };
}
