/** The store behind a real PgBouncer in transaction mode, which has fewer connections than the store. */
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";

import { eventually } from "../../../../../test/lib/eventually.ts";
import { type Pgbouncer, startPgbouncer } from "../../../../../test/lib/servers/pgbouncer.ts";
import type { Store } from "../../store/contract.ts";
import { describeConformance, type StoreUnderTest } from "../../testing/index.ts";
import { postgresStoreAhead } from "./store.ts";
import { databaseForThisFile, openFor, owner } from "./temporary.test-kit.ts";

const database = databaseForThisFile();
let pooler: Pgbouncer | undefined;

beforeAll(async () => {
  pooler = await startPgbouncer(inject("postgresUrl"));
}, 120_000);
afterAll(() => pooler?.stop());

function pooled(): string {
  if (pooler === undefined) throw new Error("the pooler is not there yet");
  return pooler.urlFor(database());
}

async function openPooled(): Promise<StoreUnderTest> {
  let ahead = 0;
  const open = (): Promise<Store> =>
    postgresStoreAhead({ url: pooled(), directUrl: database(), maxConnections: 10 }, () => ahead);
  return {
    store: await open(),
    reopen: open,
    peer: open,
    advanceClock: (ms) => {
      ahead += ms;
    },
  };
}

describeConformance({ describe, it }, "the PostgreSQL store behind a transaction pooler", openPooled, {
  capabilities: ["reopen", "peer", "advanceClock"],
});

it("hears hints at once by its direct way", async () => {
  const options = { url: pooled(), directUrl: database(), pollMs: 60_000 };
  const [one, other] = [await openFor(options), await openFor(options)];
  const heard: (string | undefined)[] = [];
  one.subscribe("topic", (hint) => heard.push(hint));
  await eventually("it listens", async () => (await one.health()).details["hearsHints"] === true);
  other.publish("topic", "7");
  await eventually("the hint came", () => heard.at(-1) !== undefined);
  expect(heard).toContain("7");
});

it("without a direct way knows that it hears nothing, and wakes listeners by polling", async () => {
  const options = { url: pooled(), pollMs: 20 };
  const [one, other] = [await openFor(options), await openFor(options)];
  const heard: (string | undefined)[] = [];
  one.subscribe("topic", (hint) => heard.push(hint));
  other.publish("topic", "7");
  await eventually("it was woken", () => heard.includes(undefined));
  expect((await one.health()).details["hearsHints"]).toBe(false);
  expect(heard).not.toContain("7");
});

it("leaves nothing of itself on a session: each of many writers at once has its own outcome", async () => {
  const stores = await Promise.all(Array.from({ length: 3 }, () => openFor({ url: pooled(), directUrl: database() })));
  const writes = Array.from({ length: 300 }, async (_, index) => {
    const change = { kind: "note", id: `p${index % 7}`, expect: "any", counters: [{ name: "n", by: 1 }] } as const;
    return (await stores[index % 3]?.commit(owner, [{ ...change, create: { text: "{}", lifetime: {} } }]))?.ok;
  });
  expect(new Set(await Promise.all(writes))).toEqual(new Set([true]));
  let sum = 0;
  for (let index = 0; index < 7; index += 1) {
    const { record } = (await stores[0]?.read(owner, { kind: "note", id: `p${index}` })) ?? {};
    sum += record?.counters.get("n") ?? 0;
  }
  expect(sum).toBe(300);
});
