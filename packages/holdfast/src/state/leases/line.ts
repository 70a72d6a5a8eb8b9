/**
 * Waiting for a lease.
 *
 * Callers of one process queue on a mutex, first come first served, and only the first of them stands in the line that
 * the processes share. A place in that line is a small record of a kind of its own, so that a listing by creation says
 * whose turn it is; it lives five seconds and is kept alive by who stands there, so whoever vanishes is passed over.
 *
 * The line is for fairness alone. Who holds the lease is decided by the commit that takes it, whoever that is.
 */
import { createHash } from "node:crypto";

import { abortedBy } from "../../record/abort.ts";
import type { Change } from "../../record/change.ts";
import { isHoldfastError } from "../../record/errors.ts";
import { mintId } from "../../record/ids.ts";
import type { RecordKey } from "../../record/record.ts";
import type { Engine } from "../engine.ts";
import { acquire, addressOf, type Grant, type Leasehold, waiting } from "./lease.ts";
import { leaseTopic, Wakes } from "./wakes.ts";

const placeLifetimeMs = 5_000;
const keepAliveMs = 1_000;
/** Who is next looks often; who is not will be woken, or looks now and then. */
const pollMs = { next: 100, later: 300 } as const;

export type Attempt = {
  readonly ttlMs: number;
  readonly waitMs: number;
  /** Changes that have to come with the lease. */
  readonly also?: readonly Change[] | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Takes the lease as soon as it is this caller's turn. Undefined once `waitMs` are over. */
export async function acquireInTurn(engine: Engine, hold: Leasehold, attempt: Attempt): Promise<Grant | undefined> {
  const began = performance.now();
  const grant = await acquireOrWait(engine, hold, attempt);
  const outcome = grant === undefined ? "missed" : "acquired";
  engine.telemetry.metrics?.record("holdfast.lease.wait.duration", (performance.now() - began) / 1_000, { outcome });
  return grant;
}

async function acquireOrWait(engine: Engine, hold: Leasehold, attempt: Attempt): Promise<Grant | undefined> {
  const { ttlMs, waitMs, also = [], signal } = attempt;
  const address = addressOf(hold);
  const { line } = engine.leases;
  if (!line.isHeld(address) && !(await othersAreFirst(engine, hold, signal))) {
    const grant = await acquire(engine, hold, ttlMs, also, signal);
    if (grant !== undefined || waitMs <= 0) return grant;
  }
  if (waitMs <= 0) return undefined;
  const deadline = performance.now() + waitMs;
  try {
    return await line.run(address, signal, () => standInLine(engine, hold, attempt, deadline), waitMs);
  } catch (error) {
    // Those before took the whole time.
    if (isHoldfastError(error, "CONTENTION")) return undefined;
    throw error;
  }
}

/** Whether others wait who came before; asked only where there is reason to think so. */
async function othersAreFirst(engine: Engine, hold: Leasehold, signal: AbortSignal | undefined): Promise<boolean> {
  const { crowded } = engine.leases;
  if (!crowded.has(addressOf(hold))) return false;
  if ((await nextInLine(engine, hold, signal)) !== undefined) return true;
  crowded.delete(addressOf(hold));
  return false;
}

async function standInLine(
  engine: Engine,
  hold: Leasehold,
  { ttlMs, also = [], signal }: Attempt,
  deadline: number,
): Promise<Grant | undefined> {
  using wakes = new Wakes(engine.store, leaseTopic, hold.key.id);
  let place = await takePlace(engine, hold, signal);
  let keptAt = performance.now();
  try {
    for (;;) {
      const next = await nextInLine(engine, hold, signal);
      const isNext = next === undefined || next === place.id;
      if (isNext) {
        const leaving: Change = { ...place, expect: "any", create: { text: "{}", lifetime: {} }, end: true };
        const grant = await acquire(engine, hold, ttlMs, [...also, leaving], signal);
        if (grant !== undefined) {
          engine.leases.crowded.set(addressOf(hold), true);
          return grant;
        }
      }
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return await giveUp(engine, hold, place);
      const restMs = isNext ? Math.min(pollMs.next, await untilExpiryMs(engine, hold, signal)) : pollMs.later;
      await wakes.wait(Math.min(restMs * (0.75 + Math.random() / 2), leftMs), signal);
      if (performance.now() - keptAt < keepAliveMs) continue;
      const kept = await engine.commit(hold.owner, [{ ...place, expect: "present", slide: true }], { signal });
      // Away for too long, so passed over: to the end of the line.
      if (!kept.ok) place = await takePlace(engine, hold, signal);
      keptAt = performance.now();
    }
  } catch (error) {
    await giveUp(engine, hold, place).catch(() => undefined);
    if (signal?.aborted === true) throw abortedBy(signal);
    throw error;
  }
}

async function takePlace(engine: Engine, hold: Leasehold, signal: AbortSignal | undefined): Promise<RecordKey> {
  const place = { kind: placeKindOf(hold), id: mintId("wtr") };
  const create = { text: "{}", lifetime: { idleMs: placeLifetimeMs } };
  const standing: Change = { ...place, expect: "absent", create };
  const both = await engine.commit(hold.owner, [standing, waiting(hold)], { signal });
  // The lease is free by now: nobody has to be told, and the first in line will take it.
  if (!both.ok) await engine.apply(hold.owner, [standing], { signal });
  return place;
}

async function giveUp(engine: Engine, hold: Leasehold, place: RecordKey): Promise<undefined> {
  await engine.commit(hold.owner, [{ ...place, expect: "present", end: true }], {});
  engine.leases.wake(hold.key.id);
}

/** The id of the place that comes first. */
async function nextInLine(
  engine: Engine,
  hold: Leasehold,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { records } = await engine.list(hold.owner, placeKindOf(hold), { limit: 1, order: "oldest", signal });
  return records[0]?.id;
}

async function untilExpiryMs(engine: Engine, hold: Leasehold, signal: AbortSignal | undefined): Promise<number> {
  const { record, at } = await engine.read(hold.owner, hold.key, { signal });
  return record?.expiresAt === undefined ? 1 : Math.max(1, record.expiresAt - at);
}

function placeKindOf({ key }: Leasehold): string {
  return `holdfast.place.${createHash("sha256").update(`${key.kind}/${key.id}`).digest("hex").slice(0, 40)}`;
}
