/** A real failover: sentinels promote the replica, and the store follows by itself. */
import type { Owner } from "holdfast/contract";
import { redisStore } from "holdfast/stores/redis";
import { expect, it, onTestFinished } from "vitest";

import { eventually } from "../lib/eventually.ts";
import { askRedis } from "../lib/servers/redis.ts";
import { startRedisWithSentinels } from "../lib/servers/redis-sentinel.ts";

const owner = "sentinel-owner-0123456789abcdefg" as Owner;
const count = {
  kind: "note",
  id: "n",
  expect: "any",
  create: { text: "{}", lifetime: {} },
  counters: [{ name: "n", by: 1 }],
  appends: [{ stream: "log", data: ["x"] }],
} as const;

it("follows a failover by itself, keeping what had reached the replica", async () => {
  const servers = await startRedisWithSentinels();
  onTestFinished(() => servers.stop());
  await using store = await redisStore({ url: servers.url, pingMs: 200 });
  for (let number = 0; number < 50; number += 1) expect(await store.commit(owner, [count])).toMatchObject({ ok: true });
  // What is not there yet when the primary goes is gone with it; so this waits.
  await eventually("the replica has everything", async () => {
    const answer = await askRedis(servers.primary.port, "WAIT 1 1000");
    return answer.startsWith(":1");
  });

  await servers.primary.stop();
  await eventually(
    "the store has found the new primary",
    async () => {
      try {
        return (await store.commit(owner, [count])).ok;
      } catch (error) {
        // Or none is refused: a call waits for the new primary as long as it may wait for a connection.
        expect(error).toMatchObject({ retryable: true });
        return false;
      }
    },
    60_000,
  );
  const { record } = await store.read(owner, { kind: "note", id: "n" });
  expect(record?.counters.get("n")).toBeGreaterThanOrEqual(51);
  expect(record?.streams.get("log")?.head).toBe(record?.counters.get("n"));
  expect(await store.health()).toMatchObject({ ok: true, durability: expect.stringContaining("failover") });
});

it("says that there is no such primary", async () => {
  const servers = await startRedisWithSentinels();
  onTestFinished(() => servers.stop());
  const wrong = servers.url.replace(/\/main$/, "/other");
  await expect(redisStore({ url: wrong })).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining('knows no primary "other"'),
  });
});
