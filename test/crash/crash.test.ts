/**
 * The server is killed again and again under load. What it acknowledged is there afterwards, once; and sessions opened
 * before a kill go on after it.
 */
import { setTimeout as delay } from "node:timers/promises";

import { expect, test } from "vitest";

import { type Caller, textOf, valueOf } from "../clients/caller.ts";
import { v1Http } from "../clients/v1.ts";
import { v2Http } from "../clients/v2.ts";
import { type Random, seeded } from "../lib/random.ts";
import { poll, removeFolder, startServer } from "../lib/server-process.ts";
import { Ledger } from "./ledger.ts";
import { work } from "./worker.ts";

const kills = 20;
/** Far beyond what a quiet machine takes: a loaded one has to get there as well. */
const deadlineMs = 300_000;
/** A kill comes only after this many acknowledgements since the last, so that each one interrupts real work. */
const acknowledgedBetweenKills = 80;
const longestPauseMs = 250;

const connectors: readonly ((url: string) => Promise<Caller>)[] = [
  ...Array.from({ length: 8 }, () => (url: string) => v2Http(url, "2026")),
  ...Array.from({ length: 4 }, () => (url: string) => v2Http(url, "2025")),
  ...Array.from({ length: 4 }, () => (url: string) => v1Http(url)),
];

test("nothing acknowledged is lost or doubled by twenty kills", { timeout: deadlineMs + 5_000 }, async () => {
  const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);
  console.log(`seed ${seed} (repeat with HOLDFAST_SEED=${seed})`);
  const random = seeded(seed);
  const stop = new AbortController();
  const giveUp = new AbortController();
  const deadline = AbortSignal.any([AbortSignal.timeout(deadlineMs), giveUp.signal]);
  const ledger = new Ledger();

  let server = await startServer();
  const { dir, port, url } = server;
  const callers = await Promise.all(connectors.map((connect) => connect(url)));
  const outages: number[] = [];
  const schedule = random.fork();

  /** Each kill interrupts real work, and the last one is followed by some. */
  const killing = async (): Promise<void> => {
    for (let kill = 0; kill < kills; kill++) {
      await workDone(ledger, schedule, deadline);
      await server.kill();
      const since = Date.now();
      server = await startServer({ dir, port });
      outages.push(Date.now() - since);
    }
    await workDone(ledger, schedule, deadline);
  };

  let killed: Promise<void> = Promise.resolve();
  try {
    const shared = await newSessions(callers, 4);
    const wireSessions = callers.map((caller) => caller.wireSession);
    const own = wireSessions.map((wire) => wire?.split(".")[0]);
    expect(own.filter((session) => session !== undefined)).toHaveLength(8);

    const workers = callers.map((caller, index) => {
      const options = { caller, name: `client ${index}`, own: own[index], shared, ledger };
      return work({ ...options, random: random.fork(), stop: stop.signal, deadline });
    });
    const worked = Promise.all(workers);
    killed = killing();
    // Whichever fails first tells why, rather than the other one's deadline.
    await Promise.race([killed, worked.then(() => killed)]);
    stop.abort();
    const reports = await worked;

    const cutOff = reports.reduce((sum, report) => sum + report.cutOff, 0);
    const refused = reports.reduce((sum, report) => sum + report.refused, 0);
    console.log(
      `${ledger.acknowledged} writes acknowledged to ${callers.length} clients in ${ledger.sessions.length} sessions; ` +
        `${cutOff} attempts cut off and ${refused} refused by ${outages.length} kills; ` +
        `restarts took ${Math.min(...outages)} to ${Math.max(...outages)} ms`,
    );
    expect(outages).toHaveLength(kills);
    expect(cutOff, "kills that cut nothing off prove nothing").toBeGreaterThanOrEqual(kills);
    expect(callers.map((caller) => caller.wireSession)).toEqual(wireSessions);
    expect(ledger.sessions).toEqual(expect.arrayContaining([...shared, ...own.filter((id) => id !== undefined)]));
    expect((await disagreements(url, ledger)).slice(0, 20)).toEqual([]);
  } finally {
    giveUp.abort();
    await killed.catch(() => {});
    await Promise.all(callers.map((caller) => caller[Symbol.asyncDispose]()));
    await server.kill();
    await removeFolder(dir);
  }
});

async function newSessions(callers: readonly Caller[], count: number): Promise<readonly string[]> {
  const made = callers.slice(0, count).map((caller) => valueOf(caller.call("create_session", { label: "shared" })));
  return (await Promise.all(made)).map((session) => textOf(session, "session_id"));
}

/** Resolves once the clients have got something done again, and a little later, by chance. */
async function workDone(ledger: Ledger, schedule: Random, deadline: AbortSignal): Promise<void> {
  const enough = ledger.acknowledged + acknowledgedBetweenKills;
  const done = (): true | undefined => {
    deadline.throwIfAborted();
    return ledger.acknowledged >= enough ? true : undefined;
  };
  await poll(done, "clients at work again", 60_000);
  await delay(schedule.below(longestPauseMs));
}

/** Asks a client that took no part. */
async function disagreements(url: string, ledger: Ledger): Promise<readonly string[]> {
  await using reader = await v2Http(url, "2026");
  const found: string[] = [];
  for (const session of ledger.sessions) {
    const context = await valueOf(reader.call("get_context", { session_id: session, max_turns: 1 }));
    const { total_events: totalEvents, counters } = context as {
      total_events: number;
      counters: Record<string, unknown>;
    };
    found.push(...ledger.disagreements(session, { totalEvents, counters }));
  }
  return found;
}
