import type { Owner } from "holdfast/contract";
import { redisStore } from "holdfast/stores/redis";
import { expect, it, onTestFinished } from "vitest";

import { startRedis } from "../lib/servers/redis.ts";

it("says that the server is full, writes nothing by halves, and goes on reading and making room", async () => {
  const server = await startRedis(["--maxmemory", "12mb"]);
  onTestFinished(() => server.stop());
  await using store = await redisStore({ url: server.url });
  const owner = "full-owner-0123456789abcdefghijk" as Owner;
  const text = JSON.stringify("x".repeat(200_000));
  const pair = (number: number) =>
    ["left", "right"].map((side) => ({
      kind: side,
      id: `n${number}`,
      expect: "absent" as const,
      create: { text, lifetime: {} },
    }));
  let made = 0;
  let refused: unknown;
  while (refused === undefined && made < 1_000) {
    const answer = await store.commit(owner, pair(made)).catch((error: unknown) => {
      refused = error;
      return undefined;
    });
    if (answer?.ok === true) made += 1;
  }
  expect(refused).toMatchObject({ code: "STORE_FULL", retryable: false });
  expect(await store.usage(owner)).toMatchObject({ byKind: { left: made, right: made } });
  expect((await store.read(owner, { kind: "left", id: "n0" })).record?.document).toBe(text);
  expect((await store.health()).warnings.join()).toContain("nine tenths");

  const ends = Array.from({ length: made }, (_, number) =>
    store.commit(
      owner,
      ["left", "right"].map((kind) => ({ kind, id: `n${number}`, expect: "present" as const, end: true })),
    ),
  );
  for (const end of ends) expect(await end).toMatchObject({ ok: true });
  expect((await store.admin.reap({ limit: 1_000 })).removed.length).toBeGreaterThan(0);
  expect(await store.commit(owner, pair(made))).toMatchObject({ ok: true });
});
