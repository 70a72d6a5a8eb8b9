import { onTestFinished } from "vitest";

import { type Proxy, startProxy } from "../../../../../test/lib/proxy.ts";
import type { Store } from "../../store/contract.ts";
import { databaseForThisFile } from "../postgres/temporary.test-kit.ts";
import { storeForThisFile } from "../redis/temporary.test-kit.ts";
import type { TieredOptions } from "./options.ts";
import { tieredStoreAhead } from "./store.ts";

/** Options for a pair of one test file's own. Answered once tests run. */
export function pairForThisFile(): () => TieredOptions {
  const postgres = databaseForThisFile();
  const redis = storeForThisFile();
  return () => ({ postgres: postgres(), redis: redis() });
}

/** A store that is closed when the test is over. */
export async function openFor(options: TieredOptions, aheadMs: () => number = () => 0): Promise<Store> {
  const store = await tieredStoreAhead(options, aheadMs);
  onTestFinished(() => store.close());
  return store;
}

/** The same pair, but Redis is reached through a proxy that ends when the test is over. */
export async function throughProxy(options: TieredOptions): Promise<{ options: TieredOptions; proxy: Proxy }> {
  const { redis } = options;
  const given = typeof redis === "string" ? { url: redis } : redis;
  const proxy = await startProxy(given.url);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  return { options: { ...options, redis: { ...given, url: proxy.url } }, proxy };
}
