import { randomBytes } from "node:crypto";
import { afterAll, inject, onTestFinished } from "vitest";

import { ownerOf } from "../../record/ids.ts";
import type { Owner } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import { dialer, type Line } from "./dial.ts";
import { loadDriver } from "./driver.ts";
import { type RedisOptions, resolveOptions } from "./options.ts";
import { redisStoreWithClock } from "./store.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A server that may be written to; test files keep apart by key prefixes. */
    redisUrl: string;
  }
}

export const owner: Owner = ownerOf({ issuer: "test", subject: "redis" });

/** Options for a store of one test file's own, whose keys are removed afterwards. Answered once tests run. */
export function storeForThisFile(): () => RedisOptions {
  const prefix = `test-${randomBytes(6).toString("hex")}:`;
  afterAll(async () => {
    const line = await open(inject("redisUrl"));
    let cursor = "0";
    do {
      const answer = await line.send(["SCAN", cursor, "MATCH", `${prefix}*`, "COUNT", "1000"]);
      const [next, keys] = answer as readonly [string, readonly string[]];
      if (keys.length > 0) await line.send(["UNLINK", ...keys]);
      cursor = next;
    } while (cursor !== "0");
    line.end();
  });
  return () => ({ url: inject("redisUrl"), prefix });
}

/** A store that is closed when the test is over. */
export async function openFor(options: RedisOptions, clock: () => string = () => "+0"): Promise<Store> {
  const store = await redisStoreWithClock(options, clock);
  onTestFinished(() => store.close());
  return store;
}

/** A connection that knows nothing of the store, and ends when the test is over. */
export async function connectFor(url: string): Promise<Line> {
  const line = await open(url);
  onTestFinished(() => line.end());
  return line;
}

/** Polls until `probe` answers true; fails after the deadline. */
export async function eventually(
  what: string,
  probe: () => boolean | Promise<boolean>,
  withinMs = 10_000,
): Promise<void> {
  const until = performance.now() + withinMs;
  while (!(await probe())) {
    if (performance.now() > until) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function open(url: string): Promise<Line> {
  const options = resolveOptions({ url });
  const [address] = options.target.addresses;
  if (address === undefined) throw new Error("a URL without an address");
  return dialer(await loadDriver(), options)(address);
}
