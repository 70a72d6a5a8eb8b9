import { describe, expect, test, vi } from "vitest";

import { backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import { localUser, ownerOfPrincipal } from "../../security/principal.ts";
import { servingHold } from "../open-hold.ts";
import type { Turn } from "../types.ts";
import { TurnRecorder } from "./turns.ts";

const owner = ownerOfPrincipal(localUser);
const turn = (tool: string, more: Partial<Turn> = {}): Turn => ({
  tool,
  input: { tool },
  outputPreview: "out",
  at: new Date(1_000),
  durationMs: 3,
  ok: true,
  ...more,
});

describe.each(backings)("turns on %s", (_name, makeBacking) => {
  test("are written within 50 ms without anybody asking, in order and in one commit per session", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), reap: false });
    const { id } = await hold.sessions(localUser).create();
    const { id: other } = await hold.sessions(localUser).create();
    const commits = vi.spyOn(servingHold(hold).store, "commit");
    for (let n = 0; n < 10; n++) servingHold(hold).turns.record(owner, id, turn(`t${n}`));
    servingHold(hold).turns.record(owner, other, turn("other"));
    await vi.waitUntil(() => hold.counts.turnsWritten === 11, { timeout: 5_000, interval: 5 });
    expect(commits).toHaveBeenCalledTimes(2);
    const turns = await hold.sessions(localUser).open(id).recentContext(3);
    expect(turns).toEqual([turn("t7"), turn("t8"), turn("t9")]);
  });

  test("are seen by whoever asks next in the same process", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), reap: false });
    const { id } = await hold.sessions(localUser).create();
    const session = hold.sessions(localUser).open(id);
    servingHold(hold).turns.record(owner, id, turn("first"));
    expect((await session.recentContext(5)).map(({ tool }) => tool)).toEqual(["first"]);
    servingHold(hold).turns.record(owner, id, turn("second"));
    expect((await session.context()).turns.map(({ tool }) => tool)).toEqual(["first", "second"]);
  });

  test("keep the newest 100, with previews and inputs cut to size", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), reap: false });
    const { id } = await hold.sessions(localUser).create();
    for (let n = 0; n < 250; n++) servingHold(hold).turns.record(owner, id, turn(`t${n}`));
    const preview = `${"x".repeat(199)}🦊${"y".repeat(50)}`;
    servingHold(hold).turns.record(owner, id, turn("big", { outputPreview: preview, input: "i".repeat(100_000) }));
    await servingHold(hold).turns.flush();
    const turns = await hold.sessions(localUser).open(id).recentContext(1_000);
    expect([turns.length, turns[0]?.tool]).toEqual([100, "t151"]);
    expect(turns.at(-1)).toMatchObject({
      outputPreview: "x".repeat(199),
      input: { truncated: `"${"i".repeat(199)}`, characters: 100_002 },
    });
  });

  test("that cannot be written are counted, reported unless their session is over, and never thrown", async () => {
    await using backing = await makeBacking();
    const errors: unknown[] = [];
    const onError = (error: unknown): void => {
      errors.push(error);
      throw new Error("a listener that fails itself");
    };
    const store = await backing.open();
    await using hold = await holdfast({ store, reap: false, onError });
    const { id } = await hold.sessions(localUser).create();
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    servingHold(hold).turns.record(owner, id, turn("cyclic", { input: cycle }));
    servingHold(hold).turns.record(owner, id, turn("undated", { at: new Date(Number.NaN) }));
    servingHold(hold).turns.record(owner, "ses_gone", turn("gone"));
    servingHold(hold).turns.record(owner, id, turn("fine"));
    await servingHold(hold).turns.flush();
    expect(hold.counts).toMatchObject({ turnsWritten: 2, turnsLost: 2 });
    expect((await hold.sessions(localUser).open(id).recentContext(2)).map(({ input }) => input)).toEqual([
      null,
      { tool: "fine" },
    ]);
    expect(errors).toEqual([]);
    servingHold(hold).turns.record(owner, id, turn("nowhere to go"));
    await store.close();
    await servingHold(hold).turns.flush();
    expect(hold.counts.turnsLost).toBe(3);
    expect(errors).toMatchObject([{ code: "CLOSED" }]);
  });

  test("waiting at the close are written by it, and later ones are given up", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    const hold = await holdfast({ store, reap: false });
    const { id } = await hold.sessions(localUser).create();
    servingHold(hold).turns.record(owner, id, turn("last words"));
    await hold.close();
    servingHold(hold).turns.record(owner, id, turn("too late"));
    expect(hold.counts).toMatchObject({ turnsWritten: 1, turnsLost: 1 });
    const page = await store.events(owner, { kind: "session", id }, "turns", { limit: 10 });
    expect(page?.events).toHaveLength(1);
  });

  test("beyond what may wait are given up, and memory stays bounded", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), reap: false });
    const { id } = await hold.sessions(localUser).create();
    for (let n = 0; n < 12_000; n++) servingHold(hold).turns.record(owner, id, turn("t"));
    expect(hold.counts.turnsLost).toBe(2_000);
    await servingHold(hold).turns.flush();
    expect(hold.counts.turnsWritten).toBe(10_000);
  });
});

test("turns wait for no store that hangs, whatever it makes of signals: nor does who reads and gives up, or the end", async () => {
  const errors: unknown[] = [];
  const engine = {
    commit: () => new Promise<never>(() => undefined),
    growthQuota: {},
    onError: (error: unknown) => errors.push(error),
  };
  const recorder = new TurnRecorder({ engine, keep: 100, maxFlushMs: 20, maxWaiting: 5 });
  for (let n = 0; n < 5; n++) recorder.record(owner, "ses_a", turn(`t${n}`));
  const gone = new AbortController();
  const reading = recorder.settle(owner, "ses_a", gone.signal);
  gone.abort();
  await expect(reading).rejects.toMatchObject({ code: "ABORTED" });
  // What comes meanwhile waits for its turn, and no more of it than may wait.
  for (let n = 0; n < 9; n++) recorder.record(owner, "ses_a", turn(`u${n}`));
  expect(recorder.lost).toBe(4);
  await recorder.close();
  expect([recorder.lost, recorder.written, errors.length]).toEqual([14, 0, 2]);
});
