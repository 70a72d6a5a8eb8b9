import type { TestProject } from "vitest/node";

import { startRedis } from "../lib/servers/redis.ts";

/** One server for all tests that need one: `HOLDFAST_TEST_REDIS_URL`, or one started for this run. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env["HOLDFAST_TEST_REDIS_URL"];
  if (given !== undefined && given !== "") {
    project.provide("redisUrl", given);
    return undefined;
  }
  const server = await startRedis();
  project.provide("redisUrl", server.url);
  return () => server.stop();
}

declare module "vitest" {
  export interface ProvidedContext {
    /** A server that may be written to; test files keep apart by key prefixes. */
    redisUrl: string;
  }
}
