/** A long history, asked by agent, type and time, on every store: what is found, and what a call costs at most. */
import { eventSourced, type HistoryPage, holdfast, localUser } from "holdfast";
import type { Store } from "holdfast/contract";
import { memoryStore } from "holdfast/stores/memory";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { durableStores, openAlone, openDurable } from "../lib/durable-stores.ts";

const length = 25_000;
const perCall = 10_000;
/** Some who are met seldom, one who is met only at the end, and everybody else. */
const agentAt = (n: number): string => (n === length ? "last" : n % 5_000 === 1 ? "seldom" : "crowd");
const typeAt = (n: number): "noted" | "failed" => (n % 6_000 === 0 ? "failed" : "noted");
const Log = eventSourced("log", {
  initial: { n: 0 },
  events: { noted: z.object({ n: z.int() }), failed: z.object({ n: z.int() }) },
  evolve: (log) => void (log.n += 1),
  snapshotEvery: 1_000,
});

/** Counts what is read. */
function counting(store: Store): { readonly store: Store; readonly read: { calls: number; events: number } } {
  const read = { calls: 0, events: 0 };
  const counted = new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (name !== "events") return typeof value === "function" ? value.bind(target) : value;
      return async (...given: Parameters<Store["events"]>) => {
        read.calls += 1;
        const page = await target.events(...given);
        read.events += page?.events.length ?? 0;
        return page;
      };
    },
  });
  return { store: counted, read };
}

async function openStore(name: string): Promise<Store> {
  if (name === "memory") return await memoryStore();
  const durable = await openDurable(name);
  onTestFinished(() => durable[Symbol.asyncDispose]());
  const store = await openAlone(durable.url);
  onTestFinished(() => store.close());
  return store;
}

type Found = {
  readonly positions: readonly number[];
  readonly pages: number;
  readonly most: { readonly calls: number; readonly events: number };
};

describe.each(["memory", ...durableStores])("a history of 25,000 events on %s", (name) => {
  test("is filtered by agent, type and time from either end, and no call reads more than a part of it", {
    timeout: 300_000,
  }, async () => {
    const { store, read } = counting(await openStore(name));
    const hold = await holdfast({ store, kinds: [Log], reap: false });
    onTestFinished(() => hold.close());
    const { log } = hold.state(localUser);
    const { id } = await log.create();
    const all = Array.from({ length }, (_, index) => index + 1);
    let middle = new Date(0);
    for (let from = 1; from <= length; ) {
      const agent = agentAt(from);
      const events: { type: "noted" | "failed"; payload: { n: number } }[] = [];
      while (events.length < 1_000 && from <= length && agentAt(from) === agent) {
        events.push({ type: typeAt(from), payload: { n: from } });
        from += 1;
      }
      await log.append(id, events, { agent });
      if (from > 12_000 && middle.getTime() === 0) {
        middle = (await log.history(id, { order: "newest", limit: 1 })).events[0]?.at ?? middle;
      }
    }

    const walk = async (
      query: Omit<Parameters<typeof log.history>[1] & object, "after" | "before">,
    ): Promise<Found> => {
      const positions: number[] = [];
      const most = { calls: 0, events: 0 };
      let pages = 0;
      for (let cursor: number | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
        Object.assign(read, { calls: 0, events: 0 });
        const at = cursor === undefined ? {} : query.order === "newest" ? { before: cursor } : { after: cursor };
        const page: HistoryPage<{ position: number; type: string; payload: unknown; at: Date; by: object }> =
          await log.history(id, { ...query, ...at });
        positions.push(...page.events.map(({ position }) => position));
        most.calls = Math.max(most.calls, read.calls);
        most.events = Math.max(most.events, read.events);
        pages += 1;
        cursor = page.next;
      }
      return { positions, pages, most };
    };
    const seldom = all.filter((n) => agentAt(n) === "seldom");
    const failed = all.filter((n) => typeAt(n) === "failed");
    for (const order of ["oldest", "newest"] as const) {
      const inOrder = (positions: readonly number[]) => (order === "oldest" ? positions : positions.toReversed());
      const found = [
        [await walk({ agent: "seldom", order }), seldom],
        [await walk({ type: "failed", order }), failed],
        [await walk({ agent: "last", order }), [length]],
        [await walk({ agent: "nobody", order }), []],
        [await walk({ agent: "seldom", type: "failed", order }), []],
      ] as const;
      for (const [{ positions, pages, most }, expected] of found) {
        expect(positions).toEqual(inOrder(expected));
        // Three calls for all of it, and one more where what it found last was not the end.
        expect(pages).toBeLessThanOrEqual(4);
        expect(most.events).toBeLessThanOrEqual(perCall);
        expect(most.calls).toBeLessThanOrEqual(perCall / 1_000);
      }
    }
    const since = await walk({ since: middle, order: "newest", limit: 1_000 });
    const until = await walk({ until: middle, limit: 1_000 });
    // Several may have happened in that millisecond; all others are on one side of it.
    expect(new Set([...until.positions, ...since.positions]).size).toBe(length);
    expect(until.positions[0]).toBe(1);
    expect(since.positions[0]).toBe(length);
    expect(Math.max(...until.positions)).toBeGreaterThanOrEqual(12_000);
    expect(since.most.events).toBeLessThanOrEqual(perCall);
    // A page asked for without a filter reads what it answers.
    const plain = await walk({ limit: 1_000 });
    expect(plain.positions).toEqual(all);
    expect(plain.most).toEqual({ calls: 1, events: 1_000 });
  });
});
