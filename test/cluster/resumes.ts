/**
 * Streams that are cut off again and again and resumed on whatever node, while nodes are killed: nothing may be missed,
 * nothing may come twice, and nothing may come that was said to somebody else.
 */
import { setTimeout as delay } from "node:timers/promises";

import type { Cluster } from "../lib/cluster.ts";
import { type Random, seeded } from "../lib/random.ts";
import { logsIn, openRawSession, type RawSession, readEvents, type SseEvent } from "../lib/raw-session.ts";

export type ResumePlan = {
  readonly seed: number;
  /** How many resumes are wanted at least. */
  readonly resumes: number;
  /** One node is killed after so many resumes, each time. */
  readonly perKill: number;
};

export type ResumeTally = { resumes: number; kills: number; results: number; repeatable: number; messages: number };

const clients = 8;
const steps = 30;
/** The lease of a dead node, one sweep, and patience with a slow machine. */
const patienceMs = 90_000;

/** Throws at the first stream that is not exactly what was said in it. */
export async function resumeUnderKills(cluster: Cluster, plan: ResumePlan): Promise<ResumeTally> {
  const random = seeded(plan.seed);
  const tally: ResumeTally = { resumes: 0, kills: 0, results: 0, repeatable: 0, messages: 0 };
  let failed = false;
  const kills = Math.floor(plan.resumes / plan.perKill);
  const enough = (): boolean => failed || (tally.resumes >= plan.resumes && tally.kills >= kills);
  const work = async (name: string, own: Random): Promise<void> => {
    try {
      const session = await openRawSession(cluster.url, { authorization: `Bearer ${name}` });
      for (let id = 1; !enough(); id++) {
        if (id % 2 === 0) await followCall({ cluster, session, random: own, tally }, id, `${name}-${id}`);
        else await followAnnouncements({ cluster, session, random: own, tally }, id, `${name}-${id}`);
      }
    } catch (error) {
      failed = true;
      throw new Error(`${name}, seed ${plan.seed}`, { cause: error });
    }
  };
  const killing = async (own: Random): Promise<void> => {
    while (!enough()) {
      if (tally.resumes < (tally.kills + 1) * plan.perKill) {
        await delay(20);
        continue;
      }
      const victim = own.pick(cluster.nodes);
      await victim.kill();
      tally.kills += 1;
      await victim.start();
    }
  };
  const all = Array.from({ length: clients }, (_, index) => work(`resumer-${index}`, random.fork()));
  const ends = await Promise.allSettled([...all, killing(random.fork())]);
  const reasons = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
  if (reasons.length > 0)
    throw new AggregateError(reasons, `after ${JSON.stringify(tally)}: ${reasons.map(causes).join("; ")}`);
  return tally;
}

type Scene = {
  readonly cluster: Cluster;
  readonly session: RawSession;
  readonly random: Random;
  readonly tally: ResumeTally;
};

/** One call, whose stream is dropped every few events until its answer is there. */
async function followCall(scene: Scene, id: number, tag: string): Promise<void> {
  const { cluster, session, tally } = scene;
  const answer = await session.call(cluster.url, id, "talk", { tag, steps, waitMs: 5 }).catch(() => undefined);
  // Its node died before anything came of it: there is no stream to go on with.
  if (answer?.ok !== true) return;
  const events: SseEvent[] = [];
  const done = (): boolean => events.some(({ data }) => isAnswer(data, id));
  await readSome(scene, answer, events, done);
  if (cursorOf(events) === undefined) return;
  await goOn(scene, events, done);
  const last = events.at(-1)?.data ?? "";
  const complete = last.includes('"result"');
  if (!complete && !/repeated/.test(last)) throw new Error(`the call ended with ${last}`);
  checkSaid(tag, logsIn(events), complete ? steps : undefined);
  tally.messages += logsIn(events).length;
  tally[complete ? "results" : "repeatable"] += 1;
}

/** What the server says outside of calls, on the session's own stream, which is dropped every few events. */
async function followAnnouncements(scene: Scene, id: number, tag: string): Promise<void> {
  const { cluster, session, tally } = scene;
  const events = ownStreams.get(session) ?? [];
  ownStreams.set(session, events);
  const before = logsIn(events).length;
  const answer = await session.call(cluster.url, id, "announce", { tag, steps: 10 }).catch(() => undefined);
  const complete = answer?.ok === true && (await answer.text().catch(() => "")).includes(`"id":${id}`);
  // Of a call that broke off nobody knows how much was said; what comes of it is looked at with the next one.
  if (!complete) return;
  await goOn(scene, events, () => logsIn(events).includes(`${tag} 10`));
  const news = logsIn(events).slice(before);
  checkSaid(
    tag,
    news.filter((line) => String(line).startsWith(`${tag} `)),
    10,
  );
  for (const earlier of new Set(news.map((line) => String(line).split(" ")[0] ?? ""))) {
    if (earlier.replace(/-\d+$/, "") !== tag.replace(/-\d+$/, "")) throw new Error(`${tag} was told of ${earlier}`);
    checkSaid(
      earlier,
      news.filter((line) => String(line).startsWith(`${earlier} `)),
      undefined,
    );
  }
  tally.messages += news.length;
}

/** What every session has had of its own stream. */
const ownStreams = new WeakMap<RawSession, SseEvent[]>();

/** Resumes until `done`. Answers that say "not now" are asked again, every other refusal is a fault. */
async function goOn(scene: Scene, events: SseEvent[], done: () => boolean): Promise<void> {
  const { cluster, session, tally } = scene;
  const deadline = Date.now() + patienceMs;
  while (!done()) {
    if (Date.now() > deadline) throw new Error(`nothing more came after ${JSON.stringify(events.at(-1))}`);
    const answer = await session.resume(cluster.url, cursorOf(events)).catch(() => undefined);
    if (answer?.ok !== true) {
      const text = await answer?.text().catch(() => "");
      if (answer !== undefined && answer.status < 500) throw new Error(`refused: ${answer.status} ${text}`);
      await delay(50);
      continue;
    }
    if (events.length > 0) tally.resumes += 1;
    await readSome(scene, answer, events, done);
  }
}

/** Reads a few events, then drops the connection. */
async function readSome(scene: Scene, answer: Response, events: SseEvent[], done: () => boolean): Promise<void> {
  let left = 1 + scene.random.below(8);
  await readEvents(answer, (event) => {
    events.push(event);
    left -= 1;
    // The reader takes whatever is thrown for having had enough, and lets go of the connection.
    if (left <= 0 || done()) throw new Error("enough");
  });
}

function cursorOf(events: readonly SseEvent[]): string | undefined {
  return events.findLast(({ id }) => id !== "")?.id;
}

function isAnswer(data: string, id: number): boolean {
  return (
    data !== "" && (JSON.parse(data) as { id?: unknown; method?: unknown }).id === id && !data.includes('"method"')
  );
}

/** Exactly `tag 1`, `tag 2` … up to `all`, or to wherever it broke off. */
function checkSaid(tag: string, heard: readonly unknown[], all: number | undefined): void {
  const expected = Array.from({ length: all ?? heard.length }, (_, index) => `${tag} ${index + 1}`);
  if (JSON.stringify(heard) === JSON.stringify(expected)) return;
  throw new Error(`${tag}: missed, repeated or foreign among ${JSON.stringify(heard)}`);
}

function causes(error: unknown): string {
  return error instanceof Error
    ? `${error.message}${error.cause === undefined ? "" : ` ← ${causes(error.cause)}`}`
    : String(error);
}
