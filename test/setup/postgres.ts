import type { TestProject } from "vitest/node";

import { startPostgres } from "../lib/servers/postgres.ts";

/** One server for all tests that need one: `HOLDFAST_TEST_POSTGRES_URL`, or one started for this run. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env["HOLDFAST_TEST_POSTGRES_URL"];
  if (given !== undefined && given !== "") {
    project.provide("postgresUrl", given);
    return undefined;
  }
  const server = await startPostgres();
  project.provide("postgresUrl", server.url);
  return () => server.stop();
}

declare module "vitest" {
  export interface ProvidedContext {
    /** A database whose user may create others. */
    postgresUrl: string;
  }
}
