import { expect, test } from "vitest";

import { ownerOf } from "../../record/ids.ts";
import type { RecordKey, StoredRecord } from "../../record/record.ts";
import { loadDriver } from "../redis/driver.ts";
import { resolveOptions as resolveRedis } from "../redis/options.ts";
import { storeForThisFile } from "../redis/temporary.test-kit.ts";
import { topologyFor } from "../redis/topologies.ts";
import { RecordCache } from "./cache.ts";
import { CacheClient } from "./client.ts";

const options = storeForThisFile();
const owner = ownerOf({ issuer: "test", subject: "delayed" });

async function withCache(work: (cache: RecordCache) => Promise<void>): Promise<void> {
  const redis = resolveRedis(options());
  const topology = topologyFor(await loadDriver(), redis);
  await topology.connect();
  const client = new CacheClient(topology, 5_000);
  try {
    await work(new RecordCache({ client, prefix: redis.prefix, maxStaleMs: 60_000, aheadMs: () => 0 }));
  } finally {
    await topology.close();
  }
}

function recordAt(key: RecordKey, version: number): StoredRecord {
  const times = { createdAt: 1, updatedAt: 1, touchedAt: 1 };
  const content = { fields: {}, counters: new Map(), streams: new Map(), documentPosition: 0, documentBytes: 1 };
  return { ...key, version, incarnation: 1, ...times, lifetime: {}, ...content, document: String(version) };
}

test("a read that began before a change never brings the old record back, however late its answer comes", async () => {
  await withCache(async (cache) => {
    const key = { kind: "note", id: "late" };
    let answerLate = (): void => undefined;
    const late = cache.read(owner, key, 0, async () => {
      await new Promise<void>((resolve) => {
        answerLate = resolve;
      });
      return { at: 1, record: recordAt(key, 1), tails: [] };
    });
    await expect.poll(() => cache.counts.misses).toBe(1);
    // Of a counter, say: the version stays.
    await cache.changed(owner, [{ ...key, version: 1 }]);
    answerLate();
    expect((await late)?.at).toBe(1);
    await cache.settled();
    const next = await cache.read(owner, key, 0, async () => ({ at: 2, record: recordAt(key, 1), tails: [] }));
    expect(next?.at).toBe(2);
    await cache.settled();
    const cached = await cache.read(owner, key, 0, () => Promise.reject(new Error("nobody should be asked")));
    expect(cached?.record).toEqual(recordAt(key, 1));
  });
});

test("a version below the highest heard of is not let in, whatever the clocks say", async () => {
  await withCache(async (cache) => {
    const key = { kind: "note", id: "versions" };
    await cache.changed(owner, [{ ...key, version: 7 }]);
    await cache.changed(owner, [{ ...key, version: 3 }]);
    const ask = (version: number) => async () => ({ at: 1, record: recordAt(key, version), tails: [] });
    await cache.read(owner, key, 0, ask(6));
    await cache.settled();
    await cache.read(owner, key, 0, ask(7));
    await cache.settled();
    expect(cache.counts).toEqual({ hits: 0, misses: 2 });
    await cache.read(owner, key, 0, ask(8));
    expect(cache.counts).toEqual({ hits: 1, misses: 2 });
  });
});
