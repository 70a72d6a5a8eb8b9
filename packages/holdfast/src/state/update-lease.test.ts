import { setTimeout as delay } from "node:timers/promises";

import { describe, expect, test } from "vitest";
import * as z from "zod";

import { type Backing, backings } from "../../../../test/lib/backings.ts";
import { holdfast } from "../hold.ts";
import { idOfName } from "../record/ids.ts";
import { localUser, ownerOfPrincipal } from "../security/principal.ts";
import type { ConflictReport, Hold, HoldWarning } from "./hold.ts";
import { kind } from "./kind.ts";
import { servingHold } from "./open-hold.ts";

const Tally = kind("tally", { schema: z.object({ by: z.record(z.string(), z.number()).default({}) }) });
const kinds = [Tally] as const;

async function open(
  backing: Backing,
  hear: {
    readonly onConflict?: (report: ConflictReport) => void;
    readonly onWarning?: (warning: HoldWarning) => void;
  } = {},
): Promise<Hold<typeof kinds>> {
  return await holdfast({ store: await backing.open(), kinds, reap: false, ...hear });
}

/** Adds one for `who`, after thinking about it for a while. */
function add(hold: Hold<typeof kinds>, id: string, who: string, thinkMs: number): Promise<unknown> {
  return hold.state(localUser).tally.update(id, async (draft) => {
    if (thinkMs > 0) await delay(thinkMs);
    draft.by[who] = (draft.by[who] ?? 0) + 1;
  });
}

describe.each(backings)("updates of one hot record on %s", (_name, makeBacking) => {
  test("who thinks long is not starved by those who are quick", async () => {
    await using backing = await makeBacking();
    await using slow = await open(backing);
    await using quick = await open(backing);
    await using quicker = await open(backing);
    const { id } = await slow.state(localUser).tally.create();
    const stop = new AbortController();
    const hammer = async (hold: Hold<typeof kinds>, who: string): Promise<number> => {
      let done = 0;
      for (; !stop.signal.aborted; done++) await add(hold, id, who, 0);
      return done;
    };
    const hammering = [hammer(quick, "b"), hammer(quicker, "c")];
    // Long enough that somebody quick always comes between, unless it waits for the lease.
    for (let n = 0; n < 5; n++) await add(slow, id, "a", 40);
    stop.abort();
    const [b = 0, c = 0] = await Promise.all(hammering);
    const { value, counters } = await slow.state(localUser).tally.get(id);
    expect(value.by).toEqual({ a: 5, b, c });
    expect(b).toBeGreaterThan(0);
    expect(c).toBeGreaterThan(0);
    // How a lease is told of is the engine's business.
    expect([...counters.keys()]).toEqual([]);
    expect([...((await slow.state(localUser).tally.list()).records[0]?.counters.keys() ?? [])]).toEqual([]);
    expect(slow.counts.updateLeases).toBeGreaterThan(0);
    const { retriesPerUpdate, retries, conflicts, updates } = slow.counts;
    expect(retriesPerUpdate.reduce((sum, n) => sum + n, 0)).toBe(5);
    expect(retries).toBe(conflicts);
    expect(updates).toBe(conflicts + 5);
  });

  test("many writers of three processes all get through, and nothing is lost", async () => {
    await using backing = await makeBacking();
    const first = await open(backing);
    const holds = [first, await open(backing), await open(backing)];
    const { id } = await first.state(localUser).tally.create();
    const perWriter = 6;
    const done = await Promise.allSettled(
      holds.flatMap((hold, index) =>
        Array.from({ length: 8 }, async () => {
          for (let n = 0; n < perWriter; n++) await add(hold, id, String(index), 1);
        }),
      ),
    );
    expect(done.filter(({ status }) => status === "rejected")).toEqual([]);
    const all = 8 * perWriter;
    expect((await first.state(localUser).tally.get(id)).value.by).toEqual({ 0: all, 1: all, 2: all });
    await Promise.all(holds.map((hold) => hold.close()));
  });

  test("a lease whose holder died costs others a wait, and nobody an error", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { id } = await hold.state(localUser).tally.create();
    const lease = { kind: "holdfast.lease", id: idOfName("upd", `tally/${id}`) };
    const left = await servingHold(hold).store.commit(ownerOfPrincipal(localUser), [
      { ...lease, expect: "absent", create: { text: "{}", lifetime: { absoluteMs: 400 } } },
      { kind: "tally", id, expect: "present", counters: [{ name: "holdfast.leases", by: 1 }] },
    ]);
    expect(left.ok).toBe(true);
    const since = performance.now();
    await Promise.all([add(hold, id, "a", 0), add(hold, id, "a", 0)]);
    expect(performance.now() - since).toBeGreaterThan(300);
    expect((await hold.state(localUser).tally.get(id)).value.by).toEqual({ a: 2 });
    expect(hold.counts.conflicts).toBe(0);
  });

  test("each conflict is reported with kind, hashed id and retries, and the server hears once that there are many", async () => {
    await using backing = await makeBacking();
    const reports: ConflictReport[] = [];
    const warnings: HoldWarning[] = [];
    await using hold = await open(backing, {
      onConflict: (report) => reports.push(report),
      onWarning: (warning) => warnings.push(warning),
    });
    await using other = await open(backing);
    const { id } = await hold.state(localUser).tally.create();
    for (let n = 0; n < 120; n++) {
      await hold.state(localUser).tally.update(id, async (draft) => {
        if (draft.by["other"] === n) await add(other, id, "other", 0);
        draft.by["me"] = (draft.by["me"] ?? 0) + 1;
        draft.by["other"] ??= 0;
      });
      if (n === 0) await add(other, id, "other", 0);
    }
    expect(reports.length).toBeGreaterThan(50);
    expect(reports[0]).toEqual({ kind: "tally", idHash: expect.stringMatching(/^[0-9a-f]{12}$/), retries: 0 });
    expect(JSON.stringify(reports)).not.toContain(id);
    expect(hold.counts.conflicts).toBe(reports.length);
    expect(warnings).toEqual([
      {
        code: "many-conflicts",
        message: expect.stringMatching(/^\d+ in a hundred updates .* kind "tally"/),
        details: expect.objectContaining({ kind: "tally" }),
      },
    ]);
  });
});
